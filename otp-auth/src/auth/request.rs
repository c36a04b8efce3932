//! Requesting a code.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use otp_auth_rules::pairs::EXTRA_DIGITS;
use otp_auth_rules::setting;
use tracing::{Instrument, Span};

use super::OtpAuth;
use super::error::AuthError;
use super::hooks::Leave;
use super::in_flight::Place;
use crate::challenge::code::{self, Nonce};
use crate::challenge::{Challenge, CodeMac, DeviceId, Identity, unlock};
use crate::config::OtpConfig;
use crate::context::RequestContext;
use crate::crypto;
use crate::email::Address;
use crate::error::StoreError;
use crate::event;
use crate::secret::{Secret, redacted};
use crate::send::{OtpMessage, Purpose, SendOtp};
use crate::store::{FreshChallenge, OpenChallenge, Opening, Refund, Requester, Resume, SendTicket, TotalLimit, Turn};

/// A request for a code. `Debug` redacts it.
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
    /// The challenge that the client holds, if any. A live one continues, with the same code and
    /// its remaining attempts.
    pub challenge: Option<&'a str>,
    /// The token of a known device, if any ([`SignedIn::device`]). What strangers have sent to the
    /// address does not slow it down.
    ///
    /// [`SignedIn::device`]: crate::auth::SignedIn::device
    pub device: Option<&'a str>,
    /// What [`Hooks::before_send`] asked for, if anything. More than 8 KiB count as none.
    ///
    /// [`Hooks::before_send`]: crate::Hooks::before_send
    pub proof: Option<&'a str>,
    /// The [`unlock`](OtpMessage::unlock) token of a message to this address or an alias of it, if
    /// any. It counts before a known device.
    pub unlock: Option<&'a str>,
}

impl<'a> CodeRequest<'a> {
    /// A request for a code to this address, as typed.
    #[must_use]
    pub const fn new(email: &'a str) -> Self {
        Self { email, challenge: None, device: None, proof: None, unlock: None }
    }

    /// Adds the [`challenge`](Self::challenge) that the client holds.
    #[must_use]
    pub fn challenge(self, challenge: impl Into<Option<&'a str>>) -> Self {
        Self { challenge: challenge.into(), ..self }
    }

    /// Adds the token of a known [`device`](Self::device).
    #[must_use]
    pub fn device(self, device: impl Into<Option<&'a str>>) -> Self {
        Self { device: device.into(), ..self }
    }

    /// Adds the [`proof`](Self::proof) that the application asked for.
    #[must_use]
    pub fn proof(self, proof: impl Into<Option<&'a str>>) -> Self {
        Self { proof: proof.into(), ..self }
    }

    /// Adds the [`unlock`](Self::unlock) token of a message.
    #[must_use]
    pub fn unlock(self, unlock: impl Into<Option<&'a str>>) -> Self {
        Self { unlock: unlock.into(), ..self }
    }
}

redacted!(CodeRequest<'_>);

/// The code is being sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CodeRequested {
    /// The client must present it together with the code.
    pub challenge: Secret,
    /// How long the code remains valid.
    pub expires_in: Duration,
    /// How long until another code can be sent.
    pub resend_in: Duration,
    /// The number of its digits: `otp_length`, or two more late in a day of many requests.
    pub code_length: u8,
}

/// The longest proof that the application gets. Those of common services are at most a few
/// kilobytes long.
const MAX_PROOF_BYTES: usize = 8 * 1024;

/// When to refund a send that the store may have counted: at once, then again in case the store
/// counts it late or the refund fails.
const REFUND_PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(20)];

/// A send in the background begins after 10 to 73 ms. By then the response has arrived, so neither
/// its time nor that of a request right after it shows whether there is an account. It is random, so
/// that nobody can measure at the right moment.
fn background_pause() -> Duration {
    let [random] = crypto::random().unwrap_or([u8::MAX]);
    Duration::from_millis(10 + u64::from(random / 4))
}

