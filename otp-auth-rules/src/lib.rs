//! The rules that both crates of `otp-auth` follow: the macros for literals when an application is
//! compiled, the runtime for everything when it starts. So both refuse alike, in the same words.
//!
//! Do not depend on this crate directly: its interface follows the needs of the two.
//!
//! [`KEYS`] describes every key of `#[otp_config]`, [`pairs`] what must hold between several. A
//! fault is a text that follows the name of a key: `must be 6 to 10 digits: …`.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests may fail"))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod keys;
pub mod origin;
pub mod pairs;
mod rule;
pub mod secret;
pub mod text;

pub use keys::{DELIVERIES, KEYS, setting};
pub use rule::{Choice, Count, Flag, Form, Key, List, Text, Time, spell, unit};
