//! Sending codes: the trait that an application implements, and ready-made
//! senders.

mod any;
mod console;
mod redact;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

pub use any::AnySender;
pub use console::ConsoleSender;

/// What a code is for, so that a message can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// To sign in, which also creates the account where that is allowed.
    SignIn,
}

/// One message to send. `Debug` shows neither the address nor the code.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct OtpMessage<'a> {
    /// Where to send it: the address as it was typed.
    pub address: &'a str,
    /// The code. It never contains markup, only ASCII digits.
    pub code: &'a str,
    /// How long the code is still valid.
    pub expires_in: Duration,
    /// What it is for.
    pub purpose: Purpose,
}

impl<'a> OtpMessage<'a> {
    /// A message to sign in, for tests of a sender.
    #[must_use]
    pub const fn new(address: &'a str, code: &'a str, expires_in: Duration) -> Self {
        Self { address, code, expires_in, purpose: Purpose::SignIn }
    }
}

impl fmt::Debug for OtpMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpMessage")
            .field("address", &"[redacted]")
            .field("code", &"[redacted]")
            .field("expires_in", &self.expires_in)
            .field("purpose", &self.purpose)
            .finish()
    }
}

/// Delivers codes: by mail, or whatever reaches the owner of the address.
///
/// A sender that takes longer than `send_timeout` is cut off: its future is
/// dropped, and the client gets a 503. The mail may be out by then, so the
/// send counts for the hour and the day, and the client can ask again at once.
///
/// Say which refusals are for good: [`SendError::permanent`] is answered with
/// "check the address", [`SendError::new`] with "try again". And say where it is
/// not known whether the mail is out, as after a timeout of your own:
/// [`SendError::unknown`].
///
/// ```
/// use otp_auth::{OtpMessage, SendError, SendOtp};
///
/// struct Queue;
///
/// impl SendOtp for Queue {
///     async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
///         let text = format!("Your code is {}.", message.code);
///         enqueue(message.address, text).await.map_err(SendError::new)
///     }
/// }
/// # async fn enqueue(_: &str, _: String) -> std::io::Result<()> { Ok(()) }
/// ```
#[doc = include_str!("../../docs/send_otp.md")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send codes",
    label = "`SendOtp` is not implemented for this type",
    note = "implement `SendOtp` for it, or mark the field that holds a sender with `#[otp(sender)]`"
)]
pub trait SendOtp: Send + Sync + 'static {
    /// Delivers one message. `Ok` means that somebody else is responsible for
    /// it now (a mail server has taken it).
    ///
    /// # Errors
    ///
    /// [`SendError`] when the message was not taken.
    fn send_otp(&self, message: OtpMessage<'_>) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// A message was not taken for delivery.
///
/// What it prints is meant for logs: the text of the cause without addresses,
/// without runs of six digits or more, on one line and cut to some hundred
/// characters. The cause itself is in [`source`](StdError::source).
pub struct SendError {
    kind: FailureKind,
    cause: Box<dyn StdError + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    Temporary,
    Permanent,
    Unknown,
}

impl FailureKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Temporary => "not taken for delivery",
            Self::Permanent => "refused for good",
            Self::Unknown => "perhaps taken for delivery",
        }
    }
}

impl SendError {
    /// Wraps a cause that may pass, of a message that was certainly not taken.
    /// The client is told to try again, and the send does not count.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Temporary, cause: cause.into() }
    }

    /// Wraps a cause that does not pass: this address will never take a
    /// message, as with a 5xx answer to `RCPT TO`. The client is told to check
    /// the address. The send counts for the hour and the day, because a mail
    /// server was asked.
    ///
    /// Where the client waits for the sender, it learns that the mailbox does
    /// not exist. It does not learn whether there is an account: with
    /// `auto_create_user = true` every address gets a mail, and otherwise
    /// nobody waits.
    #[must_use]
    pub fn permanent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Permanent, cause: cause.into() }
    }

    /// Wraps a cause that leaves open whether the message was taken: a
    /// timeout, or a connection that broke before the answer. The client is told
    /// to try again, and the send counts for the hour and the day: a relay that
    /// takes messages and answers too late would send without end otherwise.
    #[must_use]
    pub fn unknown(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Unknown, cause: cause.into() }
    }

    /// Whether the address will never take a message.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.kind == FailureKind::Permanent
    }

    /// Whether the message may have been taken all the same.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.kind == FailureKind::Unknown
    }

    /// What may be logged of the cause of a message that did not go out.
    pub(crate) fn summary(&self, message: &OtpMessage<'_>) -> String {
        let local = message.address.rsplit_once('@').map_or(message.address, |(local, _)| local);
        format!("{}: {}", self.kind.as_str(), self.cause(&[message.address, local, message.code]))
    }

    /// The texts of the cause and of what caused it.
    fn cause(&self, known: &[&str]) -> String {
        let mut text = self.cause.to_string();
        let mut below = self.cause.source();
        for _ in 0..MAX_CAUSES {
            let Some(cause) = below else { break };
            let more = cause.to_string();
            // Many errors quote their source themselves.
            if !text.contains(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            below = cause.source();
        }
        redact::redact(&text, known)
    }
}

/// How many causes below the first are shown.
const MAX_CAUSES: usize = 4;

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.cause(&[]))
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("kind", &self.kind).field("cause", &self.cause(&[])).finish()
    }
}

impl StdError for SendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.cause.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn otp_16_a_message_does_not_print_its_code_or_address() {
        let message = OtpMessage::new("ann@x.com", "493817", Duration::from_secs(1));
        let text = format!("{message:?} {message:#?}");
        assert!(!text.contains("ann") && !text.contains("493817"), "{text}");
    }

    /// There is no place in it for anything else that a request says: a field
    /// that is added has to be added here.
    #[test]
    fn t15_a_message_has_an_address_a_code_a_time_and_a_purpose() {
        let message = OtpMessage::new("ann@x.com", "493817", Duration::from_secs(1));
        let OtpMessage { address, code, expires_in, purpose } = message;
        assert_eq!(
            (address, code, expires_in, purpose),
            ("ann@x.com", "493817", Duration::from_secs(1), Purpose::SignIn)
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("sending failed")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn log_06_an_error_prints_its_causes_and_no_address() {
        let refused = SendError::permanent(Outer(std::io::Error::other("550 <ann@x.com>: unknown\r\n250 ok")));
        assert_eq!(refused.to_string(), "refused for good: sending failed: 550 <[redacted]>: unknown  250 ok");
        assert!(refused.is_permanent() && !SendError::new("busy").is_permanent());
        let text = format!("{refused:?} {refused:#?}");
        assert!(!text.contains("ann") && text.contains("Permanent"), "{text}");
        assert!(refused.source().unwrap().source().unwrap().to_string().contains("ann@x.com"));
    }

    #[test]
    fn log_06_the_summary_of_a_message_has_neither_its_address_nor_its_code() {
        let message = OtpMessage::new("ann.lee@x.com", "4938", Duration::from_secs(1));
        let error = SendError::new("no user Ann.Lee at x.com; message was: your code is 49 38");
        assert_eq!(
            error.summary(&message),
            "not taken for delivery: no user [redacted] at x.com; message was: your code is [redacted]"
        );
    }
}
