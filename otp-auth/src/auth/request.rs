//! Asking for a code.

use std::fmt;
use std::time::Duration;

use super::OtpAuth;
use crate::challenge::budget::SendLimits;
use crate::challenge::code::{self, Nonce};
use crate::challenge::{Challenge, Identity, device};
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::email::Address;
use crate::error::AuthError;
use crate::event;
use crate::secret::Secret;
use crate::send::{OtpMessage, Purpose, SendOtp};
use crate::store::{FreshChallenge, OpenChallenge, Opening, Requester, Resume, SendTicket};

/// Somebody asks for a code. `Debug` shows nothing of it.
#[derive(Clone, Copy, Default)]
pub struct CodeRequest<'a> {
    /// The address, as typed.
    pub email: &'a str,
    /// The challenge that the client already holds, if any: a live one goes
    /// on, with the same code and the tries that are left.
    pub challenge: Option<&'a str>,
    /// The token of a known device, if any: its owner is not held up by what
    /// strangers have sent to the address.
    pub device: Option<&'a str>,
}

impl fmt::Debug for CodeRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeRequest([redacted])")
    }
}

/// A code is on its way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CodeRequested {
    /// What the client must present together with the code.
    pub challenge: Secret,
    /// How long the code is still valid.
    pub expires_in: Duration,
    /// When the next code can be sent.
    pub resend_in: Duration,
}

/// A message that was paid for.
struct Outgoing {
    address: Address,
    identity: Identity,
    code: Secret,
    expires_in: Duration,
    ticket: SendTicket,
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Sends a code to an address, and opens the challenge that it answers.
    ///
    /// The answer is the same whether the address has an account or not. With
    /// `auto_create_user = false` the sending, which differs, runs in the
    /// background, and only addresses with an account get a code.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidEmail`], [`AuthError::ResendTooSoon`],
    /// [`AuthError::DeliveryFailed`] (the send is given back),
    /// [`AuthError::Store`], [`AuthError::Random`].
    pub async fn request_code(&self, request: CodeRequest<'_>) -> Result<CodeRequested, AuthError> {
        let address = self.address(request.email)?;
        let now = self.now();
        let keys = self.current_keys()?;
        let settings = &self.inner.settings;
        let identity = Identity::of(keys, &address);

        let challenge = Challenge::random()?;
        let nonce = Nonce::random()?;
        let code = code::derive(keys, &nonce, settings.otp_length, self.code_kind());
        let held = request.challenge.and_then(Challenge::parse);
        let open = OpenChallenge {
            identity,
            requester: self.requester(&address, request.device, now),
            limits: SendLimits::of(settings),
            now,
            resume: held.map(|held| Resume { key: held.key(), max_tries: settings.max_otp_attempts.into() }),
            fresh: FreshChallenge {
                key: challenge.key(),
                nonce,
                code_mac: code::mac(keys, &challenge.key(), &identity, &code),
                expires_at: now + settings.otp_expiry,
            },
        };

        // Taken before anything is known about the address.
        let permit = if settings.auto_create_user {
            None
        } else {
            let permit = self.inner.background_sends.clone().try_acquire_owned();
            Some(permit.map_err(|_| AuthError::DeliveryFailed)?)
        };

        let (challenge, code, expires_at, ticket) = match self.inner.store.open_challenge(&open).await? {
            Opening::Opened(ticket) => (challenge, code, open.fresh.expires_at, ticket),
            Opening::Resumed { nonce, expires_at, ticket } => {
                let code = code::derive(keys, &nonce, settings.otp_length, self.code_kind());
                (held.unwrap_or(challenge), code, expires_at, ticket)
            }
            Opening::Wait(retry_after) => {
                event::resend_too_soon(&identity);
                return Err(AuthError::ResendTooSoon { retry_after });
            }
        };
        let requested = CodeRequested {
            challenge: challenge.to_secret(),
            expires_in: now.until(expires_at),
            resend_in: now.until(ticket.next_send_at),
        };
        let outgoing = Outgoing { address, identity, code, expires_in: requested.expires_in, ticket };
        match permit {
            None => self.deliver_or_refund(outgoing).await?,
            Some(permit) => {
                let auth = self.clone();
                tokio::spawn(async move {
                    auth.deliver_to_user(outgoing).await;
                    drop(permit);
                });
            }
        }
        Ok(requested)
    }

    /// Delivers while the client waits, and gives the send back when that
    /// fails. The challenge is of no use then: the client never gets it.
    ///
    /// It runs as a task of its own: a client that hangs up stops neither the
    /// mail that was paid for nor the refund.
    async fn deliver_or_refund(&self, outgoing: Outgoing) -> Result<(), AuthError> {
        let auth = self.clone();
        let ticket = outgoing.ticket;
        let delivering = tokio::spawn(async move {
            let delivered = auth.deliver(outgoing).await;
            if delivered.is_err() {
                auth.refund(&ticket).await;
            }
            delivered
        });
        if let Ok(delivered) = delivering.await {
            return delivered;
        }
        // The sender panicked.
        self.refund(&ticket).await;
        Err(AuthError::DeliveryFailed)
    }

    /// If this fails, the cooldown stays; the store has logged it.
    async fn refund(&self, ticket: &SendTicket) {
        let _ = self.inner.store.refund_send(ticket, self.now()).await;
    }

    fn requester(&self, address: &Address, device: Option<&str>, now: Timestamp) -> Requester {
        let known = device.is_some_and(|text| {
            self.inner.keys.iter().any(|keys| device::is_known(keys, &Identity::of(keys, address), text, now))
        });
        if known { Requester::KnownDevice } else { Requester::Stranger }
    }

    async fn deliver(&self, outgoing: Outgoing) -> Result<(), AuthError> {
        let message = OtpMessage {
            address: outgoing.address.deliver_to(),
            code: outgoing.code.expose(),
            expires_in: outgoing.expires_in,
            purpose: Purpose::SignIn,
        };
        let sending = self.inner.config.sender().send_otp(message);
        match tokio::time::timeout(self.inner.settings.send_timeout, sending).await {
            Ok(Ok(())) => {
                event::code_sent(&outgoing.identity);
                return Ok(());
            }
            Ok(Err(error)) => event::delivery_failed(&outgoing.identity, &error),
            Err(_) => event::delivery_timed_out(&outgoing.identity),
        }
        Err(AuthError::DeliveryFailed)
    }

    /// Off the request path: sends to addresses that have an account. What
    /// goes wrong is logged; nobody is waiting for it.
    ///
    /// A send that fails here is not given back. The client already holds a
    /// challenge, so a refund would let it collect challenges, and tries, as
    /// long as the sender fails; and the next answer would tell an address
    /// with an account from one without.
    async fn deliver_to_user(&self, outgoing: Outgoing) {
        if let Ok(Some(user)) = self.inner.store.user_by_email(outgoing.address.canonical()).await
            && self.admits(&user)
        {
            let _ = self.deliver(outgoing).await;
        }
    }
}
