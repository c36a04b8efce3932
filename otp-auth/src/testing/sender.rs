//! A sender that captures messages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::send::{OtpMessage, Purpose, SendError, SendOtp};

/// A captured message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedOtp {
    /// The recipient.
    pub address: String,
    /// The code.
    pub code: String,
    /// How long the code remained valid.
    pub expires_in: Duration,
    /// What it was for.
    pub purpose: Purpose,
    /// The owner's way out.
    pub unlock: String,
}

/// What happens to messages.
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

/// Keeps every message instead of sending it. Clones share the messages.
#[derive(Debug, Clone)]
pub struct CapturingSender(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    messages: Vec<CapturedOtp>,
}

impl CapturingSender {
    /// A sender without messages.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State { behaviour: Behaviour::Take, messages: Vec::new() })))
    }

    /// Accepts messages from now on. This is the default.
    pub fn take(&self) {
        self.lock().behaviour = Behaviour::Take;
    }

    /// Rejects messages from now on.
    pub fn fail(&self) {
        self.lock().behaviour = Behaviour::Fail;
    }

    /// Permanently rejects messages from now on, as if no address existed.
    pub fn refuse(&self) {
        self.lock().behaviour = Behaviour::Refuse;
    }

    /// From now on, accepts messages but reports an unknown outcome.
    pub fn lose(&self) {
        self.lock().behaviour = Behaviour::Lose;
    }

    /// From now on, accepts messages and responds after this long.
    pub fn wait(&self, span: Duration) {
        self.lock().behaviour = Behaviour::Wait(span);
    }

    /// Panics from now on.
    pub fn panic(&self) {
        self.lock().behaviour = Behaviour::Panic;
    }

    /// Never responds from now on.
    pub fn hang(&self) {
        self.lock().behaviour = Behaviour::Hang;
    }

    /// All accepted messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<CapturedOtp> {
        self.lock().messages.clone()
    }

    /// The latest code sent to this address.
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
                let OtpMessage { address, code, unlock, .. } = message;
                let quoted = format!("550 5.1.1 <{address}>: user unknown, code {code}, unlock={unlock}");
                return Err(SendError::permanent(quoted));
            }
            Behaviour::Panic => panicking(),
            Behaviour::Hang => std::future::pending().await,
        }
        tracing::info!(event = "captured", "captured a message");
        self.lock().messages.push(CapturedOtp {
            address: message.address.to_owned(),
            code: message.code.to_owned(),
            expires_in: message.expires_in,
            purpose: message.purpose,
            unlock: message.unlock.to_owned(),
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
