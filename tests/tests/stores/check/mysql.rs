//! On `MySQL` and `MariaDB`.

use otp_auth::MySqlStore;
use otp_auth::store::SignInOutcome;
use otp_auth::testing::conformance::fixtures::realm;

use super::super::mysql::{fresh_options, store as unmigrated, store_with, store_with as settled};
use super::super::servers::{open, sign_up, unique_name};
use super::super::twins::{Run, twins};
use super::super::users::User;
use super::*;

const USERS: &str = "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
                     is_verified BOOLEAN NOT NULL)";

const QUICKSTART: &str = "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(320) NOT NULL UNIQUE, \
                          is_verified BOOLEAN NOT NULL DEFAULT FALSE, username TEXT)";

/// What is said of an empty database.
const MISSING: [&str; 2] = [
    "otp-auth's own tables are incomplete: no table `otp_challenges`, no table `otp_budgets`, \
     no table `otp_sessions`, no table `token_blacklist`, no table `otp_realms`: \
     call the store's `migrate()` at startup, before `check()`",
    "table `users` does not exist: run `CREATE TABLE `users` (`id` BIGINT AUTO_INCREMENT PRIMARY KEY, \
     `email` VARCHAR(320) NOT NULL UNIQUE, `Is Verified` BOOLEAN NOT NULL, `level` INT NOT NULL, \
     `tags` JSON NOT NULL, `nick` VARCHAR(320), `plan` VARCHAR(320) NOT NULL DEFAULT …)`, \
     or name the right table: `#[otp_user(table = \"…\")]`",
];

/// A table with many faults, and what is said of them.
const WRONG: &str = "CREATE TABLE users (id BIGINT UNSIGNED NOT NULL, email VARBINARY(200), `IS VERIFIED` VARCHAR(5), \
     level INT AS (1) VIRTUAL, tags INT NOT NULL, plan TEXT NOT NULL, full_name VARCHAR(20) NOT NULL, \
     fine TEXT NOT NULL DEFAULT ('x'), made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, empty CHAR(3) NOT NULL DEFAULT '')";
const WRONG_IN: [&str; 11] = [
    "column `id` of `users` is BIGINT UNSIGNED, but its field of type `i64` reads BIGINT: run \
     `ALTER TABLE `users` MODIFY COLUMN `id` BIGINT …`, or change the field to a type that reads BIGINT UNSIGNED",
    "column `email` of `users` is VARBINARY, but its field of type `String` reads VARCHAR: run \
     `ALTER TABLE `users` MODIFY COLUMN `email` VARCHAR(320) …`, or change the field to a type that reads VARBINARY",
    "column `Is Verified` of `users` is VARCHAR, but its field of type `bool` reads BOOLEAN: run \
     `ALTER TABLE `users` MODIFY COLUMN `Is Verified` BOOLEAN …`, or change the field to a type that reads VARCHAR",
    "column `tags` of `users` is INT, but its field of type `Vec<String>` reads JSON: run \
     `ALTER TABLE `users` MODIFY COLUMN `tags` JSON …`, or change the field to a type that reads INT",
    "table `users` has no column `nick`: run `ALTER TABLE `users` ADD COLUMN `nick` VARCHAR(320)`, \
     or name the right column: `#[otp(column = \"…\")]`",
    "nothing generates the id, column `id` of `users`: write \
     `#[otp(id, generate = …)]`, or declare the column as ``id` BIGINT AUTO_INCREMENT PRIMARY KEY`",
    "the database generates column `level` of `users`, but a first sign-in sets it: \
     remove `default` from its field",
    "column `plan` of `users` requires a value, but a first sign-in does not set one: \
     run `ALTER TABLE `users` ALTER COLUMN `plan` SET DEFAULT …`, or mark its field with `#[otp(default = …)]`",
    "column `full_name` of `users` requires a value, but a first sign-in does not set one: run \
     `ALTER TABLE `users` ALTER COLUMN `full_name` SET DEFAULT …`, \
     or give it a field with `#[otp(default = …)]`",
    "column `id` of `users` has no unique index: run `ALTER TABLE `users` ADD UNIQUE (`id`)`",
    "column `email` of `users` has no unique index: run `ALTER TABLE `users` ADD UNIQUE (`email`)`",
];

