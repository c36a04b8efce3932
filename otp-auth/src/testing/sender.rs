//! A sender that keeps what it was given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::send::{OtpMessage, Purpose, SendError, SendOtp};

/// A message as the sender got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedOtp {
    /// Where it was to go.
    pub address: String,
    /// The code.
    pub code: String,
    /// How long the code was still valid.
    pub expires_in: Duration,
    /// What it was for.
    pub purpose: Purpose,
}

/// What happens to the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Take,
    Fail,
    Refuse,
    Lose,
    Wait(Duration),
    Panic,
    Hang,
}

/// Keeps every message instead of sending it. Clones share what they keep.
#[derive(Debug, Clone)]
pub struct CapturingSender(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    messages: Vec<CapturedOtp>,
}

impl CapturingSender {
    /// A sender that has got nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State { behaviour: Behaviour::Take, messages: Vec::new() })))
    }

    /// From now on messages are taken. This is how it begins.
    pub fn take(&self) {
        self.lock().behaviour = Behaviour::Take;
    }

    /// From now on messages are refused.
    pub fn fail(&self) {
        self.lock().behaviour = Behaviour::Fail;
    }

    /// From now on messages are refused for good: no address exists.
    pub fn refuse(&self) {
        self.lock().behaviour = Behaviour::Refuse;
    }

    /// From now on messages are taken, and it does not know.
    pub fn lose(&self) {
        self.lock().behaviour = Behaviour::Lose;
    }

    /// From now on messages are taken, and it says so after this long.
    pub fn wait(&self, span: Duration) {
        self.lock().behaviour = Behaviour::Wait(span);
    }

    /// From now on it panics.
    pub fn panic(&self) {
        self.lock().behaviour = Behaviour::Panic;
    }

    /// From now on messages are neither taken nor refused, ever.
    pub fn hang(&self) {
        self.lock().behaviour = Behaviour::Hang;
    }

    /// Everything that was taken, the oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<CapturedOtp> {
        self.lock().messages.clone()
    }

    /// The latest code that went to this address.
    #[must_use]
    pub fn code_for(&self, address: &str) -> Option<String> {
        self.lock().messages.iter().rev().find(|message| message.address == address).map(|message| message.code.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for CapturingSender {
    fn default() -> Self {
        Self::new()
    }
}

impl SendOtp for CapturingSender {
    async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
        let behaviour = self.lock().behaviour;
        match behaviour {
            Behaviour::Take | Behaviour::Lose => {}
            Behaviour::Wait(span) => tokio::time::sleep(span).await,
            Behaviour::Fail => return Err(SendError::new("the capturing sender was told to fail")),
            Behaviour::Refuse => {
                let quoted = format!("550 5.1.1 <{}>: user unknown, code {}", message.address, message.code);
                return Err(SendError::permanent(quoted));
            }
            Behaviour::Panic => panicking(),
            Behaviour::Hang => std::future::pending().await,
        }
        tracing::info!(event = "captured", "the capturing sender has taken a message");
        self.lock().messages.push(CapturedOtp {
            address: message.address.to_owned(),
            code: message.code.to_owned(),
            expires_in: message.expires_in,
            purpose: message.purpose,
        });
        if behaviour == Behaviour::Lose {
            return Err(SendError::unknown("the capturing sender was told to lose the answer"));
        }
        Ok(())
    }
}

#[allow(clippy::panic, reason = "it was told to")]
fn panicking() {
    panic!("the capturing sender was told to panic");
}
