//! Signing in with a code.

use std::fmt;
use std::time::Duration;

use tracing::{Instrument, Span};

use super::{Candidate, OtpAuth, ask, notice};
use crate::binding::{Binding, Bound};
use crate::challenge::{Challenge, Identity, Verdict, code, judge};
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::context::RequestContext;
use crate::email::Address;
use crate::error::{AuthError, StoreError};
use crate::event::{self, Ending, Suspicion};
use crate::hooks::Hooks;
use crate::id::SessionId;
use crate::secret::Secret;
use crate::session::Session;
use crate::store::{Account, NewSession, SignIn, SignInOutcome};
use crate::token::Minted;
use crate::user::OtpUser;

/// How long to look for what became of a sign-in that was not answered.
const SETTLING: Duration = Duration::from_secs(1);

/// How often a sign-in begins anew because the account is another one.
const ROUNDS: u32 = 3;

/// Somebody presents a code. `Debug` shows nothing of it.
#[derive(Clone, Copy, Default)]
pub struct Verification<'a> {
    /// The address, as typed.
    pub email: &'a str,
    /// The code, as typed or pasted: spaces, dashes and invisible characters
    /// are ignored, and digits of any script count by their value.
    pub code: &'a str,
    /// The challenge that the client got when it asked for the code.
    pub challenge: Option<&'a str>,
    /// The token of a known device that the client holds, if any: the new one
    /// takes its place, and keeps the other addresses in it.
    pub device: Option<&'a str>,
    /// Refresh tokens that the client still holds: their sessions end when the
    /// new one begins (ASVS 5.0 7.2.4).
    pub older_refresh_tokens: &'a [&'a str],
}

impl fmt::Debug for Verification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verification([redacted])")
    }
}

/// A user who has signed in or refreshed, with fresh tokens. `Debug` shows
/// the session, not the user.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignedIn<U> {
    /// The user.
    pub user: U,
    /// The session.
    pub session: Session,
    /// The tokens to hand out.
    pub tokens: TokenPair,
    /// Proof that this device has signed in to this address, and to at most
    /// four others before, for later [requests](crate::CodeRequest::device).
    /// Only a sign-in gives one.
    pub device: Option<Secret>,
}

impl<U> fmt::Debug for SignedIn<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("session", &self.session).finish_non_exhaustive()
    }
}

/// An access token and the refresh token that goes with it.
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

/// Why a code is not valid before it is even compared. Its author sees this
/// in the log: a client that lost its challenge looks like a wrong code. Of
/// several the first in this order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// It is that of another address.
    OtherAddress,
    /// The code is right, and the row of the address is no user.
    Excluded,
    /// There is no such challenge, or there is none any more.
    UnknownChallenge,
    /// What came is none.
    NotAChallenge,
    /// No challenge came with the code.
    NoChallenge,
}

/// Why a challenge does not open. Of several the first in this order counts:
/// it is that of the challenge which comes next to the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Failure {
    Wrong,
    /// The tries are used up, and the challenge ends after so long.
    Exhausted(Duration),
    Refused(Refusal),
}

