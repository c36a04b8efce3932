//! On `PostgreSQL`.

use otp_auth::store::{FindingKind, SignInOutcome, SignUps, UserStore};
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::conformance::fixtures::realm;
use otp_auth::{OtpUser, PostgresStore};
use sqlx::AssertSqlSafe;

use super::super::pgbouncer::PgBouncer;
use super::super::postgres::{schema, store as unmigrated, store_with};
use super::super::servers::{open, sign_up, unique_name};
use super::super::twins::twins;
use super::super::users::User;
use super::{Demanding, IF_ONE_VALUE, IF_USERS, Nullable, OTHERWISE, OfTenant, ReadmeUser, findings, kinds, said};

const USERS: &str =
    "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT NOT NULL UNIQUE, is_verified BOOLEAN NOT NULL)";

#[derive(Clone, Copy, Debug, PartialEq, Default, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    #[default]
    Fine,
}
#[derive(Debug, PartialEq, OtpUser)]
#[otp_user(table = "users", stores(postgres))]
struct Moody {
    #[otp(id, generate = uuid::Uuid::now_v7())]
    id: uuid::Uuid,
    #[otp(email)]
    email: String,
    #[otp(default)]
    mood: Mood,
    last: Option<Mood>,
    #[otp(json, default)]
    tags: Vec<String>,
    made: Option<time::OffsetDateTime>,
}

const MOODY: &str = "CREATE TYPE mood AS ENUM ('fine'); CREATE TYPE other AS ENUM ('fine'); CREATE DOMAIN address AS VARCHAR(300); \
                     CREATE TABLE users (id UUID PRIMARY KEY, email address NOT NULL UNIQUE, mood mood NOT NULL, last mood, \
                     tags TEXT, made TIMESTAMPTZ)";

const NULLABLE: &str = "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email VARCHAR(200) NOT NULL UNIQUE, plan TEXT, tags JSONB, \
     nick VARCHAR(20) NOT NULL DEFAULT '', title VARCHAR(20) NOT NULL, given VARCHAR(20) NOT NULL, note VARCHAR(20))";
const NO_LONGER_NULLABLE: &str = "ALTER TABLE users ALTER plan SET DEFAULT 'free', ALTER tags SET DEFAULT '[]', ALTER nick DROP NOT NULL, \
     ALTER title DROP NOT NULL";
const DROP_INDEX: &str = "DROP INDEX one";

fn set_default(column: &str) -> String {
    format!("run `ALTER TABLE \"users\" ALTER COLUMN \"{column}\" SET DEFAULT …`")
}

twins! {
    #[ignore = "needs PostgreSQL: scripts/test starts one"]
    null_where_a_field_reads_none_and_a_column_takes_none_is_found,
    an_index_with_what_the_filter_fixes_counts,
}

async fn run(store: &PostgresStore, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(store.pool()).await.unwrap();
}

