//! An application in a separate process, for tests that run several of them on one database:
//!
//! ```sh
//! application sqlite|postgres|mysql|mongodb URL
//! ```
//!
//! The only line that it prints is its port. It ends when its standard input ends, so it never
//! outlives the test that started it. The test controls it with the routes under `/test`.

use std::error::Error;
use std::future::Future;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use mongodb::bson::{Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::options::ClientOptions;
use otp_auth::store::Store;
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{Claims, CurrentUser, MongoStore, MySqlStore, OtpAuth, OtpUser, PostgresStore, SqliteStore, otp_config};
use otp_auth_tests::SECRET;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Database, Pool, Row as _};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One user for every database.
#[derive(Clone, serde::Serialize, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql), collection = "users")]
struct User {
    #[otp(id, generate = uuid::Uuid::now_v7().to_string())]
    id: String,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

/// The address has no unique index, because the store itself must guarantee one user per address.
const USERS: &str = "CREATE TABLE IF NOT EXISTS users \
    (id VARCHAR(64) NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL, is_verified BOOLEAN NOT NULL)";

#[otp_config(user = User, secret_key = SECRET.as_str(), refresh_token_delivery = "body", request_limit = "unlimited", verify_limit = "unlimited", refresh_limit = "unlimited", logout_limit = "unlimited")]
struct Auth {
    #[otp(sender)]
    sender: CapturingSender,
}

/// What the test controls.
#[derive(Clone)]
struct Inside {
    auth: OtpAuth<Auth>,
    clock: TestClock,
    sender: CapturingSender,
    rows: Arc<Rows>,
}

type Counting = Pin<Box<dyn Future<Output = u64> + Send>>;

/// What a test needs to know about the database, and do with it.
struct Rows {
    connections_in_use: Box<dyn Fn() -> usize + Send + Sync>,
    count_users: Box<dyn Fn(String) -> Counting + Send + Sync>,
    /// Gives the row of an address to another one; how many rows that were.
    hand_over: Box<dyn Fn(String, String) -> Counting + Send + Sync>,
}

/// Serves over a store with a sqlx pool.
macro_rules! sql {
    ($connect:expr) => {{
        let store = $connect.await?;
        store.migrate().await?;
        // Another process may create the table concurrently, and then PostgreSQL reports a
        // duplicate.
        let _ = sqlx::raw_sql(USERS).execute(store.pool()).await;
        let (pool, users, owners) = (store.pool().clone(), store.pool().clone(), store.pool().clone());
        let rows = Rows {
            connections_in_use: Box::new(move || in_use(&pool)),
            count_users: Box::new(move |email| {
                let users = users.clone();
                Box::pin(async move {
                    // Nothing is bound, so nothing is prepared: behind a pooler, the name of a
                    // statement may belong to another client.
                    let Ok(rows) = sqlx::raw_sql("SELECT email FROM users").fetch_all(&users).await else {
                        return u64::MAX;
                    };
                    rows.iter().filter(|row| row.try_get::<String, _>(0).is_ok_and(|found| found == email)).count()
                        as u64
                })
            }),
            hand_over: Box::new(move |from, to| {
                let owners = owners.clone();
                Box::pin(async move {
                    let change = format!("UPDATE users SET email = '{to}' WHERE email = '{from}'");
                    let changed = sqlx::raw_sql(AssertSqlSafe(change)).execute(&owners).await;
                    changed.map_or(u64::MAX, |changed| changed.rows_affected())
                })
            }),
        };
        serve(store, rows).await
    }};
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let mut arguments = std::env::args().skip(1);
    let (Some(backend), Some(url), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: application sqlite|postgres|mysql|mongodb URL".into());
    };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    match backend.as_str() {
        "sqlite" => sql!(SqliteStore::connect(&url)),
        "postgres" => sql!(PostgresStore::connect(&url)),
        "mysql" => sql!(MySqlStore::connect(&url)),
        "mongodb" => {
            let checked_out = Arc::new(AtomicUsize::new(0));
            let store = mongodb(&url, Arc::clone(&checked_out)).await?;
            store.migrate().await?;
            let users = store.database().collection::<Document>("users");
            let owners = users.clone();
            let rows = Rows {
                connections_in_use: Box::new(move || checked_out.load(Ordering::SeqCst)),
                count_users: Box::new(move |email| {
                    let users = users.clone();
                    Box::pin(async move { users.count_documents(doc! { "email": email }).await.unwrap_or(u64::MAX) })
                }),
                hand_over: Box::new(move |from, to| {
                    let owners = owners.clone();
                    Box::pin(async move {
                        let changed = owners.update_many(doc! { "email": from }, doc! { "$set": { "email": to } });
                        changed.await.map_or(u64::MAX, |changed| changed.modified_count)
                    })
                }),
            };
            serve(store, rows).await
        }
        other => Err(format!("no such backend: {other}").into()),
    }
}

fn in_use<DB: Database>(pool: &Pool<DB>) -> usize {
    usize::try_from(pool.size()).unwrap_or(usize::MAX).saturating_sub(pool.num_idle())
}

/// The database that the URL names, with a client that counts its connections in use.
async fn mongodb(url: &str, checked_out: Arc<AtomicUsize>) -> Result<MongoStore> {
    let mut options = ClientOptions::parse(url).await?;
    options.server_selection_timeout = Some(Duration::from_secs(4));
    options.cmap_event_handler = Some(EventHandler::callback(move |event| match event {
        CmapEvent::ConnectionCheckedOut(_) => {
            checked_out.fetch_add(1, Ordering::SeqCst);
        }
        CmapEvent::ConnectionCheckedIn(_) => {
            checked_out.fetch_sub(1, Ordering::SeqCst);
        }
        _ => {}
    }));
    let client = mongodb::Client::with_options(options)?;
    let database = client.default_database().ok_or("the URL names no database")?;
    Ok(MongoStore::from_database(database))
}

async fn serve<S: Store<User>>(store: S, rows: Rows) -> Result<()> {
    let (sender, clock) = (CapturingSender::new(), TestClock::default());
    let auth = OtpAuth::with_clock(Auth { sender: sender.clone() }, store, clock.clock())?;
    let inside = Inside { auth: auth.clone(), clock, sender, rows: Arc::new(rows) };
    let test = Router::new()
        .route("/bar/{id}", post(bar))
        .route("/forget/{id}", post(forget))
        .route("/revoke/{id}", post(revoke))
        .route("/pass/{millis}", post(pass))
        .route("/cleanup", post(cleanup))
        .route("/code/{email}", get(code))
        .route("/mails", get(mails))
        .route("/connections", get(connections))
        .route("/users/{email}", get(users))
        .route("/hand-over/{from}/{to}", post(hand_over))
        .with_state(inside);
    let app = Router::new()
        .route("/me", get(me))
        .route("/claims", get(claims))
        .nest("/auth", auth.router())
        .with_state(auth)
        .nest("/test", test);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, app).await?;
    Ok(())
}

