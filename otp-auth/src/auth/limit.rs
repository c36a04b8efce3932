//! The limits per network: counted before the store is asked.

use std::time::Duration;

use super::OtpAuth;
use super::error::AuthError;
use crate::config::{OtpConfig, Rate, Settings};
use crate::crypto;
use crate::event;
use crate::id::SessionId;
use crate::limit::{Charge, LimitKey, Limiter};

/// What a failed sign-in counts as. A success counts as one.
const FAILURE: u32 = 4;

/// What a client asks for. Each has its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UseCase {
    RequestCode,
    Verify,
    Refresh,
    SignOut,
}

impl UseCase {
    /// The name in the log, and in the keys of the limiter.
    const fn name(self) -> &'static str {
        match self {
            Self::RequestCode => "request",
            Self::Verify => "verify",
            Self::Refresh => "refresh",
            Self::SignOut => "logout",
        }
    }

    fn rate(self, settings: &Settings) -> Rate {
        match self {
            _ if settings.developer_mode => Rate::UNLIMITED,
            Self::RequestCode => settings.request_limit,
            Self::Verify => settings.verify_limit,
            Self::Refresh => settings.refresh_limit,
            Self::SignOut => settings.logout_limit,
        }
    }
}

/// An admitted request. If it is dropped, it counts as a failure.
pub(crate) struct Admitted<C: OtpConfig>(Option<<C::Limiter as Limiter>::Receipt>);

impl<C: OtpConfig> OtpAuth<C> {
    /// Counts a request of the network of the current client. A sign-in counts as a failure before
    /// the code is compared, so that simultaneous guesses cannot exceed the limit.
    pub(crate) async fn admit(&self, use_case: UseCase) -> Result<Admitted<C>, AuthError> {
        self.admit_any_of(use_case, vec![self.network().to_string()]).await
    }

    /// Counts a request with tokens of sessions. The session of a genuine one pays, so that others
    /// in its network cannot hold it up; of several, any that can, because another host may have
    /// added one. Without a genuine token, the network pays.
    pub(crate) async fn admit_holder(
        &self,
        use_case: UseCase,
        refresh_tokens: &[&str],
        access_token: Option<&str>,
    ) -> Result<(), AuthError> {
        let (tokens, now) = (&self.inner.tokens, self.now());
        let by_refresh = refresh_tokens.iter().filter_map(|token| tokens.refresh_to_end(token, now).ok());
        let by_access = access_token.and_then(|token| tokens.access_session(token, now).ok());
        let sessions: Vec<_> = by_refresh.chain(by_access).map(|session: SessionId| session.to_string()).collect();
        let payers = if sessions.is_empty() { vec![self.network().to_string()] } else { sessions };
        self.admit_any_of(use_case, payers).await.map(drop)
    }

    /// Counts a request of the first of these that has not used up its limit.
    async fn admit_any_of(&self, use_case: UseCase, payers: Vec<String>) -> Result<Admitted<C>, AuthError> {
        let rate = use_case.rate(&self.inner.settings);
        if rate == Rate::UNLIMITED {
            return Ok(Admitted(None));
        }
        let key = |payer: &str| self.limit_key(&[use_case.name().as_bytes(), payer.as_bytes()]);
        let group = key(&self.network().surroundings().to_string());
        let weight = if use_case == UseCase::Verify { FAILURE } else { 1 };
        let mut shortest = Duration::MAX;
        for payer in payers {
            let charge = Charge::new(key(&payer), rate, weight, self.now()).group(group);
            match self.inner.limiter().charge(charge).await {
                Ok(receipt) => return Ok(Admitted(Some(receipt))),
                Err(wait) => shortest = shortest.min(wait),
            }
        }
        event::too_many_requests(use_case.name(), self.client_ip());
        Err(AuthError::TooManyRequests { retry_after: shortest })
    }

    /// Counts the code request of a stranger, whatever the network. Known devices go on when this
    /// is used up.
    pub(super) async fn admit_stranger(&self) -> Result<(), AuthError> {
        let rate = self.inner.settings.strangers_limit;
        if rate == Rate::UNLIMITED || self.inner.settings.developer_mode {
            return Ok(());
        }
        let charge = Charge::new(self.limit_key(&[b"strangers"]), rate, 1, self.now());
        self.inner.limiter().charge(charge).await.map(drop).map_err(|retry_after| {
            event::too_many_strangers(self.client_ip());
            AuthError::TooManyRequests { retry_after }
        })
    }

    fn limit_key(&self, of: &[&[u8]]) -> LimitKey {
        LimitKey::new(crypto::first(&self.inner.keys.current().limit.mac(of)))
    }

    /// A sign-in was no guess, so it counts as one request. The count of its network remains.
    pub(crate) async fn was_no_guess(&self, admitted: Admitted<C>) {
        if let Some(receipt) = admitted.0 {
            self.inner.limiter().refund(receipt, FAILURE - 1, self.now()).await;
        }
    }
}
