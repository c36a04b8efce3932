//! What only `MySQL` and `MariaDB` have: statements that commit implicitly, collations, and the
//! content of their errors.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use otp_auth::store::{
    BlacklistEntry, BlacklistKind, ChallengeStore, Detached, SessionStore, SignInOutcome, SqlUser, Timestamp, UserStore,
};
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::conformance::fixtures::{self, NOW, existing, key, realm};
use otp_auth::{MySqlStore, OtpUser};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, Row, SqlSafeStr};

use super::servers::{Server, drop_at_every_moment, open, said, sign_in, sign_up, slow_port, unique_name, until, url};
use super::twins::twins;
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
    sqlx::raw_sql(table).execute(store.pool()).await.unwrap();
    store
}

/// A table of the numbers up to `count` in `seq`, because `MySQL` has no sequences.
async fn numbers(store: &MySqlStore, count: u32) {
    let values: Vec<_> = (1..=count).map(|number| format!("({number})")).collect();
    let table = format!(
        "CREATE TABLE numbers (seq INT NOT NULL PRIMARY KEY); INSERT INTO numbers VALUES {}",
        values.join(", ")
    );
    sqlx::raw_sql(AssertSqlSafe(table)).execute(store.pool()).await.unwrap();
}

async fn is_mariadb(store: &MySqlStore) -> bool {
    let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(store.pool()).await.unwrap();
    version.contains("MariaDB")
}

pub(crate) struct MySql;

/// Two stores on one database.
pub(crate) const TWICE: Twice<MySql> = Twice(MySql);

impl Backend for MySql {
    type User = User;
    type Store = MySqlStore;

    /// The address has no unique index, because a store must not need one.
    async fn fresh(&self) -> MySqlStore {
        store_with(USERS).await
    }

    async fn add_user(&self, store: &MySqlStore, email: &str, verified: bool) -> User {
        let added = sqlx::query("INSERT INTO users (email, is_verified) VALUES (?, ?)")
            .bind(email)
            .bind(verified)
            .execute(store.pool())
            .await
            .unwrap();
        let id = i64::try_from(added.last_insert_id()).unwrap();
        User { id, email: email.to_owned(), is_verified: verified }
    }

    async fn unverify(&self, store: &MySqlStore, user: &User) {
        sqlx::query("UPDATE users SET is_verified = FALSE WHERE id = ?")
            .bind(user.id)
            .execute(store.pool())
            .await
            .unwrap();
    }

    async fn remove_user(&self, store: &MySqlStore, user: &User) {
        sqlx::query("DELETE FROM users WHERE id = ?").bind(user.id).execute(store.pool()).await.unwrap();
    }

    async fn count_users(&self, store: &MySqlStore, email: &str) -> usize {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE BINARY email = ?")
            .bind(email.as_bytes())
            .fetch_one(store.pool())
            .await
            .unwrap();
        usize::try_from(count).unwrap()
    }
}

impl Reopen for MySql {
    async fn reopen(&self, store: &MySqlStore) -> MySqlStore {
        self::store(MySqlConnectOptions::clone(&store.pool().connect_options())).await
    }
}

twins! {
    #[ignore = "needs MariaDB: scripts/test starts one"]
    db_09_migrating_again_changes_nothing,
    several_processes_may_migrate_at_once,
    db_09_a_database_of_the_first_version_is_upgraded_in_place,
    the_shipped_file_makes_the_same_tables,
    time_zones_do_not_matter,
    a_user_that_the_application_adds_meanwhile_is_found,
    no_sign_in_outlives_a_change_of_its_user,
}

/// Rows that the first version may have written.
const ROWS_OF_THE_FIRST: &str = "INSERT INTO otp_challenges VALUES (x'01', x'02', x'03', x'04', 0, 1, 9999999999999, NULL); \
     INSERT INTO otp_budgets VALUES (x'02', 0, 1, 1, 1, 1, 1); \
     INSERT INTO otp_sessions VALUES (x'05', '1', 3, 1, 1, 9999999999999, NULL, 'Agent', NULL); \
     INSERT INTO token_blacklist VALUES (x'06', 'token', 1, 9999999999999)";
const RECORDS: &str = "CREATE TABLE _otp_auth_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
                       installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
                       checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";
