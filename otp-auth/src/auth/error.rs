//! Errors, as callers of [`OtpAuth`](crate::OtpAuth) see them, and as the routes do.

use std::time::Duration;

use crate::challenge::code::MalformedCode;
use crate::error::{RandomError, StoreError};
use crate::token::{ClaimsError, MAX_TOKEN_BYTES, MintError};

/// Why a use case of [`OtpAuth`](crate::OtpAuth) failed.
///
/// The router turns each into a problem with a stable `code`. See [`problem`](crate::problem).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The text is not an accepted e-mail address.
    #[error("not an e-mail address")]
    InvalidEmail,
    /// The text cannot be a code: it has no digits, or characters other than digits, spaces, dashes
    /// and invisible ones.
    #[error("not a code")]
    MalformedCode,
    /// The network of the client, or the session, has made too many requests. The routes check this;
    /// the methods of `OtpAuth` do not.
    #[error("the network or session can make the next request in {} ms", retry_after.as_millis())]
    TooManyRequests {
        /// A request is admitted after this time, unless others come first.
        retry_after: Duration,
    },
    /// A code was sent to this address only recently, or too many were sent.
    #[error("the next code can be sent in {} ms", retry_after.as_millis())]
    ResendTooSoon {
        /// A request succeeds after this time.
        retry_after: Duration,
    },
    /// The application asks for a proof before it sends a code
    /// ([`Hooks::before_send`](crate::Hooks::before_send)). Nothing was counted.
    #[error("the application asks for a proof")]
    ProofRequired,
    /// The sender failed or was too slow, too many codes are being sent, or
    /// [`Hooks::before_send`](crate::Hooks::before_send) gave no answer. The client can ask again
    /// at once. If the e-mail may have been sent, it still counts towards the hour and the
    /// day.
    #[error("the code could not be delivered")]
    DeliveryFailed,
    /// The sender reports that this address will never accept a message. The send counts towards
    /// the hour and the day.
    #[error("the address cannot receive e-mail")]
    AddressRefused,
    /// The code is wrong, expired or used, or belongs to another challenge. The client does not
    /// learn which.
    #[error("the code is not valid")]
    InvalidCode,
    /// The challenge has no attempts left, even for the correct code.
    #[error("too many attempts; request a new code")]
    TooManyAttempts {
        /// How long until the challenge expires. The client need not wait for that: it can request a
        /// new code as soon as the cooldown allows.
        retry_after: Duration,
    },
    /// Strangers have entered 100 wrong codes in a row for this address, so even the correct one
    /// does not open it. A known device, the token of an e-mail, or
    /// [`OtpAuth::unlock`](crate::OtpAuth::unlock) does.
    #[error("too many wrong codes for this address")]
    AddressLocked,
    /// The application rejected this sign-in, or its `filter` excludes the user.
    #[error("the application rejected the sign-in")]
    SignInRefused,
    /// The refresh token is not one of ours or has expired, or its user no longer exists, has
    /// another address or may not sign in.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The session was signed out, or revoked because an old refresh token was reused.
    #[error("the session has been revoked")]
    SessionRevoked,
    /// The access token is not one of ours, expired or revoked, or its user does not exist.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The store failed, or too many calls to it are in progress. It is safe to retry.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user's claims cannot be serialized into a token and read back.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The user's claims are so large that extractors would reject the access token. The message
    /// says how long it may be.
    #[error("the user's claims make an access token of {bytes} bytes, which exceeds the limit of {MAX_TOKEN_BYTES}")]
    TokenTooLong {
        /// The length of the token.
        bytes: usize,
    },
    /// The operating system returned no random numbers.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<MalformedCode> for AuthError {
    fn from(_: MalformedCode) -> Self {
        Self::MalformedCode
    }
}

impl From<MintError> for AuthError {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Claims(error) => Self::Claims(error),
            MintError::TooLong { bytes } => Self::TokenTooLong { bytes },
            MintError::Random(error) => Self::Random(error),
        }
    }
}

/// Why a code is rejected before it is compared. The first in this order wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// The challenge belongs to another address.
    OtherAddress,
    /// The challenge does not exist, or no longer.
    UnknownChallenge,
    /// The client sent something that is not a challenge.
    NotAChallenge,
    /// The client sent no challenge.
    NoChallenge,
}

/// Why a sign-in failed. The log, and in developer mode the response, say more than clients usually
/// learn, because a client that lost its challenge looks like one with a wrong code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInFailed {
    /// No challenge was compared with the code.
    #[error("{}", AuthError::InvalidCode)]
    Refused(Refusal),
    /// The code is correct, but the filter excludes the row.
    #[error("{}", AuthError::SignInRefused)]
    Excluded,
    /// The store failed before any code was compared.
    #[error(transparent)]
    NotCompared(AuthError),
    #[error(transparent)]
    Failed(AuthError),
}

impl SignInFailed {
    /// What the client learns.
    pub(crate) fn into_error(self) -> AuthError {
        match self {
            Self::Refused(_) => AuthError::InvalidCode,
            Self::Excluded => AuthError::SignInRefused,
            Self::NotCompared(error) | Self::Failed(error) => error,
        }
    }

    /// Whether this is the fault of the server, and says nothing about the code. Otherwise, whoever
    /// can make the store fail could guess at the price of a success.
    pub(crate) fn is_no_guess(&self) -> bool {
        matches!(self, Self::NotCompared(_))
    }

    /// The reason in the log.
    pub(super) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Refused(Refusal::NoChallenge) => Some("no_challenge"),
            Self::Refused(Refusal::NotAChallenge) => Some("not_a_challenge"),
            Self::Refused(Refusal::UnknownChallenge) => Some("unknown_challenge"),
            Self::Refused(Refusal::OtherAddress) => Some("challenge_of_another_address"),
            Self::Excluded => Some("row_excluded_by_filter"),
            Self::NotCompared(_) | Self::Failed(_) => None,
        }
    }
}

impl<E: Into<AuthError>> From<E> for SignInFailed {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
