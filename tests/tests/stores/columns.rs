//! Ids and columns of every kind on the servers: a user signs up, and reads back as written.

use otp_auth::OtpUser;
use otp_auth::store::{SignInOutcome, UserStore};
use otp_auth::testing::conformance::fixtures::{NOW, existing, realm, token};
use rust_decimal::Decimal;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::check::said_of_columns;
use super::servers::{open, sign_in, sign_up};
use super::twins::Run;
use super::{mysql, postgres};

/// A user with one kind of id, in a separate table: the id that a sign-up creates finds the user
/// again, also through its text in a token.
macro_rules! id_kind {
    ($name:ident, $backend:ident, $ignored:literal, $id:ty $(, generate = $generate:expr)?; $column:literal) => {
        #[tokio::test]
        #[ignore = $ignored]
        async fn $name() {
            #[derive(Clone, Debug, PartialEq, OtpUser)]
            #[otp_user(table = "users", stores($backend))]
            struct Identified {
                #[otp(id $(, generate = $generate)?)]
                id: $id,
                #[otp(email)]
                email: String,
                #[otp(verified)]
                is_verified: bool,
            }
            let table = concat!("CREATE TABLE users (id ", $column, " PRIMARY KEY, email VARCHAR(200), is_verified BOOLEAN)");
            let store = $backend::store_with(table).await;
            assert_eq!(said_of_columns::<Identified>(&store).await, [""; 0]);
            let mut made = Vec::new();
            for (number, email) in [(1, "ann@x.com"), (2, "bob@x.com")] {
                open(&store, number).await;
                let outcome = store.sign_in(realm(), sign_up::<Identified>(number, email)).await.unwrap();
                let SignInOutcome::SignedIn { user, session, created: true, .. } = outcome else { panic!("no sign-up") };
                assert_eq!((user.email.as_str(), user.is_verified), (email, true));
                let id: $id = session.user_id.parse().unwrap();
                assert_eq!(id, user.id);
                assert_eq!(store.user_by_id(&id).await.unwrap(), Some(user.clone()));
                assert_eq!(store.current_user(realm(), &id, token(session.id), NOW).await.unwrap(), Some(user.clone()));
                // Signing in again, as a known user.
                open(&store, number + 10).await;
                let again = store.sign_in(realm(), sign_in(number + 10, existing(user.clone()))).await.unwrap();
                assert!(matches!(again, SignInOutcome::SignedIn { user: same, created: false, .. } if same == user));
                made.push(user);
            }
            assert_ne!(made[0].id, made[1].id);
        }
    };
}

mod ids_on_postgres {
    use super::*;

    id_kind!(i16_of_the_database, postgres, "needs PostgreSQL: scripts/test starts one", i16; "SMALLSERIAL");
    id_kind!(i32_of_the_database, postgres, "needs PostgreSQL: scripts/test starts one", i32; "SERIAL");
    id_kind!(i64_of_the_database, postgres, "needs PostgreSQL: scripts/test starts one", i64;
        "BIGINT GENERATED ALWAYS AS IDENTITY");
    id_kind!(uuid_of_the_database, postgres, "needs PostgreSQL: scripts/test starts one", Uuid;
        "UUID DEFAULT gen_random_uuid()");
    id_kind!(uuid_of_the_application, postgres, "needs PostgreSQL: scripts/test starts one", Uuid,
        generate = Uuid::now_v7(); "UUID");
    id_kind!(text_of_the_application, postgres, "needs PostgreSQL: scripts/test starts one", String,
        generate = Uuid::now_v7().to_string(); "TEXT");
    id_kind!(text_that_is_padded, postgres, "needs PostgreSQL: scripts/test starts one", String,
        generate = Uuid::now_v7().to_string(); "CHAR(40)");
}

mod ids_on_mysql {
    use super::*;

    id_kind!(i16_of_the_database, mysql, "needs MariaDB: scripts/test starts one", i16; "SMALLINT AUTO_INCREMENT");
    id_kind!(i32_of_the_database, mysql, "needs MariaDB: scripts/test starts one", i32; "INT AUTO_INCREMENT");
    id_kind!(i64_of_the_database, mysql, "needs MariaDB: scripts/test starts one", i64; "BIGINT AUTO_INCREMENT");
    id_kind!(u16_of_the_database, mysql, "needs MariaDB: scripts/test starts one", u16;
        "SMALLINT UNSIGNED AUTO_INCREMENT");
    id_kind!(u32_of_the_database, mysql, "needs MariaDB: scripts/test starts one", u32; "INT UNSIGNED AUTO_INCREMENT");
    id_kind!(u64_of_the_database, mysql, "needs MariaDB: scripts/test starts one", u64;
        "BIGINT UNSIGNED AUTO_INCREMENT");
    id_kind!(uuid_of_the_database, mysql, "needs MariaDB: scripts/test starts one", Uuid;
        "BINARY(16) DEFAULT (UNHEX(REPLACE(UUID(), '-', '')))");
    id_kind!(uuid_of_the_application, mysql, "needs MariaDB: scripts/test starts one", Uuid,
        generate = Uuid::now_v7(); "BINARY(16)");
    id_kind!(uuid_as_text, mysql, "needs MariaDB: scripts/test starts one", uuid::fmt::Hyphenated,
        generate = Uuid::now_v7().hyphenated(); "CHAR(36)");
    id_kind!(text_of_the_application, mysql, "needs MariaDB: scripts/test starts one", String,
        generate = Uuid::now_v7().to_string(); "VARCHAR(60)");
}

