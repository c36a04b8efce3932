//! What can go wrong, as the caller of [`OtpAuth`](crate::OtpAuth) sees it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The operating system gave no random numbers, or a key could not be made.
/// There is no fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random number generator failed")]
pub struct RandomError;

type Source = Box<dyn StdError + Send + Sync>;

/// A store could not do what it was asked.
///
/// The cause is in [`source`](StdError::source), for logs. It never reaches a
/// client.
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
    /// Wraps the error of a database.
    #[must_use]
    pub fn new(source: impl Into<Source>) -> Self {
        Self { kind: StoreErrorKind::Backend, source: Some(source.into()) }
    }

    pub(crate) fn timeout() -> Self {
        Self { kind: StoreErrorKind::Timeout, source: None }
    }

    /// The store did not answer in time. What it was asked may or may not
    /// have happened.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind == StoreErrorKind::Timeout
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError").field("kind", &self.kind).field("source", &self.source).finish()
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

/// Why a use case of [`OtpAuth`](crate::OtpAuth) did not succeed.
///
/// The router turns each into a problem with a stable `code`; see
/// [`problem`](crate::problem).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The text is not an address that is accepted.
    #[error("not an e-mail address")]
    InvalidEmail,
    /// The text cannot be a code: it has no digits, or other characters than
    /// digits, spaces, dashes and invisible ones.
    #[error("not a code")]
    MalformedCode,
    /// A code was sent to this address a short while ago, or too many were.
    #[error("the next code can be sent in {} ms", retry_after.as_millis())]
    ResendTooSoon {
        /// After this long, a request succeeds.
        retry_after: Duration,
    },
    /// The sender failed or was too slow, or too many sends are on their way.
    /// The client can ask again at once; where the mail may be out, the send
    /// still counts for the hour and the day.
    #[error("the code could not be delivered")]
    DeliveryFailed,
    /// The sender says that this address will never take a message. The send
    /// counts for the hour and the day.
    #[error("the address takes no mail")]
    AddressRefused,
    /// The code is wrong, expired or used, or its challenge is another one.
    /// Which of these is not told.
    #[error("the code is not valid")]
    InvalidCode,
    /// All tries of this challenge are used up, even for the right code.
    #[error("too many attempts; ask for a new code")]
    TooManyAttempts {
        /// After this long the challenge has expired, and a request for a
        /// code opens another one whatever the client sends along.
        retry_after: Duration,
    },
    /// The application refused to let this user be created or sign in.
    #[error("sign-in was refused by the application")]
    SignInRefused,
    /// The refresh token is not one of ours, has expired, or its user is gone.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The session has been signed out, or was ended because an old refresh
    /// token of it was used again.
    #[error("the session has been revoked")]
    SessionRevoked,
    /// The access token is not one of ours, has expired or was revoked, or
    /// its user is gone.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The store failed. Try again: what it may have done before, it does not
    /// do twice.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user's claims cannot be written into a token and read back.
    ///
    /// The text of the source quotes values of the user: keep it out of logs.
    #[error("the user's claims do not fit in a token: serde says {:?} error", .0.classify())]
    Claims(#[source] serde_json::Error),
    /// The user's claims are so large that no extractor would accept the
    /// access token: it may have 12 KiB.
    #[error("the user's claims make an access token of {bytes} bytes, and at most 12288 are accepted")]
    TokenTooLong {
        /// The length of the token.
        bytes: usize,
    },
    /// The operating system gave no random numbers.
    #[error(transparent)]
    Random(#[from] RandomError),
}
