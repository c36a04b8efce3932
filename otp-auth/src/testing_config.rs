//! Shared by unit tests: a handwritten minimal configuration, and keys.

use crate::config::{OtpConfig, SettingsBuilder};
use crate::delivery::Cookie;
use crate::hooks::Hooks;
use crate::keys::{Keys, MasterSecret};
use crate::limit::MemoryLimiter;
use crate::realm::Realm;
use crate::send::ConsoleSender;
use crate::user::OtpUser;

/// The keys of a secret that repeats one byte.
pub(crate) fn keys(byte: u8) -> Keys {
    let secret = MasterSecret::new(vec![byte; 32].into());
    secret.derive(&Realm::new("users").unwrap()).unwrap()
}

/// A minimal user.
#[derive(Clone)]
pub(crate) struct PlainUser {
    pub(crate) id: i64,
    pub(crate) email: String,
}

impl OtpUser for PlainUser {
    type Id = i64;
    type Claims = std::collections::BTreeMap<String, String>;

    fn id(&self) -> &i64 {
        &self.id
    }

    fn email(&self) -> &str {
        &self.email
    }

    fn claims(&self) -> Self::Claims {
        Self::Claims::new()
    }
}

/// Default settings, in a build without debug assertions.
pub(crate) struct Plain;

impl Hooks<PlainUser> for Plain {}

impl OtpConfig for Plain {
    type User = PlainUser;
    type Delivery = Cookie;
    type Sender = ConsoleSender;
    type Hooks = Self;
    type Limiter = MemoryLimiter;

    fn settings(&self) -> SettingsBuilder {
        SettingsBuilder::new()
    }

    fn sender(&self) -> &ConsoleSender {
        &ConsoleSender
    }

    fn hooks(&self) -> &Self {
        self
    }

    fn limiter(&self) -> MemoryLimiter {
        MemoryLimiter::new()
    }
}
