//! Shared code of the behavior tests: an application with every extractor, its configurations, a
//! store and hooks that behave on demand, and a client that keeps cookies like a browser.
//!
//! Nothing here is published. The tests are in `tests/behaviour`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "tests may fail, and helpers are called for what they do"
)]

pub mod answer;
pub mod app;
pub mod client;
pub mod config;
pub mod faults;
pub mod hooks;
pub mod jar;
pub mod logs;
pub mod parallel;
pub mod process;
pub mod statistics;
pub mod tokens;
pub mod trickle;
pub mod user;

pub use answer::{Answer, SetCookie};
pub use app::{Api, App, Backend, Setup, Typed};
pub use client::{Client, ClientKind, Target};
pub use config::{Mode, OTHER_SECRET, SECRET, TestConfig, Tuned, secret};
pub use faults::{Fault, Faults, Faulty, Operation};
pub use hooks::{Asked, Call, PROOF, Reply, SendReply, TestHooks};
pub use parallel::{at_once, count};
pub use process::{Pair, Process, Removed};
pub use user::{User, UserClaims};