const INDEXES: [Index; 5] = [
    ("CREATE UNIQUE INDEX one ON users (email)", None),
    // Stricter than required.
    ("CREATE UNIQUE INDEX one ON users (email(10))", None),
    ("CREATE INDEX one ON users (email)", Some(("", ""))),
    (
        "CREATE UNIQUE INDEX one ON users (is_verified, email)",
        Some((" (the index `one` includes other columns)", IF_ONE_VALUE)),
    ),
    ("SELECT 1", Some(("", ""))),
];

const NOT_UNIQUE: &str =
    "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255), is_verified BOOLEAN)";
const UNIQUE: &str = "ALTER TABLE `users` ADD UNIQUE (`email`)";

/// Our columns: the table, the name, and statements that hide and restore it.
const OUR_COLUMNS: &str = "SELECT CONVERT(table_name USING utf8mb4), CONVERT(column_name USING utf8mb4), \
     CONVERT(CONCAT('ALTER TABLE ', table_name, ' RENAME COLUMN `', column_name, '` TO gone') USING utf8mb4), \
     CONVERT(CONCAT('ALTER TABLE ', table_name, ' RENAME COLUMN gone TO `', column_name, '`') USING utf8mb4) \
     FROM information_schema.columns WHERE table_schema = DATABASE() \
     AND (table_name LIKE 'otp%' OR table_name = 'token_blacklist')";
/// Our indexes: the name, and statements that hide and restore it.
const OUR_INDEXES: &str = "SELECT DISTINCT CONVERT(index_name USING utf8mb4), \
     CONVERT(CONCAT('ALTER TABLE ', table_name, ' RENAME INDEX ', index_name, ' TO gone') USING utf8mb4), \
     CONVERT(CONCAT('ALTER TABLE ', table_name, ' RENAME INDEX gone TO ', index_name) USING utf8mb4) \
     FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY' \
     AND (table_name LIKE 'otp%' OR table_name = 'token_blacklist')";
const FEWEST_INDEXES: usize = 6;
const DROP_PRIMARY_KEY: &str = "ALTER TABLE otp_budgets DROP PRIMARY KEY";

const NULLABLE: &str = "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(200) NOT NULL UNIQUE, plan VARCHAR(20), tags JSON, \
     nick VARCHAR(20) NOT NULL DEFAULT '', title VARCHAR(20) NOT NULL, given VARCHAR(20) NOT NULL, note VARCHAR(20))";
const NO_LONGER_NULLABLE: &str = "ALTER TABLE users ALTER plan SET DEFAULT 'free', ALTER tags SET DEFAULT '[]', MODIFY nick VARCHAR(20), \
     MODIFY title VARCHAR(20)";
const NULL_IS_EMPTY_TEXT: bool = false;

fn set_default(column: &str) -> String {
    format!("run `ALTER TABLE `users` ALTER COLUMN `{column}` SET DEFAULT …`")
}

