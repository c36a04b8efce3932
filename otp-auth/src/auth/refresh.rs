//! Exchanging a refresh token for its successor.

use std::cmp::Reverse;

use super::error::AuthError;
use super::reuse::{Held, Rank};
use super::{OtpAuth, SignedIn};
use crate::binding::Bound;
use crate::challenge::device::Device;
use crate::config::OtpConfig;
use crate::error::StoreError;
use crate::event::{self, Ending};
use crate::id::SubjectId;
use crate::session::{self, Recovery, RefreshState, Session};
use crate::store::Advance;
use crate::user::OtpUser;

/// How often a session is judged per request.
const MAX_ROUNDS: u32 = 5;

/// What to do for a valid refresh token.
enum Step {
    /// Replace the token of this generation.
    Replace(u32),
    /// Reissue the successor, within the grace period.
    HandOut,
    /// Reissue the successor, after the grace period.
    Recover,
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Exchanges a refresh token for new tokens (RFC 9700 section 4.14.2).
    ///
    /// Every use replaces the token. A token that was just replaced returns the same successor
    /// during `refresh_grace`, and once more within a day, because the response may have been lost.
    /// Any older token means that somebody has a copy, and ends the session.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidRefreshToken`], [`AuthError::SessionRevoked`],
    /// [`AuthError::Store`], [`AuthError::Claims`], [`AuthError::Random`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<SignedIn<C::User>, AuthError> {
        let now = self.now();
        let token = self.inner.tokens.verify_refresh(refresh_token, now).map_err(|refused| {
            event::invalid_token(refused.0, self.client_ip());
            AuthError::InvalidRefreshToken
        })?;
        let mut session = self.inner.store.session(token.session).await?.ok_or(AuthError::InvalidRefreshToken)?;
        let grace = self.inner.settings.refresh_grace;
        let mut known = None;
        let mut has_raced = false;
        // One round is enough unless another request was faster, or a crash of the store lost its
        // last change. Then the token is judged again, against the current session.
        for _ in 0..MAX_ROUNDS {
            let step = match session::refresh_state(&session, token.generation, now, grace) {
                RefreshState::Current => Step::Replace(token.generation),
                RefreshState::Ahead => Step::Replace(session.generation),
                RefreshState::JustReplaced => Step::HandOut,
                RefreshState::AnswerLost => Step::Recover,
                // By a concurrent request.
                RefreshState::Reused if has_raced && session.has_recovered(token.generation) => Step::HandOut,
                RefreshState::Reused => {
                    let ending = self.end_session_as(session.id, Ending::TokenReused);
                    self.end_reused(&session, ending, &self.context(now)).await?;
                    return Err(AuthError::SessionRevoked);
                }
                RefreshState::Revoked => return Err(AuthError::SessionRevoked),
                RefreshState::Expired => return Err(AuthError::InvalidRefreshToken),
            };
            // Load the user and mint the tokens first. If that fails, nothing has changed, and the
            // client can retry with the same token.
            let user = match known.take() {
                Some(user) => user,
                None => self.session_user(&session).await?,
            };
            // Getting here may have taken the store a while, and the grace period for other tabs
            // begins with the replacement.
            let now = self.now();
            let binding = session.binding;
            session = match step {
                Step::HandOut => {
                    let tokens = self.tokens_for(&user, &session, now)?;
                    return Ok(SignedIn { user, session, tokens, device: None });
                }
                Step::Recover => {
                    let tokens = self.tokens_for(&user, &session, now)?;
                    let recovery = Recovery { generation: session.generation, at: now };
                    if self.inner.store.recover(session.id, session.recovery, recovery).await? {
                        event::answer_lost(session.id, self.client_ip());
                        session.recovery = Some(recovery);
                        return Ok(SignedIn { user, session, tokens, device: None });
                    }
                    has_raced = true;
                    self.inner.store.session(session.id).await?.ok_or(AuthError::InvalidRefreshToken)?
                }
                Step::Replace(replaced) => {
                    let tokens = self.tokens_for(&user, &session.clone().advanced(now), now)?;
                    match self.inner.store.advance(session.id, replaced, now).await? {
                        Advance::Advanced(session) if replaced == token.generation => {
                            event::session_renewed(session.id, self.client_ip());
                            if session.binding == binding {
                                return Ok(SignedIn { user, session, tokens, device: None });
                            }
                            session
                        }
                        // It expired since it was judged.
                        Advance::Unchanged(session) if now >= session.expires_at => {
                            return Err(AuthError::InvalidRefreshToken);
                        }
                        Advance::Advanced(session) | Advance::Unchanged(session) => session,
                        Advance::Unknown => return Err(AuthError::InvalidRefreshToken),
                    }
                }
            };
            // The loaded user belongs to that address.
            known = (session.binding == binding).then_some(user);
        }
        Err(StoreError::new("the session keeps changing").into())
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
        let user = self.inner.store.user_by_id(&id).await?;
        let bound = Bound::Whole(session.binding);
        let user = user.filter(|user| self.is_bound(user, bound) && self.admits(user));
        let user = user.ok_or(AuthError::InvalidRefreshToken)?;
        if self.is_barred(&session.user_id).await? {
            return Err(AuthError::InvalidRefreshToken);
        }
        Ok(user)
    }
}
