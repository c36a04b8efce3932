//! What is wrong with a configuration.

use std::fmt;

/// A setting that cannot be used, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    key: &'static str,
    message: String,
}

impl ConfigFault {
    pub(super) fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into() }
    }

    /// The faulty key of `#[otp_config]`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.message)
    }
}

/// The configuration is not valid. Lists every fault at once, and shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<ConfigFault>,
}

impl ConfigError {
    pub(crate) fn new(faults: Vec<ConfigFault>) -> Self {
        Self { faults }
    }

    /// A fault of one key.
    pub(crate) fn of(key: &'static str, message: impl Into<String>) -> Self {
        Self::new(vec![ConfigFault::new(key, message)])
    }

    /// Another configuration in this process has the same keys.
    pub(crate) fn same_realm(realm: &str) -> Self {
        let message = format!(
            "must differ: another configuration in this process also uses `{realm}` and the same secret, but another user type, so each would accept the other's tokens; write `realm = \"…\"` in one of them"
        );
        Self::new(vec![ConfigFault::new("realm", message)])
    }

    /// Every fault found.
    #[must_use]
    pub fn faults(&self) -> &[ConfigFault] {
        &self.faults
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("otp-auth cannot start with this configuration:")?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  - {fault}"))
    }
}

/// Same as `Display`, because `main` prints a returned error with `Debug`.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
