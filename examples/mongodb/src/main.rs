//! Sign-in by e-mail code over MongoDB. Run it from the top of the repository, with the URL of a
//! single server or a replica set:
//!
//! ```sh
//! MONGODB_URL=mongodb://localhost:27017 cargo run -p example-mongodb
//! ```
//!
//! It also has a page at `/docs`, generated from the OpenAPI document of all routes, where you can
//! sign in and call them.
//!
//! A debug build runs in developer mode: every code is 000000, and you need no secret. The program
//! prints the `curl` commands to try.

use axum::{Json, Router, routing::get};
use mongodb::bson::{Document, doc, oid::ObjectId};
use mongodb::{IndexModel, options::IndexOptions};
use otp_auth::{
    AuthRejection, Claims, ConsoleSender, CurrentUser, MongoStore, OtpAuth, OtpUser, VerifiedUser, openapi, otp_config,
};
use utoipa::OpenApi;

#[derive(Clone, OtpUser)]
#[otp_user(collection = "users")]
struct User {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
    #[otp(claim, default = "new here")]
    username: String,
    full_name: Option<String>,
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

/// A user, as clients see it.
#[derive(serde::Serialize, utoipa::ToSchema)]
struct Profile {
    id: String,
    email: String,
    is_verified: bool,
    username: String,
    full_name: Option<String>,
}

/// The application's own routes, for the page at `/docs`.
#[derive(OpenApi)]
#[openapi(info(title = "otp-auth over MongoDB", version = "1.0.0"), paths(me, verified, claims))]
struct Api;

/// Any signed-in user.
#[utoipa::path(
    get, path = "/me", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = Profile), AuthRejection),
)]
async fn me(user: CurrentUser<Auth>) -> Json<Profile> {
    let User { id, email, is_verified, username, full_name } = user.into_inner();
    Json(Profile { id: id.to_hex(), email, is_verified, username, full_name })
}

/// Only users with a verified address.
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

/// The claims of the access token, without a database query.
#[utoipa::path(
    get, path = "/claims", security(("bearer" = [])),
    responses((status = 200, description = "The claims"), AuthRejection),
)]
async fn claims(claims: Claims<Auth>) -> Json<UserClaims> {
    Json(claims.into_inner())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(url) = std::env::var("MONGODB_URL") else {
        eprintln!("MONGODB_URL is not set: set it to the URL of a MongoDB server, such as mongodb://localhost:27017");
        std::process::exit(2);
    };
    println!("{HELP}");
    tracing_subscriber::fmt().init();
    let store = MongoStore::connect(&url, "otp_auth_example").await?;
    store.migrate().await?;
    // The application's own index, for its sign-ups and look-ups.
    let unique = IndexOptions::builder().unique(true).build();
    let by_email = IndexModel::builder().keys(doc! { "email": 1 }).options(unique).build();
    store.database().collection::<Document>("users").create_index(by_email).await?;

    let auth = OtpAuth::new(Auth { sender: ConsoleSender }, store)?;
    auth.check().await?;
    auth.spawn_cleanup(std::time::Duration::from_secs(600));
    let app = Router::new()
        .route("/me", get(me))
        .route("/verified", get(verified))
        .route("/claims", get(claims))
        .nest("/auth", auth.router())
        .merge(openapi::page(Api::openapi().nest("/auth", auth.openapi())))
        .with_state(auth);
    // Gives limits, events, sessions and hooks the client's IP address.
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8003").await?, app).await?;
    Ok(())
}

const HELP: &str = r#"otp-auth over MongoDB: sign-in by e-mail code, on http://127.0.0.1:8003
  (the same in a browser: http://127.0.0.1:8003/docs)

  # request a code; this program prints it (000000 in a debug build)
  curl -c jar -b jar -H 'Content-Type: application/json' -d '{"email":"ann@example.com"}' http://127.0.0.1:8003/auth/request-otp
  # sign in with it
  TOKEN=$(curl -s -c jar -b jar -H 'Content-Type: application/json' -d '{"email":"ann@example.com","code":"000000"}' http://127.0.0.1:8003/auth/verify-otp | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  # a protected route, one for verified users, and the claims
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/me
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/verified
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/claims
  # exchange the refresh token, which is in the cookie jar, then sign out
  curl -c jar -b jar -X POST http://127.0.0.1:8003/auth/refresh
  curl -c jar -b jar -X POST -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/auth/logout
"#;
