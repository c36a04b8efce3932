//! On `SQLite`.

use otp_auth::SqliteStore;
use otp_auth::store::SignInOutcome;
use otp_auth::testing::conformance::fixtures::realm;

use super::super::servers::{open, sign_up};
use super::super::sqlite::{fresh_options, store as unmigrated, store_with};
use super::super::twins::{Run, twins};
use super::super::users::{User, sqlite_url};
use super::*;

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, is_verified BOOLEAN)";

const QUICKSTART: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, \
                          is_verified BOOLEAN NOT NULL DEFAULT FALSE, username TEXT)";

/// What is said of an empty database.
const MISSING: [&str; 2] = [
    "otp-auth's own tables are incomplete: no table `otp_challenges`, no table `otp_budgets`, \
     no table `otp_sessions`, no table `token_blacklist`: \
     call the store's `migrate()` at startup, before `check()`",
    "table `users` does not exist: run `CREATE TABLE `users` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, \
     `email` TEXT NOT NULL UNIQUE, `Is Verified` BOOLEAN NOT NULL, `level` INTEGER NOT NULL, \
     `tags` TEXT NOT NULL, `nick` TEXT, `plan` TEXT NOT NULL DEFAULT …)`, \
     or name the right table: `#[otp_user(table = \"…\")]`",
];

/// A table with many faults, and what is said of them.
const WRONG: &str = "CREATE TABLE users (id TEXT PRIMARY KEY, email INTEGER, level REAL NOT NULL, full_name TEXT NOT NULL, \
     terms INTEGER NOT NULL DEFAULT NULL, plan TEXT NOT NULL, tags TEXT AS (full_name))";
const WRONG_IN: [&str; 11] = [
    "column `id` of `users` is TEXT, but its field of type `i64` reads INTEGER: \
     recreate the table with ``id` INTEGER`, or change the field to a type that reads TEXT",
    "column `email` of `users` is INTEGER, but its field of type `String` reads TEXT: \
     recreate the table with ``email` TEXT`, or change the field to a type that reads INTEGER",
    "table `users` has no column `Is Verified`: run `ALTER TABLE `users` ADD COLUMN `Is Verified` \
     BOOLEAN NOT NULL DEFAULT FALSE`, or name the right column: `#[otp(column = \"…\")]`",
    "column `level` of `users` is REAL, but its field of type `i32` reads INTEGER: \
     recreate the table with ``level` INTEGER`, or change the field to a type that reads REAL",
    "table `users` has no column `nick`: run `ALTER TABLE `users` ADD COLUMN `nick` TEXT`, \
     or name the right column: `#[otp(column = \"…\")]`",
    "nothing generates the id, column `id` of `users`: \
     write `#[otp(id, generate = …)]`, or declare the column as ``id` INTEGER PRIMARY KEY AUTOINCREMENT`",
    "column `full_name` of `users` requires a value, but a first sign-in does not set one: \
     recreate the table with a DEFAULT for it, or give it a field with `#[otp(default = …)]`",
    "column `terms` of `users` requires a value, but a first sign-in does not set one: \
     recreate the table with a DEFAULT for it, or give it a field with `#[otp(default = …)]`",
    "column `plan` of `users` requires a value, but a first sign-in does not set one: \
     recreate the table with a DEFAULT for it, or mark its field with `#[otp(default = …)]`",
    "the database generates column `tags` of `users`, but a first sign-in sets it: \
     remove `default` from its field",
    "column `email` of `users` has no unique index: \
     run `CREATE UNIQUE INDEX `users_email` ON `users` (`email`)`",
];

const INDEXES: [Index; 9] = [
    ("CREATE UNIQUE INDEX one ON users (email)", None),
    ("CREATE UNIQUE INDEX one ON users (EMAIL COLLATE NOCASE)", None),
    ("CREATE UNIQUE INDEX one ON users (lower(email))", None),
    ("CREATE UNIQUE INDEX one ON users (lower(trim(\"email\")) DESC)", None),
    ("CREATE INDEX one ON users (email)", Some(("", ""))),
    (
        "CREATE UNIQUE INDEX one ON users (email, is_verified)",
        Some((" (the index `one` includes other columns)", IF_ONE_VALUE)),
    ),
    (
        "CREATE UNIQUE INDEX one ON users (email) WHERE is_verified",
        Some((" (the index `one` covers only some rows: WHERE is_verified)", IF_USERS)),
    ),
    (
        "CREATE UNIQUE INDEX one ON users (is_verified || email)",
        Some((" (the index `one` uses an expression that may be equal or NULL for different rows)", "")),
    ),
    ("SELECT 1", Some(("", ""))),
];

const NOT_UNIQUE: &str =
    "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, is_verified BOOLEAN NOT NULL)";