/// A message that the budget has paid for.
struct Outgoing {
    address: Address,
    identity: Identity,
    code: Secret,
    expires_in: Duration,
    ticket: SendTicket,
    unlock: Secret,
}

/// A message before payment.
struct Paying {
    address: Address,
    challenge: Challenge,
    /// The challenge that the client holds.
    held: Option<Challenge>,
    open: OpenChallenge,
    place: Place,
    leave: Leave,
    unlock: Secret,
    turn: Turn,
}

/// Why a message was not delivered, as far as known.
#[derive(Debug, Clone, Copy)]
enum NotDelivered {
    /// Not accepted this time.
    Refused,
    /// Permanently rejected by a mail server.
    RefusedForGood,
    /// The sender did not finish, so the e-mail may have been sent.
    Unknown,
}

impl NotDelivered {
    /// A client never waits out a cooldown for an e-mail that it did not get. But whatever a mail
    /// server may have received counts; otherwise a relay that accepts e-mail and responds late
    /// would send without limit.
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
    /// Sends a code to an address, and opens a challenge for it.
    ///
    /// The result is the same whether or not the address has an account. With
    /// `auto_create_user = false`, only addresses with an account get a code, so sending runs in
    /// the background. [`Hooks::before_send`](crate::Hooks::before_send) is asked first.
    ///
    /// # Errors
    ///
    /// [`AuthError::InvalidEmail`], [`AuthError::ProofRequired`], [`AuthError::TooManyRequests`],
    /// [`AuthError::ResendTooSoon`],
    /// [`AuthError::DeliveryFailed`], [`AuthError::AddressRefused`],
    /// [`AuthError::Store`], [`AuthError::Random`].
    pub async fn request_code(&self, request: CodeRequest<'_>) -> Result<CodeRequested, AuthError> {
        let mailbox = self.mailbox(request.email)?;
        let now = self.now();
        let (keys, settings) = (self.inner.keys.current(), &self.inner.settings);
        let identity = *mailbox.identity();

        let unlocked = request.unlock.and_then(|token| unlock::read(&self.inner.keys, &mailbox.address, token, now));
        let device = match unlocked {
            Some(device) => Some(device),
            None => self.known_device(&mailbox, request.device, now).await?,
        };
        let context = RequestContext { known_device: device.is_some(), ..self.context(now) };
        let proof = request.proof.filter(|proof| proof.len() <= MAX_PROOF_BYTES);
        let leave = self.leave(&mailbox.address, &context, proof).await.inspect_err(|error| {
            if matches!(error, AuthError::ProofRequired) {
                event::proof_required(&identity, self.client_ip());
            }
        })?;
        let requester = if device.is_some() { Requester::KnownDevice } else { Requester::Stranger };
        // After the hook, which may take its time, and before anything is known about the address.
        let place = self.send_place(requester)?;
        let (payer, total) = if let Some(device) = device {
            (device.payer(keys, &identity), None)
        } else {
            self.admit_stranger().await?;
            let mailbox = Identity::of_mailbox(keys, &mailbox.address);
            let payer = mailbox.payer_in(keys, &self.network().to_string());
            // Of the address, not of the mailbox: an alias without an account gets no e-mail, so
            // nobody would be told that what may be sent to its owner is used up.
            (payer, Some(TotalLimit::new(identity, settings.sends_per_day_total())))
        };

        let challenge = Challenge::random(device)?;
        // A stranger pays for a new budget of the owner. What such a budget pays for makes no
        // second one, or there would be no end to them.
        let unlock = unlock::token(keys, &mailbox.address, device.map_or_else(DeviceId::random, Ok)?, now);
        let nonce = Nonce::random()?;
        let code_mac = |digits| code::mac(keys, &challenge.key(), &identity, &self.code(&nonce, digits));
        // A known device does not continue what a stranger began: its challenge says who has paid.
        let held = request
            .challenge
            .and_then(Challenge::parse)
            .filter(|held| requester == Requester::Stranger || held.device().is_some());
        let open = OpenChallenge {
            identity,
            payer,
            requester,
            limits: settings.send_limits(),
            total,
            short_codes: settings.short_codes_per_day(),
            now,
            resume: held.map(|held| Resume { key: held.key(), max_attempts: settings.max_otp_attempts.into() }),
            fresh: FreshChallenge {
                key: challenge.key(),
                nonce,
                code_mac: code_mac(settings.otp_length),
                longer_code_mac: code_mac(settings.otp_length + EXTRA_DIGITS),
                expires_at: now + settings.otp_expiry,
            },
        };

        // Before the task, so that nobody who has hung up waits for a turn.
        let turn = self.inner.store().turn(requester).await?;

        let paying = Paying { address: mailbox.address, challenge, held, open, place, turn, leave, unlock };
        // A separate task, so that a client that disconnects stops neither the send nor its refund.
        let auth = self.clone();
        let sending = async move { auth.pay_and_send(paying).await };
        tokio::spawn(sending.instrument(Span::current())).await.unwrap_or(Err(AuthError::DeliveryFailed))
    }

