//! What is known about a request: what the client says about itself, cleaned, and more.

use std::net::IpAddr;

use crate::challenge::ChallengeKey;
use crate::clock::Timestamp;
use crate::session::Client;

/// The request behind a call of a [hook](crate::Hooks).
///
/// The client can forge what it says about itself. Use it to help people recognize a request, not
/// as proof.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestContext {
    /// The IP address of the client, from the connection or from what
    /// [`client_ip`](crate::config::Settings::client_ip) names. `None` if it is unknown.
    pub client_ip: Option<IpAddr>,
    /// The `User-Agent`, without control characters, at most 256 bytes.
    pub user_agent: Option<String>,
    /// The client's preferred language, as a tag such as `de-CH`. On the routes, it is the first of
    /// the highest quality in `Accept-Language`.
    pub language: Option<String>,
    /// Whether the client proved that it has signed in to this address before, or requests a code
    /// with the [`unlock`](crate::OtpMessage::unlock) token of a message to it. Always `false` on
    /// refresh and sign-out, which present no address.
    pub known_device: bool,
    /// The challenge of the presented code. Only the client that requested the code can present it,
    /// here and in a request of your own (see
    /// [`OtpAuth::held_challenge`](crate::OtpAuth::held_challenge)). `None` if no code is
    /// presented.
    pub challenge: Option<ChallengeKey>,
    /// When the request was handled.
    pub time: Timestamp,
}

impl RequestContext {
    /// A context with only a time, for tests of hooks.
    #[must_use]
    pub const fn at(time: Timestamp) -> Self {
        Self { client_ip: None, user_agent: None, language: None, known_device: false, challenge: None, time }
    }
}

/// The client that a use case is called for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) client: Client,
    language: Option<String>,
}

impl Caller {
    /// `languages` are tags, the preferred one first.
    pub(crate) fn new<'a>(client: Client, languages: impl IntoIterator<Item = &'a str>) -> Self {
        Self { client, language: languages.into_iter().find(|tag| is_tag(tag)).map(str::to_owned) }
    }

    /// Of whom only the address is known; nothing is copied for it.
    pub(crate) fn at(address: Option<IpAddr>) -> Self {
        Self { client: Client { user_agent: None, address }, language: None }
    }

    pub(crate) fn context(&self, time: Timestamp) -> RequestContext {
        let Client { user_agent, address } = self.client.clone();
        RequestContext { client_ip: address, user_agent, language: self.language.clone(), ..RequestContext::at(time) }
    }
}

/// The longest language tag in use (RFC 5646 section 4.4.1).
const MAX_TAG_BYTES: usize = 35;

/// Whether it has the form of a language tag (RFC 5646 section 2.1), which `*` does not.
fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.len() <= MAX_TAG_BYTES
        && parts.next().is_some_and(|first| is_part(first) && first.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && parts.all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_08_an_invalid_language_is_left_out() {
        let long = format!("de-{}", "a".repeat(40));
        for text in [
            "",
            "*",
            "d e",
            "de\r\nforged",
            "<script>",
            "deutsch-und-mehr-als-acht-buchstaben",
            "ü",
            "-de",
            "de-",
            "1a",
            "de, en",
            "de;q=1",
            long.as_str(),
        ] {
            assert_eq!(Caller::new(Client::default(), [text]).language, None, "{text:?}");
            assert_eq!(Caller::new(Client::default(), [text, "es-419", "de"]).language.as_deref(), Some("es-419"));
        }
    }
}
