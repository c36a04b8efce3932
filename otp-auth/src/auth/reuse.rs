//! What the refresh tokens that a client holds are worth, and whether one was reused.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::OtpAuth;
use super::error::AuthError;
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::context::RequestContext;
use crate::error::StoreError;
use crate::hooks::Suspicion;
use crate::session::{self, RefreshState, Session};

/// How long to check for reuse that is only reported.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// A refresh token that a client holds.
pub(super) struct Held {
    pub(super) session: Session,
    pub(super) rank: Rank,
}

/// Which of several refresh tokens to prefer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    InUse,
    Good,
    Reused,
    Bad,
}

impl Rank {
    fn of(state: RefreshState) -> Self {
        match state {
            RefreshState::Current => Self::InUse,
            RefreshState::JustReplaced | RefreshState::Ahead | RefreshState::AnswerLost => Self::Good,
            RefreshState::Reused => Self::Reused,
            RefreshState::Revoked | RefreshState::Expired => Self::Bad,
        }
    }
}

impl<C: OtpConfig> OtpAuth<C> {
    /// The session of a refresh token, and what the token is worth. Changes nothing.
    pub(super) async fn held(&self, refresh_token: &str, now: Timestamp) -> Result<Option<Held>, StoreError> {
        let Ok(token) = self.inner.tokens.verify_refresh(refresh_token, now) else { return Ok(None) };
        let Some(session) = self.inner.store().session(token.session).await? else { return Ok(None) };
        let state = session::refresh_state(&session, token.generation, now, self.inner.settings.refresh_grace);
        Ok(Some(Held { session, rank: Rank::of(state) }))
    }

    /// The sessions for which only replaced tokens were presented, so somebody has a copy. Call
    /// this before ending them. If the store does not respond soon, the result is empty, so that
    /// they can still be ended.
    pub(super) async fn reused(&self, refresh_tokens: &[&str], now: Timestamp) -> Vec<Session> {
        let until = Instant::now() + LOOK_TIMEOUT;
        let mut reused: Vec<Session> = Vec::new();
        let mut good = Vec::new();
        for token in refresh_tokens {
            let remaining = until.saturating_duration_since(Instant::now());
            let Ok(Ok(Some(held))) = timeout(remaining, self.held(token, now)).await else { continue };
            match held.rank {
                Rank::InUse | Rank::Good => good.push(held.session.id),
                Rank::Reused if reused.iter().all(|session| session.id != held.session.id) => reused.push(held.session),
                _ => {}
            }
        }
        reused.retain(|session| !good.contains(&session.id));
        reused
    }

    /// Somebody has a copy of one of this session's tokens. Waits for `ending`, which ends the
    /// session, and notifies the application, even if it fails.
    pub(super) async fn end_reused<T>(
        &self,
        session: &Session,
        ending: impl Future<Output = Result<T, AuthError>>,
        context: &RequestContext,
    ) -> Result<T, AuthError> {
        let ended = ending.await;
        let (user_id, revoked) = (session.user_id.clone(), ended.is_ok());
        self.raise(&Suspicion::RefreshTokenReused { session: session.id, user_id, revoked }, context).await;
        ended
    }
}
