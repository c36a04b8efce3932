//! What an honest client notices while another network floods the server:
//! with requests for codes, and with bodies that do not arrive.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::client::{Connection, Server, request_body, verify_body};
use crate::{Result, Side, core, rounds, server};

const CONNECTIONS: usize = 3_000;
const LENGTH: Duration = Duration::from_secs(20);

/// How long the flood runs before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);

/// Between two visits of honest clients.
const PAUSE: Duration = Duration::from_millis(20);

/// All connections of the flood come from here.
const FLOODING: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Each honest client comes from the next address.
const HONEST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

/// The longest body that the server takes.
const BODY_BYTES: usize = 16 * 1024;

#[derive(Clone, Copy)]
enum Flood {
    Nothing,
    /// Requests for codes, each for another address.
    Requests,
    /// Requests whose bodies lack the last byte.
    Bodies,
}

impl Flood {
    const ALL: [Self; 3] = [Self::Nothing, Self::Requests, Self::Bodies];

    const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Requests => "requests for codes",
            Self::Bodies => "bodies that do not arrive",
        }
    }
}

/// How many answers had each status. Without an answer, the status is 0.
type Statuses = BTreeMap<u16, usize>;

/// What the flood and its threads share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    number: AtomicU32,
    statuses: Mutex<Statuses>,
}

/// What honest clients noticed.
#[derive(Default)]
struct Noticed {
    latencies: Vec<Duration>,
    statuses: Statuses,
}

impl Noticed {
    /// The body of a good answer.
    async fn answer(&mut self, connection: &mut Connection, path: &str, body: String) -> Result<Option<Bytes>> {
        let sent = Instant::now();
        let (status, answer) = connection.answer(path, body).await?;
        self.latencies.push(sent.elapsed());
        *self.statuses.entry(status).or_default() += 1;
        Ok((status == 200).then_some(answer))
    }
}

pub(crate) fn run() -> Result<()> {
    core::raise_open_files(u64::try_from(3 * CONNECTIONS)?)?;
    let cores = core::pair()?;
    if let Some((_, client)) = cores {
        core::pin(client)?;
    }
    print(&format!(
        "{CONNECTIONS} connections from {FLOODING}, {} s each; honest clients from {HONEST} on, each \
         with a connection and two requests.\n\n\
         | flood of | its answers per second, by status | honest answers, by status | median | 99 % within | worst | server memory |\n\
         | --- | --- | --- | ---: | ---: | ---: | ---: |",
        LENGTH.as_secs()
    ))?;
    Flood::ALL.into_iter().try_for_each(|flood| measure(flood, CONNECTIONS, LENGTH, cores))
}

/// A small flood, to see that it works.
pub(crate) fn check() -> Result<()> {
    Flood::ALL.into_iter().try_for_each(|flood| measure(flood, 20, Duration::from_millis(300), None))
}

fn measure(flood: Flood, connections: usize, length: Duration, cores: Option<(usize, usize)>) -> Result<()> {
    let directory: TempDir = tempfile::tempdir()?;
    std::fs::write(directory.path().join(server::SECRET), rounds::secret()?)?;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let honest = runtime()?;
    let here = std::env::current_exe()?;
    let cpu = cores.map(|(server, _)| server);
    let server = honest.block_on(Server::start(&here, Side::Limited, directory.path(), cpu))?;

    let shared = Arc::new(Shared::default());
    // A thread of its own, so that honest clients do not wait for those of the flood.
    let flooding = std::thread::spawn({
        let (shared, port, runtime) = (Arc::clone(&shared), server.port(), runtime()?);
        move || runtime.block_on(flood_with(flood, connections, port, &shared))
    });
    std::thread::sleep(WARM_UP.min(length));
    shared.lock().clear();
    let begun = Instant::now();
    let mut noticed = honest.block_on(visit(&server, length))?;
    let (took, memory) = (begun.elapsed(), server.memory());
    let answers = std::mem::take(&mut *shared.lock());
    shared.stop.store(true, Ordering::Relaxed);
    flooding.join().map_err(|_| "the flood panicked")?;

    noticed.latencies.sort_unstable();
    let share = |part: usize| {
        let at = (noticed.latencies.len() * part / 100).min(noticed.latencies.len().saturating_sub(1));
        noticed.latencies.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    };
    print(&format!(
        "| {} | {} | {} | {:.1} ms | {:.1} ms | {:.1} ms | {} |",
        flood.name(),
        list(&answers, took.as_secs_f64()),
        list(&noticed.statuses, 1.0),
        share(50),
        share(99),
        share(100),
        memory.map_or("unknown".to_owned(), |bytes| format!("{} MiB", bytes / 1024 / 1024)),
    ))
}

#[allow(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
fn list(statuses: &Statuses, divisor: f64) -> String {
    let each = statuses.iter().map(|(status, count)| format!("{status}: {:.0}", *count as f64 / divisor));
    each.collect::<Vec<_>>().join(", ")
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Statuses> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, status: u16) {
        *self.lock().entry(status).or_default() += 1;
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

async fn flood_with(flood: Flood, connections: usize, port: u16, shared: &Arc<Shared>) {
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let shared = Arc::clone(shared);
        tasks.spawn(async move {
            while shared.goes_on() {
                let result = match flood {
                    Flood::Nothing => return,
                    Flood::Requests => request_codes(port, &shared).await,
                    Flood::Bodies => hold_back(port, &shared).await,
                };
                if result.is_err() {
                    shared.count(0);
                }
            }
        });
    }
    while shared.goes_on() && !tasks.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tasks.shutdown().await;
}

/// Requests codes over one connection, as fast as they are answered.
async fn request_codes(port: u16, shared: &Shared) -> Result<()> {
    let mut connection = Connection::over(connect(FLOODING, port).await?).await?;
    while shared.goes_on() {
        let number = shared.number.fetch_add(1, Ordering::Relaxed);
        let body = request_body(&format!("flood{number}@example.com"));
        let (status, _) = connection.answer("/auth/request-otp", body).await?;
        shared.count(status);
    }
    Ok(())
}

/// Sends all of a request but its last byte, and waits for the answer.
async fn hold_back(port: u16, shared: &Shared) -> Result<()> {
    let mut stream = connect(FLOODING, port).await?;
    let head = "POST /auth/request-otp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json";
    let request = format!("{head}\r\nContent-Length: {BODY_BYTES}\r\n\r\n{}", " ".repeat(BODY_BYTES - 1));
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    shared.count(answer.split(' ').nth(1).ok_or("no answer")?.parse()?);
    Ok(())
}

/// Signs in again and again, each time as another client.
async fn visit(server: &Server, length: Duration) -> Result<Noticed> {
    let begun = Instant::now();
    let mut noticed = Noticed::default();
    for offset in 0.. {
        if begun.elapsed() >= length {
            break;
        }
        let source = Ipv4Addr::from_bits(HONEST.to_bits() + offset);
        let mut connection = Connection::over(connect(source, server.port()).await?).await?;
        let email = server.known_address()?;
        let code = server.code_to(&email);
        let requested = noticed.answer(&mut connection, "/auth/request-otp", request_body(&email)).await?;
        if let Some(requested) = requested {
            let body = verify_body(&email, &code.await?, &requested)?;
            noticed.answer(&mut connection, "/auth/verify-otp", body).await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(noticed)
}

async fn connect(source: Ipv4Addr, port: u16) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    Ok(socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?)
}

fn print(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
