//! The side with otp-auth.

use axum::routing::get;
use axum::{Json, Router};
use otp_auth::{Claims, CurrentUser, OtpAuth, OtpMessage, SendError, SendOtp, SqliteStore, otp_config};
use sqlx::SqlitePool;

use crate::Result;
use crate::server::{self, User, UserClaims};

#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "body")]
struct Auth {
    secret: Vec<u8>,
    #[otp(sender)]
    sender: Pipe,
}

struct Pipe;

impl SendOtp for Pipe {
    async fn send_otp(&self, message: OtpMessage<'_>) -> std::result::Result<(), SendError> {
        server::send(message.address, message.code).map_err(SendError::new)
    }
}

async fn claims(claims: Claims<Auth>) -> Json<UserClaims> {
    Json(claims.into_inner())
}

async fn me(user: CurrentUser<Auth>) -> Json<User> {
    Json(user.into_inner())
}

pub(crate) async fn app(pool: SqlitePool, secret: Vec<u8>) -> Result<Router> {
    let store = SqliteStore::from_pool(pool);
    store.migrate().await?;
    let auth = OtpAuth::new(Auth { secret, sender: Pipe }, store)?;
    Ok(Router::new().route("/claims", get(claims)).route("/me", get(me)).nest("/auth", auth.router()).with_state(auth))
}
