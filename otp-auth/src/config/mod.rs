//! Configuration: the trait that `#[otp_config]` implements, and the checked settings.

mod check;
mod fault;
mod same_site;
mod settings;

use std::ffi::OsString;
use std::fmt;

use zeroize::Zeroizing;

pub use crate::email::LocalPartCase;
pub use crate::limit::Rate;
pub use crate::realm::{InvalidRealm, Realm};
pub use fault::{ConfigError, ConfigFault};
pub use same_site::SameSite;
pub use settings::{Settings, SettingsBuilder};

use crate::delivery::Delivery;
use crate::hooks::Hooks;
use crate::limit::Limiter;
use crate::send::SendOtp;
use crate::user::OtpUser;

/// How an application uses the library. `#[otp_config]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an otp-auth configuration",
    label = "expects a struct with `#[otp_config(...)]`",
    note = "if `{Self}` is the configuration, write `#[otp_config(user = User, secret_key = env(\"OTP_AUTH_SECRET\"))]` on it",
    note = "if not, name the configuration instead, as in `CurrentUser<Auth>` and `OtpAuth::new(auth, store)`"
)]
pub trait OtpConfig: Sized + Send + Sync + 'static {
    /// The application's user.
    type User: OtpUser;
    /// Where refresh tokens travel. It determines the types of the routes.
    type Delivery: Delivery;
    /// What delivers codes.
    type Sender: SendOtp;
    /// The application's hooks.
    type Hooks: Hooks<Self::User>;

    /// What counts the requests of each network.
    type Limiter: Limiter;

    /// Whether the application has debug assertions. Other builds reject developer mode and
    /// insecure cookies.
    const DEBUG_BUILD: bool = false;
    /// Whether developer mode is allowed in builds without debug assertions.
    const DEVELOPER_MODE_IN_RELEASE: bool = false;

    /// The unchecked settings.
    fn settings(&self) -> SettingsBuilder;

    /// The sender.
    fn sender(&self) -> &Self::Sender;

    /// The hooks.
    fn hooks(&self) -> &Self::Hooks;

    /// The limiter. [`OtpAuth::new`](crate::OtpAuth::new) calls this once and keeps it.
    fn limiter(&self) -> Self::Limiter;
}

/// Where a secret comes from.
#[derive(Clone)]
pub struct SecretSource(Source);

#[derive(Clone)]
enum Source {
    Env(String),
    Value(Zeroizing<Vec<u8>>),
}

impl SecretSource {
    /// The bytes of an environment variable, read at startup.
    #[must_use]
    pub fn env(name: impl Into<String>) -> Self {
        Self(Source::Env(name.into()))
    }

    /// These bytes.
    #[must_use]
    pub fn value(bytes: impl AsRef<[u8]>) -> Self {
        Self(Source::Value(Zeroizing::new(bytes.as_ref().to_vec())))
    }

    /// The bytes, or the name of the variable if it is not set.
    fn read(self) -> Result<Zeroizing<Vec<u8>>, String> {
        self.read_from(|name| std::env::var_os(name))
    }

    fn read_from(self, environment: impl FnOnce(&str) -> Option<OsString>) -> Result<Zeroizing<Vec<u8>>, String> {
        match self.0 {
            Source::Value(bytes) => Ok(bytes),
            Source::Env(name) => match environment(&name) {
                Some(value) if !value.is_empty() => Ok(Zeroizing::new(value.into_encoded_bytes())),
                _ => Err(name),
            },
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Env(name) => write!(f, "env({name:?})"),
            Source::Value(_) => f.write_str("[redacted]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_bytes_of_its_variable_and_an_empty_one_is_not_set() {
        let read = |value: Option<&str>| {
            let source = SecretSource::env("NAME");
            source.read_from(|name| value.filter(|_| name == "NAME").map(OsString::from)).map(|bytes| bytes.to_vec())
        };
        assert_eq!(read(Some("a secret")), Ok(b"a secret".to_vec()));
        for unset in [None, Some("")] {
            assert_eq!(read(unset), Err("NAME".to_owned()));
        }
        let path = std::env::var_os("PATH").map(OsString::into_encoded_bytes);
        assert_eq!(SecretSource::env("PATH").read().ok().map(|bytes| bytes.to_vec()), path);
    }

    /// `main` prints a returned error with `Debug`.
    #[test]
    fn an_error_prints_its_message() {
        let error = ConfigError::of("realm", "is empty");
        let message = "otp-auth cannot start with this configuration:\n  - `realm` is empty";
        assert_eq!([format!("{error:?}"), error.to_string()], [message; 2]);
    }

    #[test]
    fn a_source_prints_its_variable_but_not_its_secret() {
        let printed = [SecretSource::env("NAME"), SecretSource::value("x")].map(|source| format!("{source:?}"));
        assert_eq!(printed, ["env(\"NAME\")", "[redacted]"]);
    }
}
