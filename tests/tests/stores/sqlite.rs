//! `SQLite`: its stores, what the shared tests need to know of it, and what only it has, such as
//! opening a file.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use otp_auth::store::{
    BlacklistEntry, BlacklistKind, ChallengeStore, Cursor, Maintenance, SessionStore, SignInOutcome, SqlUser, UserStore,
};
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::conformance::fixtures::{NOW, existing, key, realm, token};
use otp_auth::{OtpUser, SqliteStore};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::sqlite::SqlitePoolOptions;

use super::servers::{open, sign_in, sign_up};
use super::twins::migrations::{LEFT_BY_THE_FIRST, RECORD};
use super::twins::sign_in::Named;
use super::twins::{Run, backend, twins};
use super::two_processes::Reopen;
use super::users::{User, sqlite_url};

pub(crate) const USERS: &str =
    "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL, is_verified BOOLEAN NOT NULL)";

const FILES: [&str; 2] = [
    include_str!("../../../otp-auth/migrations/sqlite/0001_otp_auth.sql"),
    include_str!("../../../otp-auth/migrations/sqlite/0002_realms.sql"),
];

/// The URL of a new file.
pub(crate) async fn fresh_options() -> String {
    sqlite_url()
}

pub(crate) async fn store(url: String) -> SqliteStore {
    SqliteStore::connect(&url).await.unwrap()
}

/// A migrated store, with this table beside ours.
pub(crate) async fn store_with(table: &str) -> SqliteStore {
    let store = store(sqlite_url()).await;
    store.migrate().await.unwrap();
    store.run(table).await;
    store
}

pub(crate) struct Sqlite;

backend!(
    Sqlite,
    SqliteStore,
    "UPDATE users SET is_verified = FALSE WHERE id = ?1",
    "DELETE FROM users WHERE id = ?1",
    "SELECT count(*) FROM users WHERE email = ?1"
);

async fn insert(store: &SqliteStore, email: &str, verified: bool) -> i64 {
    let added = sqlx::query_scalar("INSERT INTO users (email, is_verified) VALUES (?1, ?2) RETURNING id");
    added.bind(email).bind(verified).fetch_one(store.pool()).await.unwrap()
}

impl Reopen for Sqlite {
    async fn reopen(&self, store: &SqliteStore) -> SqliteStore {
        let file = store.pool().connect_options().get_filename().display().to_string();
        SqliteStore::connect(&format!("sqlite:{file}")).await.unwrap()
    }
}

twins! {
    migrations:
    on_every_database,
}

twins! {
    sign_in:
    ids_are_compared_exactly,
}

/// What makes a migration fail, what its error names, and what removes the obstacle.
const IN_THE_WAY: (&str, &str, &str) =
    ("CREATE TABLE token_blacklist (mine INT)", "token_blacklist", "DROP TABLE token_blacklist");

async fn store_of_names() -> SqliteStore {
    store_with("CREATE TABLE users (id TEXT COLLATE NOCASE PRIMARY KEY, email TEXT)").await
}

