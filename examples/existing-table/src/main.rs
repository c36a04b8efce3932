//! Sign-in by e-mail code over a user table that was there before, with rows
//! in it, names of its own, a UUID key, an enum and a JSON column. Run it from
//! the top of the repository:
//!
//! ```sh
//! cargo run -p existing-table
//! ```
//!
//! `schema.sql` stands for the application that already exists. A debug build
//! runs in developer mode: every code is 000000, and no secret need be set.
//! The program prints the `curl` lines to try. The same can be done in a browser
//! on a page at <http://127.0.0.1:8001/docs>, made from the OpenAPI document of
//! all routes.
//!
//! One thing must hold before otp-auth is put over a table: each address in it
//! must be in its canonical form, that is, in lower case and without spaces
//! around it, because a sign-in looks for exactly that. This finds the others:
//!
//! ```sql
//! SELECT member_id, mail FROM users WHERE mail <> lower(trim(mail)) OR mail GLOB '*[^ -~]*';
//! ```
//!
//! The second condition finds what is not ASCII: the domain of such an
//! address must be in its `xn--` form.

use axum::http::StatusCode;
use axum::{Json, Router, routing::get};
use otp_auth::{
    AuthRejection, Claims, ConsoleSender, CurrentUser, OtpAuth, OtpUser, SqliteStore, VerifiedUser, openapi, otp_config,
};
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

#[derive(Clone, Serialize, ToSchema, OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct User {
    // `Hyphenated` is a UUID written as text in lower case; sqlx would write
    // a plain `Uuid` as 16 bytes.
    #[schema(value_type = String)]
    #[otp(id, column = "member_id", generate = Uuid::now_v7().hyphenated())]
    id: Hyphenated,
    #[otp(email, column = "mail")]
    email: String,
    #[otp(verified, column = "mail_confirmed")]
    is_verified: bool,
    // The column has no default of its own, so a sign-up needs one.
    #[otp(claim, default = Role::Reader)]
    role: Role,
    #[otp(json, default)]
    preferences: Preferences,
    // NULL after a sign-up, like every nullable column without a default.
    display_name: Option<String>,
    // `password_hash` and `joined_at` have no field: the first stays NULL, the
    // second gets the default of the table.
}

// In the table, and in the access token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(rename_all = "snake_case")]
enum Role {
    Reader,
    Editor,
    SiteAdmin,
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
struct Preferences {
    theme: Theme,
    digest: bool,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Theme {
    #[default]
    Light,
    Dark,
}

#[otp_config(
    user = User,
    secret_key = env("OTP_AUTH_SECRET"),
    refresh_token_delivery = "body",
    developer_mode = cfg!(debug_assertions),
)]
struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}

/// The application's own routes, for the page at `/docs`.
#[derive(OpenApi)]
#[openapi(info(title = "otp-auth over an existing table", version = "1.0.0"), paths(me, verified, drafts))]
struct Api;

/// Anybody who is signed in.
#[utoipa::path(
    get, path = "/me", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = User), AuthRejection),
)]
async fn me(user: CurrentUser<Auth>) -> Json<User> {
    Json(user.into_inner())
}

/// Only users whose address is verified: after a sign-in, everybody.
#[utoipa::path(
    get, path = "/verified", security(("bearer" = [])),
    responses(
        (status = 200, description = "A greeting"),
        AuthRejection,
    ),
)]
async fn verified(user: VerifiedUser<Auth>) -> String {
    format!("{} is verified\n", user.email)
}

/// Only those who edit, as their token says; asks no database. A role that is
/// taken away is noticed when the token ends: see `access_token_lifetime`.
#[utoipa::path(
    get, path = "/drafts", security(("bearer" = [])),
    responses(
        (status = 200, description = "The drafts"),
        AuthRejection,
        (status = 403, description = "Not an editor"),
    ),
)]
async fn drafts(claims: Claims<Auth>) -> Result<String, StatusCode> {
    match claims.role {
        Role::Editor | Role::SiteAdmin => Ok(format!("the drafts of {}\n", claims.user_id())),
        Role::Reader => Err(StatusCode::FORBIDDEN),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{HELP}");
    tracing_subscriber::fmt().init();
    let pool = application_pool().await?;

    // From here on it is the same as with a table that was made for it.
    let store = SqliteStore::from_pool(pool);
    store.migrate().await?;
    let auth = OtpAuth::new(Auth { sender: ConsoleSender }, store)?;
    auth.check().await?;
    auth.spawn_cleanup(std::time::Duration::from_secs(600));
    let app = Router::new()
        .route("/me", get(me))
        .route("/verified", get(verified))
        .route("/drafts", get(drafts))
        .nest("/auth", auth.router())
        .merge(openapi::page(Api::openapi().nest("/auth", auth.openapi())))
        .with_state(auth);
    // So that events, sessions and hooks know the client's address.
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8001").await?, app).await?;
    Ok(())
}

/// What the application had before: its pool, and its table with two rows. In
/// WAL mode readers do not wait for writers.
async fn application_pool() -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename("existing-table.db")
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePool::connect_with(options).await?;
    let tables = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = 'users'").fetch_all(&pool).await?;
    if tables.is_empty() {
        sqlx::raw_sql(include_str!("schema.sql")).execute(&pool).await?;
    }
    Ok(pool)
}

const HELP: &str = r#"otp-auth over a table that was there before, on http://127.0.0.1:8001
  (the same in a browser: http://127.0.0.1:8001/docs)

  # each answer is JSON; this takes one text out of it
  field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
  # ask for a code for a user who is in the table; this program prints it (in a debug build it is 000000)
  CHALLENGE=$(curl -s -H 'Content-Type: application/json' -d '{"email":"editor@example.com"}' http://127.0.0.1:8001/auth/request-otp | field challenge)
  # sign in with it
  TOKENS=$(curl -s -H 'Content-Type: application/json' -d "{\"email\":\"editor@example.com\",\"code\":\"000000\",\"challenge\":\"$CHALLENGE\"}" http://127.0.0.1:8001/auth/verify-otp)
  TOKEN=$(echo "$TOKENS" | field access_token) REFRESH=$(echo "$TOKENS" | field refresh_token)
  # the row as it was, a route for verified users, and one that the claim `role` opens
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8001/me
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8001/verified
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8001/drafts
  # exchange the refresh token, then sign out
  REFRESH=$(curl -s -H 'Content-Type: application/json' -d "{\"refresh_token\":\"$REFRESH\"}" http://127.0.0.1:8001/auth/refresh | field refresh_token)
  curl -H 'Content-Type: application/json' -d "{\"refresh_token\":\"$REFRESH\"}" http://127.0.0.1:8001/auth/logout
  # once more with another address: a new row, with the defaults
"#;
