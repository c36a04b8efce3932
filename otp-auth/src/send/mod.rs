//! Sending codes: the trait that an application implements, and ready-made
//! senders.

mod console;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

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
/// dropped, the client gets a 503, and the send does not count against the
/// address.
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
    /// [`SendError`] when the message was not taken. Its text goes to the log
    /// and must hold neither the code nor the address.
    fn send_otp(&self, message: OtpMessage<'_>) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// A message was not taken for delivery.
#[derive(Debug)]
pub struct SendError(Box<dyn StdError + Send + Sync>);

impl SendError {
    /// Wraps the cause.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message was not taken for delivery: {}", self.0)
    }
}

impl StdError for SendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.0.as_ref())
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
}
