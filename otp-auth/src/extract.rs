//! Authentication, as an argument of your handlers.
//!
//! [`CurrentUser`] and [`VerifiedUser`] load the user and check the blacklist in one query.
//! [`Claims`] normally does no I/O, because it follows the blacklist in the background. It sees a
//! sign-out in another process within two seconds, or at most ten if the store does not respond. It
//! does not load the user.
//!
//! An `Option` of one of them is `None` only if the request has no bearer token. Credentials of
//! another scheme, such as `Basic`, are ignored.
//!
//! [`OtpAuth::require_user`](crate::OtpAuth::require_user) protects a whole router in one line.
//!
//! They get [`OtpAuth`](crate::OtpAuth) from the router's state, which may be your own struct, or
//! an `Arc` of it:
//!
//! ```
//! # #[derive(Clone, otp_auth::OtpUser)]
//! # struct User { #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(claim)] role: String }
//! # use otp_auth::{ConsoleSender, otp_config};
//! # #[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"))]
//! # struct Auth { #[otp(sender)] sender: ConsoleSender }
//! use std::sync::Arc;
//!
//! use axum::{Router, extract::FromRef, routing::get};
//! use otp_auth::{Claims, CurrentUser, OtpAuth};
//!
//! struct AppState {
//!     auth: OtpAuth<Auth>,
//! }
//!
//! impl FromRef<AppState> for OtpAuth<Auth> {
//!     fn from_ref(state: &AppState) -> Self {
//!         state.auth.clone()
//!     }
//! }
//!
//! async fn greeting(user: Option<CurrentUser<Auth>>) -> String {
//!     match user {
//!         Some(user) => format!("Hello, {}", user.email),
//!         None => "Hello".to_owned(),
//!     }
//! }
//!
//! async fn role(claims: Claims<Auth>) -> String {
//!     claims.role.clone()
//! }
//!
//! fn routes(state: Arc<AppState>) -> Router {
//!     Router::new()
//!         .route("/", get(greeting))
//!         .route("/role", get(role))
//!         .nest("/auth", state.auth.router())
//!         .with_state(state)
//! }
//! # fn main() {
//! #     let user = User { id: 1, email: String::new(), role: String::new() };
//! #     let _ = (user.id, user.email, user.role, Auth { sender: ConsoleSender }.sender, routes);
//! # }
//! ```

pub use crate::auth::{Authenticated, Claims};
pub use crate::web::{AuthRejection, CurrentUser, Require, VerifiedUser};