const UNIQUE: &str = "CREATE UNIQUE INDEX `users_email` ON `users` (`email`)";

/// Our columns: the table, the name, and statements that hide and restore it.
const OUR_COLUMNS: &str = "SELECT tables.name, columns.name, \
     'ALTER TABLE ' || tables.name || ' RENAME COLUMN \"' || columns.name || '\" TO gone', \
     'ALTER TABLE ' || tables.name || ' RENAME COLUMN gone TO \"' || columns.name || '\"' \
     FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns \
     WHERE tables.schema = 'main' AND (tables.name LIKE 'otp%' OR tables.name = 'token_blacklist')";
/// Our indexes: the name, and statements that remove and restore it.
const OUR_INDEXES: &str =
    "SELECT name, 'DROP INDEX ' || name, sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'";
const FEWEST_INDEXES: usize = 5;
const DROP_PRIMARY_KEY: &str = "CREATE TABLE budgets AS SELECT * FROM otp_budgets; DROP TABLE otp_budgets; \
     ALTER TABLE budgets RENAME TO otp_budgets; CREATE INDEX otp_budgets_day_started_at ON otp_budgets (day_started_at)";

/// A migrated store with one connection, so that no other one has an old schema in memory.
async fn settled(table: &str) -> SqliteStore {
    let store = unmigrated("sqlite::memory:".to_owned()).await;
    store.migrate().await.unwrap();
    store.run(table).await;
    store
}

const PERSONS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, proven_at TEXT, kind TEXT)";
const ADD_DELETED_AT: &str = "ALTER TABLE users ADD COLUMN deleted_at TEXT";
const NO_DELETED_AT: &str = "no such column: deleted_at";
const INDEXES_OF_PERSONS: [(&str, Option<&str>); 5] = [
    ("(email) WHERE deleted_at IS NULL AND kind = 'person'", None),
    ("(lower(email))\nwhere (kind = 'person')  AND \"deleted_at\" is null", None),
    ("(email) WHERE deleted_at IS NULL AND email IS NOT NULL", None),
    ("(email) WHERE deleted_at IS NULL AND id > 0", Some("WHERE deleted_at IS NULL AND id > 0)")),
    ("(email) WHERE deleted_at IS NOT NULL", Some("WHERE deleted_at IS NOT NULL)")),
];

const NULLABLE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(200) NOT NULL UNIQUE, plan TEXT, tags TEXT, \
     nick VARCHAR(20) NOT NULL DEFAULT '', title VARCHAR(20) NOT NULL, given VARCHAR(20) NOT NULL, note VARCHAR(20))";
const NO_LONGER_NULLABLE: &str = "DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, \
     plan TEXT DEFAULT 'free', tags TEXT DEFAULT '[]', nick TEXT, title TEXT, given TEXT NOT NULL, note TEXT)";
/// Except as JSON, the database returns NULL as empty text or zero.
const NULL_IS_EMPTY_TEXT: bool = true;

fn set_default(_: &str) -> &'static str {
    "recreate the table with a DEFAULT for it"
}

twins! {
    check:
    on_every_database,
    a_filter_works_and_an_index_for_its_rows_counts,
}

#[tokio::test]
async fn the_table_of_the_example_passes() {
    let store = store_with(include_str!("../../../../examples/existing-table/src/schema.sql")).await;
    assert_eq!(said::<ExistingUser>(&store).await, [""; 0]);
}

/// Columns that a sign-up must fill matter only if there are sign-ups.
#[tokio::test]
async fn a_closed_application_may_leave_columns_without_a_default() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(sqlite))]
    struct Member {
        #[otp(id)]
        id: String,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        is_verified: bool,
    }
    let store = store_with(
        "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, is_verified BOOLEAN NOT NULL, \
         full_name TEXT NOT NULL)",
    )
    .await;
    assert_eq!(UserStore::<Member>::check(&store, SignUps::Closed).await.unwrap(), []);
    assert_eq!(kinds::<Member>(&store).await, [FindingKind::SignUp, FindingKind::SignUp]);
}