/// The name and definition of everything in the file, as text.
async fn catalogue(store: &SqliteStore) -> Vec<String> {
    sqlx::query_scalar("SELECT name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name")
        .fetch_all(store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_file_is_opened_durable_and_with_a_busy_timeout() {
    let store = store(sqlite_url()).await;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(store.pool()).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(store.pool()).await.unwrap();
    let busy: i64 = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(store.pool()).await.unwrap();
    assert_eq!((mode.as_str(), synchronous, busy), ("wal", 2, 4_000));
}

/// An older copy of the file is restored: followers of the blacklist receive every live entry. A
/// cleanup does not cause this.
#[tokio::test]
async fn a_follower_notices_that_a_backup_was_restored() {
    let store = store_with(USERS).await;
    let entry = |number: u8, until| BlacklistEntry::new([number; 16], BlacklistKind::Session, NOW, until);
    let (soon, late) = (NOW + Duration::from_mins(1), NOW + Duration::from_hours(1_000));
    for (number, until) in [(1, late), (2, late), (3, soon)] {
        store.blacklist(realm(), &entry(number, until), NOW).await.unwrap();
    }
    let Cursor(seen) = store.revocations(realm(), None, NOW).await.unwrap().cursor;
    assert_eq!(store.cleanup(NOW + Duration::from_hours(48), 10).await.unwrap().blacklisted, 1);
    let news = store.revocations(realm(), Some(Cursor(seen)), NOW).await.unwrap();
    assert_eq!((news.entries, news.cursor), (vec![], Cursor(seen)));

    let restored = "DELETE FROM token_blacklist WHERE changed > 1; \
                    UPDATE sqlite_sequence SET seq = 1 WHERE name = 'token_blacklist'";
    store.run(restored).await;
    store.blacklist(realm(), &entry(4, late), NOW).await.unwrap();
    let news = store.revocations(realm(), Some(Cursor(seen)), NOW).await.unwrap();
    assert_eq!((news.entries, news.cursor), (vec![entry(1, late), entry(4, late)], Cursor(2)));
}

/// The application has its own sqlx migrations, with the same version number as ours.
#[tokio::test]
async fn the_migrations_of_the_application_are_not_touched() {
    let store = store(sqlite_url()).await;
    let own = "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT); \
               INSERT INTO _sqlx_migrations VALUES (1, 'the application')";
    store.run(own).await;
    store.migrate().await.unwrap();
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT version, description FROM _sqlx_migrations").fetch_all(store.pool()).await.unwrap();
    assert_eq!(rows, [(1, "the application".to_owned())]);
}

#[tokio::test]
async fn a_database_in_memory_keeps_its_tables() {
    for url in ["sqlite::memory:", "sqlite:app?mode=memory"] {
        let store = store(url.to_owned()).await;
        let options = store.pool().options();
        assert_eq!((options.get_min_connections(), options.get_max_connections()), (1, 1), "{url}");
        assert_eq!((options.get_idle_timeout(), options.get_max_lifetime()), (None, None), "{url}");
        store.migrate().await.unwrap();
        store.run(USERS).await;
        for number in 0..20 {
            sqlx::query("INSERT INTO users (email, is_verified) VALUES (?1, TRUE)")
                .bind(format!("user{number}@x.com"))
                .execute(store.pool())
                .await
                .unwrap();
        }
        let found: Option<User> = store.user_by_email("user7@x.com").await.unwrap();
        assert!(found.is_some());
    }
}

/// What it returns, unless it is still pending after this many polls.
async fn polled<T>(times: u32, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut polls) = (pin!(future), 0);
    poll_fn(|context| {
        polls += 1;
        if polls > times { Poll::Ready(None) } else { future.as_mut().poll(context).map(Some) }
    })
    .await
}

/// Switching to WAL mode needs a lock that `SQLite` does not wait for.
#[tokio::test]
async fn opening_a_file_waits_while_it_is_locked_and_for_nothing_else() {
    let url = sqlite_url();
    let pool = SqlitePoolOptions::new().connect(&url).await.unwrap();
    let holding = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut connecting = Box::pin(SqliteStore::connect(&url));
    assert!(polled(40, &mut connecting).await.is_none());
    holding.commit().await.unwrap();
    connecting.await.unwrap();
    let missing = polled(40, SqliteStore::connect("sqlite:/nonexistent/directory/app.db")).await;
    assert!(missing.is_some_and(|result| result.is_err()));
}

#[tokio::test]
async fn a_pool_of_the_application_serves_as_well() {
    let pool = SqlitePoolOptions::new().max_connections(2).connect(&sqlite_url()).await.unwrap();
    let store = SqliteStore::from_pool(pool.clone());
    store.migrate().await.unwrap();
    let catalogue = catalogue(&SqliteStore::from_pool(pool)).await;
    assert!(catalogue.iter().any(|line| line.starts_with("otp_sessions CREATE TABLE")), "{catalogue:?}");
}

/// A user with a field for which the table has no column.
#[derive(Debug, OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct Misnamed {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    nickname: String,
}

/// `SQLite` would read an unknown name in double quotes as a string.
#[tokio::test]
async fn an_error_names_what_is_missing() {
    let store = store(sqlite_url()).await;
    store.migrate().await.unwrap();
    let error = UserStore::<User>::user_by_email(&store, "ann@x.com").await.unwrap_err();
    assert!(error.to_string().contains("no such table: users"), "{error}");

    let store = store_with(USERS).await;
    let error = UserStore::<Misnamed>::user_by_email(&store, "ann@x.com").await.unwrap_err();
    assert!(error.to_string().contains("no such column: users.nickname"), "{error}");
    let unused = Misnamed { id: 1, email: String::new(), nickname: String::new() };
    assert_eq!((unused.id, unused.email, unused.nickname), (1, String::new(), String::new()));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_an_error() {
    let missing = SqliteStore::connect("sqlite:/nonexistent/directory/app.db").await.unwrap_err();
    assert!(!missing.is_timeout());
    assert!(SqliteStore::connect("postgres://localhost/app").await.is_err());
}

/// Indexes serve the lookups that strangers can cause.
#[tokio::test]
async fn no_look_up_scans_a_table() {
    let store = store_with(USERS).await;
    for statement in [
        "SELECT * FROM otp_challenges WHERE realm = 'users' AND key = x'00'",
        "DELETE FROM otp_challenges WHERE (realm, key) IN (SELECT realm, key FROM otp_challenges WHERE expires_at <= 1 LIMIT 5)",
        "SELECT * FROM otp_budgets WHERE realm = 'users' AND identity = x'00' AND requester = 0",
        "SELECT identity, requester FROM otp_budgets WHERE day_started_at <= 1 AND (hour_started_at <= 1 OR hour_started_at > 9) AND (next_send_at <= 1 OR next_send_at > 9) AND (failures = 0 OR day_started_at <= 0) \
         UNION ALL SELECT identity, requester FROM otp_budgets WHERE day_started_at > 9 AND failures = 0 AND (hour_started_at <= 1 OR hour_started_at > 9) AND (next_send_at <= 1 OR next_send_at > 9) LIMIT 5",
        "SELECT * FROM otp_sessions WHERE realm = 'users' AND id = x'00'",
        "SELECT * FROM otp_sessions WHERE realm = 'users' AND user_id = '1' AND revoked_at IS NULL",
        "SELECT id FROM otp_sessions WHERE expires_at <= 1 LIMIT 5",
        "SELECT 1 FROM token_blacklist WHERE realm = 'users' AND id IN (x'00', x'01', x'02') AND expires_at > 1 AND (type <> 'user' OR blacklisted_at > 1)",
        "SELECT id FROM token_blacklist WHERE expires_at <= 1 LIMIT 5",
        "SELECT id FROM token_blacklist WHERE realm = 'users' AND changed > 1",
        "SELECT coalesce(max(changed), 0) FROM token_blacklist",
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {statement}");
        let rows: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(explain)).fetch_all(store.pool()).await.unwrap();
        for (.., plan) in rows {
            assert!(!plan.starts_with("SCAN"), "{statement}: {plan}");
        }
    }
}

