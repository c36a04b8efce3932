//! Minting and verifying tokens. This module has the rules; only [`jwt`] knows the format.

mod claims;
mod jwt;

use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::clock::{SKEW, Timestamp};
use crate::config::Settings;
use crate::error::RandomError;
use crate::id::{SessionId, TokenId};
use crate::keys::{KeyRing, Ring};
use crate::secret::{Secret, redacted};
use crate::session::Session;
use crate::user::OtpUser;

use claims::RefreshClaims;
pub(crate) use claims::{AccessClaims, Audience, Registered};
use jwt::{TokenKey, TokenKind};

/// The maximum lifetime of an access token.
pub(crate) const LONGEST_LIFETIME: Duration = otp_auth_rules::setting::access_token_lifetime.longest;

/// How long an access token issued by now can live, including those of other configurations and
/// versions.
pub(crate) const ACCESS_HORIZON: Duration = LONGEST_LIFETIME.saturating_add(SKEW);

/// Longer than any token with reasonable claims. It limits the work that strangers can cause, and
/// hyper accepts only 16 KiB of headers over HTTP/2.
pub(crate) const MAX_TOKEN_BYTES: usize = 12 * 1024;

/// Many proxies reject headers above 8 KiB, including everything else that a browser sends. At half
/// of that, warn.
const LARGE_TOKEN_BYTES: usize = 4 * 1024;

/// Why a token is rejected. Only for the log: clients get one response for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// Mints and verifies the tokens of one configuration.
pub(crate) struct Tokens {
    access: KeySet,
    refresh: KeySet,
    access_lifetime: Duration,
    issuer: Option<String>,
    audience: Option<String>,
}

/// The keys of one kind of token.
struct KeySet(Ring<TokenKey>);

/// A freshly minted access token.
pub(crate) struct Minted {
    pub(crate) token: Secret,
    pub(crate) expires_in: Duration,
    /// Whether proxies may reject it.
    pub(crate) is_long: bool,
}

/// The user's claims cannot be serialized into a token and read back. It keeps only the kind of
/// serde's error, whose text quotes values of the user.
#[derive(Debug, thiserror::Error)]
#[error("the user's claims do not fit in a token: serde says {0:?} error")]
pub struct ClaimsError(Category);

impl From<serde_json::Error> for ClaimsError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.classify())
    }
}

/// Why a token cannot be minted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MintError {
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    #[error("the token would have {bytes} bytes, which is too long")]
    TooLong { bytes: usize },
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The contents of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) session: SessionId,
    pub(crate) generation: u32,
}

impl Tokens {
    pub(crate) fn new(settings: &Settings, keys: &KeyRing) -> Self {
        let set = |kind| KeySet(keys.map(|keys| TokenKey::new(kind, keys)));
        Self {
            access: set(TokenKind::Access),
            refresh: set(TokenKind::Refresh),
            access_lifetime: settings.access_token_lifetime,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
        }
    }

    /// A new access token for a session.
    pub(crate) fn mint_access<U: OtpUser>(
        &self,
        user: &U,
        session: &Session,
        now: Timestamp,
    ) -> Result<Minted, MintError> {
        // At most as long as the session, whose expiry is a promise.
        let expires_at = (now + self.access_lifetime).min(session.expires_at);
        let claims = AccessClaims {
            registered: Registered {
                issuer: self.issuer.clone(),
                subject: user.id().to_string(),
                audience: self.audience.clone().map(Audience::One),
                expires_at: expires_at.as_secs(),
                not_before: None,
                issued_at: now.as_secs(),
                token: TokenId::random()?,
                session: session.id,
                binding: session.binding.short(),
                authenticated_at: session.created_at.as_secs(),
                methods: session.methods.clone(),
            },
            custom: user.claims(),
        };
        let payload = serde_json::to_vec(&claims).map_err(ClaimsError::from)?;
        // Detects claims of the application that collide with registered ones, or cannot be read
        // back, before a client's every request fails.
        serde_json::from_slice::<AccessClaims<U::Claims>>(&payload).map_err(ClaimsError::from)?;
        let token = self.access.sign(&payload);
        let bytes = token.expose().len();
        if bytes > MAX_TOKEN_BYTES {
            // Extractors would reject it.
            return Err(MintError::TooLong { bytes });
        }
        Ok(Minted {
            token,
            is_long: bytes > LARGE_TOKEN_BYTES,
            expires_in: Duration::from_secs(u64::try_from(expires_at.as_secs() - now.as_secs()).unwrap_or(0)),
        })
    }

