//! Sending codes: the trait that you implement, and ready-made senders.

mod any;
mod console;
mod redact;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

pub use any::AnySender;
pub use console::ConsoleSender;

/// What a code is for, so that the message can say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// To sign in, which also creates the account if that is allowed.
    SignIn,
}

/// A message to send. `Debug` shows neither the address nor the code nor the token.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct OtpMessage<'a> {
    /// The recipient: the address as typed.
    pub address: &'a str,
    /// The code. It consists of ASCII digits only, so it never contains markup.
    pub code: &'a str,
    /// How long the code remains valid.
    pub expires_in: Duration,
    /// What it is for.
    pub purpose: Purpose,
    /// The owner's way out if strangers have used up the e-mails of the address: for a day, a code
    /// request with this as `"unlock"` has its own budget. It signs nobody in. Put it into a link
    /// to your sign-in page, as [below](SendOtp#the-owners-way-out). It consists of ASCII letters,
    /// digits, `-` and `_`.
    pub unlock: &'a str,
}

impl<'a> OtpMessage<'a> {
    /// A sign-in message, for tests of a sender.
    #[must_use]
    pub const fn new(address: &'a str, code: &'a str, expires_in: Duration) -> Self {
        Self { address, code, expires_in, purpose: Purpose::SignIn, unlock: "" }
    }

    /// The same message with this [`unlock`](Self::unlock) token. Without this, it is empty.
    #[must_use]
    pub const fn unlock(self, unlock: &'a str) -> Self {
        Self { unlock, ..self }
    }
}

impl fmt::Debug for OtpMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpMessage")
            .field("address", &"[redacted]")
            .field("code", &"[redacted]")
            .field("expires_in", &self.expires_in)
            .field("purpose", &self.purpose)
            .field("unlock", &"[redacted]")
            .finish()
    }
}

/// Delivers codes, by e-mail or any other way to reach the owner of the address.
///
/// A sender that takes longer than `send_timeout` is cancelled: its future is dropped, and the
/// client gets a 503. The e-mail may have been sent by then, so it counts towards the hour and the
/// day, and the client can ask again at once.
///
/// Say whether a rejection is permanent: for [`SendError::permanent`] the client is asked to check
/// the address, for [`SendError::new`] to try again. If you do not know whether the message was
/// sent, for example after your own timeout, return [`SendError::unknown`].
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
    label = "does not implement `SendOtp`",
    note = "mark the field that can: `#[otp(sender)] sender: ConsoleSender`",
    note = "or write `impl SendOtp for {Self}`"
)]
pub trait SendOtp: Send + Sync + 'static {
    /// Delivers one message. `Ok` means that someone else is now responsible for it, such as a mail
    /// server that accepted it.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the message was not accepted.
    fn send_otp(&self, message: OtpMessage<'_>) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// A message was not accepted for delivery.
///
/// `Display` and `Debug` are meant for logs: the text of the cause without addresses and without
/// runs of six or more digits or long tokens, on one line, cut to a few hundred characters.
/// [`source`](StdError::source) has the cause itself.
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
            Self::Temporary => "not accepted for delivery",
            Self::Permanent => "permanently rejected",
            Self::Unknown => "possibly accepted for delivery",
        }
    }
}

impl SendError {
    /// A temporary failure: the message was certainly not accepted. The client is asked to try
    /// again, and the send does not count.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Temporary, cause: cause.into() }
    }

    /// A permanent failure: this address will never accept a message, as after a 5xx reply to
    /// `RCPT TO`. The client is asked to check the address. The send counts towards the hour and
    /// the day, because a mail server was asked.
    ///
    /// If the client waits for the sender, it learns that the mailbox does not exist. It does not
    /// learn whether there is an account: with `auto_create_user = true` every address gets an
    /// e-mail, and otherwise the client does not wait.
    #[must_use]
    pub fn permanent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Permanent, cause: cause.into() }
    }

    /// An unknown outcome: a timeout, or a connection that broke before the reply. The client is
    /// asked to try again, and the send counts towards the hour and the day. Otherwise a relay that
    /// accepts messages but replies too late would send without limit.
    #[must_use]
    pub fn unknown(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Unknown, cause: cause.into() }
    }

    /// Whether the address will never accept a message.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.kind == FailureKind::Permanent
    }

    /// Whether the message may have been accepted anyway.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.kind == FailureKind::Unknown
    }

    /// The part of a cause that may be logged.
    pub(crate) fn summary(&self, message: &OtpMessage<'_>) -> String {
        let local = message.address.rsplit_once('@').map_or(message.address, |(local, _)| local);
        format!("{}: {}", self.kind.as_str(), self.cause(&[message.address, local, message.code, message.unlock]))
    }

    /// The texts of the cause and its sources.
    fn cause(&self, known: &[&str]) -> String {
        let mut text = self.cause.to_string();
        let mut below = self.cause.source();
        for _ in 0..MAX_CAUSES {
            let Some(cause) = below else { break };
            let more = cause.to_string();
            // Many errors already quote their source.
            if !text.contains(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            below = cause.source();
        }
        redact::redact(&text, known)
    }
}

/// How many further causes are shown.
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
        let message = OtpMessage::new("ann@x.com", "493817", Duration::from_secs(1)).unlock("token");
        assert_eq!(
            format!("{message:?}"),
            r#"OtpMessage { address: "[redacted]", code: "[redacted]", expires_in: 1s, purpose: SignIn, unlock: "[redacted]" }"#
        );
    }

    /// And a token of ours. Nothing else from a request can enter a message: a new field must be
    /// added here.
    #[test]
    fn t15_a_message_has_an_address_a_code_a_time_and_a_purpose() {
        let message = OtpMessage::new("ann@x.com", "493817", Duration::from_secs(1)).unlock("token");
        let OtpMessage { address, code, expires_in, purpose, unlock } = message;
        assert_eq!(
            (address, code, expires_in, purpose, unlock),
            ("ann@x.com", "493817", Duration::from_secs(1), Purpose::SignIn, "token")
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("sending failed")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn log_06_an_error_prints_its_causes_and_no_address() {
        let refused = SendError::permanent(Outer(std::io::Error::other("550 <ann@x.com>: unknown\r\n250 ok")));
        assert_eq!(refused.to_string(), "permanently rejected: sending failed: 550 <[redacted]>: unknown  250 ok");
        assert!(refused.is_permanent() && !SendError::new("busy").is_permanent());
        let text = format!("{refused:?} {refused:#?}");
        assert!(!text.contains("ann") && text.contains("Permanent"), "{text}");
        assert!(refused.source().unwrap().source().unwrap().to_string().contains("ann@x.com"));
    }

    #[test]
    fn log_06_the_summary_of_a_message_has_neither_its_address_nor_its_code() {
        let message = OtpMessage::new("ann.lee@x.com", "4938", Duration::from_secs(1)).unlock("-dG9r-ZW4_");
        let error = SendError::new("rejected: https://x.com/#unlock=-dG9r-ZW4_&a");
        assert_eq!(error.summary(&message), "not accepted for delivery: rejected: https://x.com/#unlock=-[redacted]&a");
        let error = SendError::new("no user Ann.Lee at x.com; message was: your code is 49 38");
        assert_eq!(
            error.summary(&message),
            "not accepted for delivery: no user [redacted] at x.com; message was: your code is [redacted]"
        );
    }
}
