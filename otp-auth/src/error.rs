//! Errors below the use cases.

use std::error::Error as StdError;
use std::fmt;

/// The operating system returned no random numbers. There is no fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random number generator failed")]
#[non_exhaustive]
pub struct RandomError;

type Source = Box<dyn StdError + Send + Sync>;

/// A store failed.
///
/// [`source`](StdError::source) has the cause, for logs. It never reaches a client.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreErrorKind {
    Backend,
    Timeout,
}

impl StoreError {
    /// Wraps a database error.
    #[must_use]
    pub fn new(source: impl Into<Source>) -> Self {
        Self { kind: StoreErrorKind::Backend, source: Some(source.into()) }
    }

    pub(crate) fn timeout() -> Self {
        Self { kind: StoreErrorKind::Timeout, source: None }
    }

    /// Whether the store timed out. The operation may or may not have happened.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind == StoreErrorKind::Timeout
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, &self.source) {
            (StoreErrorKind::Timeout, _) => f.write_str("the store did not answer in time"),
            (StoreErrorKind::Backend, Some(source)) => write!(f, "the store failed: {source}"),
            (StoreErrorKind::Backend, None) => f.write_str("the store failed"),
        }
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_error_has_the_cause_as_its_source() {
        let failed = StoreError::new("down");
        assert_eq!(failed.source().map(ToString::to_string).as_deref(), Some("down"));
        assert_eq!(failed.to_string(), "the store failed: down");
        assert_eq!(format!("{failed:?}"), "StoreError { kind: Backend, source: Some(\"down\") }");
        assert!(StoreError::timeout().source().is_none());
    }
}
