//! Who is asking: from an access token to its claims, and to the user.

use std::fmt;
use std::ops::Deref;

use super::OtpAuth;
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::error::AuthError;
use crate::event;
use crate::id::{SessionId, TokenId};
use crate::store::TokenRef;
use crate::token::{AccessClaims, Registered};
use crate::user::OtpUser;

/// The claims of a valid access token. Dereferences to the user's typed
/// claims.
///
/// As an extractor it does no I/O: it checks signature, type, times, issuer
/// and audience, and that this process has not ended the session. A sign-out
/// through another process is seen when the token expires; where that is too
/// late, take [`CurrentUser`](crate::CurrentUser).
pub struct Claims<C: OtpConfig> {
    registered: Registered,
    user_id: <C::User as OtpUser>::Id,
    custom: <C::User as OtpUser>::Claims,
}

impl<C: OtpConfig> Claims<C> {
    /// The user's id (`sub`).
    #[must_use]
    pub fn user_id(&self) -> &<C::User as OtpUser>::Id {
        &self.user_id
    }

    /// The session (`sid`).
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.registered.session
    }

    /// The token itself (`jti`).
    #[must_use]
    pub fn token_id(&self) -> TokenId {
        self.registered.token
    }

    /// When the token was made (`iat`), to the second.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        from_secs(self.registered.issued_at)
    }

    /// When the token ends (`exp`), to the second.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        from_secs(self.registered.expires_at)
    }

    /// When the user presented a code (`auth_time`), to the second. It stays
    /// the same over refreshes, so it answers how recent the proof is.
    #[must_use]
    pub fn authenticated_at(&self) -> Timestamp {
        from_secs(self.registered.authenticated_at)
    }

    /// The user's typed claims.
    #[must_use]
    pub fn into_inner(self) -> <C::User as OtpUser>::Claims {
        self.custom
    }
}

fn from_secs(secs: i64) -> Timestamp {
    Timestamp::from_millis(secs.saturating_mul(1000))
}

impl<C: OtpConfig> Deref for Claims<C> {
    type Target = <C::User as OtpUser>::Claims;

    fn deref(&self) -> &Self::Target {
        &self.custom
    }
}

impl<C: OtpConfig> Clone for Claims<C> {
    fn clone(&self) -> Self {
        Self { registered: self.registered.clone(), user_id: self.user_id.clone(), custom: self.custom.clone() }
    }
}

/// Shows what an operator may see, not what the application has put in.
impl<C: OtpConfig> fmt::Debug for Claims<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("session_id", &self.registered.session)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// A user with the claims of the token that named them.
#[non_exhaustive]
pub struct Authenticated<C: OtpConfig> {
    /// The user, freshly loaded.
    pub user: C::User,
    /// The claims of their token.
    pub claims: Claims<C>,
}

impl<C: OtpConfig> fmt::Debug for Authenticated<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated").field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl<C: OtpConfig> OtpAuth<C> {
    /// The claims of an access token, without I/O. See [`Claims`] for what
    /// that cannot see.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`], whatever is wrong with it.
    pub fn claims(&self, access_token: &str) -> Result<Claims<C>, AuthError> {
        let AccessClaims { registered, custom } =
            self.inner.tokens.verify_access(access_token, self.now()).map_err(|refused| {
                event::invalid_token(refused.0);
                AuthError::InvalidToken
            })?;
        if self.inner.ended.contains(registered.session, registered.token) {
            event::invalid_token("revoked");
            return Err(AuthError::InvalidToken);
        }
        let Ok(user_id) = registered.subject.parse() else {
            event::invalid_token("malformed subject");
            return Err(AuthError::InvalidToken);
        };
        Ok(Claims { registered, user_id, custom })
    }

    /// The user of an access token, loaded together with the blacklist check
    /// in one round trip.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`] also when the token was revoked or the
    /// user is gone or refused; [`AuthError::Store`].
    pub async fn authenticate(&self, access_token: &str) -> Result<Authenticated<C>, AuthError> {
        let claims = self.claims(access_token)?;
        let token = TokenRef { session: claims.session_id(), token: claims.token_id() };
        let user = self.inner.store.current_user(claims.user_id(), token, self.now()).await?;
        let Some(user) = user.filter(|user| self.admits(user)) else {
            event::invalid_token("revoked, or no such user");
            return Err(AuthError::InvalidToken);
        };
        Ok(Authenticated { user, claims })
    }
}
