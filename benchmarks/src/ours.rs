//! The sides with otp-auth.

use axum::routing::get;
use axum::{Json, Router};
use otp_auth::store::{Detached, Store};
use otp_auth::{Claims, CurrentUser, MemoryStore, OtpAuth, OtpMessage, SendError, SendOtp, SqliteStore, otp_config};
use sqlx::SqlitePool;

use crate::server::{self, User, UserClaims};
use crate::{Result, Side};

#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "body", request_limit = "unlimited", verify_limit = "unlimited", refresh_limit = "unlimited", logout_limit = "unlimited")]
struct Auth {
    secret: Vec<u8>,
    #[otp(sender)]
    sender: Pipe,
}

/// With the limits of an application.
#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "body")]
struct Limited {
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

pub(crate) async fn app(side: Side, pool: SqlitePool, secret: Vec<u8>) -> Result<Router> {
    let sqlite = SqliteStore::from_pool(pool);
    sqlite.migrate().await?;
    let memory = MemoryStore::new(|new| User {
        id: new.number,
        email: new.email.to_owned(),
        is_verified: true,
        username: Some(format!("user{}", new.number)),
    });
    match side {
        Side::Detached => routes(Detached::new(sqlite), secret),
        Side::Memory => routes(memory, secret),
        Side::MemoryDetached => routes(Detached::new(memory), secret),
        Side::Limited => {
            Ok(Router::new().nest("/auth", OtpAuth::new(Limited { secret, sender: Pipe }, sqlite)?.router()))
        }
        Side::Ours | Side::ByHand => routes(sqlite, secret),
    }
}

fn routes(store: impl Store<User>, secret: Vec<u8>) -> Result<Router> {
    let auth = OtpAuth::new(Auth { secret, sender: Pipe }, store)?;
    Ok(Router::new().route("/claims", get(claims)).route("/me", get(me)).nest("/auth", auth.router()).with_state(auth))
}
