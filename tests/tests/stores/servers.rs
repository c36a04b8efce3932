//! Shared helpers for tests on a server.

use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::Poll;
use std::time::Duration;

use otp_auth::store::{Account, ChallengeStore, Opening, Requester, SignIn, TotalLimit, UserStore};
use otp_auth::testing::conformance::fixtures::{self, NOW, identity, key};
use otp_auth::{OtpUser, store::StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::mongo;

/// The URL of a server that `scripts/servers` started.
pub(crate) fn url(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: scripts/test starts the servers and sets it"))
}

/// A server that is started for one test and stops with it.
pub(crate) struct Server {
    directory: PathBuf,
    name: &'static str,
    /// The URL to reach it.
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(name: &'static str) -> Self {
        let directory = tempfile::Builder::new().prefix("otp-auth").tempdir().unwrap().keep();
        let output = script(&["start", directory.to_str().unwrap(), name]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let url =
            printed.lines().filter(|line| !line.starts_with("OTP_AUTH_SERVERS=")).find_map(|line| line.split_once('='));
        let (_, url) =
            url.unwrap_or_else(|| panic!("{name} did not start: {}", String::from_utf8_lossy(&output.stderr)));
        Self { directory, name, url: url.to_owned() }
    }

    /// With a URL that names a database.
    pub(crate) fn with_database(mut self, name: &str) -> Self {
        self.url = mongo::with_database(&self.url, name);
        self
    }

    /// Runs a command of `scripts/servers` on it.
    pub(crate) async fn run(&self, command: &'static str) {
        let (directory, name) = (self.directory.clone(), self.name);
        let status =
            tokio::task::spawn_blocking(move || script(&[command, directory.to_str().unwrap(), name]).status());
        assert!(status.await.unwrap().unwrap().success(), "{command} {}", self.name);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = script(&["stop", self.directory.to_str().unwrap()]).status();
    }
}

fn script(arguments: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts/servers");
    let mut command = Command::new(script);
    // A server that keeps running must not hold the pipes of its script.
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A name that no other test uses.
pub(crate) fn unique_name() -> String {
    format!("otp_{}", uuid::Uuid::now_v7().simple())
}

/// Opens the challenge with this number.
pub(crate) async fn open<S: ChallengeStore>(store: &S, number: u8) {
    let mut open = fixtures::open(identity(number), key(number.into()), NOW);
    open.total = Some(TotalLimit::new(identity(number), 1_000));
    let opening = store.open_challenge(fixtures::realm(), &open).await.unwrap();
    assert!(matches!(opening, Opening::Opened { .. }));
}

/// A sign-in with the challenge of this number.
pub(crate) fn sign_in<U>(number: u8, account: Account<U>) -> SignIn<U> {
    fixtures::sign_in(number.into(), account, number.into(), NOW)
}

/// The first sign-in of an address.
pub(crate) fn sign_up<U>(number: u8, email: &str) -> SignIn<U> {
    sign_in(number, Account::New(email.to_owned()))
}

/// A loopback port that forwards to `upstream` with a delay, so that every round trip must be
/// awaited.
pub(crate) async fn slow_port(upstream: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = TcpStream::connect(("127.0.0.1", upstream)).await.unwrap().into_split();
            tokio::spawn(pass_on_slowly(near_in, far_out));
            tokio::spawn(pass_on_slowly(far_in, near_out));
        }
    });
    port
}

async fn pass_on_slowly(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = [0; 8_192];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

/// Polls a call this many times and then drops it, like a client that hangs up. Returns `true` if
/// it completed before that.
async fn drop_after<F: Future>(polls: usize, call: F) -> bool {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(false),
        Some(rest) => {
            left = rest;
            call.as_mut().poll(context).map(|_| true)
        }
    })
    .await
}

/// Sign-ins that are dropped at any point leave the only connection of `dropping` usable: what is
/// counted through it is immediately visible to `other`.
pub(crate) async fn drop_at_every_moment<U: OtpUser, S: UserStore<U> + ChallengeStore>(dropping: &S, other: &S) {
    open(other, 1).await;
    let mut expected = 1;
    let counted = async |store: &S| {
        let challenge = key(1);
        let counting = tokio::time::timeout(
            Duration::from_secs(3),
            store.count_attempt(fixtures::realm(), &challenge, Requester::Stranger, 1_000),
        );
        counting.await.expect("nothing is locked").unwrap().unwrap().number
    };
    let mut done = false;
    for polls in 0..40 {
        done = drop_after(polls, dropping.sign_in(fixtures::realm(), sign_up::<U>(2, "ann@x.com"))).await;
        for store in [dropping, other] {
            assert_eq!(counted(store).await, expected, "dropped after {polls} polls");
            expected += 1;
        }
    }
    assert!(done, "the last ones were not dropped any more");
}

/// Everything that an error says, to people and in logs.
pub(crate) fn said(error: &StoreError) -> String {
    let source = std::error::Error::source(error);
    format!("{error} {error:?} {}", source.map(ToString::to_string).unwrap_or_default())
}

/// Waits at most ten seconds until a condition on the server holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not happen");
}
