//! Signing in with a code.

use std::fmt;
use std::time::Duration;

use super::{Candidate, OtpAuth, ask, notice};
use crate::binding::Binding;
use crate::challenge::{Challenge, Identity, Verdict, code, device, judge};
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::delivery::Delivery;
use crate::error::AuthError;
use crate::event::{self, Suspicion};
use crate::hooks::Hooks;
use crate::id::SessionId;
use crate::secret::Secret;
use crate::session::{Client, Session};
use crate::store::{Account, NewSession, SignIn, SignInOutcome};
use crate::token::Minted;
use crate::user::OtpUser;

/// How long to look for what became of a sign-in that was not answered.
const SETTLING: Duration = Duration::from_secs(1);

/// Somebody presents a code. `Debug` shows what the client says about itself,
/// and nothing else.
#[derive(Clone, Default)]
pub struct Verification<'a> {
    /// The address, as typed.
    pub email: &'a str,
    /// The code, as typed or pasted: spaces, dashes and invisible characters
    /// are ignored, and digits of any script count by their value.
    pub code: &'a str,
    /// The challenge that the client got when it asked for the code.
    pub challenge: Option<&'a str>,
    /// Refresh tokens that the client still holds: their sessions end when the
    /// new one begins (ASVS 5.0 7.2.4).
    pub older_refresh_tokens: &'a [&'a str],
    /// What the user will recognise the session by.
    pub client: Client,
}

