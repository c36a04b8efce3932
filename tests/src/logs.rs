//! Everything that is logged in this process, at every level, by every crate.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, OnceLock};

use tracing_subscriber::fmt::MakeWriter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static INSTALLED: OnceLock<()> = OnceLock::new();

/// Begins to capture, from all threads: `sqlx` logs from threads of its own,
/// so a subscriber of one thread would miss the statements.
pub fn capture() {
    INSTALLED.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            // Six digits of a moment could be taken for a code.
            .without_time()
            .with_writer(Sink)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else has set one");
    });
}

/// What was logged so far.
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
