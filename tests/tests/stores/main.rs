//! The stores: the conformance suite on each, and what exists in only one of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod check;
mod columns;
mod conformance;
mod faults;
mod limiter;
mod load;
mod mongo;
mod mysql;
mod pgbouncer;
mod plans;
mod postgres;
mod processes;
mod rows;
mod secrets;
mod servers;
mod sqlite;
mod twins;
mod two_processes;
mod users;
