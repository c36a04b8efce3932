//! Presenting a code: whether it opens its challenge.

use std::time::Duration;

use tracing::{Instrument, Span};

use super::error::{AuthError, Refusal, SignInFailed};
use super::mailbox::Mailbox;
use super::sign_in::OpenedChallenge;
use super::{OtpAuth, SignedIn};
use crate::challenge::{Challenge, CodeMac, Identity, MAX_FAILURES, Verdict, check_attempt, code};
use crate::config::OtpConfig;
use crate::context::RequestContext;
use crate::email::Address;
use crate::event;
use crate::hooks::Suspicion;
use crate::secret::{Secret, redacted};
use crate::store::Requester;

/// A presented code. `Debug` redacts it.
///
/// ```
/// # let (challenge, device) = ("…", None);
/// let verification = otp_auth::auth::Verification::new("ann@example.com", "123 456").challenge(challenge).device(device);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Verification<'a> {
    /// The address, as typed.
    pub email: &'a str,
    /// The code, as typed or pasted. Spaces, dashes and invisible characters are ignored, and
    /// digits of any script are accepted.
    pub code: &'a str,
    /// The challenge from the response to the code request.
    pub challenge: Option<&'a str>,
    /// The token of a known device that the client holds, if any. The new token replaces it and
    /// keeps its other addresses.
    pub device: Option<&'a str>,
    /// Refresh tokens that the client still holds. Their sessions end when the new one begins (ASVS
    /// 5.0 7.2.4).
    pub older_refresh_tokens: &'a [&'a str],
}

impl<'a> Verification<'a> {
    /// A code for this address, both as typed.
    #[must_use]
    pub const fn new(email: &'a str, code: &'a str) -> Self {
        Self { email, code, challenge: None, device: None, older_refresh_tokens: &[] }
    }

    /// Adds the [`challenge`](Self::challenge) from the code request.
    #[must_use]
    pub fn challenge(self, challenge: impl Into<Option<&'a str>>) -> Self {
        Self { challenge: challenge.into(), ..self }
    }

    /// Adds the token of a known [`device`](Self::device).
    #[must_use]
    pub fn device(self, device: impl Into<Option<&'a str>>) -> Self {
        Self { device: device.into(), ..self }
    }

    /// Adds the [refresh tokens](Self::older_refresh_tokens) that the client still holds.
    #[must_use]
    pub const fn older_refresh_tokens(self, tokens: &'a [&'a str]) -> Self {
        Self { older_refresh_tokens: tokens, ..self }
    }
}

