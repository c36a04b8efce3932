#![doc = include_str!("../docs/front_page.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail"))]

#[doc(hidden)]
pub mod __private;
pub mod auth;
mod binding;
mod challenge;
mod check;
pub mod clock;
pub mod config;
mod context;
mod crypto;
pub mod delivery;
mod email;
mod error;
mod event;
pub mod extract;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod hooks;
mod id;
mod keys;
pub mod limit;
mod methods;
mod moment;
mod network;
mod origin;
mod realm;
mod revoked;
mod secret;
pub mod send;
pub mod session;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod token;
pub mod user;
mod web;
pub mod wire;

/// The version used in this crate's public API.
pub use axum;
/// The version used in this crate's public API.
#[cfg(feature = "mongodb")]
pub use mongodb;
/// The version used in this crate's public API.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use sqlx;

#[doc = include_str!("../docs/otp_config.md")]
pub use otp_auth_macros::otp_config;

#[doc = include_str!("../docs/otp_user.md")]
pub use otp_auth_macros::OtpUser;

#[cfg(feature = "mongodb")]
#[doc(inline)]
pub use store::MongoStore;
#[cfg(feature = "mysql")]
#[doc(inline)]
pub use store::MySqlStore;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use store::PostgresStore;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use store::SqliteStore;
#[cfg(feature = "openapi")]
pub use web::openapi;
#[doc(inline)]
pub use {
    auth::{AuthError, OtpAuth},
    config::OtpConfig,
    context::RequestContext,
    extract::{AuthRejection, Claims, CurrentUser, VerifiedUser},
    hooks::{Admission, Hooks},
    secret::Secret,
    send::{ConsoleSender, OtpMessage, SendError, SendOtp},
    store::MemoryStore,
    user::OtpUser,
    web::problem,
};

#[cfg(test)]
mod testing_config;
