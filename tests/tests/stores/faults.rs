//! The server is killed and started again in the middle of a load.
//!
//! Each test has a server of its own, because it kills it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::mongodb::bson::doc;
use otp_auth::store::Store;
use otp_auth::testing::CapturingSender;
use otp_auth::{
    AuthError, CodeRequest, MongoStore, MySqlStore, OtpAuth, OtpUser, PostgresStore, SignedIn, Verification, otp_config,
};

use super::servers::{unique_name, until};

/// Sign-ins, refreshes and sign-outs that go on at once.
const WORKERS: usize = 8;

/// Whole rounds before the server is killed, and again after it is back.
const ROUNDS: usize = 40;

/// A request that has not succeeded after so many tries never will.
const PATIENCE: usize = 600;

/// A server that is started for one test, and ends with it.
struct Server {
    directory: PathBuf,
    name: &'static str,
    /// How to reach it.
    url: String,
}

impl Server {
    fn start(name: &'static str) -> Self {
        let directory = tempfile::Builder::new().prefix("otp-auth").tempdir().unwrap().keep();
        let output = script(&["start", directory.to_str().unwrap(), name]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let url =
            printed.lines().filter(|line| !line.starts_with("OTP_AUTH_SERVERS=")).find_map(|line| line.split_once('='));
        let (_, url) =
            url.unwrap_or_else(|| panic!("{name} did not start: {}", String::from_utf8_lossy(&output.stderr)));
        Self { directory, name, url: url.to_owned() }
    }

    async fn run(&self, command: &'static str) {
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
    // A server that goes on must not hold the pipes of its script.
    command.args(arguments).stdin(Stdio::null());
    command
}

/// One user for every server.
#[derive(Clone, Debug, OtpUser)]
#[otp_user(table = "users", stores(postgres, mysql), collection = "users")]
struct User {
    #[otp(id, generate = unique_name())]
    id: String,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

const USERS: &str = "CREATE TABLE users (id VARCHAR(64) NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL, is_verified BOOLEAN NOT NULL)";

#[otp_config(
    user = User,
    secret_key = "0b4c1e8fa96d37250b4c1e8fa96d3726",
    refresh_token_delivery = "body",
    refresh_grace = "30s",
)]
struct Auth {
    #[otp(sender)]
    sender: CapturingSender,
}

/// What the workers have seen.
#[derive(Default)]
struct Tally {
    rounds: AtomicUsize,
    failures: AtomicUsize,
    stop: AtomicUsize,
}

/// A session whose sign-out was acknowledged, and what it left behind.
struct Ended {
    email: String,
    challenge: String,
    code: String,
    signed_in: SignedIn<User>,
}

struct Load {
    auth: OtpAuth<Auth>,
    sender: CapturingSender,
    tally: Arc<Tally>,
}

impl Load {
    /// Repeats a call while the store fails, as a client would. Everything
    /// else is an answer.
    async fn persist<T, F: Future<Output = Result<T, AuthError>>>(&self, call: impl Fn() -> F) -> Result<T, AuthError> {
        for _ in 0..PATIENCE {
            match call().await {
                Err(AuthError::Store(_)) => {
                    self.tally.failures.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                answer => return answer,
            }
        }
        panic!("the store did not come back");
    }

    /// Signs in with a new address, refreshes, signs out. `None` when the
    /// server went down between accepting the code and saying so.
    async fn round(&self, email: &str) -> Option<Ended> {
        let asked = CodeRequest { email, ..CodeRequest::default() };
        // A request that was stored but not answered has begun the cooldown.
        let requested = self.persist(|| self.auth.request_code(asked)).await.ok()?;
        let code = self.sender.code_for(email)?;
        let challenge = requested.challenge.expose();
        let presented = || Verification { email, code: &code, challenge: Some(challenge), ..Verification::default() };
        let mut signed_in = self.persist(|| self.auth.verify_code(presented())).await.ok()?;
        for _ in 0..2 {
            let token = signed_in.tokens.refresh_token.clone();
            signed_in = self.persist(|| self.auth.refresh(token.expose())).await.expect("an honest refresh succeeds");
        }
        let authenticated = self.persist(|| self.auth.authenticate(signed_in.tokens.access_token.expose())).await;
        assert_eq!(authenticated.expect("the access token works").user.email, email);
        let token = signed_in.tokens.refresh_token.clone();
        self.persist(|| self.auth.sign_out(Some(token.expose()), None)).await.expect("a sign-out succeeds");
        let ended = Ended { email: email.to_owned(), challenge: challenge.to_owned(), code: code.clone(), signed_in };
        self.assert_over(&ended).await;
        Some(ended)
    }

    /// Nothing that was used or ended works again.
    async fn assert_over(&self, ended: &Ended) {
        let again = || Verification {
            email: &ended.email,
            code: &ended.code,
            challenge: Some(&ended.challenge),
            ..Verification::default()
        };
        let tokens = &ended.signed_in.tokens;
        let code = self.persist(|| self.auth.verify_code(again())).await;
        assert!(
            matches!(code, Err(AuthError::InvalidCode | AuthError::TooManyAttempts { .. })),
            "{}: {code:?}",
            ended.email
        );
        let access = self.persist(|| self.auth.authenticate(tokens.access_token.expose())).await;
        assert!(matches!(access, Err(AuthError::InvalidToken)), "{}: {access:?}", ended.email);
        let refresh = self.persist(|| self.auth.refresh(tokens.refresh_token.expose())).await;
        assert!(matches!(refresh, Err(AuthError::SessionRevoked)), "{}: {refresh:?}", ended.email);
    }

    async fn work(self, worker: usize) -> Vec<Ended> {
        let mut ended = Vec::new();
        for number in 0.. {
            if self.tally.stop.load(Ordering::SeqCst) > 0 {
                break;
            }
            ended.extend(self.round(&format!("user{worker}-{number}@example.com")).await);
            self.tally.rounds.fetch_add(1, Ordering::SeqCst);
        }
        ended
    }
}

/// Waits until a count has grown by so much, for at most a minute.
async fn grown(counter: &AtomicUsize, by: usize) {
    let goal = counter.load(Ordering::SeqCst) + by;
    for _ in 0..1_200 {
        if counter.load(Ordering::SeqCst) >= goal {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing moves");
}

/// Kills the server under load, and starts it again: no code is accepted
/// twice, no sign-out undone, no user doubled, and service goes on by itself.
async fn survives_a_crash<S: Store<User>, F: Future<Output = i64>>(
    server: &Server,
    store: S,
    count_users: impl Fn(String) -> F,
) {
    let sender = CapturingSender::new();
    let auth = OtpAuth::new(Auth { sender: sender.clone() }, store).unwrap();
    let tally = Arc::new(Tally::default());
    let load = || Load { auth: auth.clone(), sender: sender.clone(), tally: Arc::clone(&tally) };
    let workers: Vec<_> = (0..WORKERS).map(|worker| tokio::spawn(load().work(worker))).collect();

    grown(&tally.rounds, ROUNDS).await;
    server.run("kill").await;
    grown(&tally.failures, WORKERS).await;
    server.run("again").await;
    grown(&tally.rounds, ROUNDS).await;
    tally.stop.store(1, Ordering::SeqCst);

    let mut ended = Vec::new();
    for worker in workers {
        ended.extend(worker.await.expect("no worker panics"));
    }
    assert!(ended.len() > ROUNDS, "only {} whole rounds", ended.len());
    for ended in &ended {
        load().assert_over(ended).await;
        assert_eq!(count_users(ended.email.clone()).await, 1, "{}", ended.email);
    }
}

/// Every connection of a pool comes back to it.
async fn no_connection_has_leaked(idle_and_all: impl Fn() -> (usize, u32)) {
    until("the return of every connection", || {
        let (idle, all) = idle_and_all();
        std::future::ready(idle == usize::try_from(all).unwrap())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn postgres_survives_a_crash_under_load() {
    let server = Server::start("postgres");
    let store = PostgresStore::connect(&server.url).await.unwrap();
    store.migrate().await.unwrap();
    let pool = store.pool().clone();
    sqlx::raw_sql(USERS).execute(&pool).await.unwrap();
    survives_a_crash(&server, store, |email| {
        let pool = pool.clone();
        async move {
            sqlx::query_scalar("SELECT count(*) FROM users WHERE email = $1")
                .bind(email)
                .fetch_one(&pool)
                .await
                .unwrap()
        }
    })
    .await;
    no_connection_has_leaked(|| (pool.num_idle(), pool.size())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn mysql_survives_a_crash_under_load() {
    let server = Server::start("mariadb");
    let store = MySqlStore::connect(&server.url).await.unwrap();
    store.migrate().await.unwrap();
    let pool = store.pool().clone();
    sqlx::raw_sql(USERS).execute(&pool).await.unwrap();
    survives_a_crash(&server, store, |email| {
        let pool = pool.clone();
        async move {
            sqlx::query_scalar("SELECT count(*) FROM users WHERE email = ?").bind(email).fetch_one(&pool).await.unwrap()
        }
    })
    .await;
    no_connection_has_leaked(|| (pool.num_idle(), pool.size())).await;
}

async fn mongodb_survives(server: &Server) {
    let store = MongoStore::connect(&server.url, "otp").await.unwrap();
    store.migrate().await.unwrap();
    let users = store.database().collection::<::mongodb::bson::Document>("users");
    survives_a_crash(server, store, |email| {
        let users = users.clone();
        async move { i64::try_from(users.count_documents(doc! { "email": email }).await.unwrap()).unwrap() }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn mongodb_survives_a_crash_under_load() {
    mongodb_survives(&Server::start("mongodb")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn mongodb_standalone_survives_a_crash_under_load() {
    mongodb_survives(&Server::start("mongodb-standalone")).await;
}
