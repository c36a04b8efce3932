//! The request extension in which a layer passes on what it found, so that extractors do not look
//! it up again.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, HeaderValue};

use crate::auth::{Authenticated, Claims, OtpAuth};
use crate::config::OtpConfig;

/// The result of an extractor.
pub(super) trait Identified<C: OtpConfig> {
    fn identity(self) -> (Claims<C>, Option<C::User>);
}

/// The result of a layer, for the extractors behind it.
pub(super) struct Found<C: OtpConfig> {
    auth: OtpAuth<C>,
    authorization: Option<HeaderValue>,
    claims: Claims<C>,
    user: Option<C::User>,
}

impl<C: OtpConfig> Found<C> {
    pub(super) fn new(auth: OtpAuth<C>, headers: &HeaderMap, identified: impl Identified<C>) -> Self {
        let (claims, user) = identified.identity();
        Self { auth, authorization: headers.get(AUTHORIZATION).cloned(), claims, user }
    }

    /// Only valid for these credentials, which something in between may replace, and this
    /// `OtpAuth`: another of the same type may have other keys and another store.
    fn of<'a>(extensions: &'a Extensions, headers: &HeaderMap, auth: &OtpAuth<C>) -> Option<&'a Self> {
        let found: &Self = extensions.get::<Arc<Self>>()?;
        let is_same = std::ptr::eq(found.auth.settings(), auth.settings());
        (is_same && found.authorization.as_ref() == headers.get(AUTHORIZATION)).then_some(found)
    }

    pub(super) fn claims(extensions: &Extensions, headers: &HeaderMap, auth: &OtpAuth<C>) -> Option<Claims<C>> {
        Self::of(extensions, headers, auth).map(|found| found.claims.clone())
    }

    /// The user, who can be taken only once, because user types need not be `Clone`.
    pub(super) fn take_user(
        extensions: &mut Extensions,
        headers: &HeaderMap,
        auth: &OtpAuth<C>,
    ) -> Option<Authenticated<C>> {
        Self::of(extensions, headers, auth)?.user.as_ref()?;
        let Self { claims, user, .. } = Arc::into_inner(extensions.remove::<Arc<Self>>()?)?;
        Some(Authenticated { user: user?, claims })
    }
}