    fn send_place(&self, requester: Requester) -> Result<Place, AuthError> {
        let own = match requester {
            Requester::Stranger => None,
            Requester::KnownDevice => self.inner.sends_to_known_devices.enter(),
        };
        own.or_else(|| self.inner.sends.enter()).ok_or_else(|| {
            event::too_many_sends(self.client_ip());
            AuthError::DeliveryFailed
        })
    }

    /// Pays for the send, and sends. Waits for the send if the response depends on it.
    async fn pay_and_send(self, paying: Paying) -> Result<CodeRequested, AuthError> {
        let Paying { address, challenge, held, open, place, turn, leave, unlock } = paying;
        let opening = self.inner.store().open_challenge(turn, &open).await.inspect_err(|_| self.take_back(&open))?;
        let FreshChallenge { nonce, expires_at, .. } = open.fresh;
        let (challenge, nonce, code_mac, expires_at, ticket) = match opening {
            Opening::Opened { code_mac, ticket } => (challenge, nonce, code_mac, expires_at, ticket),
            Opening::Resumed { nonce, code_mac, expires_at, ticket } => {
                (held.unwrap_or(challenge), nonce, code_mac, expires_at, ticket)
            }
            Opening::Wait(retry_after) => {
                event::resend_too_soon(&open.identity, self.client_ip());
                return Err(AuthError::ResendTooSoon { retry_after });
            }
        };
        let code = self.code_of(&challenge, &nonce, &open.identity, &code_mac);
        let requested = CodeRequested {
            challenge: challenge.to_secret(),
            expires_in: open.now.until(expires_at),
            resend_in: open.now.until(ticket.next_send_at),
            code_length: u8::try_from(code.expose().len()).unwrap_or(u8::MAX),
        };
        let outgoing =
            Outgoing { address, identity: open.identity, code, expires_in: requested.expires_in, ticket, unlock };
        if self.inner.settings.auto_create_user && leave == Leave::Awaited {
            self.deliver_or_refund(outgoing).await?;
        } else {
            let mut place = place;
            let sending = async move {
                place.pause(background_pause()).await;
                self.deliver_unawaited(outgoing, leave).await;
                drop(place);
            };
            tokio::spawn(sending.instrument(Span::current()));
        }
        Ok(requested)
    }

    fn code(&self, nonce: &Nonce, digits: u8) -> Secret {
        code::derive(self.inner.keys.current(), nonce, digits, self.code_kind())
    }

    /// The code of a challenge, which has this MAC: the challenge may be older than the settings.
    fn code_of(&self, challenge: &Challenge, nonce: &Nonce, identity: &Identity, code_mac: &CodeMac) -> Secret {
        let (rule, keys) = (setting::otp_length, self.inner.keys.current());
        let mut codes = (rule.least..=rule.most + EXTRA_DIGITS).map(|digits| self.code(nonce, digits));
        let found = codes.find(|code| code::mac(keys, &challenge.key(), identity, code) == *code_mac);
        found.unwrap_or_else(|| self.code(nonce, self.inner.settings.otp_length))
    }

