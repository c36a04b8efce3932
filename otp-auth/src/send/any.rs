//! Senders chosen at run time, or shared.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{OtpMessage, SendError, SendOtp};
use crate::secret::redacted;

type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

/// Any sender, behind one type, for applications that choose one at startup.
///
/// ```
/// use otp_auth::ConsoleSender;
/// use otp_auth::send::AnySender;
/// # use otp_auth::{OtpMessage, SendError, SendOtp};
/// # struct SmtpSender;
/// # impl SendOtp for SmtpSender {
/// #     async fn send_otp(&self, _: OtpMessage<'_>) -> Result<(), SendError> { Ok(()) }
/// # }
///
/// let sender = if cfg!(debug_assertions) { AnySender::new(ConsoleSender) } else { AnySender::new(SmtpSender) };
/// ```
#[derive(Clone)]
pub struct AnySender(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn send<'a>(&'a self, message: OtpMessage<'a>) -> Sending<'a>;
}

impl<S: SendOtp> Erased for S {
    fn send<'a>(&'a self, message: OtpMessage<'a>) -> Sending<'a> {
        Box::pin(self.send_otp(message))
    }
}

impl AnySender {
    /// Hides the type of a sender.
    pub fn new(sender: impl SendOtp) -> Self {
        Self(Arc::new(sender))
    }
}

impl SendOtp for AnySender {
    async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
        self.0.send(message).await
    }
}

impl<S: SendOtp> SendOtp for Arc<S> {
    async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
        (**self).send_otp(message).await
    }
}

redacted!(AnySender);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Refusing;

    impl SendOtp for Refusing {
        async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
            Err(SendError::permanent(message.code.to_owned()))
        }
    }

    #[tokio::test]
    async fn a_sender_of_any_type_says_what_the_one_inside_says() {
        let message = OtpMessage::new("ann@x.com", "123", Duration::from_mins(1));
        let shared = Arc::new(Refusing);
        for sender in [AnySender::new(Refusing), AnySender::new(Arc::clone(&shared))] {
            let error = sender.clone().send_otp(message).await.unwrap_err();
            assert!(error.is_permanent() && error.to_string().contains("123"), "{error}");
        }
    }
}
