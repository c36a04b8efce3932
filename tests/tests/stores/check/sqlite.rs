//! On `SQLite`.

use otp_auth::store::{FindingKind, SignInOutcome, SignUps, UserStore};
use otp_auth::testing::conformance::fixtures::realm;
use otp_auth::{OtpUser, SqliteStore};
use sqlx::AssertSqlSafe;

use super::super::servers::{open, sign_up};
use super::super::users::{User, sqlite_url};
use super::{
    Demanding, ExistingUser, IF_ONE_VALUE, IF_USERS, Nullable, OTHERWISE, OfTenant, ReadmeUser, findings, kinds, said,
};

/// A migrated store, after these statements.
async fn store(schema: &str) -> SqliteStore {
    let store = SqliteStore::connect(&sqlite_url()).await.unwrap();
    store.migrate().await.unwrap();
    run(&store, schema).await;
    store
}

async fn run(store: &SqliteStore, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(store.pool()).await.unwrap();
}

#[tokio::test]
async fn the_tables_of_the_documents_pass() {
    let quickstart = "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, \
                      is_verified BOOLEAN NOT NULL DEFAULT FALSE, username TEXT)";
    assert_eq!(said::<ReadmeUser>(&store(quickstart).await).await, [""; 0]);
    let existing = store(include_str!("../../../../examples/existing-table/src/schema.sql")).await;
    assert_eq!(said::<ExistingUser>(&existing).await, [""; 0]);
}

#[tokio::test]
async fn an_empty_database_needs_both_kinds_of_tables() {
    let store = SqliteStore::connect(&sqlite_url()).await.unwrap();
    assert_eq!(
        said::<Demanding>(&store).await,
        [
            "otp-auth's own tables are incomplete: no table `otp_challenges`, no table `otp_budgets`, \
             no table `otp_sessions`, no table `token_blacklist`: \
             call the store's `migrate()` at startup, before `check()`",
            "table `users` does not exist: run `CREATE TABLE `users` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, \
             `email` TEXT NOT NULL UNIQUE, `Is Verified` BOOLEAN NOT NULL, `level` INTEGER NOT NULL, \
             `tags` TEXT NOT NULL, `nick` TEXT, `plan` TEXT NOT NULL DEFAULT …)`, \
             or name the right table: `#[otp_user(table = \"…\")]`",
        ]
    );
}

#[tokio::test]
async fn everything_that_is_wrong_is_in_one_list() {
    let store = store(
        "CREATE TABLE users (id TEXT PRIMARY KEY, email INTEGER, level REAL NOT NULL, full_name TEXT NOT NULL, \
         terms INTEGER NOT NULL DEFAULT NULL, plan TEXT NOT NULL, tags TEXT AS (full_name))",
    )
    .await;
    assert_eq!(
        said::<Demanding>(&store).await,
        [
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
        ]
    );
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
    let store = store(
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
    let store = store(
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
    run(&store, "DROP TABLE users").await;
    run(&store, strict).await;
    assert_eq!(
        said::<Loose>(&store).await,
        ["column `other` of `users` is BLOB, but its field of type `String` reads TEXT: \
          recreate the table with ``other` TEXT`, or change the field to a type that reads BLOB"]
    );
}

#[tokio::test]
async fn a_row_is_never_read() {
    let store = store(
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
    let store = store(
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
    run(&store, "DROP VIEW users; CREATE VIEW users AS SELECT cast(id AS TEXT) AS id, id AS email FROM base").await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::Type, FindingKind::Column]);
    run(&store, "DROP VIEW users; CREATE VIEW users AS SELECT * FROM base; DROP TABLE base").await;
    assert_eq!(
        said::<User>(&store).await,
        ["table `users` cannot be read (no such table: main.base): \
          repair it, or name the right table: `#[otp_user(table = \"…\")]`"]
    );
}

#[tokio::test]
async fn only_an_index_that_holds_for_every_row_counts() {
    for (index, instead) in [
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
    ] {
        let store =
            store("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, is_verified BOOLEAN NOT NULL)")
                .await;
        run(&store, index).await;
        let expected: Vec<_> = instead
            .map(|(instead, near)| {
                let otherwise = if instead.is_empty() { "" } else { OTHERWISE };
                format!(
                    "column `email` of `users` has no unique index{instead}: \
                     {near}{otherwise}run `CREATE UNIQUE INDEX `users_email` ON `users` (`email`)`"
                )
            })
            .into_iter()
            .collect();
        assert_eq!(said::<User>(&store).await, expected, "{index}");
    }
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
        assert_eq!(kinds::<User>(&store(&schema).await).await, expected, "{id}");
    }
    let without = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, is_verified BOOLEAN) WITHOUT ROWID";
    assert_eq!(kinds::<User>(&store(without).await).await, [FindingKind::SignUp]);
    let store = store("CREATE TABLE users (email TEXT UNIQUE)").await;
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
    run(&store, "ATTACH ':memory:' AS other; CREATE TABLE \"member`s \"\"all\"\"\" (id)").await;
    assert_eq!(
        said::<Member>(&store).await,
        ["table `other.Member`s \"all\"` does not exist: run `CREATE TABLE `other`.`Member``s \"all\"` \
          (`the id` INTEGER PRIMARY KEY AUTOINCREMENT, `E-Mail ``Address``` TEXT NOT NULL UNIQUE, `group` TEXT)`, \
          or name the right table: `#[otp_user(table = \"…\")]`"]
    );
    run(
        &store,
        "CREATE TABLE other.\"MEMBER`s \"\"all\"\"\" (\"THE id\" INTEGER PRIMARY KEY, \"E-Mail `Address`\" TEXT)",
    )
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
    run(
        &store,
        "ALTER TABLE `other`.`Member``s \"all\"` ADD COLUMN `group` TEXT; \
         CREATE UNIQUE INDEX `other`.`Member``s \"all\"_E-Mail ``Address``` ON `Member``s \"all\"` (`E-Mail ``Address```)",
    )
    .await;
    assert_eq!(said::<Member>(&store).await, [""; 0]);
}