twins! {
    #[ignore = "needs MariaDB: scripts/test starts one"]
    check:
    on_every_database,
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn an_int_behind_an_i64_works_here() {
    let store = store_with(
        "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
         is_verified TINYINT(1) NOT NULL)",
    )
    .await;
    assert_eq!(said::<User>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn what_fills_in_a_column_is_respected() {
    let store = store_with(
        "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
         is_verified BOOLEAN NOT NULL, full_name VARCHAR(20) NOT NULL)",
    )
    .await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::SignUp]);
    // Without strict mode, the server inserts empty text.
    let options = sqlx::mysql::MySqlConnectOptions::clone(&store.pool().connect_options());
    let pool = sqlx::mysql::MySqlPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move { sqlx::raw_sql("SET sql_mode = ''").execute(connection).await.map(drop) })
    });
    let lax = MySqlStore::from_pool(pool.max_connections(1).connect_with(options).await.unwrap());
    assert_eq!(said::<User>(&lax).await, [""; 0]);
    open(&lax, 1).await;
    assert!(lax.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.is_ok());
    store.run("CREATE TRIGGER touching BEFORE INSERT ON users FOR EACH ROW SET NEW.is_verified = TRUE").await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::SignUp], "that one sets another column");
    store.run("CREATE TRIGGER filling BEFORE INSERT ON users FOR EACH ROW SET NEW.full_name = 'x'").await;
    assert_eq!(said::<User>(&store).await, [""; 0]);
    open(&store, 2).await;
    assert!(store.sign_in(realm(), sign_up::<User>(2, "bob@x.com")).await.is_ok());
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_view_is_checked_for_what_it_has() {
    let store = store_with(
        "CREATE TABLE base (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
         is_verified BOOLEAN NOT NULL, count SMALLINT NOT NULL DEFAULT 0); \
         INSERT INTO base (email, is_verified) VALUES ('ann@x.com', TRUE); \
         CREATE VIEW users AS SELECT id, email, is_verified FROM base",
    )
    .await;
    assert_eq!(said::<User>(&store).await, [""; 0]);
    // It accepts updates, but no new rows.
    let derived = "CREATE OR REPLACE VIEW users AS SELECT id, CONCAT(email) AS email, is_verified FROM base";
    store.run(derived).await;
    let [finding] = &findings::<User>(&store).await[..] else { panic!("one finding") };
    assert_eq!(finding.kind(), FindingKind::SignUp);
    assert!(finding.problem().contains("`users` that a sign-in needs fails ("), "{finding}");
    store.run("CREATE OR REPLACE VIEW users AS SELECT DISTINCT id, email FROM base").await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::Column, FindingKind::SignUp]);
    store.run("CREATE OR REPLACE VIEW users AS SELECT id, email, is_verified FROM base; DROP TABLE base").await;
    assert_eq!(
        said::<User>(&store).await,
        ["the view `users` refers to something that does not exist: repair it, \
          or name the right table: `#[otp_user(table = \"…\")]`"]
    );
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn odd_names_in_this_database_are_found() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "Member`s \"all\"", stores(mysql))]
    struct Member {
        #[otp(id, column = "the id")]
        id: u32,
        #[otp(email, column = "E-Mail `Address`")]
        email: String,
    }
    let store = store_with(
        "CREATE TABLE `Member``s \"all\"` (`The Id` INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, `E-Mail ``Address``` VARCHAR(99))",
    )
    .await;
    assert_eq!(
        said::<Member>(&store).await,
        ["column `E-Mail `Address`` of `Member`s \"all\"` has no unique index: \
          run `ALTER TABLE `Member``s \"all\"` ADD UNIQUE (`E-Mail ``Address```)`"]
    );
    store.run("ALTER TABLE `Member``s \"all\"` ADD UNIQUE (`E-Mail ``Address```)").await;
    assert_eq!(said::<Member>(&store).await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_filter_works_and_an_index_for_its_rows_counts() {
    let store = store_with(
        "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(320), proven_at TIMESTAMP NULL, \
         kind VARCHAR(9) DEFAULT 'person')",
    )
    .await;
    let unique = "column `email` of `users` has no unique index";
    let write = "run `ALTER TABLE `users` ADD UNIQUE (`email`)`";
    // The position in the server's message differs between versions.
    let [wrong, not_unique] = &said::<Person>(&store).await[..] else { panic!("two findings") };
    assert!(
        wrong.starts_with(
            "the filter `deleted_at IS NULL AND kind = 'person'` fails on `users` \
             (Unknown column 'deleted_at' in '"
        ) && wrong.ends_with("): correct `#[otp_user(filter = \"…\")]`"),
        "{wrong}"
    );
    assert_eq!(*not_unique, format!("{unique}: {write}"));
    store.run("ALTER TABLE users ADD COLUMN deleted_at TIMESTAMP NULL").await;
    for (expression, counts) in [
        ("CASE WHEN deleted_at IS NULL AND kind = 'person' THEN email END", true),
        ("IF(deleted_at IS NULL AND kind = 'person', email, NULL)", true),
        // An index over more rows than the users' is enough, too.
        ("IF(deleted_at IS NULL, email, NULL)", true),
        ("IF(deleted_at IS NOT NULL, email, NULL)", false),
        ("IF(deleted_at IS NULL AND kind = 'person', kind, NULL)", false),
        ("IF(deleted_at IS NULL AND kind = 'person', email, kind)", false),
        ("LOWER(email)", true),
    ] {
        store.run(&format!("ALTER TABLE users ADD COLUMN one VARCHAR(320) AS ({expression}) STORED UNIQUE")).await;
        let said = said::<Person>(&store).await;
        assert_eq!(said.is_empty(), counts, "{expression}: {said:?}");
        store.run("ALTER TABLE users DROP COLUMN one").await;
    }
    store
        .run("ALTER TABLE users ADD COLUMN one VARCHAR(320) AS (IF(deleted_at IS NOT NULL, email, NULL)) STORED UNIQUE")
        .await;
    // A column that tells which rows these are, beside the address.
    for (condition, counts) in
        [("deleted_at IS NULL AND kind = 'person'", true), ("deleted_at IS NULL", true), ("kind = 'robot'", false)]
    {
        let live = format!(
            "ALTER TABLE users ADD COLUMN live TINYINT AS (IF({condition}, 1, NULL)) STORED, ADD UNIQUE one_live (email, live)"
        );
        store.run(&live).await;
        assert_eq!(said::<Person>(&store).await.is_empty(), counts, "{condition}");
        store.run("ALTER TABLE users DROP INDEX one_live, DROP COLUMN live").await;
    }
    let rows = "(the index `one` covers only some rows: WHERE deleted_at is not null)";
    assert_eq!(said::<Person>(&store).await, [format!("{unique} {rows}: {IF_USERS}{OTHERWISE}{write}")]);

    // Such a table allows an address to return.
    let statements = "ALTER TABLE users DROP COLUMN one; ALTER TABLE users ADD COLUMN one VARCHAR(320) \
                      AS (CASE WHEN deleted_at IS NULL AND kind = 'person' THEN email END) STORED UNIQUE; \
                      INSERT INTO users (email, deleted_at) VALUES ('ann@x.com', now())";
    store.run(statements).await;
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<Person>(1, "ann@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn a_filter_that_does_not_work_is_told_in_the_words_of_the_server() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(mysql), filter = "id IN (SELECT id FROM members)")]
    struct Person {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        is_verified: bool,
    }
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(mysql), filter = "COUNT(*) > 1")]
    struct Counted {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        is_verified: bool,
    }
    let store = store_with(USERS).await;
    let [finding] = &findings::<Person>(&store).await[..] else { panic!("one finding") };
    assert!(finding.problem().ends_with(".members' doesn't exist)"), "{finding}");
    let [finding] = &findings::<Counted>(&store).await[..] else { panic!("one finding") };
    assert!(finding.problem().ends_with("(Invalid use of group function)"), "{finding}");
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn an_enum_has_a_default_and_an_address_may_be_made_of_another_column() {
    let store = store_with(
        "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, \
         is_verified BOOLEAN NOT NULL, kind ENUM ('person', 'machine') NOT NULL)",
    )
    .await;
    assert_eq!(said::<User>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
    let statements = "DROP TABLE users; CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, typed VARCHAR(255), \
                      email VARCHAR(255) AS (LOWER(typed)) STORED UNIQUE, is_verified BOOLEAN NOT NULL)";
    store.run(statements).await;
    assert_eq!(UserStore::<User>::check(&store, SignUps::Closed).await.unwrap(), []);
}

#[tokio::test]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn what_this_user_of_the_database_may_not_do_is_told() {
    let store = store_with(USERS).await;
    let user = &unique_name()[..30];
    // Without the right to grant, the test can still write what GRANT would.
    let grant = format!(
        "CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'x'; \
         INSERT INTO mysql.db (host, db, user, select_priv) VALUES ('127.0.0.1', DATABASE(), '{user}', 'Y'); \
         FLUSH PRIVILEGES"
    );
    store.run(&grant).await;
    let options = sqlx::mysql::MySqlConnectOptions::clone(&store.pool().connect_options());
    let options = options.username(user).password("x");
    let limited = unmigrated(options.clone()).await;
    assert_eq!(
        said::<User>(&limited).await,
        [
            "the database user lacks INSERT on `users`: run `GRANT SELECT, INSERT, UPDATE ON `users` TO …`",
            "the database user lacks UPDATE on `users`: run `GRANT SELECT, INSERT, UPDATE ON `users` TO …`",
        ]
    );
    store.run(&format!("UPDATE mysql.db SET update_priv = 'Y' WHERE user = '{user}'; FLUSH PRIVILEGES")).await;
    // A session keeps its privileges on its database.
    limited.pool().close().await;
    let limited = unmigrated(options).await;
    assert_eq!(kinds::<User>(&limited).await, [FindingKind::Privilege]);
    assert_eq!(UserStore::<User>::check(&limited, SignUps::Closed).await.unwrap(), []);
    limited.pool().close().await;
    store.run(&format!("DROP USER '{user}'@'127.0.0.1'")).await;
}
