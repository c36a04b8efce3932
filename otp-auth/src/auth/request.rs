//! Asking for a code.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tracing::{Instrument, Span};

use super::OtpAuth;
use super::error::AuthError;
use super::in_flight::Place;
use crate::challenge::code::{self, Nonce};
use crate::challenge::{Challenge, Identity};
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::email::Address;
use crate::event;
use crate::secret::Secret;
use crate::send::{OtpMessage, Purpose, SendOtp};
use crate::store::{FreshChallenge, OpenChallenge, Opening, Refund, Requester, Resume, SendTicket};

/// Somebody asks for a code. `Debug` shows nothing of it.
///
/// ```
/// # let (challenge, device) = (None, Some("…"));
/// let request = otp_auth::auth::CodeRequest::new("ann@example.com").challenge(challenge).device(device);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct CodeRequest<'a> {
    /// The address, as typed.
    pub email: &'a str,
    /// The challenge that the client already holds, if any: a live one goes
    /// on, with the same code and the attempts that are left.
    pub challenge: Option<&'a str>,
    /// The token of a known device, if any ([`SignedIn::device`]): it is not
    /// held up by what strangers have sent to the address.
    ///
    /// [`SignedIn::device`]: crate::auth::SignedIn::device
    pub device: Option<&'a str>,
}

impl<'a> CodeRequest<'a> {
    /// A request for a code to this address, as typed.
    #[must_use]
    pub const fn new(email: &'a str) -> Self {
        Self { email, challenge: None, device: None }
    }

    /// With the [`challenge`](Self::challenge) that the client already holds.
    #[must_use]
    pub fn challenge(self, challenge: impl Into<Option<&'a str>>) -> Self {
        Self { challenge: challenge.into(), ..self }
    }

    /// With the token of a known [`device`](Self::device).
    #[must_use]
    pub fn device(self, device: impl Into<Option<&'a str>>) -> Self {
        Self { device: device.into(), ..self }
    }
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

/// When a send is given back that the store has perhaps been paid: at once,
/// and again for a payment that it carries out late, or a refund that fails.
const REFUND_PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(20)];

/// A message that was paid for.
struct Outgoing {
    address: Address,
    identity: Identity,
    code: Secret,
    expires_in: Duration,
    ticket: SendTicket,
    paid_at: Timestamp,
}

/// A message that is to be paid for.
struct Paying {
    address: Address,
    /// The code of a fresh challenge.
    code: Secret,
    challenge: Challenge,
    /// The challenge that the client already holds.
    held: Option<Challenge>,
    open: OpenChallenge,
    place: Place,
}

/// Why a message was not delivered, as far as that is known.
#[derive(Debug, Clone, Copy)]
enum NotDelivered {
    /// It was not taken, this time.
    Refused,
    /// The address takes no message. A mail server was asked.
    RefusedForGood,
    /// The sender did not come to an end: the mail may be out.
    Unknown,
}

impl NotDelivered {
    /// A client never waits out a cooldown for a mail that it did not get. But
    /// what a mail server may have been given counts: a relay that takes mails
    /// and answers late would send without end otherwise.
    fn refund(self) -> Refund {
        match self {
            Self::Refused => Refund::Whole,
            Self::RefusedForGood | Self::Unknown => Refund::Cooldown,
        }
    }
}

impl From<NotDelivered> for AuthError {
    fn from(failure: NotDelivered) -> Self {
        match failure {
            NotDelivered::RefusedForGood => Self::AddressRefused,
            NotDelivered::Refused | NotDelivered::Unknown => Self::DeliveryFailed,
        }
    }
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
    /// [`AuthError::DeliveryFailed`], [`AuthError::AddressRefused`],
    /// [`AuthError::Store`], [`AuthError::Random`].
    pub async fn request_code(&self, request: CodeRequest<'_>) -> Result<CodeRequested, AuthError> {
        let mailbox = self.mailbox(request.email)?;
        let now = self.now();
        let (keys, settings) = (self.inner.keys.current(), &self.inner.settings);
        let identity = *mailbox.identity();

        let device = self.known_device(&mailbox, request.device, now).await?;
        let (asking, payer) = match device {
            Some(device) => (Requester::KnownDevice, device.payer(keys, &identity)),
            None => (Requester::Stranger, identity),
        };

        let challenge = Challenge::random(device)?;
        let nonce = Nonce::random()?;
        let code = code::derive(keys, &nonce, settings.otp_length, self.code_kind());
        let held = request.challenge.and_then(Challenge::parse);
        let open = OpenChallenge {
            identity,
            payer,
            requester: asking,
            limits: settings.send_limits(),
            now,
            resume: held.map(|held| Resume { key: held.key(), max_attempts: settings.max_otp_attempts.into() }),
            fresh: FreshChallenge {
                key: challenge.key(),
                nonce,
                code_mac: code::mac(keys, &challenge.key(), &identity, &code),
                expires_at: now + settings.otp_expiry,
            },
        };

        // Taken before anything is known about the address.
        let place = self.inner.sends.enter().ok_or_else(|| {
            event::too_many_sends(self.client_ip());
            AuthError::DeliveryFailed
        })?;

        let paying = Paying { address: mailbox.address, code, challenge, held, open, place };
        // A task of its own: a client that hangs up stops neither the mail
        // that is paid for nor the refund.
        let auth = self.clone();
        let sending = async move { auth.pay_and_send(paying).await };
        tokio::spawn(sending.instrument(Span::current())).await.unwrap_or(Err(AuthError::DeliveryFailed))
    }

