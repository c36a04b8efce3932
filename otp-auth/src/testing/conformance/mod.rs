//! The conformance suite for stores: every promise of [`crate::store`], as a case that any backend
//! can run.
//!
//! Implement [`Backend`] for your store. In a test file of a crate that has `tokio` with its
//! `macros` and `rt-multi-thread` features, write:
//!
//! ```no_run
//! # use otp_auth::testing::conformance::Backend;
//! # use otp_auth::{MemoryStore, OtpUser};
//! # #[derive(Clone, OtpUser)]
//! # struct User { #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(verified)] verified: bool }
//! struct Memory;
//!
//! impl Backend for Memory {
//!     type User = User;
//!     type Store = MemoryStore<User>;
//!     // …
//! #   async fn fresh(&self) -> Self::Store { unimplemented!() }
//! #   async fn add_user(&self, _: &Self::Store, _: &str, _: bool) -> User { unimplemented!() }
//! #   async fn unverify(&self, _: &Self::Store, _: &User) { unimplemented!() }
//! #   async fn remove_user(&self, _: &Self::Store, _: &User) { unimplemented!() }
//! #   async fn count_users(&self, _: &Self::Store, _: &str) -> usize { unimplemented!() }
//! }
//!
//! mod memory {
//!     otp_auth::store_conformance!(super::Memory);
//! }
//! ```
//!
//! Each case becomes a separate test on a separate, empty store.

#![allow(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a case of the suite fails by panicking"
)]

mod budgets;
mod challenges;
mod cleanup;
mod exhausted;
mod failures;
pub mod fixtures;
mod realms;
mod sessions;
mod sign_in;
mod totals;
mod users;

use std::future::Future;

use crate::store::Store;
use crate::user::OtpUser;

pub use budgets::*;
pub use challenges::*;
pub use cleanup::*;
pub use exhausted::*;
pub use failures::*;
pub use realms::*;
pub use sessions::*;
pub use sign_in::*;
pub use totals::*;
pub use users::*;

/// A backend for the suite.
pub trait Backend: Send + Sync {
    /// The application's user. It must store whether it is verified.
    type User: OtpUser + Clone;
    /// The store.
    type Store: Store<Self::User>;

    /// A migrated store without rows, which no other case uses.
    fn fresh(&self) -> impl Future<Output = Self::Store> + Send;

    /// Adds a user as the application would, bypassing the store.
    fn add_user(&self, store: &Self::Store, email: &str, verified: bool) -> impl Future<Output = Self::User> + Send;

    /// Marks a user as unverified, as the application would after a change of address.
    fn unverify(&self, store: &Self::Store, user: &Self::User) -> impl Future<Output = ()> + Send;

    /// Removes a user as the application would.
    fn remove_user(&self, store: &Self::Store, user: &Self::User) -> impl Future<Output = ()> + Send;

    /// How many users have this address.
    fn count_users(&self, store: &Self::Store, email: &str) -> impl Future<Output = usize> + Send;
}

