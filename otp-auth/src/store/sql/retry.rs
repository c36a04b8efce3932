//! Retrying operations that failed because of a concurrent one.

use std::future::Future;

use super::failure::{is_duplicate, is_passing, takes_no_lock};
use crate::error::StoreError;
use crate::store::StoreResult;

/// How often an operation runs before its error is returned.
pub(super) const MAX_RUNS: u32 = 8;

/// Runs an operation, and retries it if it lost to a concurrent one's locks. An operation is one
/// statement or one transaction, so a failed attempt changed nothing.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(super) async fn retrying<T, F>(operation: impl FnMut() -> F + Send) -> StoreResult<T>
where
    F: Future<Output = Result<T, sqlx::Error>> + Send,
{
    retrying_if(is_passing, operation).await
}

/// How a sign-in makes sure that its user does not change before it commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The row is locked when it is read: a concurrent change waits, and its author then finds the
    /// session.
    Locked,
    /// The user is read a second time, after all writes. A change between that and the commit is
    /// missed.
    ReadAgain,
}

/// The same for a sign-in, which may also violate a unique index of the application: the next
/// attempt finds the row that was in the way. The application's users may also be in a view whose
/// rows cannot be locked, or be read-only for us.
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

#[cfg(all(test, feature = "postgres", feature = "mysql"))]
mod tests {
    use std::sync::Mutex;

    use super::super::failure::tests::of_postgres;
    use super::Hold::{Locked, ReadAgain};
    use super::*;

    const AGAIN: &str = "C40001";
    const NO_LOCK: &str = "C42501";
    const DUPLICATE: &str = "C23505";
    const NULL: &str = "C23502";

    #[tokio::test]
    async fn a_sign_in_runs_again_while_that_can_help() {
        for (errors, runs, succeeds) in [
            (&[][..], &[Locked][..], true),
            (&[AGAIN], &[Locked; 2], true),
            (&[DUPLICATE], &[Locked; 2], true),
            (&[NO_LOCK], &[Locked, ReadAgain], true),
            (&[NO_LOCK, AGAIN], &[Locked, ReadAgain, Locked], true),
            (&[NO_LOCK, NO_LOCK], &[Locked, ReadAgain], false),
            (&[NULL], &[Locked], false),
            (&[AGAIN; 7], &[Locked; 8], true),
            (&[AGAIN; 8], &[Locked; 8], false),
        ] {
            let seen = Mutex::new(Vec::new());
            let attempt = |hold| {
                let run = seen.lock().unwrap().len();
                seen.lock().unwrap().push(hold);
                async move {
                    match errors.get(run) {
                        Some(code) => Err(of_postgres(&[code, "Mx"]).await),
                        None => Ok(()),
                    }
                }
            };
            assert_eq!(retrying_sign_in(attempt).await.is_ok(), succeeds, "{errors:?}");
            assert_eq!(*seen.lock().unwrap(), runs, "{errors:?}");
        }
    }
}
