//! The run: for each kind of work, rounds that take turns between the sides.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::client::{Connection, Server};
use crate::report::{self, Round};
use crate::{Result, Side, core, server};

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_secs(1);

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// A route that reads the claims of the access token.
    Claims,
    /// A route that loads the user of the access token.
    CurrentUser,
    /// A sign-in of somebody who has an account.
    KnownUser,
    /// A sign-in that makes the account.
    NewUser,
}

impl Work {
    const ALL: [Self; 4] = [Self::Claims, Self::CurrentUser, Self::KnownUser, Self::NewUser];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::CurrentUser => "current user",
            Self::KnownUser => "sign-in, known user",
            Self::NewUser => "sign-in, new user",
        }
    }

    async fn once(self, side: &Running, connection: &mut Connection) -> Result<()> {
        match self {
            Self::Claims => drop(connection.get("/claims", &side.token).await?),
            Self::CurrentUser => drop(connection.get("/me", &side.token).await?),
            Self::KnownUser => drop(side.server.sign_in(connection, &side.server.known_address()?).await?),
            Self::NewUser => drop(side.server.sign_in(connection, &side.server.new_address()).await?),
        }
        Ok(())
    }
}

/// A side that is ready.
struct Running {
    server: Server,
    token: String,
    _directory: TempDir,
}

/// Two sides to compare: the executable and the side of each.
type Pair<'a> = [(&'a Path, Side); 2];

pub(crate) fn beside_by_hand() -> Result<()> {
    let here = std::env::current_exe()?;
    run(["ours", "by hand"], &Work::ALL, &[[(&here, Side::Ours), (&here, Side::ByHand)]])
}

/// Beside the routes of an earlier build of this program.
pub(crate) fn beside_earlier(executable: &Path) -> Result<()> {
    let here = std::env::current_exe()?;
    run(["now", "before"], &Work::ALL, &[[(&here, Side::Ours), (executable, Side::Ours)]])
}

/// The user of a request, with a task for the call of the store and without:
/// with `SQLite`, then in memory.
pub(crate) fn beside_detached() -> Result<()> {
    let here = std::env::current_exe()?;
    let pairs = [(Side::Detached, Side::Ours), (Side::MemoryDetached, Side::Memory)];
    let pairs = pairs.map(|(ours, theirs)| [(here.as_path(), ours), (here.as_path(), theirs)]);
    run(["in a task", "directly"], &[Work::CurrentUser], &pairs)
}

/// Does each kind of work once on each side, and measures nothing.
pub(crate) fn check() -> Result<()> {
    let here = std::env::current_exe()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        for side in Side::ALL {
            let running = start((&here, side), None).await?;
            let mut connection = running.server.connect().await?;
            for work in Work::ALL {
                work.once(&running, &mut connection).await?;
            }
        }
        Ok(())
    })
}

fn run(names: [&str; 2], work: &[Work], pairs: &[Pair<'_>]) -> Result<()> {
    let cores = core::pair()?;
    if let Some((_, client)) = cores {
        core::pin(client)?;
    }
    report::heading(names, CONNECTIONS, ROUNDS, ROUND, cores);
    for pair in pairs {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(take_turns(work, *pair, cores))?;
    }
    Ok(())
}

async fn take_turns(work: &[Work], pair: Pair<'_>, cores: Option<(usize, usize)>) -> Result<()> {
    let [ours, theirs] = pair;
    let (ours, theirs) = (start(ours, cores).await?, start(theirs, cores).await?);
    for work in work {
        let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
        let mut connections = (connections(&ours).await?, connections(&theirs).await?);
        round(*work, &ours, &mut connections.0, WARM_UP).await?;
        round(*work, &theirs, &mut connections.1, WARM_UP).await?;
        for _ in 0..ROUNDS {
            of_ours.push(round(*work, &ours, &mut connections.0, ROUND).await?);
            of_theirs.push(round(*work, &theirs, &mut connections.1, ROUND).await?);
        }
        report::row(*work, &of_ours, &of_theirs);
    }
    Ok(())
}

/// A secret for this run.
pub(crate) fn secret() -> Result<[u8; 32]> {
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret)?;
    Ok(secret)
}

async fn start((executable, side): (&Path, Side), cores: Option<(usize, usize)>) -> Result<Arc<Running>> {
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join(server::SECRET), secret()?)?;
    let server = Server::start(executable, side, directory.path(), cores.map(|(server, _)| server)).await?;
    let token = server.sign_in(&mut server.connect().await?, &server.known_address()?).await?;
    Ok(Arc::new(Running { server, token, _directory: directory }))
}

async fn connections(side: &Running) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(side.server.connect().await?);
    }
    Ok(connections)
}

/// Every connection works until the time is over. What has begun by then is
/// finished, and counts.
async fn round(work: Work, side: &Arc<Running>, connections: &mut Vec<Connection>, length: Duration) -> Result<Round> {
    let busy_before = side.server.busy();
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections.drain(..) {
        let side = Arc::clone(side);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while begin.elapsed() < length {
                let sent = Instant::now();
                work.once(&side, &mut connection).await?;
                latencies.push(sent.elapsed());
            }
            Result::Ok((connection, latencies))
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (connection, of_connection) = done??;
        connections.push(connection);
        latencies.extend(of_connection);
    }
    let took = begin.elapsed();
    let busy = side.server.busy().zip(busy_before).map(|(after, before)| after.saturating_sub(before));
    Ok(Round::new(&latencies, took, busy))
}
