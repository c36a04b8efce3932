//! Exchanging a refresh token for its successor.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use super::error::AuthError;
use super::reuse::{Held, Rank};
use super::{OtpAuth, SignedIn};
use crate::binding::Bound;
use crate::challenge::device::Device;
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::error::StoreError;
use crate::event::{self, Ending};
use crate::id::{SessionId, SubjectId};
use crate::session::{self, Recovery, RefreshState, Session};
use crate::store::Advance;
use crate::user::OtpUser;

/// How often a session is judged per request.
const MAX_ROUNDS: u32 = 5;

/// What to do for a valid refresh token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Replace the token of this generation.
    Replace(u32),
    /// Reissue the successor, within the grace period.
    HandOut,
    /// Reissue the successor, after the grace period.
    Recover,
}

/// The tokens, or the session as another request has left it.
type Round<C> = ControlFlow<SignedIn<<C as OtpConfig>::User>, Session>;

impl<C: OtpConfig> OtpAuth<C> {
    /// Exchanges a refresh token for new tokens (RFC 9700 section 4.14.2).
    ///
    /// Every use replaces the token. A token that was just replaced returns the same successor
    /// during `refresh_grace`, and once more within a day, because the response may have been lost.
    /// Any older token means that somebody has a copy, and ends the session.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidRefreshToken`], [`AuthError::SessionRevoked`], [`AuthError::Store`],
    /// [`AuthError::Claims`], [`AuthError::TokenTooLong`], [`AuthError::Random`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn<C::User>, AuthError> {
        let now = self.now();
        let token = self.inner.tokens.verify_refresh(refresh_token, now).map_err(|refused| {
            event::invalid_token(refused.0, self.client_ip());
            AuthError::InvalidRefreshToken
        })?;
        let mut session = self.existing(token.session).await?;
        let mut has_raced = false;
        // One round is enough unless another request was faster, or a crash of the store lost its
        // last change. Then the token is judged again, against the current session.
        for _ in 0..MAX_ROUNDS {
            let step = self.next_step(&session, token.generation, now, has_raced).await?;
            // Load the user and mint the tokens first. If that fails, nothing has changed, and the
            // client can retry with the same token.
            let user = self.session_user(&session).await?;
            let round = match step {
                Step::HandOut => self.hand_out(user, session)?,
                Step::Recover => self.recover(user, session).await?,
                Step::Replace(generation) => self.replace(user, session, generation, token.generation).await?,
            };
            match round {
                ControlFlow::Break(signed_in) => return Ok(signed_in),
                ControlFlow::Continue(current) => session = current,
            }
            has_raced |= step == Step::Recover;
        }
        Err(StoreError::new("the session keeps changing").into())
    }

    /// What to do for a token of this generation. A reused one ends the session.
    async fn next_step(
        &self,
        session: &Session,
        generation: u32,
        now: Timestamp,
        has_raced: bool,
    ) -> Result<Step, AuthError> {
        match session::refresh_state(session, generation, now, self.inner.settings.refresh_grace) {
            RefreshState::Current => Ok(Step::Replace(generation)),
            RefreshState::Ahead => Ok(Step::Replace(session.generation)),
            RefreshState::JustReplaced => Ok(Step::HandOut),
            RefreshState::AnswerLost => Ok(Step::Recover),
            // By a concurrent request.
            RefreshState::Reused if has_raced && session.has_recovered(generation) => Ok(Step::HandOut),
            RefreshState::Reused => {
                let ending = self.end_session_as(session.id, Ending::TokenReused);
                self.end_reused(session, ending, &self.context(now)).await?;
                Err(AuthError::SessionRevoked)
            }
            RefreshState::Revoked => Err(AuthError::SessionRevoked),
            RefreshState::Expired => Err(AuthError::InvalidRefreshToken),
        }
    }

    /// Reissues the current token.
    fn hand_out(&self, user: C::User, session: Session) -> Result<Round<C>, AuthError> {
        let tokens = self.tokens_for(&user, &session, self.now())?;
        Ok(ControlFlow::Break(SignedIn { user, session, tokens, device: None }))
    }

    /// Reissues the current token, and records it.
    async fn recover(&self, user: C::User, mut session: Session) -> Result<Round<C>, AuthError> {
        let now = self.now();
        let tokens = self.tokens_for(&user, &session, now)?;
        let recovery = Recovery { generation: session.generation, at: now };
        if !self.inner.store().recover(session.id, session.recovery, recovery).await? {
            return Ok(ControlFlow::Continue(self.existing(session.id).await?));
        }
        event::answer_lost(session.id, self.client_ip());
        session.recovery = Some(recovery);
        Ok(ControlFlow::Break(SignedIn { user, session, tokens, device: None }))
    }

    /// Replaces the token of a generation. If it is not the presented one, the presented one is
    /// judged again.
    async fn replace(
        &self,
        user: C::User,
        before: Session,
        generation: u32,
        presented: u32,
    ) -> Result<Round<C>, AuthError> {
        // Getting here may have taken the store a while, and the grace period for other tabs
        // begins with the replacement.
        let now = self.now();
        let (id, binding) = (before.id, before.binding);
        let tokens = self.tokens_for(&user, &before.advanced(now), now)?;
        match self.inner.store().advance(id, generation, now).await? {
            Advance::Advanced(session) if generation == presented => {
                event::session_renewed(id, self.client_ip());
                // The loaded user has the address that the session was bound to.
                Ok(if session.binding == binding {
                    ControlFlow::Break(SignedIn { user, session, tokens, device: None })
                } else {
                    ControlFlow::Continue(session)
                })
            }
            // It expired since it was judged.
            Advance::Unchanged(session) if now >= session.expires_at => Err(AuthError::InvalidRefreshToken),
            Advance::Advanced(session) | Advance::Unchanged(session) => Ok(ControlFlow::Continue(session)),
            Advance::Unknown => Err(AuthError::InvalidRefreshToken),
        }
    }

    async fn existing(&self, session: SessionId) -> Result<Session, AuthError> {
        self.inner.store().session(session).await?.ok_or(AuthError::InvalidRefreshToken)
    }

    /// Exchanges one of several refresh tokens. Browsers send several cookies of the same name
    /// after you change the path or domain, or if another host has set one. Takes a valid token.
    /// Among several, prefers one whose user the device knows (`device` is its token), then the
    /// current token of a session, then the latest session. If none is valid, judges each like
    /// [`refresh`](Self::refresh).
    ///
    /// # Errors
    ///
    /// Those of [`refresh`](Self::refresh); [`AuthError::InvalidRefreshToken`] without a token.
    pub async fn refresh_any(
        &self,
        refresh_tokens: &[&str],
        device: Option<&str>,
    ) -> Result<SignedIn<C::User>, AuthError> {
        if let [only] = refresh_tokens {
            return self.refresh(only).await;
        }
        let now = self.now();
        let device = device.and_then(|token| Device::read(&self.inner.keys, token));
        // Another host can plant its own session, but not the device.
        let is_strange =
            |user_id: &str| !device.as_ref().is_some_and(|device| device.has_been(SubjectId::devices_of(user_id)));
        let mut ranked = Vec::new();
        for token in refresh_tokens {
            let rank = match self.held(token, now).await? {
                Some(Held { session, rank }) => {
                    let key = (rank > Rank::Good, is_strange(&session.user_id), rank, Reverse(session.created_at));
                    (key, Some(session.id))
                }
                None => ((true, true, Rank::Bad, Reverse(now)), None),
            };
            ranked.push((rank, *token));
        }
        ranked.sort_by_key(|((rank, _), _)| *rank);
        let mut judged = Vec::new();
        let mut refused = AuthError::InvalidRefreshToken;
        for ((_, session), token) in ranked {
            // An old token of a session proves nothing if a better one of the same session was
            // sent.
            if session.is_some() && judged.contains(&session) {
                continue;
            }
            judged.push(session);
            match self.refresh(token).await {
                Err(AuthError::InvalidRefreshToken) => {}
                Err(error @ AuthError::SessionRevoked) => refused = error,
                outcome => return outcome,
            }
        }
        Err(refused)
    }

    /// Whether this is a refresh token of any session.
    pub(crate) fn is_refresh_token(&self, token: &str) -> bool {
        self.inner.tokens.refresh_session(token).is_some()
    }

    /// Which refresh tokens of a request to exchange: of those that it carries without saying so,
    /// and of the one that it names. `None` if they belong to different sessions, so that the
    /// intended one is unclear.
    pub(crate) fn of_one_session<'a>(&self, mut carried: Vec<&'a str>, named: Option<&'a str>) -> Option<Vec<&'a str>> {
        if carried.is_empty() {
            return Some(named.into_iter().collect());
        }
        // A token of an expired session still identifies it. Anything that is not a token is
        // ignored.
        let session = |token: &str| self.inner.tokens.refresh_session(token);
        let Some((named, meant)) = named.and_then(|named| Some((named, session(named)?))) else {
            return Some(carried);
        };
        if carried.iter().all(|token| session(token).is_none()) {
            return Some(vec![named]);
        }
        carried.retain(|token| session(token) == Some(meant));
        if carried.is_empty() {
            return None;
        }
        if !carried.contains(&named) {
            carried.push(named);
        }
        Some(carried)
    }

    /// The session's user, if they may still use the application.
    async fn session_user(&self, session: &Session) -> Result<C::User, AuthError> {
        let id = session.user_id.parse::<<C::User as OtpUser>::Id>().map_err(|_| AuthError::InvalidRefreshToken)?;
        let user = self.inner.store().user_by_id(&id).await?;
        let bound = Bound::Whole(session.binding);
        let user = user.filter(|user| self.is_bound(user, bound) && self.admits(user));
        let user = user.ok_or(AuthError::InvalidRefreshToken)?;
        if self.is_barred(&session.user_id).await? {
            return Err(AuthError::InvalidRefreshToken);
        }
        Ok(user)
    }
}
