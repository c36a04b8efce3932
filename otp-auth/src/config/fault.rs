//! What is wrong with a configuration, in the words of its author.

use std::fmt;

/// One setting that cannot be used, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    key: &'static str,
    message: String,
}

impl ConfigFault {
    pub(super) fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into() }
    }

    /// The key of `#[otp_config]` that is at fault.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

/// The configuration cannot be used. It lists every fault at once, and shows
/// no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<ConfigFault>,
}

impl ConfigError {
    pub(crate) fn new(faults: Vec<ConfigFault>) -> Self {
        Self { faults }
    }

    /// What is wrong with one key.
    pub(crate) fn of(key: &'static str, message: impl Into<String>) -> Self {
        Self::new(vec![ConfigFault::new(key, message)])
    }

    /// Another configuration of this process has the same keys.
    pub(crate) fn same_realm(realm: &str) -> Self {
        let message = format!(
            "this process has another configuration with the same secret and the realm `{realm}`, for another type of user: a token of the one would be a token of the other; write `realm = \"…\"`"
        );
        Self::new(vec![ConfigFault::new("realm", message)])
    }

    /// Every fault that was found.
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

/// The same text: `main` prints an error with `Debug` when it returns one.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
