//! Text that must stay hidden, and types that do.

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

/// Implements `Debug` with nothing but the name of the type.
macro_rules! redacted {
    ($($name:ident $(<$lifetime:lifetime>)?),+) => {$(
        impl std::fmt::Debug for $name $(<$lifetime>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )+};
}
pub(crate) use redacted;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{CodeRequest, Verification};
    use crate::binding::Binding;
    use crate::challenge::{Challenge, ChallengeKey, DeviceId};
    use crate::email::{Address, LocalPartCase};
    use crate::keys::MasterSecret;
    use crate::limit::MemoryLimiter;
    use crate::send::{AnySender, ConsoleSender};
    use crate::store::{Decision, NewUser};
    use crate::testing_config::{PlainUser, keys};

    #[test]
    fn otp_16_debug_shows_nothing_of_a_secret() {
        let secret = Secret::new("tr0ub4dor");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("tr0ub4dor").count(), 0);
    }

    #[test]
    fn a_secret_prints_no_more_than_its_kind() {
        let keys = keys(1);
        let user = PlainUser { id: 7, email: "ann@x.com".to_owned() };
        for (value, printed) in [
            (&Secret::new("x") as &dyn fmt::Debug, "[redacted]"),
            (&Address::parse("ann@x.com", LocalPartCase::Lower).unwrap(), "Address([redacted])"),
            (&AnySender::new(ConsoleSender), "AnySender([redacted])"),
            (&Binding::of(&keys, "ann@x.com"), "Binding([redacted])"),
            (&Challenge::random(None).unwrap(), "Challenge([redacted])"),
            (&ChallengeKey::from_bytes([1; 32]), "ChallengeKey([redacted])"),
            (&CodeRequest::new("ann@x.com"), "CodeRequest([redacted])"),
            (&Decision::<PlainUser>::Create, "Create"),
            (&Decision::SignIn(user), "SignIn([redacted])"),
            (&Decision::<PlainUser>::AccountChanged, "AccountChanged"),
            (&DeviceId::from_bytes([1; 16]), "DeviceId([redacted])"),
            (&keys.access, "MacKey([redacted])"),
            (&MasterSecret::random().unwrap(), "MasterSecret([redacted])"),
            (&MemoryLimiter::new(), "MemoryLimiter([redacted])"),
            (&NewUser { number: 7, email: "ann@x.com" }, "NewUser { number: 7, .. }"),
            (&Verification::new("ann@x.com", "123456"), "Verification([redacted])"),
        ] {
            assert_eq!(format!("{value:?}"), printed);
        }
    }
}
