//! `MySQL` and `MariaDB`: their stores, what the shared tests need to know of them, and what only
//! they have, such as statements that commit implicitly.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use otp_auth::MySqlStore;
use otp_auth::store::{
    BlacklistEntry, BlacklistKind, ChallengeStore, Detached, SessionStore, SignInOutcome, SqlUser, Timestamp, UserStore,
};
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::conformance::fixtures::{self, NOW, existing, key, realm, token};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row, SqlSafeStr};

use super::servers::{Server, drop_at_every_moment, open, said, sign_in, sign_up, slow_port, unique_name, until, url};
use super::twins::migrations::{LEFT_BY_THE_FIRST, RECORD};
use super::twins::sign_in::Named;
use super::twins::{Run, backend, twins};
use super::two_processes::{Reopen, Twice};
use super::users::User;

const USERS: &str = "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, \
                     email VARCHAR(255) NOT NULL, is_verified BOOLEAN NOT NULL)";

fn server() -> String {
    url("OTP_AUTH_MYSQL_URL")
}

/// The URL of the server without a database, and the text after the `?`.
fn address_and_options() -> (String, String) {
    let url = server();
    let (url, options) = url.split_once('?').unwrap_or((&url, ""));
    let (address, _) = url.rsplit_once('/').expect("the URL names a database");
    (address.to_owned(), options.to_owned())
}

