//! The promises of otp-auth, observed from outside: HTTP in process, a clock that tests advance,
//! and a sender that captures messages.
//!
//! A test is named after what it promises. Ids such as `otp_06` and `t7` are those of the
//! requirements and the attacks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]
#![allow(
    clippy::duration_suboptimal_units,
    clippy::unchecked_time_subtraction,
    reason = "the contract speaks of seconds, and boundaries are constants less a millisecond"
)]

mod administration;
mod aliases;
mod bad_input;
mod bad_tokens;
mod before_send;
mod binding;
mod check;
mod client_addresses;
mod codes;
mod concurrency;
mod constructors;
mod contract;
mod cookies;
mod developer_mode;
mod devices;
mod enumeration;
mod events;
mod failures;
mod first_hour;
mod guessing;
mod hooks;
mod limits;
mod load;
mod locked;
mod long_tokens;
mod openapi;
mod options;
mod origins;
mod properties;
mod protected;
mod realms;
mod refresh;
mod revocation;
mod rotation;
mod schedules;
mod second_factor;
mod secrecy;
mod semantics;
mod sending;
mod settings;
mod several_cookies;
mod siege;
mod sign_out;
mod strangers;
mod support;
mod unlock;