redacted!(Verification<'_>);

/// Why a challenge does not open. The first in this order wins: it belongs to the challenge closest
/// to the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Failure {
    Wrong,
    /// Strangers have failed too often for the address.
    Locked,
    /// No attempts are left, and the challenge expires after this time.
    Exhausted(Duration),
    Refused(Refusal),
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Signs in with a code: counts the attempt and compares. Then accepts the code, creates the
    /// user if necessary, and adds the session, all or nothing.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidEmail`], [`AuthError::MalformedCode`],
    /// [`AuthError::InvalidCode`], [`AuthError::TooManyAttempts`],
    /// [`AuthError::AddressLocked`], [`AuthError::SignInRefused`],
    /// [`AuthError::Store`], [`AuthError::Claims`],
    /// [`AuthError::TokenTooLong`], [`AuthError::Random`].
    pub async fn verify_code(&self, verification: Verification<'_>) -> Result<SignedIn<C::User>, AuthError> {
        self.verify_or_explain(verification, &[]).await.map_err(SignInFailed::into_error)
    }

    /// Lets strangers sign in to an address again after [`AuthError::AddressLocked`]: forgets the
    /// wrong codes that were entered for it. `email` is the address, as typed. Call it once the owner
    /// has shown you in another way who they are.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidEmail`], [`AuthError::Store`].
    pub async fn unlock(&self, email: &str) -> Result<(), AuthError> {
        let mailbox = self.mailbox(email)?;
        for identity in mailbox.identities.iter() {
            self.inner.store().forget_failures(identity).await?;
        }
        event::address_unlocked(mailbox.identity(), self.client_ip());
        Ok(())
    }

    /// Like `verify_code`, for a client that may hold several challenges. Also reports why a code
    /// is not valid.
    pub(crate) async fn verify_or_explain(
        &self,
        verification: Verification<'_>,
        other_challenges: &[&str],
    ) -> Result<SignedIn<C::User>, SignInFailed> {
        let mailbox = self.mailbox(verification.email)?;
        let code = code::read(verification.code).inspect_err(|_| event::invalid_input("code", self.client_ip()))?;
        let result = self.verify(&mailbox, &code, &verification, other_challenges).await;
        let (identity, client) = (mailbox.identity(), self.client_ip());
        match &result {
            Ok(signed_in) => event::signed_in(identity, signed_in.session.id, client),
            Err(failed) => event::sign_in_failed(identity, failed, failed.reason(), client),
        }
        result
    }

    async fn verify(
        &self,
        mailbox: &Mailbox,
        code: &Secret,
        verification: &Verification<'_>,
        other_challenges: &[&str],
    ) -> Result<SignedIn<C::User>, SignInFailed> {
        let now = self.now();
        let known_device =
            self.known_device(mailbox, verification.device, now).await.map_err(SignInFailed::NotCompared)?.is_some();
        let mut failure = Failure::Refused(Refusal::NoChallenge);
        // Usually there is one. Each counts its own attempts, so sending several at once gains
        // nothing.
        for challenge in verification.challenge.iter().chain(other_challenges) {
            let outcome = match Challenge::parse(challenge) {
                Some(challenge) => {
                    let context =
                        RequestContext { challenge: Some(challenge.key()), known_device, ..self.context(now) };
                    let attempt = self.attempt(mailbox, code, &challenge, &context).await;
                    match attempt.map_err(|error| match failure {
                        Failure::Wrong => SignInFailed::Failed(error),
                        _ => SignInFailed::NotCompared(error),
                    })? {
                        Ok((identity, code_mac)) => {
                            let Verification { device, older_refresh_tokens, .. } = *verification;
                            let opened = OpenedChallenge {
                                mailbox,
                                device,
                                older_refresh_tokens,
                                challenge,
                                identity,
                                code_mac,
                                context,
                            };
                            return self.accept(&opened).await;
                        }
                        Err(failure) => failure,
                    }
                }
                None => Failure::Refused(Refusal::NotAChallenge),
            };
            failure = failure.min(outcome);
        }
        Err(match failure {
            Failure::Wrong => AuthError::InvalidCode.into(),
            Failure::Locked => AuthError::AddressLocked.into(),
            Failure::Exhausted(retry_after) => AuthError::TooManyAttempts { retry_after }.into(),
            Failure::Refused(refusal) => SignInFailed::Refused(refusal),
        })
    }

    /// Counts an attempt on a challenge, and compares. Returns the identity and MAC that opened it.
    async fn attempt(
        &self,
        mailbox: &Mailbox,
        code: &Secret,
        challenge: &Challenge,
        context: &RequestContext,
    ) -> Result<Result<(Identity, CodeMac), Failure>, AuthError> {
        let (key, now) = (challenge.key(), context.time);
        // Computed before looking up the challenge, so that known and unknown ones take the same
        // work. Previous keys count too, so a code sent before the secret was replaced still works.
        let by_keys = self.inner.keys.iter().zip(mailbox.identities.iter());
        let candidates: Vec<_> =
            by_keys.map(|(keys, identity)| (*identity, code::mac(keys, &key, identity, code))).collect();

        let requester = match challenge.device() {
            None if !context.known_device => Requester::Stranger,
            _ => Requester::KnownDevice,
        };
        // Up to the limit, each attempt has its own number.
        let max_attempts = u32::from(self.inner.settings.max_otp_attempts);
        let Some(counted) = self.inner.store().count_attempt(&key, requester, max_attempts + 1).await? else {
            return Ok(Err(Failure::Refused(Refusal::UnknownChallenge)));
        };
        let own = candidates.into_iter().find(|(identity, _)| *identity == counted.identity);
        let verdict = check_attempt(&counted, now, max_attempts, |_| own.map(|(_, mac)| mac));
        let address = own.map(|_| mailbox.address.clone());
        if counted.failures == MAX_FAILURES && verdict != Verdict::Right {
            self.note(Suspicion::address_locked(&counted.identity, address.clone()), context.clone()).await;
        }
        if verdict == Verdict::WrongAtLast {
            self.note_exhausted(counted.identity, address, context.clone()).await;
        }
        Ok(match (verdict, own) {
            (Verdict::Right, Some(own)) => Ok(own),
            (Verdict::Exhausted, _) => Err(Failure::Exhausted(now.until(counted.expires_at))),
            (_, None) => Err(Failure::Refused(Refusal::OtherAddress)),
            (Verdict::Locked, _) => Err(Failure::Locked),
            _ => Err(Failure::Wrong),
        })
    }

    /// Runs in a separate task, because the client could disconnect.
    async fn note(&self, suspicion: Suspicion, context: RequestContext) {
        let auth = self.clone();
        let noting = async move { auth.raise(&suspicion, &context).await };
        let _ = tokio::spawn(noting.instrument(Span::current())).await;
    }

    /// All attempts on a challenge were wrong. Runs in a separate task, like [`note`](Self::note).
    async fn note_exhausted(&self, identity: Identity, address: Option<Address>, context: RequestContext) {
        let auth = self.clone();
        let noting = async move {
            let first = Suspicion::too_many_attempts(&identity, address.clone());
            // Aliases of one mailbox count together. The store has logged its error, which does not
            // change the response.
            let mailbox = address.as_ref().map(|address| Identity::of_mailbox(auth.inner.keys.current(), address));
            let counter = mailbox.unwrap_or(identity);
            let count = auth.inner.store().count_exhausted(&counter, context.time).await.unwrap_or(0);
            let second = Suspicion::challenges_exhausted(&identity, address, count);
            for suspicion in [Some(first), second].into_iter().flatten() {
                auth.raise(&suspicion, &context).await;
            }
        };
        let _ = tokio::spawn(noting.instrument(Span::current())).await;
    }
}
