//! The sides with otp-auth.

use axum::routing::get;
use axum::{Json, Router};
use otp_auth::store::{Detached, Store};
use otp_auth::{
    Claims, CurrentUser, MemoryStore, OtpAuth, OtpConfig, OtpMessage, SendError, SendOtp, SqliteStore, otp_config,
};
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

async fn claims<C: OtpConfig<User = User>>(claims: Claims<C>) -> Json<UserClaims> {
    Json(claims.into_inner())
}

async fn me<C: OtpConfig<User = User>>(user: CurrentUser<C>) -> Json<User> {
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
        Side::Detached => routes(auth(secret), Detached::new(sqlite)),
        Side::Memory => routes(auth(secret), memory),
        Side::MemoryDetached => routes(auth(secret), Detached::new(memory)),
        Side::Limited => routes(Limited { secret, sender: Pipe }, sqlite),
        Side::Ours | Side::ByHand => routes(auth(secret), sqlite),
    }
}

fn auth(secret: Vec<u8>) -> Auth {
    Auth { secret, sender: Pipe }
}

fn routes<C: OtpConfig<User = User>>(config: C, store: impl Store<User>) -> Result<Router> {
    let auth = OtpAuth::new(config, store)?;
    let router = Router::new().route("/claims", get(claims::<C>)).route("/me", get(me::<C>));
    Ok(router.nest("/auth", auth.router()).with_state(auth))
}
