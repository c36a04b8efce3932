//! Sign-in by e-mail code over SQLite. Run it from the top of the repository:
//!
//! ```sh
//! cargo run -p quickstart
//! ```
//!
//! A debug build runs in developer mode: every code is 000000, and you need no secret. The program
//! prints the `curl` commands to try.

use axum::{Json, Router, routing::get};
use otp_auth::{Claims, ConsoleSender, CurrentUser, OtpAuth, OtpUser, SqliteStore, VerifiedUser, otp_config};

#[derive(Clone, serde::Serialize, OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
    #[otp(claim)]
    username: Option<String>,
}

#[otp_config(
    user = User,
    secret_key = env("OTP_AUTH_SECRET"),
    access_token_lifetime = "1h",
    refresh_token_lifetime = "7d",
    otp_length = 6,
    otp_expiry = "10m",
    max_otp_attempts = 5,
    refresh_token_delivery = "cookie",
    developer_mode = cfg!(debug_assertions),
    cookie_secure = !cfg!(debug_assertions),
)]
struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}

/// Any signed-in user.
async fn me(user: CurrentUser<Auth>) -> Json<User> {
    Json(user.into_inner())
}

/// Only users with a verified address.
async fn verified(user: VerifiedUser<Auth>) -> String {
    format!("{} is verified\n", user.email)
}

/// The claims of the access token, without a database query.
async fn claims(claims: Claims<Auth>) -> Json<UserClaims> {
    Json(claims.into_inner())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{HELP}");
    tracing_subscriber::fmt().init();
    let store = SqliteStore::connect("sqlite:quickstart.db?mode=rwc").await?;
    store.migrate().await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS users (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            email TEXT NOT NULL UNIQUE,
            is_verified BOOLEAN NOT NULL DEFAULT FALSE,
            username TEXT
        )",
    )
    .execute(store.pool())
    .await?;

    let auth = OtpAuth::new(Auth { sender: ConsoleSender }, store)?;
    auth.check().await?;
    auth.spawn_cleanup(std::time::Duration::from_secs(600));
    let app = Router::new()
        .route("/me", get(me))
        .route("/verified", get(verified))
        .route("/claims", get(claims))
        .nest("/auth", auth.router())
        .with_state(auth);
    // Gives limits, events, sessions and hooks the client's IP address.
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8000").await?, app).await?;
    Ok(())
}

const HELP: &str = r#"otp-auth quickstart: sign-in by e-mail code, on http://127.0.0.1:8000

  # request a code; this program prints it (000000 in a debug build)
  curl -c jar -b jar -H 'Content-Type: application/json' -d '{"email":"ann@example.com"}' http://127.0.0.1:8000/auth/request-otp
  # sign in with it
  TOKEN=$(curl -s -c jar -b jar -H 'Content-Type: application/json' -d '{"email":"ann@example.com","code":"000000"}' http://127.0.0.1:8000/auth/verify-otp | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  # a protected route, one for verified users, and the claims
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8000/me
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8000/verified
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8000/claims
  # exchange the refresh token, which is in the cookie jar, then sign out
  curl -c jar -b jar -X POST http://127.0.0.1:8000/auth/refresh
  curl -c jar -b jar -X POST -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8000/auth/logout
"#;