async fn new_database() -> String {
    let name = unique_name();
    let mut connection = MySqlConnection::connect(&server()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    name
}

/// Options for connections to a new database.
pub(crate) async fn fresh_options() -> MySqlConnectOptions {
    MySqlConnectOptions::from_str(&server()).unwrap().database(&new_database().await)
}

/// The URL of a new database.
pub(crate) async fn fresh_url() -> String {
    let (address, options) = address_and_options();
    format!("{address}/{}?{options}", new_database().await)
}

pub(crate) async fn store(options: MySqlConnectOptions) -> MySqlStore {
    let pool = MySqlPoolOptions::new().max_connections(5).connect_with(options).await.unwrap();
    MySqlStore::from_pool(pool)
}

const FILES: [&str; 2] = [
    include_str!("../../../otp-auth/migrations/mysql/0001_otp_auth.sql"),
    include_str!("../../../otp-auth/migrations/mysql/0002_realms.sql"),
];

/// A migrated store, with this table beside ours.
pub(crate) async fn store_with(table: &'static str) -> MySqlStore {
    let store = store(fresh_options().await).await;
    store.migrate().await.unwrap();
    store.run(table).await;
    store
}

/// A table of the numbers up to `count` in `seq`, because `MySQL` has no sequences.
async fn numbers(store: &MySqlStore, count: u32) {
    let values: Vec<_> = (1..=count).map(|number| format!("({number})")).collect();
    let table = format!(
        "CREATE TABLE numbers (seq INT NOT NULL PRIMARY KEY); INSERT INTO numbers VALUES {}",
        values.join(", ")
    );
    store.run(&table).await;
}

async fn is_mariadb(store: &MySqlStore) -> bool {
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(store.pool()).await.unwrap();
    version.contains("MariaDB")
}

pub(crate) struct MySql;

/// Two stores on one database.
pub(crate) const TWICE: Twice<MySql> = Twice(MySql);

backend!(
    MySql,
    MySqlStore,
    "UPDATE users SET is_verified = FALSE WHERE id = ?",
    "DELETE FROM users WHERE id = ?",
    "SELECT count(*) FROM users WHERE BINARY email = ?"
);

async fn insert(store: &MySqlStore, email: &str, verified: bool) -> i64 {
    let added = sqlx::query("INSERT INTO users (email, is_verified) VALUES (?, ?)").bind(email).bind(verified);
    i64::try_from(added.execute(store.pool()).await.unwrap().last_insert_id()).unwrap()
}

impl Reopen for MySql {
    async fn reopen(&self, store: &MySqlStore) -> MySqlStore {
        self::store(MySqlConnectOptions::clone(&store.pool().connect_options())).await
    }
}

twins! {
    #[ignore = "needs MariaDB: scripts/test starts one"]
    migrations:
    on_every_database,
    the_migrations_of_the_application_run_beside_ours,
}

twins! {
    #[ignore = "needs MariaDB: scripts/test starts one"]
    sign_in:
    on_every_server,
}

/// In one process only, because sqlx's own lock does not work on `MariaDB`.
fn has_migrations(process: i32) -> bool {
    process == 0
}

/// What makes a migration fail, what its error names, and what removes the obstacle.
const IN_THE_WAY: (&str, &str, &str) =
    ("CREATE VIEW _otp_auth_migrations AS SELECT 1 AS version", "error 1288", "DROP VIEW _otp_auth_migrations");

/// Tables, and what the application changes while their user with the id 7 signs in.
const CHANGED_MEANWHILE: [(&str, &str); 2] = [
    (USERS, "UPDATE users SET email = 'eve@x.com'"),
    (USERS, "DELETE FROM users; INSERT INTO users VALUES (7, 'eve@x.com', FALSE)"),
];
const ANN: &str = "INSERT INTO users VALUES (7, 'ann@x.com', FALSE)";

/// Changes more than a sign-in does: the server ends the transaction that has changed less.
const PREVAILING: &str = "INSERT INTO users (email, is_verified) WITH RECURSIVE numbers AS \
     (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM numbers WHERE seq < 500) SELECT CONCAT(seq, '@y.com'), TRUE FROM numbers";

const CONSTRAINTS: &str = "CREATE UNIQUE INDEX users_email ON users (email); \
                           ALTER TABLE users ADD CONSTRAINT no_bob CHECK (email <> 'bob@x.com')";
const NO_COLUMN: &str = "Unknown column 'users.is_verified'";
const NO_TABLE: &str = "users' doesn't exist";

/// Challenges, users with nearly the address, addresses that break a constraint, and what the
/// error names: for the check, its number on `MariaDB` or on `MySQL`. The collation of the index
/// considers spellings equal.
const VIOLATIONS: [(u8, Option<&str>, &str, &[&str]); 3] = [
    (1, Some("Ann@x.com"), "ann@x.com", &["users_email)"]),
    (2, None, "bob@x.com", &["4025", "3819"]),
    (3, Some("IT'S X.COM FOR KEY 'X.COM'"), "it's x.com for key 'x.com'", &[""]),
];

async fn store_of_names() -> MySqlStore {
    store_with("CREATE TABLE users (id VARCHAR(40) PRIMARY KEY, email VARCHAR(255) NOT NULL)").await
}

/// A store with one connection.
async fn on_one_connection(options: MySqlConnectOptions) -> MySqlStore {
    MySqlStore::from_pool(MySqlPoolOptions::new().max_connections(1).connect_with(options).await.unwrap())
}

fn may_be_dropped(store: MySqlStore) -> Detached<MySqlStore> {
    Detached::new(store)
}

/// The beginnings of the statements that add a user, lock one, and revoke.
const SIGN_UP: &str = "INSERT INTO `users`";

/// How the statement begins that takes the turn of an address.
const TURN: &str = "INSERT INTO otp_budgets";
const LOCKING: &str = "SELECT `users`";
const REVOKING: &str = "UPDATE otp_sessions";

const SERVER: MySql = MySql;

fn in_two_time_zones(options: &MySqlConnectOptions) -> [MySqlConnectOptions; 2] {
    ["-03:30", "+12:45"].map(|zone| options.clone().timezone(Some(zone.to_owned())))
}

/// The application's own connection.
async fn application(store: &MySqlStore) -> MySqlConnection {
    store.pool().acquire().await.unwrap().detach()
}

/// Whether a statement of the application is waiting for a sign-in.
async fn is_held_up(store: &MySqlStore, statement: &str) -> bool {
    is_waiting(store, statement).await
}

/// The columns and indexes of the database, as text.
async fn catalogue(store: &MySqlStore) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT CAST(CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLLATION_NAME) AS CHAR) AS line \
         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
         UNION ALL \
         SELECT CAST(CONCAT_WS(' ', TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE) AS CHAR) \
         FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() \
         ORDER BY line",
    )
    .fetch_all(store.pool())
    .await
    .unwrap()
}