/// The check reports everything that the migrations create when it is missing.
#[tokio::test]
async fn every_table_column_and_index_of_ours_is_missed() {
    // One connection, so that no other one has an old schema in memory.
    let store = SqliteStore::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    run(&store, "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, is_verified BOOLEAN)").await;
    let made: Vec<(String, String)> = sqlx::query_as(
        "SELECT tables.name, columns.name FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns \
         WHERE tables.schema = 'main' AND (tables.name LIKE 'otp%' OR tables.name = 'token_blacklist')",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    assert!(made.len() > 30, "{made:?}");
    for (table, column) in made {
        run(&store, &format!("ALTER TABLE {table} RENAME COLUMN \"{column}\" TO gone")).await;
        let [finding] = &findings::<User>(&store).await[..] else { panic!("one finding for {table}.{column}") };
        assert_eq!(finding.kind(), FindingKind::Migration);
        assert_eq!(finding.problem(), format!("otp-auth's own tables are incomplete: no column `{table}.{column}`"));
        run(&store, &format!("ALTER TABLE {table} RENAME COLUMN gone TO \"{column}\"")).await;
    }
    let indexes: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'")
            .fetch_all(store.pool())
            .await
            .unwrap();
    assert!(indexes.len() >= 5, "{indexes:?}");
    for (index, sql) in indexes {
        run(&store, &format!("DROP INDEX {index}")).await;
        assert_eq!(
            said::<User>(&store).await,
            [format!(
                "otp-auth's own tables are incomplete: no index `{index}`: `migrate()` does not create it a second time; create it as in the `migrations` folder of otp-auth"
            )]
        );
        run(&store, &sql).await;
    }
    assert_eq!(said::<User>(&store).await, [""; 0]);
}

#[tokio::test]
async fn tables_of_another_version_are_noticed() {
    let users = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, is_verified BOOLEAN)";
    let newer = store(users).await;
    run(&newer, "INSERT INTO _otp_auth_migrations VALUES (17, 'x', CURRENT_TIMESTAMP, TRUE, x'', 0)").await;
    assert_eq!(
        said::<User>(&newer).await,
        [
            "a newer version of otp-auth has applied migration 17, but this version knows only those up to 2: run the newer version"
        ]
    );
    // The files may be run by other tools, and then nothing is recorded.
    let by_files = SqliteStore::connect(&sqlite_url()).await.unwrap();
    run(&by_files, users).await;
    run(&by_files, include_str!("../../../../otp-auth/migrations/sqlite/0001_otp_auth.sql")).await;
    let [finding] = &findings::<User>(&by_files).await[..] else { panic!("one finding") };
    assert!(finding.problem().contains("no column `otp_challenges.realm`"), "{finding}");
    assert_eq!(finding.remedy(), "call the store's `migrate()` at startup, before `check()`");
    run(&by_files, include_str!("../../../../otp-auth/migrations/sqlite/0002_realms.sql")).await;
    assert_eq!(said::<User>(&by_files).await, [""; 0]);
}

