//! The check at startup: each kind of fault on each store, with its message, and no fault where
//! there is none.

mod mongo;
mod mysql;
mod postgres;
mod sqlite;

use otp_auth::store::{FindingKind, SignUps, UserStore};
use otp_auth::{OtpUser, store::Finding};

/// The findings for users of this type.
async fn findings<U: OtpUser>(store: &impl UserStore<U>) -> Vec<Finding> {
    store.check(SignUps::Open).await.unwrap()
}

/// The messages of the findings.
async fn said<U: OtpUser>(store: &impl UserStore<U>) -> Vec<String> {
    findings(store).await.iter().map(ToString::to_string).collect()
}

/// The same, without the missing unique index on the address.
pub(crate) async fn said_of_columns<U: OtpUser>(store: &impl UserStore<U>) -> Vec<String> {
    let findings = findings(store).await;
    findings.iter().filter(|finding| finding.kind() != FindingKind::Unique).map(ToString::to_string).collect()
}

async fn kinds<U: OtpUser>(store: &impl UserStore<U>) -> Vec<FindingKind> {
    findings(store).await.iter().map(Finding::kind).collect()
}

/// The struct of `examples/existing-table`, and the rest of its file.
#[derive(Debug, PartialEq, OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct ExistingUser {
    #[otp(id, column = "member_id", generate = uuid::Uuid::now_v7().hyphenated())]
    id: uuid::fmt::Hyphenated,
    #[otp(email, column = "mail")]
    email: String,
    #[otp(verified, column = "mail_confirmed")]
    is_verified: bool,
    #[otp(default = Role::Reader)]
    role: Role,
    #[otp(json, default)]
    preferences: Vec<String>,
    display_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, sqlx::Type)]
#[sqlx(rename_all = "snake_case")]
enum Role {
    Reader,
}

/// The struct of the quickstart.
#[derive(Debug, PartialEq, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql))]
struct ReadmeUser {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
    #[otp(claim)]
    username: Option<String>,
}

/// The advice for an index that applies only to some rows.
const IF_USERS: &str = "if these are your users, write the same condition as `#[otp_user(filter = \"…\")]`; ";
/// The advice for an index that includes other columns.
const IF_ONE_VALUE: &str = "if these are the same for all users, write `#[otp_user(filter = \"… = …\")]`; ";
/// The introduction to an index over all rows, if another one may be intended.
const OTHERWISE: &str = "if the values must be unique in the whole table, ";

/// An index, and what the finding says of it instead, with the advice before the usual one.
type Index = (&'static str, Option<(&'static str, &'static str)>);

type Note = Option<String>;

/// A user that neither reads nor writes what nullable columns may hold.
#[derive(Debug, PartialEq, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql))]
struct Nullable {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    plan: String,
    #[otp(json)]
    tags: Option<Vec<String>>,
    #[otp(default)]
    nick: Option<String>,
    #[otp(default = None)]
    title: Option<String>,
    #[otp(default = Some("x".to_owned()))]
    given: Option<String>,
    note: Note,
}

/// Users who have not left, and are people.
#[derive(Clone, Debug, PartialEq, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql), filter = "deleted_at IS NULL AND kind = 'person'")]
struct Person {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    proven_at: Option<time::OffsetDateTime>,
}

/// The users of one tenant.
#[derive(Debug, PartialEq, OtpUser)]
#[otp_user(
    table = "users",
    stores(sqlite, postgres, mysql),
    filter = "tenant_id = 7 AND NOT deleted",
    collection = "users",
    filter(tenant_id = 7, deleted = false)
)]
struct OfTenant {
    #[otp(id, generate = uuid::Uuid::now_v7().to_string())]
    id: String,
    #[otp(email)]
    email: String,
}

/// A user that requires much of its table.
#[derive(Debug, PartialEq, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql))]
struct Demanding {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified, column = "Is Verified")]
    is_verified: bool,
    #[otp(default = 1)]
    level: i32,
    #[otp(json, default)]
    tags: Vec<String>,
    nick: Option<String>,
    plan: String,
}