/// `SQLite` stores values in such columns as written, so a field reads what it wrote: the check
/// finds nothing, and the first sign-in works.
#[tokio::test]
async fn types_that_say_nothing_of_their_values_pass() {
    #[derive(Clone, Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(sqlite))]
    struct Loose {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(default = 1)]
        flag: i64,
        #[otp(default = "2026-01-02")]
        born: String,
        #[otp(default = "now")]
        seen: String,
        #[otp(default = 3)]
        count: i64,
        #[otp(default = "x")]
        other: String,
        #[otp(json, default = vec!["a".to_owned()])]
        tags: Vec<String>,
        #[otp(default = true)]
        wide: bool,
    }
    let store = store_with(
        "CREATE TABLE users (id BIGINT PRIMARY KEY DEFAULT (random()), email VARCHAR(200) UNIQUE, flag BOOLEAN, \
         born DATE, seen DATETIME, count NUMERIC(5), other BLOB, tags JSON, wide TINYINT(1))",
    )
    .await;
    assert_eq!(said::<Loose>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<Loose>(1, "ann@x.com")).await.unwrap();
    let SignInOutcome::SignedIn { user, .. } = outcome else { panic!("no sign-up") };
    assert_eq!((user.flag, user.count, &user.tags[..], user.wide), (1, 3, &["a".to_owned()][..], true));
    assert_eq!((&user.born[..], &user.seen[..], &user.other[..]), ("2026-01-02", "now", "x"));
    let strict = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, flag INTEGER, born ANY, seen TEXT, \
                  count INT, other BLOB, tags TEXT, wide INTEGER) STRICT";
    store.run("DROP TABLE users").await;
    store.run(strict).await;
    assert_eq!(
        said::<Loose>(&store).await,
        ["column `other` of `users` is BLOB, but its field of type `String` reads TEXT: \
          recreate the table with ``other` TEXT`, or change the field to a type that reads BLOB"]
    );
}

#[tokio::test]
async fn a_row_is_never_read() {
    let store = store_with(
        "CREATE TABLE base (id INTEGER PRIMARY KEY, email TEXT, is_verified BOOLEAN); \
         INSERT INTO base VALUES (-9223372036854775808, 'ann@x.com', 1); \
         CREATE VIEW users AS SELECT abs(id) AS id, email, is_verified FROM base; \
         CREATE TRIGGER adding INSTEAD OF INSERT ON users BEGIN INSERT INTO base VALUES (NULL, NEW.email, 1); END; \
         CREATE TRIGGER marking INSTEAD OF UPDATE ON users BEGIN UPDATE base SET is_verified = 1; END",
    )
    .await;
    // `abs` of this number is an error, so reading the row would be one.
    let read = UserStore::<User>::user_by_email(&store, "ann@x.com").await.unwrap_err();
    assert!(read.to_string().contains("integer overflow"), "{read}");
    assert_eq!(said::<User>(&store).await, [""; 0]);
}

#[tokio::test]
async fn a_view_has_columns_and_types_and_takes_rows_by_triggers() {
    let store = store_with(
        "CREATE TABLE base (id INTEGER PRIMARY KEY, email TEXT, is_verified BOOLEAN); \
         CREATE VIEW users AS SELECT id AS Id, email, is_verified FROM base",
    )
    .await;
    assert_eq!(
        said::<User>(&store).await,
        [
            "`users` rejects the INSERT of a sign-in (cannot modify users because it is a view): \
             run `CREATE TRIGGER … INSTEAD OF INSERT ON `users` …`, or name the table behind the view",
            "`users` rejects the UPDATE of a sign-in (cannot modify users because it is a view): \
             run `CREATE TRIGGER … INSTEAD OF UPDATE ON `users` …`, or name the table behind the view",
        ]
    );
    store.run("DROP VIEW users; CREATE VIEW users AS SELECT cast(id AS TEXT) AS id, id AS email FROM base").await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::Type, FindingKind::Column]);
    store.run("DROP VIEW users; CREATE VIEW users AS SELECT * FROM base; DROP TABLE base").await;
    assert_eq!(
        said::<User>(&store).await,
        ["table `users` cannot be read (no such table: main.base): \
          repair it, or name the right table: `#[otp_user(table = \"…\")]`"]
    );
}

#[tokio::test]
async fn an_id_is_unique_and_made_by_somebody() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(sqlite))]
    struct Numbered {
        #[otp(id)]
        rowid: i64,
        #[otp(email)]
        email: String,
    }
    for (id, expected) in [
        ("id INTEGER PRIMARY KEY", &[][..]),
        ("id INTEGER PRIMARY KEY NOT NULL", &[]),
        ("Id integer NOT NULL PRIMARY KEY AUTOINCREMENT", &[]),
        ("id INTEGER UNIQUE DEFAULT (random())", &[]),
        ("id INTEGER DEFAULT (random())", &[FindingKind::Unique]),
        ("id INTEGER", &[FindingKind::SignUp, FindingKind::Unique]),
        // Neither is an alias of the row id.
        ("id INT PRIMARY KEY", &[FindingKind::SignUp]),
        ("id INTEGER PRIMARY KEY DESC", &[FindingKind::SignUp]),
    ] {
        let schema = format!("CREATE TABLE users ({id}, email TEXT UNIQUE, is_verified BOOLEAN)");
        assert_eq!(kinds::<User>(&store_with(&schema).await).await, expected, "{id}");
    }
    let without = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, is_verified BOOLEAN) WITHOUT ROWID";
    assert_eq!(kinds::<User>(&store_with(without).await).await, [FindingKind::SignUp]);
    let store = store_with("CREATE TABLE users (email TEXT UNIQUE)").await;
    assert_eq!(said::<Numbered>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<Numbered>(1, "ann@x.com")).await.unwrap();
    assert!(
        matches!(outcome, SignInOutcome::SignedIn { user: Numbered { rowid: 1, email }, .. } if email == "ann@x.com")
    );
}