    /// Delivers while the client waits. If that fails and the e-mail was not sent, refunds the
    /// send. The challenge is then useless, because the client never gets it.
    async fn deliver_or_refund(&self, outgoing: Outgoing) -> Result<(), AuthError> {
        let ticket = outgoing.ticket;
        let Err(failure) = self.deliver(outgoing).await else { return Ok(()) };
        let refund = failure.refund();
        if self.refund(&ticket, refund).await.is_err() {
            // The store has logged the error.
            self.give_back(ticket, refund, &REFUND_PAUSES[1..]);
        }
        Err(failure.into())
    }

    /// The store failed to open a challenge, but may have counted the send, or may count it yet. No
    /// e-mail is sent, so refund it. The ticket identifies this one send, so this does no harm if
    /// it was not counted. The total may not have paid, so it is not refunded.
    fn take_back(&self, open: &OpenChallenge) {
        let ticket = SendTicket { total: None, ..open.ticket() };
        self.give_back(ticket, Refund::Whole, &REFUND_PAUSES);
    }

    /// Refunds a send in the background, after each pause.
    fn give_back(&self, ticket: SendTicket, refund: Refund, pauses: &'static [Duration]) {
        let Some(mut place) = self.inner.refunds.enter() else {
            event::refund_lost(self.client_ip());
            return;
        };
        let auth = self.clone();
        let refunding = async move {
            let mut has_time = true;
            for pause in pauses {
                // At shutdown this is the last chance.
                has_time = has_time && place.pause(*pause).await;
                let _ = auth.refund(&ticket, refund).await;
                if !has_time {
                    break;
                }
            }
            drop(place);
        };
        tokio::spawn(refunding.instrument(Span::current()));
    }

    async fn refund(&self, ticket: &SendTicket, refund: Refund) -> Result<(), StoreError> {
        let turn = self.inner.store().turn(ticket.requester).await?;
        self.inner.store().refund_send(turn, ticket, refund, self.now()).await
    }

    async fn deliver(&self, outgoing: Outgoing) -> Result<(), NotDelivered> {
        let message = OtpMessage {
            address: outgoing.address.deliver_to(),
            code: outgoing.code.expose(),
            expires_in: outgoing.expires_in,
            purpose: Purpose::SignIn,
            unlock: outgoing.unlock.expose(),
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

    /// Runs outside the request. With `auto_create_user = false`, sends only to addresses with an
    /// account. Failures are logged.
    ///
    /// A failed send is not refunded. The client already holds a challenge, so refunds would let it
    /// collect challenges, and attempts, for as long as the sender fails. The next response would
    /// also reveal whether the address has an account.
    async fn deliver_unawaited(&self, outgoing: Outgoing, leave: Leave) {
        // Asked even if nothing is sent, so that the store does the same for every request.
        let receives = self.inner.settings.auto_create_user
            || matches!(self.recipient(&outgoing).await, Ok(Some(user)) if self.admits(&user));
        if leave == Leave::Suppressed {
            event::code_suppressed(&outgoing.identity, self.client_ip());
        } else if receives {
            let _ = self.deliver(outgoing).await;
        }
    }
    async fn recipient(&self, outgoing: &Outgoing) -> Result<Option<C::User>, StoreError> {
        let turn = self.inner.store().turn(outgoing.ticket.requester).await?;
        self.inner.store().user_by_email_in(turn, outgoing.address.canonical()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enum_01_a_send_in_the_background_begins_within_73_ms() {
        let pauses: Vec<_> = (0..2_000).map(|_| background_pause().as_millis()).collect();
        assert_eq!((pauses.iter().min(), pauses.iter().max()), (Some(&10), Some(&73)));
    }
}
