//! The rules shared by the crates of `otp-auth`. The macros apply them to literals at compile time,
//! the runtime to every value at startup. Both report the same faults in the same words.
//!
//! Do not depend on this crate directly: its API changes whenever those crates need it to.
//!
//! [`KEYS`] describes every key of `#[otp_config]`, and [`pairs`] the rules that involve several
//! keys. A fault is text that follows the name of a key: `must be 6 to 10 digits: …`.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests may fail"))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cookie;
mod keys;
pub mod network;
pub mod origin;
pub mod pairs;
mod rate;
mod rule;
pub mod secret;
pub mod text;

pub use keys::{DELIVERIES, KEYS, setting};
pub use rate::{InvalidRate, Rate};
pub use rule::{Choice, Count, Flag, Form, Key, Limit, List, Text, Time, spell, unit};