#[tokio::test]
async fn odd_names_are_found_in_another_schema() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "other.Member`s \"all\"", stores(sqlite))]
    struct Member {
        #[otp(id, column = "the id")]
        id: i64,
        #[otp(email, column = "E-Mail `Address`")]
        email: String,
        #[otp(column = "group")]
        group: Option<String>,
    }
    let url = sqlite_url();
    let options: sqlx::sqlite::SqliteConnectOptions = url.parse().unwrap();
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let store = SqliteStore::from_pool(pool);
    store.migrate().await.unwrap();
    store.run("ATTACH ':memory:' AS other; CREATE TABLE \"member`s \"\"all\"\"\" (id)").await;
    assert_eq!(
        said::<Member>(&store).await,
        ["table `other.Member`s \"all\"` does not exist: run `CREATE TABLE `other`.`Member``s \"all\"` \
          (`the id` INTEGER PRIMARY KEY AUTOINCREMENT, `E-Mail ``Address``` TEXT NOT NULL UNIQUE, `group` TEXT)`, \
          or name the right table: `#[otp_user(table = \"…\")]`"]
    );
    store
        .run("CREATE TABLE other.\"MEMBER`s \"\"all\"\"\" (\"THE id\" INTEGER PRIMARY KEY, \"E-Mail `Address`\" TEXT)")
        .await;
    assert_eq!(
        said::<Member>(&store).await,
        [
            "table `other.Member`s \"all\"` has no column `group`: run `ALTER TABLE `other`.`Member``s \"all\"` \
             ADD COLUMN `group` TEXT`, or name the right column: `#[otp(column = \"…\")]`",
            "column `E-Mail `Address`` of `other.Member`s \"all\"` has no unique index: \
             run `CREATE UNIQUE INDEX `other`.`Member``s \"all\"_E-Mail ``Address``` \
             ON `Member``s \"all\"` (`E-Mail ``Address```)`",
        ]
    );
    // The advice works as written.
    store.run("ALTER TABLE `other`.`Member``s \"all\"` ADD COLUMN `group` TEXT; \
         CREATE UNIQUE INDEX `other`.`Member``s \"all\"_E-Mail ``Address``` ON `Member``s \"all\"` (`E-Mail ``Address```)").await;
    assert_eq!(said::<Member>(&store).await, [""; 0]);
}

#[tokio::test]
async fn tables_of_an_older_version_are_noticed() {
    // The files may be run by other tools, and then nothing is recorded.
    let by_files = unmigrated(sqlite_url()).await;
    by_files.run(USERS).await;
    by_files.run(include_str!("../../../../otp-auth/migrations/sqlite/0001_otp_auth.sql")).await;
    let [finding] = &findings::<User>(&by_files).await[..] else { panic!("one finding") };
    assert!(finding.problem().contains("no column `otp_challenges.realm`"), "{finding}");
    assert_eq!(finding.remedy(), "call the store's `migrate()` at startup, before `check()`");
    by_files.run(include_str!("../../../../otp-auth/migrations/sqlite/0002_realms.sql")).await;
    assert_eq!(said::<User>(&by_files).await, [""; 0]);
}

/// A new row is read after its INSERT triggers have run.
#[tokio::test]
async fn a_trigger_fills_in_what_may_be_null() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(sqlite))]
    struct Planned {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(json)]
        plan: String,
    }
    let store =
        store_with("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, plan TEXT, seen TEXT)").await;
    store
        .run("CREATE TRIGGER seeing AFTER INSERT ON users BEGIN UPDATE users SET seen = 'now' WHERE id = NEW.id; END")
        .await;
    assert_eq!(kinds::<Planned>(&store).await, [FindingKind::SignUp]);
    let filling =
        "CREATE TRIGGER filling AFTER INSERT ON users BEGIN UPDATE users SET plan = '\"free\"' WHERE id = NEW.id; END";
    store.run(filling).await;
    assert_eq!(said::<Planned>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<Planned>(1, "ann@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { user: Planned { plan, .. }, .. } if plan == "free"));
    let required =
        "DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, plan TEXT NOT NULL)";
    store.run(&format!("{required}; {filling}")).await;
    assert_eq!(kinds::<Planned>(&store).await, [FindingKind::SignUp]);
}