/// An index over the rows that are users is enough.
#[tokio::test]
async fn a_filter_works_and_an_index_for_its_rows_counts() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(sqlite), filter = "deleted_at IS NULL AND kind = 'person'")]
    struct Person {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        proven_at: Option<time::OffsetDateTime>,
    }
    let store = store("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, proven_at TEXT, kind TEXT)").await;
    assert_eq!(
        said::<Person>(&store).await,
        [
            "the filter `deleted_at IS NULL AND kind = 'person'` fails on `users` \
             (no such column: deleted_at): correct `#[otp_user(filter = \"…\")]`",
            "column `email` of `users` has no unique index: \
             run `CREATE UNIQUE INDEX `users_email` ON `users` (`email`)`",
        ]
    );
    for (index, instead) in [
        ("(email) WHERE deleted_at IS NULL AND kind = 'person'", None),
        ("(lower(email))\nwhere (kind = 'person')  AND \"deleted_at\" is null", None),
        // An index over more rows than the users' is enough, too.
        ("(email) WHERE deleted_at IS NULL AND email IS NOT NULL", None),
        ("(email) WHERE deleted_at IS NULL AND id > 0", Some("WHERE deleted_at IS NULL AND id > 0)")),
        ("(email) WHERE deleted_at IS NOT NULL", Some("WHERE deleted_at IS NOT NULL)")),
    ] {
        let store = self::store(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, proven_at TEXT, kind TEXT, deleted_at TEXT)",
        )
        .await;
        run(&store, &format!("CREATE UNIQUE INDEX one ON users {index}")).await;
        match (&findings::<Person>(&store).await[..], instead) {
            ([], None) => {}
            ([finding], Some(instead)) => assert!(finding.problem().ends_with(instead), "{finding}"),
            (found, _) => panic!("{index}: {found:?}"),
        }
    }
}

/// For other types, the database returns empty text or zero instead of NULL.
#[tokio::test]
async fn null_where_a_field_reads_none_and_a_column_takes_none_is_found() {
    let store = store(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(200) NOT NULL UNIQUE, plan TEXT, tags TEXT, \
         nick VARCHAR(20) NOT NULL DEFAULT '', title VARCHAR(20) NOT NULL, given VARCHAR(20) NOT NULL, note VARCHAR(20))",
    )
    .await;
    let default = "recreate the table with a DEFAULT for it";
    assert_eq!(
        said::<Nullable>(&store).await,
        [
            format!(
                "column `tags` of `users` is NULL after a first sign-in, but its field of type `Option<Vec<String>>` cannot read NULL: {default}, or mark its field with `#[otp(default = …)]`"
            ),
            "column `nick` of `users` does not allow NULL, but a first sign-in sets it to NULL, the default of its field: \
             mark the field with `#[otp(default = Some(…))]`, or remove `default` from it, because the table has one"
                .to_owned(),
            "column `title` of `users` does not allow NULL, but a first sign-in sets it to NULL, the default of its field: \
             mark the field with `#[otp(default = Some(…))]`"
                .to_owned(),
        ]
    );
    open(&store, 1).await;
    assert!(store.sign_in(realm(), sign_up::<Nullable>(1, "ann@x.com")).await.is_err());
    assert_eq!(UserStore::<Nullable>::check(&store, SignUps::Closed).await.unwrap(), []);
    run(
        &store,
        "DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, \
         plan TEXT DEFAULT 'free', tags TEXT DEFAULT '[]', nick TEXT, title TEXT, given TEXT NOT NULL, note TEXT)",
    )
    .await;
    assert_eq!(said::<Nullable>(&store).await, [""; 0]);
    open(&store, 2).await;
    let outcome = store.sign_in(realm(), sign_up::<Nullable>(2, "bob@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
}

#[tokio::test]
async fn an_index_with_what_the_filter_fixes_counts() {
    for (columns, counts) in [
        ("tenant_id, email", true),
        ("email, deleted, tenant_id", true),
        ("email, kind", false),
        ("email, tenant_id, kind", false),
    ] {
        let store = store(
            "CREATE TABLE users (id VARCHAR(40) PRIMARY KEY, email VARCHAR(200) NOT NULL, tenant_id INT DEFAULT 7, \
             deleted BOOLEAN DEFAULT FALSE, kind INT)",
        )
        .await;
        run(&store, &format!("CREATE UNIQUE INDEX one ON users ({columns})")).await;
        let said = said::<OfTenant>(&store).await;
        assert_eq!(said.is_empty(), counts, "{columns}: {said:?}");
    }
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
    let store = store("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, plan TEXT, seen TEXT)").await;
    run(
        &store,
        "CREATE TRIGGER seeing AFTER INSERT ON users BEGIN UPDATE users SET seen = 'now' WHERE id = NEW.id; END",
    )
    .await;
    assert_eq!(kinds::<Planned>(&store).await, [FindingKind::SignUp]);
    run(
        &store,
        "CREATE TRIGGER filling AFTER INSERT ON users BEGIN UPDATE users SET plan = '\"free\"' WHERE id = NEW.id; END",
    )
    .await;
    assert_eq!(said::<Planned>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<Planned>(1, "ann@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { user: Planned { plan, .. }, .. } if plan == "free"));
}
