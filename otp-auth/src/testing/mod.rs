//! For tests, yours and ours: a clock that tests move, a sender that keeps
//! what it was given, and the conformance suite of the stores.
//!
//! Needs the feature `testing`. Use it as a dev-dependency only.

mod clock;
pub mod conformance;
mod sender;

pub use clock::TestClock;
pub use sender::{CapturedOtp, CapturingSender};
