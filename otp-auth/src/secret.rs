//! Text that stays unseen.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Text that must not be seen: a token, a code, a challenge.
///
/// `Debug` prints a placeholder, there is no `Display`, and the memory is
/// cleared when it is dropped. Serializing writes the text: that is how it
/// reaches the one response that is meant to carry it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps the text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn otp_16_debug_shows_nothing_of_a_secret() {
        let secret = Secret::new("tr0ub4dor");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("tr0ub4dor").count(), 0);
    }
}
