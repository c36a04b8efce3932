//! Running again what met somebody else's lock.

use std::future::Future;

use super::failure::{is_duplicate, is_passing, takes_no_lock};
use crate::error::StoreError;
use crate::store::StoreResult;

/// How often an operation is run before its error is returned.
const MAX_RUNS: u32 = 8;

/// Runs an operation, and again when it lost to somebody else's locks. It is
/// one statement or one transaction, so an attempt that failed changed
/// nothing.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(super) async fn retrying<T, F>(operation: impl FnMut() -> F + Send) -> StoreResult<T>
where
    F: Future<Output = Result<T, sqlx::Error>> + Send,
{
    retrying_if(is_passing, operation).await
}

/// How a sign-in sees to it that its user is the same until it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The row is locked when it is read: who changes it waits, and then finds
    /// the session.
    Locked,
    /// The user is read a second time, after all that is written. A change
    /// between that and the commit is missed.
    ReadAgain,
}

/// The same for a sign-in. It may also meet a unique index of the application:
/// the next attempt finds the row that was in the way. And the application may
/// have its users in a view that takes no lock, or let us only read them.
pub(super) async fn retrying_sign_in<T, F>(attempt: impl Fn(Hold) -> F + Send + Sync) -> StoreResult<T>
where
    T: Send,
    F: Future<Output = Result<T, sqlx::Error>> + Send,
{
    let holding = || async {
        match attempt(Hold::Locked).await {
            Err(error) if takes_no_lock(&error) => attempt(Hold::ReadAgain).await,
            outcome => outcome,
        }
    };
    retrying_if(|error| is_passing(error) || is_duplicate(error), holding).await
}

async fn retrying_if<T, F>(
    again: impl Fn(&sqlx::Error) -> bool + Send,
    mut operation: impl FnMut() -> F + Send,
) -> StoreResult<T>
where
    F: Future<Output = Result<T, sqlx::Error>> + Send,
{
    for _ in 1..MAX_RUNS {
        match operation().await {
            Err(error) if again(&error) => {}
            result => return result.map_err(StoreError::from),
        }
    }
    operation().await.map_err(StoreError::from)
}