    /// Pays for the send, and sends; waits for the latter where the answer
    /// depends on it.
    async fn pay_and_send(self, paying: Paying) -> Result<CodeRequested, AuthError> {
        let Paying { address, code, challenge, held, open, place } = paying;
        let settings = &self.inner.settings;
        let opening = self.inner.store.open_challenge(&open).await.inspect_err(|_| self.take_back(&open))?;
        let (challenge, code, expires_at, ticket) = match opening {
            Opening::Opened(ticket) => (challenge, code, open.fresh.expires_at, ticket),
            Opening::Resumed { nonce, expires_at, ticket } => {
                let code = code::derive(self.inner.keys.current(), &nonce, settings.otp_length, self.code_kind());
                (held.unwrap_or(challenge), code, expires_at, ticket)
            }
            Opening::Wait(retry_after) => {
                event::resend_too_soon(&open.identity, self.client_ip());
                return Err(AuthError::ResendTooSoon { retry_after });
            }
        };
        let requested = CodeRequested {
            challenge: challenge.to_secret(),
            expires_in: open.now.until(expires_at),
            resend_in: open.now.until(ticket.next_send_at),
        };
        let outgoing = Outgoing {
            address,
            identity: open.identity,
            code,
            expires_in: requested.expires_in,
            ticket,
            paid_at: open.now,
        };
        if settings.auto_create_user {
            self.deliver_or_refund(outgoing).await?;
        } else {
            let sending = async move {
                self.deliver_to_user(outgoing).await;
                drop(place);
            };
            tokio::spawn(sending.instrument(Span::current()));
        }
        Ok(requested)
    }

    /// Delivers while the client waits, and gives the send back when that
    /// fails, as far as no mail is out. The challenge is of no use then: the
    /// client never gets it.
    async fn deliver_or_refund(&self, outgoing: Outgoing) -> Result<(), AuthError> {
        let (ticket, paid_at) = (outgoing.ticket, outgoing.paid_at);
        let Err(failure) = self.deliver(outgoing).await else { return Ok(()) };
        let refund = failure.refund();
        if self.inner.store.refund_send(&ticket, refund, self.now()).await.is_err() {
            // The store has logged it.
            self.give_back(ticket, refund, paid_at, &REFUND_PAUSES[1..]);
        }
        Err(failure.into())
    }

    /// The store has failed to open a challenge, but perhaps it has taken the
    /// payment, or takes it yet. No mail goes out, so it is given back. The
    /// ticket names this send and no other, so that does no harm if it was not
    /// paid.
    fn take_back(&self, open: &OpenChallenge) {
        let next_send_at = open.now + open.limits.cooldown;
        let ticket = SendTicket { payer: open.payer, requester: open.requester, next_send_at };
        self.give_back(ticket, Refund::Whole, open.now, &REFUND_PAUSES);
    }

    /// Gives a send back in the background, after each of the pauses.
    fn give_back(&self, ticket: SendTicket, refund: Refund, paid_at: Timestamp, pauses: &'static [Duration]) {
        let Some(mut place) = self.inner.refunds.enter() else {
            event::refund_lost(self.client_ip());
            return;
        };
        let auth = self.clone();
        let refunding = async move {
            let mut has_time = true;
            for pause in pauses {
                // At the end of the service this is the last chance.
                has_time = has_time && place.pause(*pause).await;
                let now = auth.now();
                // A later send in the same millisecond has the same name.
                if !pause.is_zero() && now == paid_at {
                    break;
                }
                let _ = auth.inner.store.refund_send(&ticket, refund, now).await;
                if !has_time {
                    break;
                }
            }
            drop(place);
        };
        tokio::spawn(refunding.instrument(Span::current()));
    }

    async fn deliver(&self, outgoing: Outgoing) -> Result<(), NotDelivered> {
        let message = OtpMessage {
            address: outgoing.address.deliver_to(),
            code: outgoing.code.expose(),
            expires_in: outgoing.expires_in,
            purpose: Purpose::SignIn,
        };
        let sending = AssertUnwindSafe(async { self.inner.config.sender().send_otp(message).await }).catch_unwind();
        let (identity, client) = (&outgoing.identity, self.client_ip());
        match tokio::time::timeout(self.inner.settings.send_timeout, sending).await {
            Ok(Ok(Ok(()))) => {
                event::code_sent(identity, client);
                Ok(())
            }
            Ok(Ok(Err(error))) if error.is_permanent() => {
                event::address_refused(identity, &error.summary(&message), client);
                Err(NotDelivered::RefusedForGood)
            }
            Ok(Ok(Err(error))) => {
                event::delivery_failed(identity, &error.summary(&message), client);
                Err(if error.is_unknown() { NotDelivered::Unknown } else { NotDelivered::Refused })
            }
            Ok(Err(_)) => {
                event::delivery_failed(identity, "the sender panicked", client);
                Err(NotDelivered::Unknown)
            }
            Err(_) => {
                event::delivery_failed(identity, "the sender was too slow", client);
                Err(NotDelivered::Unknown)
            }
        }
    }

    /// Off the request path: sends to addresses that have an account. What
    /// goes wrong is logged; nobody is waiting for it.
    ///
    /// A send that fails here is not given back. The client already holds a
    /// challenge, so a refund would let it collect challenges, and attempts, as
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