/// A process that was stopped between two statements leaves some tables, and a migration marked as
/// started.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_migration_that_was_cut_off_is_done_again() {
    let whole = store_with(USERS).await;
    let expected = catalogue(&whole).await;
    let cut = store_with(USERS).await;
    let halfway =
        "DROP TABLE otp_sessions; DROP TABLE token_blacklist; UPDATE _otp_auth_migrations SET success = FALSE";
    cut.run(halfway).await;
    cut.migrate().await.unwrap();
    assert_eq!(catalogue(&cut).await, expected);
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_url_opens_a_store() {
    let name = fresh_options().await.get_database().unwrap().to_owned();
    let (address, options) = address_and_options();
    let store = MySqlStore::connect(&format!("{address}/{name}?{options}")).await.unwrap();
    store.migrate().await.unwrap();
    assert!(catalogue(&store).await.iter().any(|line| line.starts_with("otp_sessions")));
    let nowhere = MySqlStore::connect(&format!("{address}?{options}")).await.unwrap();
    assert!(nowhere.migrate().await.unwrap_err().to_string().contains("names no database"));
}

/// Indexes serve the lookups that strangers can cause. With tables of this size, the planner uses
/// an index only if one fits.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn no_look_up_scans_a_table() {
    let store = store_with(USERS).await;
    store.run("CREATE UNIQUE INDEX users_email ON users (email)").await;
    numbers(&store, 2_000).await;
    let fill = "INSERT INTO users (email, is_verified) SELECT CONCAT(seq, '@x.com'), TRUE FROM numbers; \
                INSERT INTO otp_challenges (realm, `key`, identity, created_at, expires_at) \
                SELECT 'users', UNHEX(SHA2(seq, 256)), UNHEX(SHA2(seq, 256)), seq, seq FROM numbers; \
                INSERT INTO otp_budgets SELECT 'users', UNHEX(SHA2(seq, 256)), 0, seq, seq, 1, seq, 1, 0, NULL FROM numbers; \
                INSERT INTO otp_sessions (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at) \
                SELECT 'users', UNHEX(LEFT(SHA2(seq, 256), 32)), seq, x'00', 0, seq, seq, seq FROM numbers; \
                INSERT INTO token_blacklist SELECT 'users', UNHEX(LEFT(SHA2(seq, 256), 32)), 'token', seq, seq, seq FROM numbers; \
                ANALYZE TABLE users, otp_challenges, otp_budgets, otp_sessions, token_blacklist";
    store.run(fill).await;
    let fit = |statement: &str, values: &[&str]| {
        values.iter().fold(statement.to_owned(), |text, value| text.replacen('?', value, 1))
    };
    for statement in [
        "SELECT * FROM otp_challenges WHERE realm = 'users' AND `key` = x'00'".to_owned(),
        "DELETE FROM otp_challenges WHERE expires_at <= 5 ORDER BY expires_at LIMIT 5".to_owned(),
        "SELECT * FROM otp_budgets WHERE realm = 'users' AND identity = x'00' AND requester = 0".to_owned(),
        "DELETE FROM otp_budgets WHERE (day_started_at <= 5 OR day_started_at > 9000) AND (hour_started_at <= 5 OR hour_started_at > 9000) AND (next_send_at <= 5 OR next_send_at > 9000) AND (failures = 0 OR day_started_at <= 1) ORDER BY day_started_at LIMIT 5"
            .to_owned(),
        "UPDATE otp_sessions SET generation = 2 WHERE realm = 'users' AND id = x'00' AND generation = 1".to_owned(),
        "UPDATE otp_sessions SET revoked_at = 1 WHERE realm = 'users' AND user_id = x'31' AND revoked_at IS NULL".to_owned(),
        "DELETE FROM otp_sessions WHERE expires_at <= 5 ORDER BY expires_at LIMIT 5".to_owned(),
        "DELETE FROM token_blacklist WHERE expires_at <= 5 ORDER BY expires_at LIMIT 5".to_owned(),
        fit(<User as SqlUser<sqlx::MySql>>::SELECT_BY_ID, &["7"]),
        "SELECT * FROM token_blacklist WHERE realm = 'users' AND changed > 1990".to_owned(),
        fit(<User as SqlUser<sqlx::MySql>>::SELECT_CURRENT, &["7", "'users'", "x'00'", "x'01'", "x'02'", "5", "5"]),
        fit(<User as SqlUser<sqlx::MySql>>::SELECT_BY_EMAIL, &["'7@x.com'", "'7@x.com'"]),
        fit(<User as SqlUser<sqlx::MySql>>::SELECT_LOCKED.unwrap(), &["7", "'7@x.com'", "'7@x.com'"]),
        fit(<User as SqlUser<sqlx::MySql>>::MARK_VERIFIED.unwrap(), &["7"]),
    ] {
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN FORMAT=TRADITIONAL {statement}")))
            .fetch_all(store.pool())
            .await
            .unwrap();
        for row in plan {
            let access: Option<String> = row.get("type");
            assert!(!matches!(access.as_deref(), Some("ALL" | "index")), "{statement}: {access:?}");
        }
    }
    // The exact half of the comparison does not prevent the other half from using its index.
    let explain = format!("EXPLAIN FORMAT=TRADITIONAL {}", <User as SqlUser<sqlx::MySql>>::SELECT_BY_EMAIL);
    let plan =
        sqlx::query(AssertSqlSafe(explain)).bind("7@x.com").bind("7@x.com").fetch_one(store.pool()).await.unwrap();
    assert_eq!(plan.get::<Option<String>, _>("key").as_deref(), Some("users_email"));
    // An update of the row by its id takes the locks in the same order.
    let explain = format!("EXPLAIN FORMAT=TRADITIONAL {}", <User as SqlUser<sqlx::MySql>>::SELECT_LOCKED.unwrap());
    let plan = sqlx::query(AssertSqlSafe(explain)).bind(7).bind("7@x.com").bind("7@x.com");
    let plan = plan.fetch_one(store.pool()).await.unwrap();
    assert_eq!(plan.get::<Option<String>, _>("key").as_deref(), Some("PRIMARY"));
}