    /// The refresh token of a session in its current generation. The same session gives the same
    /// token, byte for byte.
    pub(crate) fn mint_refresh(&self, session: &Session) -> Result<Secret, MintError> {
        let claims = RefreshClaims {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            session: session.id,
            generation: session.generation,
            issued_at: session.refreshed_at.as_secs(),
            expires_at: session.expires_at.as_secs(),
        };
        let payload = serde_json::to_vec(&claims).map_err(ClaimsError::from)?;
        Ok(self.refresh.sign(&payload))
    }

    /// Verifies an access token: signature, type, times, issuer and audience.
    pub(crate) fn verify_access<C: serde::de::DeserializeOwned>(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<AccessClaims<C>, Refused> {
        let claims: AccessClaims<C> = self.access.open(token)?;
        let registered = &claims.registered;
        check_times(registered.issued_at, registered.not_before, registered.expires_at, now)?;
        // Issued before the lifetime was shortened.
        let lifetime = registered.expires_at.saturating_sub(registered.issued_at);
        if lifetime > i64::try_from(self.access_lifetime.as_secs()).unwrap_or(i64::MAX) {
            return Err(Refused("lives too long"));
        }
        check_issuer(registered.issuer.as_deref(), self.issuer.as_deref())?;
        match (&registered.audience, self.audience.as_deref()) {
            (_, None) => {}
            (Some(audience), Some(expected)) if audience.contains(expected) => {}
            _ => return Err(Refused("wrong audience")),
        }
        Ok(claims)
    }

    /// Verifies a refresh token.
    pub(crate) fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshToken, Refused> {
        let claims: RefreshClaims = self.refresh.open(token)?;
        check_times(claims.issued_at, None, claims.expires_at, now)?;
        check_issuer(claims.issuer.as_deref(), self.issuer.as_deref())?;
        // It has the same audience as its access tokens.
        match self.audience.as_deref() {
            Some(expected) if claims.audience.as_deref() != Some(expected) => return Err(Refused("wrong audience")),
            _ => {}
        }
        Ok(RefreshToken { session: claims.session, generation: claims.generation })
    }

    /// The session of a refresh token, even if the token has expired.
    pub(crate) fn refresh_session(&self, token: &str) -> Option<SessionId> {
        let claims: RefreshClaims = self.refresh.open(token).ok()?;
        check_issuer(claims.issuer.as_deref(), self.issuer.as_deref()).ok()?;
        Some(claims.session)
    }

    /// The session of an unexpired refresh token of any audience, which is enough to end it.
    pub(crate) fn refresh_to_end(&self, token: &str, now: Timestamp) -> Result<SessionId, Refused> {
        let claims: RefreshClaims = self.refresh.open(token)?;
        check_times(claims.issued_at, None, claims.expires_at, now)?;
        check_issuer(claims.issuer.as_deref(), self.issuer.as_deref())?;
        Ok(claims.session)
    }

    /// The session of an unexpired access token of any lifetime and audience, which is enough to
    /// end it.
    pub(crate) fn access_session(&self, token: &str, now: Timestamp) -> Result<SessionId, Refused> {
        let claims: AccessClaims<IgnoredAny> = self.access.open(token)?;
        let registered = &claims.registered;
        check_times(registered.issued_at, registered.not_before, registered.expires_at, now)?;
        check_issuer(registered.issuer.as_deref(), self.issuer.as_deref())?;
        Ok(registered.session)
    }
}

redacted!(Tokens);

impl KeySet {
    fn sign(&self, payload: &[u8]) -> Secret {
        self.0.current().sign(payload)
    }

    fn open<T: serde::de::DeserializeOwned>(&self, token: &str) -> Result<T, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused("too long"));
        }
        let parts = jwt::Parts::split(token)?;
        let key = self.0.iter().find_map(|key| key.accepts(&parts).transpose()).ok_or(Refused("unknown key"))??;
        let payload = key.verify(&parts)?;
        serde_json::from_slice(&payload).map_err(|_| Refused("malformed claims"))
    }
}

/// `exp` is exact; `iat` and `nbf` allow for [`SKEW`].
fn check_times(issued_at: i64, not_before: Option<i64>, expires_at: i64, now: Timestamp) -> Result<(), Refused> {
    if now.as_secs() >= expires_at {
        return Err(Refused("expired"));
    }
    let latest = (now + SKEW).as_secs();
    if issued_at > latest || not_before.is_some_and(|not_before| not_before > latest) {
        return Err(Refused("not valid yet"));
    }
    Ok(())
}

fn check_issuer(issuer: Option<&str>, expected: Option<&str>) -> Result<(), Refused> {
    match expected {
        Some(_) if issuer != expected => Err(Refused("wrong issuer")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
