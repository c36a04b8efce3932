//! For tests, yours and ours: a clock that tests move, a sender that captures messages, and the
//! conformance suite for stores.
//!
//! Requires the feature `testing`. Use it only as a dev-dependency.

mod clock;
pub mod conformance;
mod sender;

pub use clock::TestClock;
pub use sender::{CapturedOtp, CapturingSender};