const RECORD: &str = "INSERT INTO _otp_auth_migrations (version, description, success, checksum, execution_time) \
                      VALUES (1, 'otp auth', TRUE, ?, 0)";
/// The beginnings of the statements that add a user and that revoke.
const SIGN_UP: &str = "INSERT INTO `users`";
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

/// The application has its own sqlx migrations, with the same version number as ours, and runs them
/// concurrently.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn the_migrations_of_the_application_run_beside_ours() {
    let options = fresh_options().await;
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let options = options.clone();
            tokio::spawn(async move {
                let store = store(options).await;
                // In one process only, because sqlx's own lock does not work on MariaDB.
                if number == 0 {
                    let own = Migration::new(1, "own".into(), MigrationType::Simple, USERS.into_sql_str(), false);
                    Migrator::with_migrations(vec![own]).run(store.pool()).await.unwrap();
                }
                store.migrate().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let store = store(options).await;
    let own: Vec<String> =
        sqlx::query_scalar("SELECT description FROM _sqlx_migrations").fetch_all(store.pool()).await.unwrap();
    let ours: Vec<String> =
        sqlx::query_scalar("SELECT description FROM _otp_auth_migrations").fetch_all(store.pool()).await.unwrap();
    assert_eq!((own, ours), (vec!["own".to_owned()], vec!["otp auth".to_owned(), "realms".to_owned()]));
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
    sqlx::raw_sql(halfway).execute(cut.pool()).await.unwrap();
    cut.migrate().await.unwrap();
    assert_eq!(catalogue(&cut).await, expected);
}

/// After an error, no lock blocks the next one.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_migration_that_fails_can_be_run_again() {
    let options = fresh_options().await;
    let first = store(options.clone()).await;
    sqlx::raw_sql("CREATE VIEW _otp_auth_migrations AS SELECT 1 AS version").execute(first.pool()).await.unwrap();
    first.migrate().await.unwrap_err();
    let second = store(options).await;
    sqlx::raw_sql("DROP VIEW _otp_auth_migrations").execute(second.pool()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), second.migrate()).await.unwrap().unwrap();
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
    sqlx::raw_sql("CREATE UNIQUE INDEX users_email ON users (email)").execute(store.pool()).await.unwrap();
    numbers(&store, 2_000).await;
    let fill = "INSERT INTO users (email, is_verified) SELECT CONCAT(seq, '@x.com'), TRUE FROM numbers; \
                INSERT INTO otp_challenges (realm, `key`, identity, created_at, expires_at) \
                SELECT 'users', UNHEX(SHA2(seq, 256)), UNHEX(SHA2(seq, 256)), seq, seq FROM numbers; \
                INSERT INTO otp_budgets SELECT 'users', UNHEX(SHA2(seq, 256)), 0, seq, seq, 1, seq, 1 FROM numbers; \
                INSERT INTO otp_sessions (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at) \
                SELECT 'users', UNHEX(LEFT(SHA2(seq, 256), 32)), seq, x'00', 0, seq, seq, seq FROM numbers; \
                INSERT INTO token_blacklist SELECT 'users', UNHEX(LEFT(SHA2(seq, 256), 32)), 'token', seq, seq, seq FROM numbers; \
                ANALYZE TABLE users, otp_challenges, otp_budgets, otp_sessions, token_blacklist";
    sqlx::raw_sql(fill).execute(store.pool()).await.unwrap();
    let fit = |statement: &str, values: &[&str]| {
        values.iter().fold(statement.to_owned(), |text, value| text.replacen('?', value, 1))
    };
    for statement in [
        "SELECT * FROM otp_challenges WHERE realm = 'users' AND `key` = x'00'".to_owned(),
        "DELETE FROM otp_challenges WHERE expires_at <= 5 ORDER BY expires_at LIMIT 5".to_owned(),
        "SELECT * FROM otp_budgets WHERE realm = 'users' AND identity = x'00' AND requester = 0".to_owned(),
        "DELETE FROM otp_budgets WHERE (day_started_at <= 5 OR day_started_at > 9000) AND (hour_started_at <= 5 OR hour_started_at > 9000) AND (next_send_at <= 5 OR next_send_at > 9000) ORDER BY day_started_at LIMIT 5"
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

/// Ids that a collation considers equal belong to different users.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn ids_are_compared_exactly() {
    #[derive(Debug, OtpUser)]
    #[otp_user(table = "users", stores(mysql))]
    struct Named {
        #[otp(id, generate = "Ann".to_owned())]
        id: String,
        #[otp(email)]
        email: String,
    }
    let store = store_with("CREATE TABLE users (id VARCHAR(40) PRIMARY KEY, email VARCHAR(255) NOT NULL)").await;
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<Named>(1, "ann@x.com")).await.unwrap();
    let SignInOutcome::SignedIn { user, session, .. } = outcome else { panic!("no sign-up") };
    assert_eq!((user.id.as_str(), user.email.as_str(), session.user_id.as_str()), ("Ann", "ann@x.com", "Ann"));
    let by_id = async |id: &str| UserStore::<Named>::user_by_id(&store, &id.to_owned()).await.unwrap();
    assert!(by_id("Ann").await.is_some());
    for other in ["ann", "ANN", "Ann ", "Ánn"] {
        assert!(by_id(other).await.is_none(), "{other:?}");
        assert!(store.user_sessions(realm(), other, NOW).await.unwrap().is_empty(), "{other:?}");
    }
    assert_eq!(store.user_sessions(realm(), "Ann", NOW).await.unwrap(), [session]);
}

