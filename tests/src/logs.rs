//! Captures everything that is logged in this process, at every level, by every crate.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use tracing::Subscriber;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static INSTALLED: OnceLock<()> = OnceLock::new();

/// Starts capturing from all threads. `sqlx` logs from its own threads, so a subscriber for one
/// thread would miss the statements.
pub fn capture() {
    INSTALLED.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            // Six digits of a timestamp could be mistaken for a code.
            .without_time()
            .with_writer(Sink)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else has set one");
    });
}

/// What a future logs while it runs on this thread, regardless of other subscribers.
pub async fn of<T>(future: impl Future<Output = T>) -> (T, String) {
    let (lines, subscriber) = Shared::new();
    let output = future.with_subscriber(subscriber).await;
    (output, lines.text())
}

/// Captures what is logged on this thread, tasks included, until the guard is dropped.
pub fn on_this_thread() -> (DefaultGuard, Shared) {
    let (lines, subscriber) = Shared::new();
    (tracing::subscriber::set_default(subscriber), lines)
}

/// The lines of one subscriber.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn new() -> (Self, impl Subscriber + Send + Sync) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone());
        (lines, subscriber.finish())
    }

    /// What has been logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What has been logged so far.
pub fn captured() -> String {
    String::from_utf8_lossy(&lock()).into_owned()
}

/// The events of requests from this address.
pub fn of_client(address: &str) -> Vec<String> {
    let client = format!("client={address}");
    let is_of = |line: &&str| line.contains(" event=") && line.split_whitespace().any(|word| word == client);
    captured().lines().filter(is_of).map(str::to_owned).collect()
}

fn lock() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap()
}

struct Sink;

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
