//! The benchmark runs.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::process::Command;

#[test]
fn every_side_does_every_kind_of_work() {
    let status = Command::new(env!("CARGO_BIN_EXE_otp-auth-benchmarks")).arg("check").status().unwrap();
    assert!(status.success(), "{status}");
}
