//! After a correct code: the account, its session and the tokens.

use std::time::Duration;

use super::error::{AuthError, SignInFailed};
use super::hooks::{ask, notice};
use super::mailbox::Mailbox;
use super::{OtpAuth, SignedIn, TokenPair};
use crate::binding::{Binding, Bound};
use crate::challenge::{Challenge, CodeMac, Identity};
use crate::config::OtpConfig;
use crate::context::RequestContext;
use crate::error::StoreError;
use crate::event::{self, Ending};
use crate::hooks::Hooks;
use crate::id::SessionId;
use crate::methods::AuthMethods;
use crate::session::Session;
use crate::store::{Account, NewSession, Revocation, SignIn, SignInOutcome};
use crate::user::{OtpUser, is_unverified};

/// How long to look for the outcome of a sign-in that timed out.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a sign-in restarts because the account changed.
const MAX_ROUNDS: u32 = 3;

/// A code that opened its challenge, and what else the client holds.
pub(super) struct OpenedChallenge<'a> {
    pub(super) mailbox: &'a Mailbox,
    pub(super) device: Option<&'a str>,
    pub(super) older_refresh_tokens: &'a [&'a str],
    pub(super) challenge: Challenge,
    /// As the store has them: under the keys that made the challenge.
    pub(super) identity: Identity,
    pub(super) code_mac: CodeMac,
    pub(super) context: RequestContext,
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Signs in. If the account changes between the hooks and the sign-in, the hooks run again with
    /// the new account.
    pub(super) async fn accept(&self, opened: &OpenedChallenge<'_>) -> Result<SignedIn<C::User>, SignInFailed> {
        let context = &opened.context;
        // Whatever the outcome of the sign-in.
        for session in self.reused(opened.older_refresh_tokens, context.time).await {
            // The store has logged its error, and the application knows.
            let _ = self.end_reused(&session, self.end_session_as(session.id, Ending::TokenReused), context).await;
        }
        let mut outcome = Ok(None);
        for _ in 0..MAX_ROUNDS {
            outcome = self.sign_in(opened).await;
            if !matches!(outcome, Ok(None)) {
                break;
            }
        }
        outcome?.ok_or_else(|| AuthError::from(StoreError::new("the account keeps changing")).into())
    }

    /// Asks the application, then lets the store accept the code. `None` if the account has
    /// changed.
    async fn sign_in(&self, opened: &OpenedChallenge<'_>) -> Result<Option<SignedIn<C::User>>, SignInFailed> {
        let now = opened.context.time;
        let (account, methods) = self.admitted_account(opened).await?;
        let older = self.older_sessions(opened);
        let sign_in = self.sign_in_to(account, methods, opened, older.first().copied())?;
        let (replaced, revocation) = (sign_in.replaces, sign_in.revocation);
        // Do everything that can fail here before the code is used up.
        let prepared = self.prepared_tokens(&sign_in)?;
        let device = self.device_of(opened.device, &opened.challenge)?;

        let (user, session, created, ended) = match self.stored(sign_in).await? {
            SignInOutcome::SignedIn { user, session, created, ended } => (user, session, created, ended),
            SignInOutcome::CodeSpent => return Err(AuthError::InvalidCode.into()),
            SignInOutcome::AccountChanged => return Ok(None),
            // The owner of the address may learn that they are not a user here.
            SignInOutcome::Excluded => return Err(SignInFailed::Excluded),
        };
        self.note_ended_by_sign_in(&ended, replaced, revocation);
        // The code is used up and the client no longer uses these tokens, so a store failure here
        // must not fail the sign-in. It has been logged.
        for session in older.into_iter().skip(1) {
            let _ = self.end_session_as(session, Ending::Replaced).await;
        }
        self.admit_signed_in(&user, &session).await?;
        let hooks = self.inner.config.hooks();
        if created {
            notice("user_created", hooks.user_created(&user, &opened.context)).await;
        }
        let tokens = match prepared {
            Some(tokens) => tokens,
            None => self.tokens_for(&user, &session, now)?,
        };
        notice("signed_in", hooks.signed_in(&user, session.id, &opened.context)).await;
        let device = Some(self.device_token(device, opened.mailbox, &session.user_id, now));
        Ok(Some(SignedIn { user, session, tokens, device }))
    }

    /// The account of the address, if it may sign in, and how its user authenticated.
    async fn admitted_account(
        &self,
        opened: &OpenedChallenge<'_>,
    ) -> Result<(Account<C::User>, AuthMethods), AuthError> {
        let (hooks, email) = (self.inner.config.hooks(), opened.mailbox.address.canonical());
        match self.inner.store().user_by_email(email).await? {
            Some(user) => {
                if !self.admits(&user) || self.is_barred(&user.id().to_string()).await? {
                    return Err(AuthError::SignInRefused);
                }
                let methods = ask("before_sign_in", hooks.before_sign_in(&user, &opened.context)).await?;
                Ok((Account::Existing { user, email: email.to_owned() }, methods))
            }
            None if self.inner.settings.auto_create_user => {
                let methods = ask("before_create", hooks.before_create(email, &opened.context)).await?;
                Ok((Account::New(email.to_owned()), methods))
            }
            None => Err(AuthError::InvalidCode),
        }
    }

    /// The sessions whose tokens the client still holds.
    fn older_sessions(&self, opened: &OpenedChallenge<'_>) -> Vec<SessionId> {
        let tokens = opened.older_refresh_tokens.iter();
        tokens.filter_map(|token| self.inner.tokens.refresh_to_end(token, opened.context.time).ok()).collect()
    }

    /// What the store must do, all or nothing.
    fn sign_in_to(
        &self,
        account: Account<C::User>,
        methods: AuthMethods,
        opened: &OpenedChallenge<'_>,
        replaces: Option<SessionId>,
    ) -> Result<SignIn<C::User>, AuthError> {
        let now = opened.context.time;
        let session = NewSession {
            id: SessionId::random()?,
            created_at: now,
            expires_at: now + self.inner.settings.refresh_token_lifetime,
            binding: Binding::of(self.inner.keys.current(), opened.mailbox.address.canonical()),
            methods,
            client: self.caller.client.clone(),
        };
        Ok(SignIn {
            challenge: opened.challenge.key(),
            identity: opened.identity,
            code_mac: opened.code_mac,
            account,
            session,
            replaces,
            revocation: Self::revocation(now),
        })
    }

    /// The tokens of a known user. The claims of an unverified user may change, so those tokens are
    /// only a trial. Nothing is known about a new user.
    fn prepared_tokens(&self, sign_in: &SignIn<C::User>) -> Result<Option<TokenPair>, AuthError> {
        let Account::Existing { user, .. } = &sign_in.account else { return Ok(None) };
        let session = sign_in.session.of_user(user.id().to_string());
        let tokens = self.tokens_for(user, &session, session.created_at)?;
        Ok((!is_unverified(user)).then_some(tokens))
    }

    /// Lets the store sign in. After a timeout the sign-in may still have happened, in which case
    /// the code is used up.
    async fn stored(&self, sign_in: SignIn<C::User>) -> Result<SignInOutcome<C::User>, StoreError> {
        let (id, replaced) = (sign_in.session.id, sign_in.replaces);
        let created = matches!(sign_in.account, Account::New(_));
        match self.inner.store().sign_in(sign_in).await {
            Err(error) if error.is_timeout() => {
                let settled = tokio::time::timeout(SETTLE_TIMEOUT, self.settled(id)).await.ok().flatten();
                let (user, session) = settled.ok_or(error)?;
                // The first proof may have ended further sessions that are unknown here. Following
                // the blacklist will find them.
                Ok(SignInOutcome::SignedIn { user, session, created, ended: replaced.into_iter().collect() })
            }
            outcome => outcome,
        }
    }

    /// The session of a sign-in that timed out, if it exists.
    async fn settled(&self, id: SessionId) -> Option<(C::User, Session)> {
        let session = self.inner.store().session(id).await.ok()??;
        let user_id = session.user_id.parse::<<C::User as OtpUser>::Id>().ok()?;
        let user = self.inner.store().user_by_id(&user_id).await.ok()??;
        self.is_bound(&user, Bound::Whole(session.binding)).then_some((user, session))
    }

    fn note_ended_by_sign_in(&self, ended: &[SessionId], replaced: Option<SessionId>, revocation: Revocation) {
        self.note_ended(ended, revocation);
        for session in ended {
            let ending = if Some(*session) == replaced { Ending::Replaced } else { Ending::NotProven };
            event::session_ended(*session, ending, self.client_ip());
        }
    }

    /// Checks a user who was just created, and may have been given the id of a barred one. A store
    /// failure must not fail the sign-in, because every refresh and extractor checks again.
    async fn admit_signed_in(&self, user: &C::User, session: &Session) -> Result<(), AuthError> {
        if self.admits(user) && !self.is_barred(&session.user_id).await.unwrap_or(false) {
            return Ok(());
        }
        self.end_session_as(session.id, Ending::Refused).await?;
        Err(AuthError::SignInRefused)
    }
}
