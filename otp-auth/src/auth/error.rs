//! What can go wrong, as the caller of [`OtpAuth`](crate::OtpAuth) sees it.

use std::time::Duration;

use crate::challenge::code::MalformedCode;
use crate::error::{RandomError, StoreError};
use crate::token::{ClaimsError, MintError};

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
    /// All attempts of this challenge are used up, even for the right code.
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
    #[error(transparent)]
    Claims(#[from] ClaimsError),
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