impl Refusal {
    fn as_str(self) -> &'static str {
        match self {
            Self::NoChallenge => "no_challenge",
            Self::NotAChallenge => "not_a_challenge",
            Self::UnknownChallenge => "unknown_challenge",
            Self::OtherAddress => "challenge_of_another_address",
            Self::Excluded => "row_excluded_by_filter",
        }
    }
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Signs in with a code: counts the try, compares, and then accepts the
    /// code, makes the user where needed, and adds the session, all or
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidEmail`], [`AuthError::MalformedCode`],
    /// [`AuthError::InvalidCode`], [`AuthError::TooManyAttempts`],
    /// [`AuthError::SignInRefused`], [`AuthError::Store`],
    /// [`AuthError::Claims`], [`AuthError::TokenTooLong`],
    /// [`AuthError::Random`].
    pub async fn verify_code(&self, verification: Verification<'_>) -> Result<SignedIn<C::User>, AuthError> {
        self.verify_or_explain(verification, &[]).await.map_err(|(error, _)| error)
    }

    /// The same for a client that holds more challenges than one, and for a
    /// code that is not valid what is wrong with it. Only the log and, in
    /// developer mode, a developer may see that.
    pub(crate) async fn verify_or_explain(
        &self,
        verification: Verification<'_>,
        other_challenges: &[&str],
    ) -> Result<SignedIn<C::User>, (AuthError, Option<Refusal>)> {
        let plain = |error| (error, None);
        let address = self.address(verification.email).map_err(plain)?;
        let code = code::read(verification.code)
            .inspect_err(|_| event::invalid_input("code", self.client_ip()))
            .map_err(plain)?;
        let identity = Identity::of(self.current_keys().map_err(plain)?, &address);
        let mut refusal = None;
        let result = self.verify(&address, &code, &verification, other_challenges, &mut refusal).await;
        match &result {
            Ok(signed_in) => event::signed_in(&identity, signed_in.session.id, self.client_ip()),
            Err(error) => event::sign_in_failed(&identity, error, refusal.map(Refusal::as_str), self.client_ip()),
        }
        result.map_err(|error| (error, refusal))
    }

    async fn verify(
        &self,
        address: &Address,
        code: &Secret,
        verification: &Verification<'_>,
        other_challenges: &[&str],
        refusal: &mut Option<Refusal>,
    ) -> Result<SignedIn<C::User>, AuthError> {
        let now = self.now();
        let known_device = self.known_device(address, verification.device, now).await?.is_some();
        let mut failure = Failure::Refused(Refusal::NoChallenge);
        // As a rule there is one. Each counts its own tries, so that several at
        // once open nothing that they would not open one by one.
        for challenge in verification.challenge.iter().chain(other_challenges) {
            let tried = match Challenge::parse(challenge) {
                Some(challenge) => {
                    let context =
                        RequestContext { challenge: Some(challenge.key()), known_device, ..self.context(now) };
                    match self.try_challenge(address, code, &challenge, &context).await? {
                        Ok(candidate) => {
                            return self.accept(address, &challenge, &candidate, verification, &context, refusal).await;
                        }
                        Err(failure) => failure,
                    }
                }
                None => Failure::Refused(Refusal::NotAChallenge),
            };
            failure = failure.min(tried);
        }
        Err(match failure {
            Failure::Wrong => AuthError::InvalidCode,
            Failure::Exhausted(retry_after) => AuthError::TooManyAttempts { retry_after },
            Failure::Refused(reason) => {
                *refusal = Some(reason);
                AuthError::InvalidCode
            }
        })
    }

    /// Counts a try on a challenge, and compares.
    async fn try_challenge(
        &self,
        address: &Address,
        code: &Secret,
        challenge: &Challenge,
        context: &RequestContext,
    ) -> Result<Result<Candidate, Failure>, AuthError> {
        let (key, now) = (challenge.key(), context.time);
        // Made before the challenge is looked up, so that a known and an
        // unknown one take the same work. Previous keys count: a code that was
        // on its way when the secret was replaced still works.
        let mut candidates: Vec<_> = self
            .inner
            .keys
            .iter()
            .map(|keys| {
                let identity = Identity::of(keys, address);
                Candidate { identity, mac: code::mac(keys, &key, &identity, code) }
            })
            .collect();

        // Up to the limit each try has a number of its own.
        let max_tries = u32::from(self.inner.settings.max_otp_attempts);
        let counted = self.inner.store.count_try(&key, max_tries + 1).await?;
        let Some(counted) = counted else {
            return Ok(Err(Failure::Refused(Refusal::UnknownChallenge)));
        };
        let own = candidates.iter().position(|candidate| candidate.identity == counted.identity);
        let own = own.map(|index| candidates.swap_remove(index));
        let verdict = judge(&counted, now, max_tries, |_| own.as_ref().map(|candidate| candidate.mac));
        if verdict == Verdict::WrongAtLast {
            let address = own.as_ref().map(|_| address.clone());
            self.note_exhausted(counted.identity, address, context.clone()).await;
        }
        Ok(match (verdict, own) {
            (Verdict::Right, Some(candidate)) => Ok(candidate),
            (Verdict::Exhausted, _) => Err(Failure::Exhausted(now.until(counted.expires_at))),
            (_, None) => Err(Failure::Refused(Refusal::OtherAddress)),
            _ => Err(Failure::Wrong),
        })
    }

    /// All tries of a challenge were wrong. In a task of its own: whoever
    /// guesses could hang up.
    async fn note_exhausted(&self, identity: Identity, address: Option<Address>, context: RequestContext) {
        let auth = self.clone();
        let noting = async move {
            let first = Suspicion::too_many_attempts(&identity, address.clone());
            // A store that fails has been logged, and changes no answer.
            let count = auth.inner.store.count_exhausted(&identity, context.time).await.unwrap_or(0);
            let second = Suspicion::challenges_exhausted(&identity, address, count);
            for suspicion in [Some(first), second].into_iter().flatten() {
                suspicion.raise::<C::User>(auth.inner.config.hooks(), &context).await;
            }
        };
        let _ = tokio::spawn(noting.instrument(Span::current())).await;
    }

    /// The code is right. Where the account becomes another one between the
    /// questions and the sign-in, everything is asked again about that one.
    async fn accept(
        &self,
        address: &Address,
        challenge: &Challenge,
        candidate: &Candidate,
        verification: &Verification<'_>,
        context: &RequestContext,
        refusal: &mut Option<Refusal>,
    ) -> Result<SignedIn<C::User>, AuthError> {
        let reused = self.reused(verification.older_refresh_tokens, context.time).await;
        for session in &reused {
            let _ = self.end_session_as(session.id, Ending::TokenReused).await;
        }
        let mut outcome = Ok(None);
        for _ in 0..ROUNDS {
            outcome = self.attempt(address, challenge, candidate, verification, context, refusal).await;
            if !matches!(outcome, Ok(None)) {
                break;
            }
        }
        // Whatever has become of the sign-in.
        for session in reused {
            self.raise_reuse(session, context).await;
        }
        outcome?.ok_or_else(|| StoreError::new("the account changes all the time").into())
    }

    /// Asks the application, then lets the store accept the code; `None` when
    /// the account is another one by then.
    async fn attempt(
        &self,
        address: &Address,
        challenge: &Challenge,
        candidate: &Candidate,
        verification: &Verification<'_>,
        context: &RequestContext,
        refusal: &mut Option<Refusal>,
    ) -> Result<Option<SignedIn<C::User>>, AuthError> {
        let (hooks, now) = (self.inner.config.hooks(), context.time);
        let (account, methods) = match self.inner.store.user_by_email(address.canonical()).await? {
            Some(user) => {
                if !self.admits(&user) {
                    return Err(AuthError::SignInRefused);
                }
                if self.is_barred(&user.id().to_string()).await? {
                    return Err(AuthError::SignInRefused);
                }
                let methods = ask("before_sign_in", hooks.before_sign_in(&user, context)).await?;
                (Account::Existing { user, email: address.canonical().to_owned() }, methods)
            }
            None if self.inner.settings.auto_create_user => {
                let methods = ask("before_create", hooks.before_create(address.canonical(), context)).await?;
                (Account::New(address.canonical().to_owned()), methods)
            }
            None => return Err(AuthError::InvalidCode),
        };

        let mut older = verification
            .older_refresh_tokens
            .iter()
            .filter_map(|token| self.inner.tokens.refresh_to_end(token, now).ok());
        let sign_in = SignIn {
            challenge: challenge.key(),
            identity: candidate.identity,
            code_mac: candidate.mac,
            account,
            session: NewSession {
                id: SessionId::random()?,
                created_at: now,
                expires_at: now + self.inner.settings.refresh_token_lifetime,
                binding: Binding::of(self.current_keys()?, address.canonical()),
                methods,
                client: self.caller.client.clone(),
            },
            replaces: older.next(),
            revocation: Self::revocation(now),
        };
        // What can fail on our side fails before the code is spent, as far as
        // the user is known. The claims of one who is not verified yet may
        // become others, so those tokens are made anew; of a new user nothing
        // is known.
        let prepared = match &sign_in.account {
            Account::Existing { user, .. } => {
                let tokens = self.tokens_for(user, &sign_in.session.of_user(user.id().to_string()), now)?;
                (user.verified() != Some(false)).then_some(tokens)
            }
            Account::New(_) => None,
        };
        let device = self.device_of(verification.device, challenge)?;
        let (id, replaced, revocation) = (sign_in.session.id, sign_in.replaces, sign_in.revocation);
        let is_new = matches!(sign_in.account, Account::New(_));
        let outcome = match self.inner.store.sign_in(sign_in).await {
            Err(error) if error.is_timeout() => {
                let settled = tokio::time::timeout(SETTLING, self.settled(id)).await.ok().flatten();
                settled.map_or(Err(error), |(user, session)| {
                    // Of what was not proven to be theirs nothing is known here;
                    // the mirror learns of it when the store is asked what is new.
                    let ended = replaced.into_iter().collect();
                    Ok(SignInOutcome::SignedIn { user, session, created: is_new, ended })
                })
            }
            outcome => outcome,
        };
        let (user, session, created, ended) = match outcome? {
            SignInOutcome::SignedIn { user, session, created, ended } => (user, session, created, ended),
            SignInOutcome::CodeSpent => return Err(AuthError::InvalidCode),
            SignInOutcome::AccountChanged => return Ok(None),
            // Whoever has the address may know: they are no user here.
            SignInOutcome::Excluded => {
                *refusal = Some(Refusal::Excluded);
                return Err(AuthError::SignInRefused);
            }
        };
        self.inner.note_ended(&ended, revocation);
        for session in ended {
            let ending = if Some(session) == replaced { Ending::Replaced } else { Ending::NotProven };
            event::session_ended(session, ending, self.client_ip());
        }
        // The code is spent, and no token of theirs is handed on: a store that
        // fails here must not cost the sign-in. It has been logged.
        for session in older {
            let _ = self.end_session_as(session, Ending::Replaced).await;
        }
        // A user who was made just now was not asked about before, and may have
        // been given the id of somebody who is barred. A store that fails must
        // not cost the sign-in: every refresh and every extractor asks again.
        if !self.admits(&user) || self.is_barred(&session.user_id).await.unwrap_or(false) {
            self.end_session_as(session.id, Ending::Refused).await?;
            return Err(AuthError::SignInRefused);
        }
        if created {
            notice("user_created", hooks.user_created(&user, context)).await;
        }
        let tokens = match prepared {
            Some(tokens) => tokens,
            None => self.tokens_for(&user, &session, now)?,
        };
        notice("signed_in", hooks.signed_in(&user, session.id, context)).await;
        let device = self.device_token(device, address, &session.user_id, now)?;
        Ok(Some(SignedIn { user, session, tokens, device: Some(device) }))
    }

    /// What became of a sign-in that the store did not answer in time: it may
    /// have been stored all the same, and then the code is spent.
    async fn settled(&self, id: SessionId) -> Option<(C::User, Session)> {
        let session = self.inner.store.session(id).await.ok()??;
        let user_id = session.user_id.parse::<<C::User as OtpUser>::Id>().ok()?;
        let user = self.inner.store.user_by_id(&user_id).await.ok()??;
        self.is_bound(&user, Bound::Whole(session.binding)).then_some((user, session))
    }

    /// Fresh tokens for a session in its current generation.
    pub(super) fn tokens_for(&self, user: &C::User, session: &Session, now: Timestamp) -> Result<TokenPair, AuthError> {
        let Minted { token, expires_in } = self.inner.tokens.mint_access(user, session, now)?;
        Ok(TokenPair {
            access_token: token,
            expires_in,
            refresh_token: self.inner.tokens.mint_refresh(session)?,
            refresh_expires_in: now.until(session.expires_at),
        })
    }
}