/// A view with the application's triggers: the rows are in another table.
const VIEW: &str = "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, mail TEXT NOT NULL, ok BOOLEAN, gone BOOLEAN DEFAULT FALSE); \
                    INSERT INTO people (mail, ok) VALUES ('first@x.com', TRUE); \
                    CREATE VIEW users (id, email, is_verified) AS SELECT id, mail, ok FROM people WHERE NOT gone; \
                    CREATE TRIGGER adding INSTEAD OF INSERT ON users \
                    BEGIN INSERT INTO people (mail, ok) VALUES (NEW.email, NEW.is_verified); END; \
                    CREATE TRIGGER changing INSTEAD OF UPDATE ON users \
                    BEGIN UPDATE people SET mail = NEW.email, ok = NEW.is_verified WHERE id = OLD.id; END;";

#[tokio::test]
async fn a_view_makes_users_with_their_own_ids() {
    let store = store_with(VIEW).await;
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap();
    let SignInOutcome::SignedIn { user, session, created: true, .. } = outcome else { panic!("no sign-up") };
    assert_eq!(user, User { id: 2, email: "ann@x.com".to_owned(), is_verified: true });
    assert_eq!(session.user_id, "2");
    assert_eq!(store.current_user(realm(), &2, token(session.id), NOW).await.unwrap(), Some(user.clone()));

    // A first verification through the view revokes earlier sessions.
    store.run("UPDATE people SET ok = NULL WHERE id = 2").await;
    open(&store, 2).await;
    let unverified = User { is_verified: false, ..user.clone() };
    let outcome = store.sign_in(realm(), sign_in(2, existing(unverified))).await.unwrap();
    let SignInOutcome::SignedIn { user: proven, created: false, ended, .. } = outcome else { panic!("no sign-in") };
    assert_eq!((proven, ended), (user.clone(), vec![session.id]));
    assert_eq!(store.user_by_email("ann@x.com").await.unwrap(), Some(user));
    store.run("UPDATE people SET gone = TRUE WHERE id = 2").await;
    assert_eq!(UserStore::<User>::user_by_id(&store, &2).await.unwrap(), None);
}

/// A collation that considers `Ann` and `ann` equal makes no difference.
#[tokio::test]
async fn a_collation_without_case_does_not_open_an_account() {
    for collation in ["NOCASE", "RTRIM"] {
        let store = store(sqlite_url()).await;
        store.migrate().await.unwrap();
        let table = format!(
            "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT COLLATE {collation}, is_verified BOOLEAN); \
             CREATE INDEX users_email ON users (email); \
             INSERT INTO users (email, is_verified) VALUES ('Ann@x.com', TRUE), ('ann@x.com', TRUE)"
        );
        store.run(&table).await;
        for (email, id) in [("Ann@x.com", Some(1)), ("ann@x.com", Some(2)), ("ANN@x.com", None), ("ann@x.com ", None)] {
            let found: Option<User> = store.user_by_email(email).await.unwrap();
            assert_eq!(found.map(|user| user.id), id, "{collation}: {email:?}");
        }
        let explain =
            format!("EXPLAIN QUERY PLAN {}", <User as SqlUser<sqlx::Sqlite>>::SELECT_BY_EMAIL.replace("?1", "'a'"));
        let (.., plan): (i64, i64, i64, String) =
            sqlx::query_as(sqlx::AssertSqlSafe(explain)).fetch_one(store.pool()).await.unwrap();
        assert!(plan.contains("USING INDEX users_email (email=?)"), "{plan}");
    }
}