impl fmt::Debug for Verification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification").field("client", &self.client).finish_non_exhaustive()
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
    /// Proof that this device has signed in to this address, for later
    /// [requests](crate::CodeRequest::device). Only a sign-in gives one, and
    /// only where cookies are used.
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
/// in the log: a client that lost its challenge looks like a wrong code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No challenge came with the code.
    NoChallenge,
    /// What came is none.
    NotAChallenge,
    /// There is no such challenge, or there is none any more.
    UnknownChallenge,
    /// It is that of another address.
    OtherAddress,
    /// The code is right, and the row of the address is no user.
    Excluded,
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
        self.verify_or_explain(verification).await.map_err(|(error, _)| error)
    }

    /// The same, and for a code that is not valid what is wrong with it. Only
    /// the log and, in developer mode, a developer may see that.
    pub(crate) async fn verify_or_explain(
        &self,
        verification: Verification<'_>,
    ) -> Result<SignedIn<C::User>, (AuthError, Option<Refusal>)> {
        let plain = |error| (error, None);
        let address = self.address(verification.email).map_err(plain)?;
        let code = code::read(verification.code).inspect_err(|_| event::invalid_input("code")).map_err(plain)?;
        let identity = Identity::of(self.current_keys().map_err(plain)?, &address);
        let mut refusal = None;
        let result = self.verify(&address, &code, &verification, &mut refusal).await;
        match &result {
            Ok(signed_in) => event::signed_in(&identity, signed_in.session.id),
            Err(error) => event::sign_in_failed(&identity, error, refusal.map(Refusal::as_str)),
        }
        result.map_err(|error| (error, refusal))
    }

    async fn verify(
        &self,
        address: &crate::email::Address,
        code: &Secret,
        verification: &Verification<'_>,
        refusal: &mut Option<Refusal>,
    ) -> Result<SignedIn<C::User>, AuthError> {
        let mut refused = |reason| {
            *refusal = Some(reason);
            AuthError::InvalidCode
        };
        let now = self.now();
        let challenge = verification.challenge.ok_or_else(|| refused(Refusal::NoChallenge))?;
        let challenge = Challenge::parse(challenge).ok_or_else(|| refused(Refusal::NotAChallenge))?;
        let key = challenge.key();
        // Made before the challenge is looked up, so that a known and an
        // unknown one take the same work. Previous keys count: a code that was
        // on its way when the secret was replaced still works.
        let candidates: Vec<_> = self
            .inner
            .keys
            .iter()
            .map(|keys| {
                let identity = Identity::of(keys, address);
                Candidate { identity, mac: code::mac(keys, &key, &identity, code) }
            })
            .collect();

        // One more than the limit is told apart, to raise the suspicion once.
        let max_tries = u32::from(self.inner.settings.max_otp_attempts);
        let counted = self.inner.store.count_try(&key, max_tries + 2).await?;
        let counted = counted.ok_or_else(|| refused(Refusal::UnknownChallenge))?;
        let mut accepted = None;
        let verdict = judge(&counted, now, max_tries, |identity| {
            accepted = candidates.iter().find(|candidate| candidate.identity == *identity);
            accepted.map(|candidate| candidate.mac)
        });
        match (verdict, accepted) {
            (Verdict::Right, Some(candidate)) => {
                self.accept(address, &key, candidate, verification, now, refusal).await
            }
            (Verdict::Exhausted, _) => {
                if counted.number == max_tries + 1 {
                    Suspicion::too_many_attempts(&counted.identity).raise::<C::User>(self.inner.config.hooks()).await;
                }
                Err(AuthError::TooManyAttempts { retry_after: now.until(counted.expires_at) })
            }
            (Verdict::Wrong, _) if candidates.iter().all(|candidate| candidate.identity != counted.identity) => {
                Err(refused(Refusal::OtherAddress))
            }
            _ => Err(AuthError::InvalidCode),
        }
    }

    /// The code is right. Asks the application, then lets the store accept it.
    async fn accept(
        &self,
        address: &crate::email::Address,
        key: &crate::challenge::ChallengeKey,
        candidate: &Candidate,
        verification: &Verification<'_>,
        now: Timestamp,
        refusal: &mut Option<Refusal>,
    ) -> Result<SignedIn<C::User>, AuthError> {
        let hooks = self.inner.config.hooks();
        let account = match self.inner.store.user_by_email(address.canonical()).await? {
            Some(user) => {
                if !self.admits(&user) {
                    return Err(AuthError::SignInRefused);
                }
                if self.is_barred(&user.id().to_string()).await? {
                    return Err(AuthError::SignInRefused);
                }
                ask("before_sign_in", hooks.before_sign_in(&user)).await?;
                Account::Existing { user, email: address.canonical().to_owned() }
            }
            None if self.inner.settings.auto_create_user => {
                ask("before_create", hooks.before_create(address.canonical())).await?;
                Account::New(address.canonical().to_owned())
            }
            None => return Err(AuthError::InvalidCode),
        };

        let reused = self.reused(verification.older_refresh_tokens, now).await;
        let mut older = verification
            .older_refresh_tokens
            .iter()
            .filter_map(|token| self.inner.tokens.verify_refresh(token, now).ok())
            .map(|older| older.session);
        let sign_in = SignIn {
            challenge: *key,
            identity: candidate.identity,
            code_mac: candidate.mac,
            account,
            session: NewSession {
                id: SessionId::random()?,
                created_at: now,
                expires_at: now + self.inner.settings.refresh_token_lifetime,
                binding: Binding::of(self.current_keys()?, address.canonical()),
                client: verification.client.clone(),
            },
            replaces: older.next(),
            revocation: self.revocation(now),
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
        let keys = self.current_keys()?;
        let device = C::Delivery::COOKIES.then(|| device::issue(keys, &Identity::of(keys, address), now));
        let (id, revocation) = (sign_in.session.id, sign_in.revocation);
        let outcome = match self.inner.store.sign_in(sign_in).await {
            Err(error) if error.is_timeout() => {
                let settled = tokio::time::timeout(SETTLING, self.settled(id)).await;
                settled.ok().flatten().ok_or(error)
            }
            outcome => outcome,
        };
        let (user, session, created, ended) = match outcome? {
            SignInOutcome::SignedIn { user, session, created, ended } => (user, session, created, ended),
            // Whoever has the address may know: they are no user here.
            SignInOutcome::Excluded => {
                *refusal = Some(Refusal::Excluded);
                return Err(AuthError::SignInRefused);
            }
            SignInOutcome::CodeSpent | SignInOutcome::AccountChanged => return Err(AuthError::InvalidCode),
        };
        self.inner.note_ended(&ended, revocation);
        // The code is spent, and no token of theirs is handed on: a store that
        // fails here must not cost the sign-in. It has been logged.
        for session in older {
            let _ = self.end_session(session).await;
        }
        for suspicion in reused {
            suspicion.raise::<C::User>(hooks).await;
        }
        // Somebody else may have made the user in the meantime.
        if !self.admits(&user) {
            self.end_session(session.id).await?;
            return Err(AuthError::SignInRefused);
        }
        let tokens = match prepared {
            Some(tokens) => tokens,
            None => self.tokens_for(&user, &session, now)?,
        };
        if created {
            notice("user_created", hooks.user_created(&user)).await;
        }
        notice("signed_in", hooks.signed_in(&user, session.id)).await;
        Ok(SignedIn { user, session, tokens, device })
    }

    /// What became of a sign-in that the store did not answer in time: it may
    /// have been stored all the same, and then the code is spent.
    async fn settled(&self, id: SessionId) -> Option<SignInOutcome<C::User>> {
        let session = self.inner.store.session(id).await.ok()??;
        let user_id = session.user_id.parse::<<C::User as OtpUser>::Id>().ok()?;
        let user = self.inner.store.user_by_id(&user_id).await.ok()??;
        // What it has ended is seen when the store is asked what is new.
        Some(SignInOutcome::SignedIn { user, session, created: false, ended: Vec::new() })
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