/// The address is also found in a column with an older character set.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn the_character_set_of_the_column_does_not_matter() {
    for charset in ["latin1", "utf8mb3", "utf8mb4 COLLATE utf8mb4_bin", "utf8mb4 COLLATE utf8mb4_unicode_ci"] {
        let store = store_with(USERS).await;
        let change = format!("ALTER TABLE users MODIFY email VARCHAR(255) CHARACTER SET {charset} NOT NULL");
        store.run(&change).await;
        let jose = MySql.add_user(&store, "josé@x.com", true).await;
        assert_eq!(store.user_by_email("josé@x.com").await.unwrap(), Some(jose), "{charset}");
        for other in ["jose@x.com", "JOSÉ@x.com", "josé@x.com "] {
            assert_eq!(UserStore::<User>::user_by_email(&store, other).await.unwrap(), None, "{charset}: {other:?}");
        }
    }
}

/// Each statement is committed immediately, even if the server has another default.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn nothing_is_left_uncommitted() {
    let server = Server::start("mariadb");
    let store = MySqlStore::connect(&server.url).await.unwrap();
    store.run("SET GLOBAL autocommit = FALSE").await;
    let store = MySqlStore::connect(&server.url).await.unwrap();
    store.migrate().await.unwrap();
    store.run(USERS).await;
    open(&store, 1).await;
    let signed_in = store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap();
    let SignInOutcome::SignedIn { session, .. } = signed_in else { panic!("not signed in") };
    store.advance(realm(), session.id, 0, NOW).await.unwrap();

    let other = MySqlStore::connect(&server.url).await.unwrap();
    assert_eq!(other.session(realm(), session.id).await.unwrap().unwrap().generation, 1);
}

