//! Sign-in by e-mail code over an existing user table, with rows, its own column names, a UUID key,
//! an enum and a JSON column. Run it from the top of the repository:
//!
//! ```sh
//! cargo run -p existing-table
//! ```
//!
//! `schema.sql` stands for your existing application. A debug build runs in developer mode: every
//! code is 000000, and you need no secret. The program prints the `curl` commands to try. You can
//! also try them in a browser at <http://127.0.0.1:8001/docs>, a page generated from the OpenAPI
//! document of all routes.
//!
//! Before you use otp-auth with an existing table, make sure that each address is in canonical
//! form: in lower case, without spaces around it. A sign-in looks for exactly that form. This query
//! finds the others:
//!
//! ```sql
//! SELECT member_id, mail FROM users WHERE mail <> lower(trim(mail)) OR mail GLOB '*[^ -~]*';
//! ```
//!
//! The second condition finds addresses that are not ASCII. Their domain must be in its `xn--`
//! form.

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
    // `Hyphenated` is a UUID stored as lower-case text. sqlx stores a plain `Uuid` as 16 bytes.
    #[schema(value_type = String)]
    #[otp(id, column = "member_id", generate = Uuid::now_v7().hyphenated())]
    id: Hyphenated,
    #[otp(email, column = "mail")]
    email: String,
    #[otp(verified, column = "mail_confirmed")]
    is_verified: bool,
    // The column has no default, so a sign-up needs one.
    #[otp(claim, default = Role::Reader)]
    role: Role,
    #[otp(json, default)]
    preferences: Preferences,
    // NULL after a sign-up, like every nullable column without a default.
    display_name: Option<String>,
    // `password_hash` and `joined_at` have no field: the first stays NULL, the second gets the
    // table's default.
}

// Both in the table and in the access token.
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

/// Any signed-in user.
#[utoipa::path(
    get, path = "/me", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = User), AuthRejection),
)]
async fn me(user: CurrentUser<Auth>) -> Json<User> {
    Json(user.into_inner())
}

/// Only users with a verified address, which is everyone after a sign-in.
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

/// Only editors, according to their token, without a database query. A revoked role takes effect
/// when the token expires: see `access_token_lifetime`.
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

    // From here on, it is the same as for a table created for otp-auth.
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
    // Gives limits, events, sessions and hooks the client's IP address.
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8001").await?, app).await?;
    Ok(())
}

/// The existing application: its pool, and its table with two rows. In WAL mode, readers do not
/// wait for writers.
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

const HELP: &str = r#"otp-auth over an existing table, on http://127.0.0.1:8001
  (the same in a browser: http://127.0.0.1:8001/docs)

  # every response is JSON; this extracts one string from it
  field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
  # request a code for an existing user; this program prints it (000000 in a debug build)
  CHALLENGE=$(curl -s -H 'Content-Type: application/json' -d '{"email":"editor@example.com"}' http://127.0.0.1:8001/auth/request-otp | field challenge)
  # sign in with it
  TOKENS=$(curl -s -H 'Content-Type: application/json' -d "{\"email\":\"editor@example.com\",\"code\":\"000000\",\"challenge\":\"$CHALLENGE\"}" http://127.0.0.1:8001/auth/verify-otp)
  TOKEN=$(echo "$TOKENS" | field access_token) REFRESH=$(echo "$TOKENS" | field refresh_token)
  # the existing row, a route for verified users, and one that requires the claim `role`
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8001/me
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8001/verified
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8001/drafts
  # exchange the refresh token, then sign out
  REFRESH=$(curl -s -H 'Content-Type: application/json' -d "{\"refresh_token\":\"$REFRESH\"}" http://127.0.0.1:8001/auth/refresh | field refresh_token)
  curl -H 'Content-Type: application/json' -d "{\"refresh_token\":\"$REFRESH\"}" http://127.0.0.1:8001/auth/logout
  # again with another address: a new row, with the defaults
"#;
