//! What is handed on from a layer to the extractors behind it.

use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, HeaderValue};

use crate::auth::{Authenticated, Claims, OtpAuth};
use crate::config::OtpConfig;

/// An extractor that says who is asking.
pub(super) trait Identified<C: OtpConfig> {
    fn identity(identified: Self) -> (Claims<C>, Option<C::User>);
}

/// What a layer has found out about a request.
pub(super) struct Found<C: OtpConfig> {
    auth: OtpAuth<C>,
    authorization: Option<HeaderValue>,
    claims: Claims<C>,
    user: Option<C::User>,
}

impl<C: OtpConfig> Found<C> {
    /// Leaves it with the request.
    pub(super) fn leave<E: Identified<C>>(
        extensions: &mut Extensions,
        headers: &HeaderMap,
        auth: OtpAuth<C>,
        identified: E,
    ) {
        let (claims, user) = E::identity(identified);
        let authorization = headers.get(AUTHORIZATION).cloned();
        extensions.insert(Arc::new(Self { auth, authorization, claims, user }));
    }

    /// What was found with these credentials, which something between may
    /// have replaced, and by this `OtpAuth`: another one of the same type may
    /// have other keys and another store.
    fn of<'a>(extensions: &'a Extensions, headers: &HeaderMap, auth: &OtpAuth<C>) -> Option<&'a Self> {
        let found: &Self = extensions.get::<Arc<Self>>()?;
        let is_same = std::ptr::eq(found.auth.settings(), auth.settings());
        (is_same && found.authorization.as_ref() == headers.get(AUTHORIZATION)).then_some(found)
    }

    pub(super) fn claims(extensions: &Extensions, headers: &HeaderMap, auth: &OtpAuth<C>) -> Option<Claims<C>> {
        Self::of(extensions, headers, auth).map(|found| found.claims.clone())
    }

    /// The user, who is handed on once: user types need not be `Clone`.
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
