//! How long sign-ins wait while a million rows that have expired are removed.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mongodb::IndexModel;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, Document, doc};
use mongodb::options::IndexOptions;
use otp_auth::store::Store;
use otp_auth::{
    MongoStore, MySqlStore, OtpAuth, OtpMessage, OtpUser, PostgresStore, SendError, SendOtp, SqliteStore,
    auth::{CodeRequest, Verification},
    otp_config,
};
use tokio::task::JoinSet;

use crate::Result;

/// Rows of each of the four tables.
const ROWS: u64 = 250_000;

/// Sign-ins at once.
const WORKERS: u64 = 4;

/// How long sign-ins are measured before the clean-up begins.
const BEFORE: Duration = Duration::from_mins(1);

#[derive(Clone, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql), collection = "users")]
pub(crate) struct User {
    #[otp(id, generate = uuid::Uuid::now_v7().to_string())]
    id: String,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

pub(crate) const USERS: &str = "CREATE TABLE users (id VARCHAR(64) NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
                     is_verified BOOLEAN NOT NULL)";

#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "body", request_limit = "unlimited", verify_limit = "unlimited", refresh_limit = "unlimited", logout_limit = "unlimited")]
pub(crate) struct Auth {
    pub(crate) secret: [u8; 32],
    #[otp(sender)]
    pub(crate) codes: Codes,
}

/// Keeps the codes instead of sending them.
#[derive(Clone, Default)]
pub(crate) struct Codes(Arc<Mutex<HashMap<String, String>>>);

impl Codes {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendOtp for Codes {
    async fn send_otp(&self, message: OtpMessage<'_>) -> std::result::Result<(), SendError> {
        self.lock().insert(message.address.to_owned(), message.code.to_owned());
        Ok(())
    }
}

/// Measures over a store with a pool of sqlx.
macro_rules! sql {
    ($backend:expr, $connect:expr, $rows:literal) => {{
        let store = $connect.await?;
        store.migrate().await?;
        sqlx::raw_sql(USERS).execute(store.pool()).await?;
        sqlx::raw_sql(include_str!($rows)).execute(store.pool()).await?;
        measure($backend, store).await
    }};
}

/// Measures over an empty database.
pub(crate) fn run(backend: &str, url: &str) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        match backend {
            "sqlite" => sql!(backend, SqliteStore::connect(url), "cleanup/sqlite.sql"),
            "postgres" => sql!(backend, PostgresStore::connect(url), "cleanup/postgres.sql"),
            "mysql" => sql!(backend, MySqlStore::connect(url), "cleanup/mysql.sql"),
            "mongodb" => {
                let store = MongoStore::connect(url, "otp_auth_cleanup").await?;
                store.migrate().await?;
                let unique = IndexOptions::builder().unique(true).build();
                let index = IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build();
                store.database().collection::<Document>("users").create_index(index).await?;
                fill(&store).await?;
                measure(backend, store).await
            }
            other => Err(format!("no such backend: {other}").into()),
        }
    })
}

/// What the files in `cleanup` do for the SQL databases.
async fn fill(store: &MongoStore) -> Result<()> {
    const BATCH: u64 = 10_000;
    for (salt, collection) in ["otp_challenges", "otp_budgets", "otp_sessions", "token_blacklist"].iter().enumerate() {
        let collection = store.database().collection::<Document>(collection);
        for first in (0..ROWS).step_by(usize::try_from(BATCH)?) {
            let rows = (first..first + BATCH).map(|number| expired(salt, number));
            collection.insert_many(rows).await?;
        }
    }
    Ok(())
}

/// A document that is over for every collection. The server itself would
/// remove it a day from now.
fn expired(salt: usize, number: u64) -> Document {
    let bytes = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{salt} {number}").as_bytes());
    let bytes = Binary { subtype: BinarySubtype::Generic, bytes: bytes.as_ref().to_vec() };
    let long_ago = DateTime::from_millis(i64::try_from(number).unwrap_or(0));
    doc! {
        "_id": bytes.clone(), "realm": "users", "identity": bytes, "user_id": "somebody", "generation": 0_i64, "tries": 1_i64,
        "type": "token", "created_at": long_ago, "refreshed_at": long_ago, "blacklisted_at": long_ago,
        "expires_at": long_ago, "day_started_at": long_ago, "hour_started_at": long_ago, "next_send_at": long_ago,
        "purge_at": DateTime::from_millis(DateTime::now().timestamp_millis() + 86_400_000),
    }
}

