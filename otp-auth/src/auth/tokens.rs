//! What a client receives after signing in or refreshing.

use std::fmt;
use std::time::Duration;

use super::OtpAuth;
use super::error::AuthError;
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::event;
use crate::secret::Secret;
use crate::session::Session;

/// A user who signed in or refreshed, with new tokens. `Debug` shows only the session.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignedIn<U> {
    /// The user.
    pub user: U,
    /// The session.
    pub session: Session,
    /// The tokens for the client.
    pub tokens: TokenPair,
    /// Proof that this device has signed in to this address, and up to four others before, for
    /// later [code requests](crate::auth::CodeRequest::device). Only a sign-in returns one.
    pub device: Option<DeviceToken>,
}

impl<U> fmt::Debug for SignedIn<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("session", &self.session).finish_non_exhaustive()
    }
}

/// An access token and its refresh token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TokenPair {
    /// The access token, a bearer token (RFC 6750).
    pub access_token: Secret,
    /// How long the access token is valid.
    pub expires_in: Duration,
    /// The refresh token.
    pub refresh_token: Secret,
    /// How long the refresh token is valid.
    pub refresh_expires_in: Duration,
}

/// Proof that a device has signed in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeviceToken {
    /// The token.
    pub token: Secret,
    /// How long the device is remembered.
    pub expires_in: Duration,
}

impl<C: OtpConfig> OtpAuth<C> {
    /// New tokens for a session in its current generation.
    pub(super) fn tokens_for(&self, user: &C::User, session: &Session, now: Timestamp) -> Result<TokenPair, AuthError> {
        let access = self.inner.tokens.mint_access(user, session, now)?;
        if access.is_long {
            event::long_token(access.token.expose().len());
        }
        Ok(TokenPair {
            access_token: access.token,
            expires_in: access.expires_in,
            refresh_token: self.inner.tokens.mint_refresh(session)?,
            refresh_expires_in: now.until(session.expires_at),
        })
    }
}