async fn me(user: CurrentUser<Auth>) -> Json<User> {
    Json(user.into_inner())
}

async fn claims(claims: Claims<Auth>) -> Json<String> {
    Json(claims.user_id().clone())
}

async fn bar(State(inside): State<Inside>, Path(id): Path<String>) -> Json<bool> {
    Json(inside.auth.bar_user(&id, Duration::from_hours(1)).await.is_ok())
}

async fn forget(State(inside): State<Inside>, Path(id): Path<String>) -> Json<bool> {
    Json(inside.auth.forget_user(&id).await.is_ok())
}

async fn revoke(State(inside): State<Inside>, Path(id): Path<String>) -> Json<bool> {
    Json(inside.auth.revoke_all_sessions(&id).await.is_ok())
}

async fn pass(State(inside): State<Inside>, Path(millis): Path<u64>) {
    inside.clock.advance(Duration::from_millis(millis));
}

async fn cleanup(State(inside): State<Inside>) -> Json<Value> {
    Json(match inside.auth.cleanup().await {
        Ok(removed) => json!({
            "challenges": removed.challenges,
            "budgets": removed.budgets,
            "sessions": removed.sessions,
            "blacklisted": removed.blacklisted,
        }),
        Err(error) => json!({ "error": error.to_string() }),
    })
}

async fn code(State(inside): State<Inside>, Path(email): Path<String>) -> Json<Option<String>> {
    Json(inside.sender.code_for(&email))
}

async fn mails(State(inside): State<Inside>) -> Json<usize> {
    Json(inside.sender.messages().len())
}

async fn connections(State(inside): State<Inside>) -> Json<usize> {
    Json((inside.rows.connections_in_use)())
}

async fn users(State(inside): State<Inside>, Path(email): Path<String>) -> Json<u64> {
    Json((inside.rows.count_users)(email).await)
}

async fn hand_over(State(inside): State<Inside>, Path((from, to)): Path<(String, String)>) -> Json<u64> {
    Json((inside.rows.hand_over)(from, to).await)
}