/// The address is also found in a column with an older character set.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn the_character_set_of_the_column_does_not_matter() {
    for charset in ["latin1", "utf8mb3", "utf8mb4 COLLATE utf8mb4_bin", "utf8mb4 COLLATE utf8mb4_unicode_ci"] {
        let store = store_with(USERS).await;
        let change = format!("ALTER TABLE users MODIFY email VARCHAR(255) CHARACTER SET {charset} NOT NULL");
        sqlx::raw_sql(AssertSqlSafe(change)).execute(store.pool()).await.unwrap();
        let jose = MySql.add_user(&store, "josé@x.com", true).await;
        assert_eq!(store.user_by_email("josé@x.com").await.unwrap(), Some(jose), "{charset}");
        for other in ["jose@x.com", "JOSÉ@x.com", "josé@x.com "] {
            assert_eq!(UserStore::<User>::user_by_email(&store, other).await.unwrap(), None, "{charset}: {other:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn an_error_names_what_is_wrong_and_no_address() {
    let store = store_with(USERS).await;
    sqlx::raw_sql(
        "CREATE UNIQUE INDEX users_email ON users (email); \
         ALTER TABLE users ADD CONSTRAINT no_bob CHECK (email <> 'bob@x.com')",
    )
    .execute(store.pool())
    .await
    .unwrap();
    let check = if is_mariadb(&store).await { "4025" } else { "3819" };
    // The collation of the index considers both spellings equal.
    MySql.add_user(&store, "Ann@x.com", true).await;
    for (number, email, about) in
        [(1, "ann@x.com", "users_email)"), (2, "bob@x.com", check), (3, "it's x.com for key 'x.com'", "")]
    {
        open(&store, number).await;
        if number == 3 {
            MySql.add_user(&store, &email.to_uppercase(), true).await;
        }
        let error = store.sign_in(realm(), sign_up::<User>(number, email)).await.unwrap_err();
        let said = said(&error);
        assert!(said.contains(about) && !said.to_lowercase().contains("x.com"), "{said}");
        // The code was not used up.
        let outcome = store.sign_in(realm(), sign_up::<User>(number, &format!("n{number}@y.com"))).await.unwrap();
        assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
    }
    sqlx::raw_sql("ALTER TABLE users RENAME COLUMN is_verified TO verified").execute(store.pool()).await.unwrap();
    let error = UserStore::<User>::user_by_email(&store, "ann@x.com").await.unwrap_err();
    assert!(error.to_string().contains("Unknown column 'users.is_verified'"), "{error}");
    sqlx::raw_sql("DROP TABLE users").execute(store.pool()).await.unwrap();
    let error = UserStore::<User>::user_by_email(&store, "ann@x.com").await.unwrap_err();
    assert!(error.to_string().contains("users' doesn't exist"), "{error}");
}

/// Each statement is committed immediately, even if the server has another default.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn nothing_is_left_uncommitted() {
    let server = Server::start("mariadb");
    let store = MySqlStore::connect(&server.url).await.unwrap();
    sqlx::raw_sql("SET GLOBAL autocommit = FALSE").execute(store.pool()).await.unwrap();
    let store = MySqlStore::connect(&server.url).await.unwrap();
    store.migrate().await.unwrap();
    sqlx::raw_sql(USERS).execute(store.pool()).await.unwrap();
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

/// While a user's first sign-in waits, the application changes the address of the row, or gives its
/// id to another user: no one has verified that address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn no_other_address_is_verified_by_a_first_sign_in() {
    for change in
        ["UPDATE users SET email = 'eve@x.com'", "DELETE FROM users; INSERT INTO users VALUES (1, 'eve@x.com', FALSE)"]
    {
        let store = store_with(USERS).await;
        let ann = MySql.add_user(&store, "ann@x.com", false).await;
        open(&store, 1).await;
        let mut changing = store.pool().begin().await.unwrap();
        sqlx::raw_sql(change).execute(&mut *changing).await.unwrap();
        let signing_in = tokio::spawn({
            let store = store.clone();
            async move { store.sign_in(realm(), sign_in(1, existing(ann))).await.unwrap() }
        });
        until("the sign-in waits", || is_waiting(&store, "%`users`")).await;
        changing.commit().await.unwrap();
        let outcome = signing_in.await.unwrap();
        assert!(matches!(outcome, SignInOutcome::AccountChanged), "{change}: {outcome:?}");
        let eve: User = store.user_by_id(&1).await.unwrap().unwrap();
        assert_eq!((eve.email.as_str(), eve.is_verified), ("eve@x.com", false), "{change}");
        // Nothing has changed: the code still works.
        assert!(store.count_attempt(realm(), &key(1), 7).await.unwrap().unwrap().code_mac.is_some());
        assert_eq!(store.user_sessions(realm(), "1", NOW).await.unwrap(), []);
    }
}

/// The application has an open transaction that refers to the user from a row of another table. It
/// does not change the user, so no one waits.
#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_sign_in_does_not_wait_for_rows_that_refer_to_its_user() {
    let store = store_with(USERS).await;
    let ann = MySql.add_user(&store, "ann@x.com", true).await;
    let orders = "CREATE TABLE orders (user_id BIGINT NOT NULL, FOREIGN KEY (user_id) REFERENCES users (id))";
    sqlx::raw_sql(orders).execute(store.pool()).await.unwrap();
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
    let one = MySqlPoolOptions::new().max_connections(1).connect_with(options.clone()).await.unwrap();
    let one = MySqlStore::from_pool(one);
    one.migrate().await.unwrap();
    sqlx::raw_sql(USERS).execute(one.pool()).await.unwrap();
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
    until("the sign-in waits", || is_waiting(&application, "SELECT `users`")).await;
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

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_call_may_be_dropped_at_every_moment() {
    let options = fresh_options().await;
    let other = store(options.clone()).await;
    other.migrate().await.unwrap();
    sqlx::raw_sql(USERS).execute(other.pool()).await.unwrap();
    let slow = slow_port(options.get_port()).await;
    let one =
        MySqlPoolOptions::new().max_connections(1).connect_with(options.host("127.0.0.1").port(slow)).await.unwrap();
    drop_at_every_moment::<User, _>(&Detached::new(MySqlStore::from_pool(one)), &Detached::new(other)).await;
}

/// A sign-in that the server chooses as the victim of a deadlock is retried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_deadlock_is_not_the_end_of_a_sign_in() {
    let store = store_with(USERS).await;
    open(&store, 1).await;
    numbers(&store, 500).await;
    let mut other = store.pool().begin().await.unwrap();
    // The server chooses the transaction that has changed less.
    let much = "INSERT INTO users (email, is_verified) SELECT CONCAT(seq, '@y.com'), TRUE FROM numbers";
    sqlx::raw_sql(much).execute(&mut *other).await.unwrap();
    sqlx::query("SELECT tries FROM otp_challenges FOR UPDATE").fetch_all(&mut *other).await.unwrap();
    let signing_in = tokio::spawn({
        let store = store.clone();
        async move { store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap() }
    });
    until("the sign-in waits", || is_waiting(&store, "UPDATE otp_challenges")).await;
    sqlx::query("SELECT requester FROM otp_budgets FOR UPDATE").fetch_all(&mut *other).await.unwrap();
    other.commit().await.unwrap();
    assert!(matches!(signing_in.await.unwrap(), SignInOutcome::SignedIn { created: true, .. }));
}