/// A request that was answered.
#[derive(Clone, Copy)]
struct Answered {
    at: Instant,
    took: Duration,
}

impl Answered {
    fn since(begun: Instant) -> Self {
        Self { at: Instant::now(), took: begun.elapsed() }
    }
}

async fn measure<S: Store<User>>(backend: &str, store: S) -> Result<()> {
    let codes = Codes::default();
    let auth = OtpAuth::new(Auth { secret: crate::rounds::secret()?, codes: codes.clone() }, store)?;
    let before = sign_ins(&auth, &codes, "before", async {
        tokio::time::sleep(BEFORE).await;
        Ok(())
    });
    let ((), before) = before.await?;
    let begun = Instant::now();
    let during = sign_ins(&auth, &codes, "during", async { Ok(auth.cleanup().await?) });
    let (removed, during) = during.await?;
    let took = begun.elapsed();
    let removed = removed.challenges + removed.budgets + removed.sessions + removed.blacklisted;
    let (before, during) = (Summary::of(before), Summary::of(during));
    writeln!(std::io::stdout(), "| {backend} | {removed} | {:.1} s | {before} | {during} |", took.as_secs_f64())?;
    Ok(())
}

/// Signs in with new addresses while something else goes on.
async fn sign_ins<T>(
    auth: &OtpAuth<Auth>,
    codes: &Codes,
    name: &'static str,
    meanwhile: impl Future<Output = Result<T>>,
) -> Result<(T, Vec<Answered>)> {
    let (over, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (auth, codes, over, number) = (auth.clone(), codes.clone(), Arc::clone(&over), Arc::clone(&number));
        workers.spawn(async move {
            let mut answered = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let email = format!("{name}{}@example.com", number.fetch_add(1, Ordering::Relaxed));
                answered.extend(sign_in(&auth, &codes, &email).await?);
            }
            Ok(answered)
        });
    }
    let done = meanwhile.await;
    over.store(true, Ordering::Relaxed);
    let answered: Result<Vec<Vec<Answered>>> = workers.join_all().await.into_iter().collect();
    Ok((done?, answered?.concat()))
}

/// Asks for a code and signs in with it.
async fn sign_in(auth: &OtpAuth<Auth>, codes: &Codes, email: &str) -> Result<[Answered; 2]> {
    let begun = Instant::now();
    let requested = auth.request_code(CodeRequest::new(email)).await?;
    let requested_at = Answered::since(begun);
    let code = codes.lock().remove(email).ok_or("no code was sent")?;
    let challenge = Some(requested.challenge.expose());
    let begun = Instant::now();
    auth.verify_code(Verification::new(email, &code).challenge(challenge)).await?;
    Ok([requested_at, Answered::since(begun)])
}

/// What a phase was like for those who signed in.
struct Summary {
    /// How long each request took, in order.
    took: Vec<Duration>,
    /// The longest time in which nobody was answered.
    pause: Duration,
}

impl Summary {
    fn of(mut answered: Vec<Answered>) -> Self {
        answered.sort_unstable_by_key(|answer| answer.at);
        let pauses = answered.windows(2).map(|pair| pair[1].at - pair[0].at);
        let pause = pauses.max().unwrap_or_default();
        let mut took: Vec<_> = answered.into_iter().map(|answer| answer.took).collect();
        took.sort_unstable();
        Self { took, pause }
    }

    fn at(&self, hundredths: usize) -> Duration {
        let last = self.took.len().saturating_sub(1);
        self.took.get(last * hundredths / 100).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [median, late, worst] = [50, 99, 100].map(|hundredths| millis(self.at(hundredths)));
        write!(f, "{} | {median} | {late} | {worst} | {}", self.took.len(), millis(self.pause))
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
