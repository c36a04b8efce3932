#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail"))]

#[doc(hidden)]
pub mod __private;
mod auth;
mod binding;
mod challenge;
mod check;
mod clock;
mod config;
mod context;
mod crypto;
pub mod delivery;
mod email;
mod error;
mod event;
mod hooks;
mod id;
mod keys;
mod methods;
mod moment;
mod origin;
mod realm;
mod revoked;
mod secret;
pub mod send;
mod session;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod token;
mod user;
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

pub use auth::{
    AuthError, Authenticated, ChallengeKey, Claims, CodeRequest, CodeRequested, DeviceToken, OtpAuth, SignedIn,
    TokenPair, Verification,
};
pub use binding::Binding;
pub use check::{CheckError, Finding, FindingKind};
pub use clock::{Clock, Timestamp};
pub use config::{
    ConfigError, ConfigFault, LocalPartCase, OtpConfig, SameSite, SecretSource, Settings, SettingsBuilder,
};
pub use context::RequestContext;
pub use email::{Address, InvalidAddress};
pub use error::{RandomError, StoreError};
pub use hooks::{Admission, Hooks, SignInAnswer, Suspicion};
pub use id::{ParseIdError, SessionId, SubjectId, TokenId};
pub use methods::{AuthMethods, InvalidAuthMethods};
pub use realm::{InvalidRealm, Realm};
pub use secret::Secret;
pub use send::{ConsoleSender, OtpMessage, Purpose, SendError, SendOtp};
pub use session::{Client, Session};
pub use store::memory::{MemoryStore, NewUser};
#[cfg(feature = "mongodb")]
pub use store::mongo::MongoStore;
#[cfg(feature = "mysql")]
pub use store::sql::mysql::MySqlStore;
#[cfg(feature = "postgres")]
pub use store::sql::postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use store::sql::sqlite::SqliteStore;
pub use token::ClaimsError;
pub use user::{OtpUser, TokenClaims, UserId, VerifiableUser};
#[cfg(feature = "openapi")]
pub use web::openapi;
pub use web::problem;
pub use web::{AuthRejection, CurrentUser, Require, VerifiedUser};

#[cfg(test)]
mod testing_config;