/// An enum: its own type on `PostgreSQL`, an `ENUM` column on `MySQL`.
#[derive(Clone, Copy, Debug, PartialEq, Default, sqlx::Type)]
#[sqlx(type_name = "member_role", rename_all = "lowercase")]
enum Role {
    #[default]
    Member,
    Staff,
}

/// A newtype over text.
#[derive(Clone, Debug, PartialEq, sqlx::Type)]
#[sqlx(transparent)]
struct Nick(String);

/// A user with columns of every kind, some of them only on this database: what a sign-up writes and
/// what the application writes is read back.
macro_rules! columns_of_every_kind {
    ($name:ident, $backend:ident, $ignored:literal, { $($only:tt)* }, $table:literal, $team:literal, $written:expr) => {
        #[tokio::test]
        #[ignore = $ignored]
        async fn $name() {
            #[derive(Clone, Debug, PartialEq, OtpUser)]
            #[otp_user(table = "users", stores($backend))]
            struct Full {
                #[otp(email)]
                email: String,
                #[otp(verified)]
                verified: bool,
                #[otp(default = Role::Staff)]
                role: Role,
                #[otp(default = 1.5)]
                score: f64,
                #[otp(default = Decimal::new(1_234_567, 4))]
                balance: Decimal,
                #[otp(json, default = vec!["a".to_owned(), "b".to_owned()])]
                tags: Vec<String>,
                #[otp(json, default = vec![3, 4])]
                as_text: Vec<u8>,
                #[otp(default = vec![0, 159, 146, 150])]
                bytes: Vec<u8>,
                #[otp(default = OffsetDateTime::from_unix_timestamp(1_700_000_000).ok())]
                seen: Option<OffsetDateTime>,
                made: OffsetDateTime,
                born: Option<Date>,
                nick: Option<Nick>,
                team: Option<Uuid>,
                extra: Option<serde_json::Value>,
                other_role: Option<Role>,
                $($only)*
            }
            let store = $backend::store_with($table).await;
            assert_eq!(said_of_columns::<Full>(&store).await, [""; 0]);
            open(&store, 1).await;
            let outcome = store.sign_in(realm(), sign_up::<Full>(1, "ann@x.com")).await.unwrap();
            let SignInOutcome::SignedIn { user, session, .. } = outcome else { panic!("no sign-up") };
            assert_eq!((user.role, user.score, user.balance), (Role::Staff, 1.5, Decimal::new(1_234_567, 4)));
            assert_eq!((user.tags.len(), &user.as_text[..], &user.bytes[..]), (2, &[3, 4][..], &[0, 159, 146, 150][..]));
            assert_eq!(user.seen.map(OffsetDateTime::unix_timestamp), Some(1_700_000_000));
            assert_eq!((&user.born, &user.nick), (&None, &None));
            assert!((OffsetDateTime::now_utc() - user.made).whole_hours().abs() < 1, "{}", user.made);
            let written: fn(&Full) = $written;
            written(&user);
            store
                .run(concat!(
                    "UPDATE users SET born = '2001-02-03', nick = 'nn', team = ", $team,
                    ", extra = '{\"a\": [1]}', other_role = 'member', seen = NULL",
                ))
                .await;
            let full: Full = store.current_user(realm(), &user.id, token(session.id), NOW).await.unwrap().unwrap();
            let expected = Full {
                born: Date::from_calendar_date(2001, time::Month::February, 3).ok(),
                nick: Some(Nick("nn".to_owned())),
                team: Some(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)),
                extra: Some(serde_json::json!({"a": [1]})),
                other_role: Some(Role::Member),
                seen: None,
                ..user
            };
            assert_eq!(full, expected);
        }
    };
}

columns_of_every_kind!(
    columns_of_every_kind_on_postgres,
    postgres,
    "needs PostgreSQL: scripts/test starts one",
    {
        #[otp(id)]
        id: i64,
        #[otp(default)]
        level: i16,
        #[otp(json, default = vec![1, 2])]
        as_json: Vec<u8>,
        #[otp(default = vec!["x".to_owned()])]
        list: Vec<String>,
    },
    "CREATE TYPE member_role AS ENUM ('member', 'staff'); \
     CREATE TABLE users (id BIGSERIAL PRIMARY KEY, email TEXT, verified BOOLEAN, role member_role, level SMALLINT, \
     score DOUBLE PRECISION, balance NUMERIC(12, 4), tags JSONB, as_json JSON, as_text TEXT, list TEXT[], bytes BYTEA, \
     seen TIMESTAMPTZ, made TIMESTAMPTZ NOT NULL DEFAULT now(), born DATE, nick VARCHAR(20), team UUID, extra JSONB, \
     other_role member_role)",
    "'01020304-0506-0708-090a-0b0c0d0e0f10'",
    |user| {
        assert_eq!((user.level, &user.as_json[..], &user.list[..]), (0, &[1, 2][..], &["x".to_owned()][..]));
    }
);

columns_of_every_kind!(
    columns_of_every_kind_on_mysql,
    mysql,
    "needs MariaDB: scripts/test starts one",
    {
        #[otp(id)]
        id: u64,
        #[otp(default)]
        level: u8,
    },
    "CREATE TABLE users (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(200), verified BOOLEAN, \
     role ENUM('member', 'staff'), level TINYINT UNSIGNED, score DOUBLE, balance DECIMAL(12, 4), tags JSON, \
     as_text TEXT, bytes BLOB, seen TIMESTAMP NULL, made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, born DATE, \
     nick VARCHAR(20), team BINARY(16), extra JSON, other_role ENUM('staff', 'member'))",
    "x'0102030405060708090a0b0c0d0e0f10'",
    |user| assert_eq!(user.level, 0)
);