/// Writes one test for every case of the suite, for a backend given as an expression. Put it in a
/// module named after the backend.
///
/// Attributes before the backend apply to every test, such as `#[ignore = "needs a server"]`. The
/// backend must then be a path.
#[macro_export]
macro_rules! store_conformance {
    // An expression can start with an attribute, which would be ambiguous here.
    ($(#[$attribute:meta])+ $backend:path) => {
        $crate::store_conformance! { @all ($(#[$attribute])+) $backend }
    };
    ($backend:expr) => {
        $crate::store_conformance! { @all () $backend }
    };
    (@all $attributes:tt $backend:expr) => {
        $crate::store_conformance! { @cases $attributes $backend;
            one_send_per_cooldown_whoever_asks_at_once
            budgets_follow_the_rule_step_by_step
            budgets_follow_the_rule_when_clocks_differ
            a_clock_that_was_ahead_locks_no_address
            a_request_that_was_overtaken_waits
            strangers_and_known_devices_have_budgets_of_their_own
            every_device_has_a_budget_of_its_own
            a_wait_changes_nothing
            a_refund_gives_the_send_back_once
            a_refund_of_the_cooldown_leaves_the_send_paid
            a_refund_of_the_cooldown_leaves_the_day_paid
            a_refund_of_a_send_that_was_not_paid_changes_nothing
            a_late_refund_does_not_touch_a_later_send
            a_refund_of_another_request_in_the_same_millisecond_changes_nothing
            a_repeated_refund_does_not_touch_a_send_of_the_same_millisecond
            a_refund_at_the_end_of_the_cooldown_counts_once
            all_strangers_of_an_address_have_one_total
            both_pay_or_neither
            a_burst_costs_the_total_one_send
            a_total_has_a_number_for_every_send
            later_codes_of_a_day_are_longer
            a_refund_reaches_the_total
            totals_follow_the_rule_step_by_step
            a_clean_up_keeps_the_total_of_a_day
            a_live_challenge_goes_on_unchanged
            a_challenge_goes_on_when_another_budget_pays
            only_a_live_challenge_of_the_same_identity_goes_on
            every_try_has_a_number_of_its_own
            used_up_challenges_are_counted_within_a_day
            no_two_used_up_challenges_have_one_number
            used_up_challenges_pay_nothing
            a_clean_up_keeps_the_count_of_a_day
            a_clean_up_removes_the_count_of_a_clock_that_was_ahead
            an_unknown_challenge_counts_nothing
            rate_04_strangers_fail_for_an_identity_over_all_its_challenges
            rate_04_only_what_is_compared_is_a_failure
            rate_04_no_two_failures_have_one_number
            rate_05_a_sign_in_ends_the_count
            rate_04_an_administrator_ends_the_count
            rate_04_a_clean_up_keeps_failures_for_a_year
            tries_outlive_a_resend
            a_code_is_accepted_once
            a_code_in_use_elsewhere_is_not_accepted
            a_late_code_is_not_accepted
            an_accepted_code_leaves_no_trace
            a_new_address_makes_one_user
            sign_ups_take_turns_without_a_budget
            an_existing_user_is_found_and_verified
            the_first_proof_ends_older_sessions
            other_sessions_of_a_verified_user_go_on
            a_replaced_session_ends
            an_account_that_has_changed_is_not_signed_in
            an_account_made_meanwhile_is_not_signed_in
            a_new_user_inherits_no_session
            a_session_reads_back_as_it_was_written
            one_caller_advances_a_generation
            a_session_that_is_over_does_not_advance
            a_revoked_session_does_not_advance
            a_sign_out_beats_every_refresh_in_flight
            revoking_is_idempotent
            every_session_of_one_user_can_be_revoked
            live_sessions_are_listed_latest_first
            a_blacklisted_token_or_session_has_no_user
            a_blacklist_entry_is_never_shortened
            a_removed_user_is_gone_at_once
            addresses_are_compared_exactly
            a_clean_up_removes_what_is_over_and_nothing_else
            a_clean_up_by_a_clock_ahead_ends_and_revives_nothing
            a_clean_up_works_in_batches
            clean_ups_at_once_share_the_work
            a_full_hour_outlives_its_day
            nothing_crosses_from_one_realm_to_another
            realms_are_told_apart_exactly
            the_blacklist_can_be_followed
            an_entry_without_an_end_is_kept
            a_follower_misses_nothing_of_many_writers
            of_a_user_on_the_blacklist_only_earlier_sign_ins_are_refused
            one_caller_notes_a_recovery
            only_a_live_session_is_bound_anew
            the_sessions_of_a_user_can_be_deleted
        }
    };
    (@cases $attributes:tt $backend:expr; $($case:ident)*) => {
        $( $crate::store_conformance! { @case $attributes $backend; $case } )*
    };
    (@case ($($attribute:tt)*) $backend:expr; $case:ident) => {
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            $($attribute)*
            async fn $case() {
                $crate::testing::conformance::$case(&$backend).await;
            }
    };
}