/// Replaces the table of users.
async fn again(store: &PostgresStore, users: &str) {
    run(store, "DROP TABLE IF EXISTS users CASCADE").await;
    run(store, users).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn the_tables_of_the_documents_pass() {
    let store = store_with(
        "CREATE TABLE users (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email TEXT NOT NULL UNIQUE, \
         is_verified BOOLEAN NOT NULL DEFAULT FALSE, username TEXT)",
    )
    .await;
    assert_eq!(said::<ReadmeUser>(&store).await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn types_of_the_database_are_known_by_their_names() {
    let store = store_with(MOODY).await;
    assert_eq!(said::<Moody>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<Moody>(1, "ann@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { user: Moody { mood: Mood::Fine, last: None, .. }, .. }));
    again(
        &store,
        "CREATE TABLE users (id TEXT PRIMARY KEY, email address UNIQUE, mood other, last TEXT, tags JSON, made TIMESTAMP)",
    )
    .await;
    assert_eq!(
        said::<Moody>(&store).await,
        [
            "column `id` of `users` is TEXT, but its field of type `Uuid` reads UUID: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"id\" TYPE UUID`, or change the field to a type that reads TEXT",
            "column `mood` of `users` is other, but its field of type `Mood` reads mood: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"mood\" TYPE mood`, or change the field to a type that reads other",
            "column `last` of `users` is TEXT, but its field of type `Option<Mood>` reads mood: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"last\" TYPE mood`, or change the field to a type that reads TEXT",
            "column `made` of `users` is TIMESTAMP, but its field of type `Option<OffsetDateTime>` reads TIMESTAMPTZ: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"made\" TYPE TIMESTAMPTZ`, \
             or change the field to a type that reads TIMESTAMP",
        ]
    );
}

/// The application starts with this table, and the first user to sign in gets an error, unless it
/// is checked.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn an_int4_behind_an_i64_is_found_at_the_start() {
    let store = store_with(
        "CREATE TABLE users (id SERIAL PRIMARY KEY, email TEXT NOT NULL UNIQUE, is_verified BOOLEAN NOT NULL)",
    )
    .await;
    assert_eq!(
        said::<User>(&store).await,
        ["column `id` of `users` is INT4, but its field of type `i64` reads INT8: \
          run `ALTER TABLE \"users\" ALTER COLUMN \"id\" TYPE INT8`, or change the field to a type that reads INT4"]
    );
    open(&store, 1).await;
    assert!(store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.is_err());
    run(&store, "ALTER TABLE \"users\" ALTER COLUMN \"id\" TYPE INT8").await;
    assert_eq!(said::<User>(&store).await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn everything_that_is_wrong_is_in_one_list() {
    let store = unmigrated(schema().await.1).await;
    assert_eq!(
        said::<Demanding>(&store).await,
        [
            "otp-auth's own tables are incomplete: no table `otp_challenges`, no table `otp_budgets`, \
             no table `otp_sessions`, no table `token_blacklist`: \
             call the store's `migrate()` at startup, before `check()`",
            "table `users` does not exist: run `CREATE TABLE \"users\" \
             (\"id\" INT8 GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, \"email\" TEXT NOT NULL UNIQUE, \
             \"Is Verified\" BOOL NOT NULL, \"level\" INT4 NOT NULL, \"tags\" JSONB NOT NULL, \"nick\" TEXT, \
             \"plan\" TEXT NOT NULL DEFAULT …)`, or name the right table: `#[otp_user(table = \"…\")]`",
        ]
    );
    store.migrate().await.unwrap();
    run(
        &store,
        "CREATE DOMAIN inner_domain AS TEXT NOT NULL; CREATE DOMAIN filled AS inner_domain; \
         CREATE TABLE users (id INT4 NOT NULL, email BYTEA, is_verified BOOLEAN, level INT4 GENERATED ALWAYS AS (1) STORED, \
         tags TEXT[] NOT NULL, plan TEXT NOT NULL, full_name TEXT NOT NULL, domain filled, fine TEXT NOT NULL DEFAULT 'x')",
    )
    .await;
    assert_eq!(
        said::<Demanding>(&store).await,
        [
            "column `id` of `users` is INT4, but its field of type `i64` reads INT8: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"id\" TYPE INT8`, or change the field to a type that reads INT4",
            "column `email` of `users` is BYTEA, but its field of type `String` reads TEXT: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"email\" TYPE TEXT`, or change the field to a type that reads BYTEA",
            "table `users` has no column `Is Verified`: run `ALTER TABLE \"users\" ADD COLUMN \"Is Verified\" \
             BOOL NOT NULL DEFAULT FALSE`, or name the right column: `#[otp(column = \"…\")]`",
            "column `tags` of `users` is TEXT[], but its field of type `Vec<String>` reads JSONB: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"tags\" TYPE JSONB`, or change the field to a type that reads TEXT[]",
            "table `users` has no column `nick`: run `ALTER TABLE \"users\" ADD COLUMN \"nick\" TEXT`, \
             or name the right column: `#[otp(column = \"…\")]`",
            "nothing generates the id, column `id` of `users`: write \
             `#[otp(id, generate = …)]`, or declare the column as `\"id\" INT8 GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY`",
            "the database generates column `level` of `users`, but a first sign-in sets it: \
             remove `default` from its field",
            "column `plan` of `users` requires a value, but a first sign-in does not set one: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"plan\" SET DEFAULT …`, \
             or mark its field with `#[otp(default = …)]`",
            "column `full_name` of `users` requires a value, but a first sign-in does not set one: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"full_name\" SET DEFAULT …`, \
             or give it a field with `#[otp(default = …)]`",
            "column `domain` of `users` requires a value, but a first sign-in does not set one: \
             run `ALTER TABLE \"users\" ALTER COLUMN \"domain\" SET DEFAULT …`, \
             or give it a field with `#[otp(default = …)]`",
            "column `id` of `users` has no unique index: run `CREATE UNIQUE INDEX ON \"users\" (\"id\")`",
            "column `email` of `users` has no unique index: \
             run `CREATE UNIQUE INDEX ON \"users\" (\"email\")`",
        ]
    );
    let closed = UserStore::<Demanding>::check(&store, SignUps::Closed).await.unwrap();
    assert!(closed.len() == 7 && closed.iter().all(|finding| finding.kind() != FindingKind::SignUp), "{closed:?}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn only_an_index_that_holds_for_every_row_counts() {
    let store = store_with(USERS).await;
    for (index, instead) in [
        ("CREATE UNIQUE INDEX one ON users (email)", None),
        ("CREATE UNIQUE INDEX one ON users (email) INCLUDE (is_verified)", None),
        ("CREATE UNIQUE INDEX one ON users (lower(email))", None),
        ("CREATE UNIQUE INDEX one ON users ((lower(email::varchar) COLLATE \"C\") DESC)", None),
        ("ALTER TABLE users ADD CONSTRAINT one UNIQUE (email) DEFERRABLE INITIALLY DEFERRED", None),
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
            "CREATE UNIQUE INDEX one ON users ((is_verified::text || email))",
            Some((" (the index `one` uses an expression that may be equal or NULL for different rows)", "")),
        ),
        (
            "CREATE UNIQUE INDEX one ON users ((CASE WHEN email LIKE 'a%' THEN email END))",
            Some((" (the index `one` uses an expression that may be equal or NULL for different rows)", "")),
        ),
        ("SELECT 1", Some(("", ""))),
    ] {
        again(&store, "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT NOT NULL, is_verified BOOLEAN)").await;
        run(&store, index).await;
        let expected: Vec<_> = instead
            .map(|(instead, near)| {
                let otherwise = if instead.is_empty() { "" } else { OTHERWISE };
                format!(
                    "column `email` of `users` has no unique index{instead}: \
                     {near}{otherwise}run `CREATE UNIQUE INDEX ON \"users\" (\"email\")`"
                )
            })
            .into_iter()
            .collect();
        assert_eq!(said::<User>(&store).await, expected, "{index}");
    }
    // An index whose creation failed remains, and guarantees nothing.
    again(&store, "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT NOT NULL, is_verified BOOLEAN)").await;
    run(&store, "INSERT INTO users (email) VALUES ('ann@x.com'), ('ann@x.com')").await;
    let failing = sqlx::query("CREATE UNIQUE INDEX CONCURRENTLY one ON users (email)").execute(store.pool()).await;
    assert!(failing.is_err());
    let [finding] = &findings::<User>(&store).await[..] else { panic!("one finding") };
    assert!(finding.problem().ends_with("(the index `one` is invalid, because building it failed)"), "{finding}");
    assert!(!finding.to_string().contains("ann@x.com"));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_trigger_may_fill_in_what_a_sign_up_leaves_out() {
    let store = store_with(
        "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT NOT NULL UNIQUE, is_verified BOOLEAN NOT NULL, \
         full_name TEXT NOT NULL)",
    )
    .await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::SignUp]);
    run(
        &store,
        "ALTER TABLE users ADD updated_at TIMESTAMPTZ; CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN NEW.updated_at := now(); RETURN NEW; END'; \
         CREATE TRIGGER touching BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
    )
    .await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::SignUp], "that one sets another column");
    run(
        &store,
        "CREATE FUNCTION fill_in() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN NEW.full_name := split_part(NEW.email, ''@'', 1); RETURN NEW; END'; \
         CREATE TRIGGER filling BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION fill_in()",
    )
    .await;
    assert_eq!(said::<User>(&store).await, [""; 0]);
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: true, .. }));
    // A function may receive the name as an argument.
    run(
        &store,
        "DELETE FROM users; ALTER TABLE users ADD words TSVECTOR NOT NULL; CREATE TRIGGER searching BEFORE INSERT ON users FOR EACH ROW \
         EXECUTE FUNCTION tsvector_update_trigger('words', 'pg_catalog.simple', 'email')",
    )
    .await;
    assert_eq!(said::<User>(&store).await, [""; 0]);
    run(&store, "ALTER TABLE users DISABLE TRIGGER filling").await;
    assert_eq!(kinds::<User>(&store).await, [FindingKind::SignUp]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_view_is_checked_for_what_it_has_and_no_row_is_read() {
    let store = store_with(
        "CREATE TABLE base (id BIGSERIAL PRIMARY KEY, email TEXT NOT NULL UNIQUE, is_verified BOOLEAN NOT NULL); \
         INSERT INTO base (email, is_verified) VALUES ('ann@x.com', TRUE); \
         CREATE FUNCTION seen(bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS \
         'BEGIN RAISE EXCEPTION ''a row was read''; END'; \
         CREATE VIEW users AS SELECT seen(id) AS id, email, is_verified FROM base",
    )
    .await;
    assert!(UserStore::<User>::user_by_email(&store, "ann@x.com").await.is_err());
    assert_eq!(said::<User>(&store).await, [""; 0]);
    run(&store, "DROP VIEW users; CREATE VIEW users AS SELECT id, email, bool_or(is_verified) AS is_verified FROM base GROUP BY id").await;
    assert_eq!(
        said::<User>(&store).await,
        [
            "`users` does not support INSERT: run `CREATE TRIGGER … INSTEAD OF INSERT ON \"users\" FOR EACH ROW …`, \
             or name the table behind the view",
            "`users` does not support UPDATE: run `CREATE TRIGGER … INSTEAD OF UPDATE ON \"users\" FOR EACH ROW …`, \
             or name the table behind the view",
        ]
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn names_are_resolved_as_the_server_does() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "otp Che\"cked.Users", stores(postgres))]
    struct Person {
        #[otp(id, column = "The \"Id\"")]
        id: i32,
        #[otp(email)]
        email: String,
    }
    let store = store_with(USERS).await;
    run(&store, "DROP SCHEMA IF EXISTS \"otp Che\"\"cked\" CASCADE").await;
    let [finding] = &findings::<Person>(&store).await[..] else { panic!("one finding") };
    assert_eq!(finding.problem(), "table `otp Che\"cked.Users` does not exist");
    run(
        &store,
        "CREATE SCHEMA \"otp Che\"\"cked\"; \
         CREATE TABLE \"otp Che\"\"cked\".\"Users\" (\"The \"\"Id\"\"\" SERIAL PRIMARY KEY, email VARCHAR(300) UNIQUE)",
    )
    .await;
    assert_eq!(said::<Person>(&store).await, [""; 0]);

    // Of two tables with one name, the first in the search path is used, and an index in another
    // schema does not count.
    let (first, options) = schema().await;
    let both = unmigrated(options.options([("search_path", format!("{}_none, {first}, public", unique_name()))])).await;
    both.migrate().await.unwrap();
    run(&both, "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT NOT NULL, is_verified BOOLEAN)").await;
    assert_eq!(kinds::<User>(&both).await, [FindingKind::Unique]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn every_table_column_and_index_of_ours_is_missed() {
    let store = store_with(USERS).await;
    let made: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns \
         WHERE table_schema = current_schema() AND (table_name LIKE 'otp%' OR table_name = 'token_blacklist')",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    assert!(made.len() > 30, "{made:?}");
    for (table, column) in made {
        run(&store, &format!("ALTER TABLE {table} RENAME COLUMN \"{column}\" TO gone")).await;
        let [finding] = &findings::<User>(&store).await[..] else { panic!("one finding for {table}.{column}") };
        assert_eq!(finding.problem(), format!("otp-auth's own tables are incomplete: no column `{table}.{column}`"));
        run(&store, &format!("ALTER TABLE {table} RENAME COLUMN gone TO \"{column}\"")).await;
    }
    let indexes: Vec<String> = sqlx::query_scalar(
        "SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT LIKE '%\\_pkey' \
         AND tablename <> 'users'",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    assert!(indexes.len() >= 6, "{indexes:?}");
    for index in indexes {
        run(&store, &format!("ALTER INDEX {index} RENAME TO gone")).await;
        assert_eq!(
            said::<User>(&store).await,
            [format!(
                "otp-auth's own tables are incomplete: no index `{index}`: `migrate()` does not create it a second time; create it as in the `migrations` folder of otp-auth"
            )]
        );
        run(&store, &format!("ALTER INDEX gone RENAME TO {index}")).await;
    }
    run(&store, "ALTER TABLE otp_budgets DROP CONSTRAINT otp_budgets_pkey").await;
    let [finding] = &findings::<User>(&store).await[..] else { panic!("one finding") };
    assert!(finding.problem().ends_with("no primary key of `otp_budgets`"), "{finding}");
    run(&store, "INSERT INTO _otp_auth_migrations VALUES (17, 'x', now(), TRUE, '', 0)").await;
    assert_eq!(
        said::<User>(&store).await[0],
        "a newer version of otp-auth has applied migration 17, but this version knows only those up to 2: run the newer version"
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn what_this_user_of_the_database_may_not_do_is_told() {
    let store = store_with(USERS).await;
    let role = unique_name();
    let (schema,): (String,) = sqlx::query_as("SELECT current_schema()::text").fetch_one(store.pool()).await.unwrap();
    run(&store, &format!("CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role}")).await;
    let options = sqlx::postgres::PgConnectOptions::clone(&store.pool().connect_options());
    let limited = unmigrated(options.options([("role", &role)])).await;
    let ours = "otp_challenges, otp_budgets, otp_sessions, token_blacklist";
    assert_eq!(
        said::<User>(&limited).await,
        [
            format!(
                "the database user lacks SELECT, INSERT, UPDATE, DELETE on {ours}: \
                 run `GRANT SELECT, INSERT, UPDATE, DELETE ON {ours} TO …`"
            ),
            "the database user lacks SELECT, INSERT, UPDATE on \"users\": \
             run `GRANT SELECT, INSERT, UPDATE ON \"users\" TO …`"
                .to_owned(),
            "the database user lacks USAGE on SEQUENCE users_id_seq: \
             run `GRANT USAGE ON SEQUENCE users_id_seq TO …`"
                .to_owned(),
        ]
    );
    run(
        &store,
        &format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON {ours} TO {role}; \
             GRANT SELECT, INSERT (email, is_verified), UPDATE (is_verified) ON users TO {role}; \
             GRANT USAGE ON SEQUENCE users_id_seq TO {role}"
        ),
    )
    .await;
    assert_eq!(said::<User>(&limited).await, [""; 0]);
    open(&limited, 1).await;
    assert!(limited.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await.is_ok());
    run(&store, &format!("REVOKE USAGE ON SCHEMA {schema} FROM {role}")).await;
    let kinds = kinds::<User>(&limited).await;
    assert!(!kinds.is_empty());
    limited.pool().close().await;
    run(&store, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_filter_works_and_an_index_for_its_rows_counts() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(postgres), filter = "deleted_at IS NULL AND kind = 'person'")]
    struct Person {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        proven_at: Option<time::OffsetDateTime>,
    }
    let store = store_with(
        "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT, proven_at TIMESTAMPTZ, kind VARCHAR(9) DEFAULT 'person')",
    )
    .await;
    assert_eq!(
        said::<Person>(&store).await,
        [
            "the filter `deleted_at IS NULL AND kind = 'person'` fails on `users` \
             (column \"deleted_at\" does not exist): correct `#[otp_user(filter = \"…\")]`",
            "column `email` of `users` has no unique index: \
             run `CREATE UNIQUE INDEX ON \"users\" (\"email\")`",
        ]
    );
    run(&store, "ALTER TABLE users ADD COLUMN deleted_at TIMESTAMPTZ").await;
    for (condition, counts) in [
        ("deleted_at IS NULL AND kind = 'person'", true),
        ("kind = 'person' AND deleted_at IS NULL", true),
        // An index over more rows than the users' is enough, too.
        ("deleted_at IS NULL", true),
        ("deleted_at IS NULL AND id > 0", false),
        ("deleted_at IS NULL OR kind = 'person'", false),
    ] {
        run(&store, &format!("CREATE UNIQUE INDEX one ON users (email) WHERE {condition}")).await;
        assert_eq!(said::<Person>(&store).await.is_empty(), counts, "{condition}");
        run(&store, "DROP INDEX one").await;
    }
}

/// Prepared statements may belong to another client there, so each query is prepared again.
#[tokio::test]
#[ignore = "needs pgbouncer: scripts/test starts one"]
async fn the_check_gets_through_a_pooler() {
    let store = PgBouncer.fresh().await;
    for _ in 0..3 {
        assert_eq!(kinds::<User>(&store).await, [FindingKind::Unique]);
    }
    again(&store, MOODY).await;
    for _ in 0..3 {
        assert_eq!(said::<Moody>(&store).await, [""; 0]);
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_condition_is_known_as_the_catalog_prints_it() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(
        table = "users",
        stores(postgres),
        filter = "NOT deleted AND kind != 'x' AND kind IN ('a', 'b') AND mood IN ('fine') AND level BETWEEN -1 AND 9 \
                  AND (gone IS NULL OR email LIKE '%@x.com') AND NOT (level = 5 OR kind = 'it''s')"
    )]
    struct Person {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
    }
    let store = store_with(
        "CREATE TYPE mood AS ENUM ('fine', 'bad'); \
         CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email VARCHAR(99), deleted BOOLEAN, kind VARCHAR(9), mood mood, \
         level INT, gone TIMESTAMPTZ)",
    )
    .await;
    let filter = <Person as otp_auth::store::SqlUser<sqlx::Postgres>>::table().unwrap().filter.unwrap().text;
    run(&store, &format!("CREATE UNIQUE INDEX one ON users (email) WHERE {filter} AND email IS NOT NULL")).await;
    assert_eq!(said::<Person>(&store).await, [""; 0]);
    run(&store, &format!("DROP INDEX one; CREATE UNIQUE INDEX one ON users (email) WHERE {filter} AND level <> 4"))
        .await;
    let [finding] = &findings::<Person>(&store).await[..] else { panic!("one finding") };
    assert!(finding.problem().contains("(the index `one` covers only some rows: WHERE ("), "{finding}");
    assert!(finding.remedy().contains(OTHERWISE), "{finding}");
}

/// Whatever the server's message, the filter is at fault.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_filter_that_does_not_work_is_told_in_the_words_of_the_server() {
    #[derive(Debug, PartialEq, OtpUser)]
    #[otp_user(table = "users", stores(postgres), filter = "mood = 'fime'")]
    struct Person {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
    }
    let store = store_with(
        "CREATE TYPE mood AS ENUM ('fine'); CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT UNIQUE, mood mood)",
    )
    .await;
    assert_eq!(
        said::<Person>(&store).await,
        ["the filter `mood = 'fime'` fails on `users` \
          (invalid input value for enum mood: \"fime\"): correct `#[otp_user(filter = \"…\")]`"]
    );
}
