//! Text that must stay hidden.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Text that must stay hidden: a token, a code, a challenge.
///
/// `Debug` prints a placeholder, there is no `Display`, and dropping it clears the memory.
/// Serializing writes the text, so that it can reach the response it is meant for.
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