/// `InnoDB` shows changes of others before they are durable. A sign-out that finds its session
/// already revoked must not be acknowledged before that is durable, so it writes as well.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn what_is_found_done_is_written_again() {
    let store = store_with(USERS).await;
    open(&store, 1).await;
    let signed_in = store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap();
    let SignInOutcome::SignedIn { session, .. } = signed_in else { panic!("not signed in") };
    let revocation = fixtures::revocation(NOW);
    assert!(store.revoke_session(realm(), session.id, revocation).await.unwrap());
    let mut last = 1;
    for repetition in 0..3 {
        match repetition {
            0 => assert!(!store.revoke_session(realm(), session.id, revocation).await.unwrap()),
            1 => assert_eq!(store.revoke_user_sessions(realm(), &session.user_id, revocation).await.unwrap(), []),
            _ => {
                let (id, until) = (*session.id.as_bytes(), revocation.blacklist_until);
                let entry = BlacklistEntry::new(id, BlacklistKind::Token, revocation.now, until);
                store.blacklist(realm(), &entry, revocation.now).await.unwrap();
            }
        }
        let written: i64 =
            sqlx::query_scalar("SELECT changed FROM token_blacklist").fetch_one(store.pool()).await.unwrap();
        assert!(written > last, "repetition {repetition}");
        last = written;
    }
    assert_eq!(store.session(realm(), session.id).await.unwrap().unwrap().revoked_at, Some(NOW));
}

/// Whether a statement with this beginning waits for a lock in this store's database. On `MariaDB`:
/// whether it has been running for longer than any of these takes without a lock.
async fn is_waiting(store: &MySqlStore, statement: &str) -> bool {
    let question = if is_mariadb(store).await {
        "SELECT count(*) FROM information_schema.PROCESSLIST \
         WHERE DB = DATABASE() AND INFO LIKE CONCAT(?, '%') AND TIME_MS > 300"
    } else {
        "SELECT count(*) FROM performance_schema.data_lock_waits waits \
         JOIN performance_schema.threads thread ON thread.THREAD_ID = waits.REQUESTING_THREAD_ID \
         WHERE thread.PROCESSLIST_DB = DATABASE() AND thread.PROCESSLIST_INFO LIKE CONCAT(?, '%')"
    };
    let waiting: i64 = sqlx::query_scalar(question).bind(statement).fetch_one(store.pool()).await.unwrap();
    waiting > 0
}

/// The application has an open transaction that refers to the user from a row of another table. It
/// does not change the user, so no one waits.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_sign_in_does_not_wait_for_rows_that_refer_to_its_user() {
    let store = store_with(USERS).await;
    let ann = MySql.add_user(&store, "ann@x.com", true).await;
    let orders = "CREATE TABLE orders (user_id BIGINT NOT NULL, FOREIGN KEY (user_id) REFERENCES users (id))";
    store.run(orders).await;
    let mut ordering = store.pool().begin().await.unwrap();
    sqlx::query("INSERT INTO orders VALUES (?)").bind(ann.id).execute(&mut *ordering).await.unwrap();
    open(&store, 1).await;
    let attempt = sign_in(1, existing(ann));
    let outcome = tokio::time::timeout(Duration::from_secs(5), store.sign_in(realm(), attempt)).await.unwrap().unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: false, .. }));
    ordering.commit().await.unwrap();
}

