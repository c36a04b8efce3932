//! Sign-in by e-mail code over MongoDB. Run it from the top of the
//! repository, with the URL of a server, alone or a replica set:
//!
//! ```sh
//! MONGODB_URL=mongodb://localhost:27017 cargo run -p example-mongodb
//! ```
//!
//! It also has a page at `/docs`, made from the OpenAPI document of all routes,
//! where one can sign in and call them.
//!
//! A debug build runs in developer mode: every code is 000000, and no secret
//! need be set. The program prints the `curl` lines to try.

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

/// What a client sees of a user.
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

/// Anybody who is signed in.
#[utoipa::path(
    get, path = "/me", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = Profile), AuthRejection),
)]
async fn me(user: CurrentUser<Auth>) -> Json<Profile> {
    let User { id, email, is_verified, username, full_name } = user.into_inner();
    Json(Profile { id: id.to_hex(), email, is_verified, username, full_name })
}

/// Only users whose address is verified.
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

/// What the access token says; asks no database.
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
        eprintln!("MONGODB_URL is not set: give it the URL of a MongoDB server, such as mongodb://localhost:27017");
        std::process::exit(2);
    };
    println!("{HELP}");
    tracing_subscriber::fmt().init();
    let store = MongoStore::connect(&url, "otp_auth_example").await?;
    store.migrate().await?;
    // The application's own index, for its own sign-ups and for look-ups.
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
    // So that events, sessions and hooks know the client's address.
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8003").await?, app).await?;
    Ok(())
}

const HELP: &str = r#"otp-auth over MongoDB: sign-in by e-mail code, on http://127.0.0.1:8003
  (the same in a browser: http://127.0.0.1:8003/docs)

  # ask for a code; this program prints it (in a debug build it is 000000)
  curl -c jar -b jar -H 'Content-Type: application/json' -d '{"email":"ann@example.com"}' http://127.0.0.1:8003/auth/request-otp
  # sign in with it
  TOKEN=$(curl -s -c jar -b jar -H 'Content-Type: application/json' -d '{"email":"ann@example.com","code":"000000"}' http://127.0.0.1:8003/auth/verify-otp | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  # a protected route, one for verified users, and the claims
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/me
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/verified
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/claims
  # exchange the refresh token (it is in the cookie jar), then sign out
  curl -c jar -b jar -X POST http://127.0.0.1:8003/auth/refresh
  curl -c jar -b jar -X POST -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8003/auth/logout
"#;
