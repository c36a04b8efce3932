//! Doors for the fuzz targets in `fuzz/` to what is private. Only with `--cfg fuzzing`.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::challenge::device::Device;
use crate::challenge::{code, unlock};
use crate::clock::Timestamp;
use crate::config::OtpConfig;
use crate::email::Address;
use crate::keys::{KeyRing, Ring};
use crate::origin::{Authority, Origin};
use crate::secret::{Secret, redacted};
use crate::send::{OtpMessage, SendError};
use crate::session::SessionId;
use crate::token::Tokens;

pub use crate::web::fuzzing::{challenge_cookies, client_address, earlier_cookies, refresh_cookies, target, token};

/// `Address::folded`.
#[must_use]
pub fn folded(address: &Address) -> String {
    address.folded()
}

/// `code::read`.
#[must_use]
pub fn code(typed: &str) -> Option<Secret> {
    code::read(typed).ok()
}

/// `Origin::is_at`.
#[must_use]
pub fn is_at(origin: &str, authority: &str) -> bool {
    match (Origin::parse(origin), Authority::parse(authority)) {
        (Some(origin), Some(authority)) => origin.is_at(&authority),
        _ => false,
    }
}

/// `SendError::summary`.
#[must_use]
pub fn summary(error: &SendError, message: &OtpMessage<'_>) -> String {
    error.summary(message)
}

/// What verifies tokens, made as `OtpAuth::new` makes it.
pub struct Readers {
    keys: KeyRing,
    tokens: Tokens,
}

impl Readers {
    /// `None` if the settings are not valid.
    pub fn of<C: OtpConfig>(config: &C) -> Option<Self> {
        let (settings, secrets) = config.settings().build::<C>().ok()?;
        let secrets = Ring::new(secrets.current, secrets.previous);
        let keys = secrets.try_map(|secret| secret.derive(&settings.realm)).ok()?;
        Some(Self { tokens: Tokens::new(&settings, &keys), keys })
    }

    /// The claims of an access token, registered ones included.
    #[must_use]
    pub fn access<T: DeserializeOwned + serde::Serialize>(&self, token: &str, now: Timestamp) -> Option<Value> {
        let claims = self.tokens.verify_access::<T>(token, now).ok()?;
        serde_json::to_value(claims).ok()
    }

    /// The session and the generation of a refresh token.
    #[must_use]
    pub fn refresh(&self, token: &str, now: Timestamp) -> Option<(SessionId, u32)> {
        self.tokens.verify_refresh(token, now).ok().map(|token| (token.session, token.generation))
    }

    /// The token of a device, read and written.
    #[must_use]
    pub fn device(&self, token: &str) -> Option<Secret> {
        Device::read(&self.keys, token).map(|device| device.to_token(self.keys.current()))
    }

    /// The id of the budget that the token of a message opens.
    #[must_use]
    pub fn unlock(&self, address: &Address, token: &str, now: Timestamp) -> Option<[u8; 16]> {
        unlock::read(&self.keys, address, token, now).map(|id| *id.as_bytes())
    }
}

redacted!(Readers);
