//! HTTP: routes, cookies, extractors and problems. Handlers only translate; [`auth`](crate::auth)
//! decides.

#[macro_use]
mod problem_kinds;

mod bearer;
mod client;
mod cookie;
mod delivery;
mod developer;
mod extension;
mod extract;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handlers;
mod host;
mod json;
#[cfg(feature = "openapi")]
pub mod openapi;
mod origin;
pub mod problem;
mod require;
mod route;
mod router;
#[cfg(feature = "swagger-ui")]
mod swagger;

pub use extract::{AuthRejection, CurrentUser, VerifiedUser};
pub use require::Require;