/// A sign-in that is committed while all sessions of its user are revoked is either unaffected or
/// revoked with them: it is never revoked without a blacklist entry, or without being reported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_sign_in_during_the_end_of_all_sessions_is_whole() {
    for held in ["SELECT changes FROM otp_realms FOR UPDATE", "SELECT changed FROM token_blacklist FOR UPDATE"] {
        let store = store_with(USERS).await;
        let ann = MySql.add_user(&store, "ann@x.com", true).await;
        let id = ann.id.to_string();
        let mut sessions = Vec::new();
        let mut begin = async |number| {
            open(&store, number).await;
            let attempt = sign_in(number, existing(ann.clone()));
            sessions.push(attempt.session.id);
            let outcome = store.sign_in(realm(), attempt).await.unwrap();
            assert!(matches!(outcome, SignInOutcome::SignedIn { .. }));
        };
        begin(1).await;
        let first = *fixtures::sign_in::<User>(1, existing(ann.clone()), 1, NOW).session.id.as_bytes();
        let until_then = fixtures::revocation(NOW).blacklist_until;
        let entry = BlacklistEntry::new(first, BlacklistKind::Session, NOW, until_then);
        store.blacklist(realm(), &entry, NOW).await.unwrap();
        let mut holding = store.pool().begin().await.unwrap();
        sqlx::query(held).fetch_all(&mut *holding).await.unwrap();
        let ending = tokio::spawn({
            let (store, id) = (store.clone(), id.clone());
            async move { store.revoke_user_sessions(realm(), &id, fixtures::revocation(NOW)).await.unwrap() }
        });
        until("the end waits", || is_waiting(&store, "INSERT INTO")).await;
        begin(2).await;
        holding.commit().await.unwrap();
        let ended = ending.await.unwrap();
        assert!(ended.contains(&sessions[0]));
        for session in sessions {
            let is_ended = ended.contains(&session);
            let stored = store.session(realm(), session).await.unwrap().unwrap();
            assert_eq!(stored.revoked_at.is_some(), is_ended, "{held}");
            assert_eq!(store.is_blacklisted(realm(), fixtures::token(session), NOW).await.unwrap(), is_ended, "{held}");
        }
    }
}

/// A call that its caller has dropped runs to completion and returns its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_call_that_is_dropped_runs_to_its_end() {
    let options = fresh_options().await;
    let one = on_one_connection(options.clone()).await;
    one.migrate().await.unwrap();
    one.run(USERS).await;
    let user = MySql.add_user(&one, "ann@x.com", false).await;
    open(&one, 1).await;
    let one = Arc::new(Detached::new(one));
    let application = store(options).await;
    let mut holding = application.pool().begin().await.unwrap();
    sqlx::query("SELECT id FROM users FOR UPDATE").fetch_all(&mut *holding).await.unwrap();
    let signing_in = tokio::spawn({
        let (one, user) = (Arc::clone(&one), user.clone());
        async move { one.sign_in(realm(), sign_in::<User>(1, existing(user))).await }
    });
    until("the sign-in waits", || is_waiting(&application, LOCKING)).await;
    signing_in.abort();
    assert!(signing_in.await.unwrap_err().is_cancelled());
    holding.rollback().await.unwrap();
    let attempt = sign_in::<User>(1, existing(user.clone()));
    let session = attempt.session.id;
    let outcome = tokio::time::timeout(Duration::from_secs(5), one.sign_in(realm(), attempt)).await.unwrap().unwrap();
    assert!(matches!(outcome, SignInOutcome::CodeSpent));
    assert!(application.session(realm(), session).await.unwrap().is_some());
    assert!(UserStore::<User>::user_by_id(&application, &user.id).await.unwrap().unwrap().is_verified);
}
