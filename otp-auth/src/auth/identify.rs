//! Authentication: from an access token to its claims, and to the user.

use std::fmt;
use std::ops::Deref;

use super::OtpAuth;
use super::error::AuthError;
use crate::binding::Bound;
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::event;
use crate::id::{SessionId, SubjectId, TokenId};
use crate::methods::AuthMethods;
use crate::store::TokenRef;
use crate::token::{AccessClaims, Registered};
use crate::user::OtpUser;

/// The claims of a valid access token. Dereferences to the user's typed claims.
///
/// As an extractor it does no I/O. It checks signature, type, times, issuer, audience and
/// revocation. It sees sign-outs of other processes within two seconds. If the store has not
/// responded for ten seconds, every request queries it, and is rejected if that fails.
///
/// It does not load the user. A user who was deleted, or has a new address, stays authenticated
/// until the token expires, unless you call [`OtpAuth::forget_user`]. If that matters, use
/// [`CurrentUser`](crate::CurrentUser).
pub struct Claims<C: OtpConfig> {
    user_id: <C::User as OtpUser>::Id,
    custom: <C::User as OtpUser>::Claims,
    // Last, because it does not mention `C`: for an argument, the compiler would otherwise report a
    // `C` that is not a configuration twice more.
    registered: Registered,
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

    /// When the token was issued (`iat`), to the second.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        from_secs(self.registered.issued_at)
    }

    /// When the token expires (`exp`), to the second.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        from_secs(self.registered.expires_at)
    }

    /// When the user presented a code (`auth_time`), to the second. Refreshing does not change it,
    /// so it tells how recent the proof is.
    #[must_use]
    pub fn authenticated_at(&self) -> Timestamp {
        from_secs(self.registered.authenticated_at)
    }

    /// How the user authenticated (`amr`). Refreshing does not change it.
    #[must_use]
    pub fn methods(&self) -> &AuthMethods {
        &self.registered.methods
    }

    fn token_ref(&self) -> TokenRef {
        TokenRef {
            session: self.registered.session,
            token: self.registered.token,
            subject: SubjectId::of(&self.registered.subject),
            authenticated_at: self.authenticated_at(),
        }
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
        Self { user_id: self.user_id.clone(), custom: self.custom.clone(), registered: self.registered.clone() }
    }
}

/// Shows the registered claims, but not the application's.
impl<C: OtpConfig> fmt::Debug for Claims<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("session_id", &self.registered.session)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// A user, with the claims of the token that identified them.
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
    /// The claims of an access token, unless it was revoked. See [`Claims`].
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`] if the token is not valid for any reason; [`AuthError::Store`]
    /// if it is not known whether it was revoked.
    pub async fn claims(&self, access_token: &str) -> Result<Claims<C>, AuthError> {
        let claims = self.read(access_token)?;
        if self.is_revoked(claims.token_ref()).await? {
            event::invalid_token("revoked", self.client_ip());
            return Err(AuthError::InvalidToken);
        }
        Ok(claims)
    }

    /// The claims of a token, without the revocation check.
    fn read(&self, access_token: &str) -> Result<Claims<C>, AuthError> {
        let AccessClaims { registered, custom } =
            self.inner.tokens.verify_access(access_token, self.now()).map_err(|refused| {
                event::invalid_token(refused.0, self.client_ip());
                AuthError::InvalidToken
            })?;
        let Ok(user_id) = registered.subject.parse() else {
            event::invalid_token("malformed subject", self.client_ip());
            return Err(AuthError::InvalidToken);
        };
        Ok(Claims { user_id, custom, registered })
    }

    /// The user of an access token, loaded together with the revocation check in one round trip.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidToken`] also if the token was revoked, or the user does not exist, is
    /// not admitted, or has a different address than the proven one; [`AuthError::Store`].
    pub async fn authenticate(&self, access_token: &str) -> Result<Authenticated<C>, AuthError> {
        let claims = self.read(access_token)?;
        let user = self.inner.store().current_user(claims.user_id(), claims.token_ref(), self.now()).await?;
        let bound = Bound::Short(claims.registered.binding);
        let Some(user) = user.filter(|user| self.is_bound(user, bound) && self.admits(user)) else {
            event::invalid_token("revoked, no such user, or another address", self.client_ip());
            return Err(AuthError::InvalidToken);
        };
        Ok(Authenticated { user, claims })
    }
}
