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
    /// The IP address of the request. Requires `into_make_service_with_connect_info`; otherwise
    /// `None`. Behind a proxy, this is the proxy's address.
    pub client_ip: Option<IpAddr>,
    /// The `User-Agent`, without control characters, at most 256 bytes.
    pub user_agent: Option<String>,
    /// The client's preferred language, as a tag such as `de-CH`: the first of the highest quality
    /// in `Accept-Language`.
    pub language: Option<String>,
    /// Whether the client proved that it has signed in to this address before. Always `false` on
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
    pub(crate) fn new(client: Client, accept_language: Option<&str>) -> Self {
        Self { client, language: accept_language.and_then(preferred).map(str::to_owned) }
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

/// The first language of the highest quality (RFC 9110 section 12.5.4), or `None` if none can be
/// parsed.
fn preferred(accept_language: &str) -> Option<&str> {
    let mut best: Option<(&str, u16)> = None;
    for range in accept_language.split(',') {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let tag = tag.trim_matches([' ', '\t']);
        let Some(quality) = quality(parameters).filter(|quality| *quality > 0) else { continue };
        if is_tag(tag) && best.is_none_or(|(_, highest)| quality > highest) {
            best = Some((tag, quality));
        }
    }
    best.map(|(tag, _)| tag)
}

/// In thousandths: `q=0.8`, or 1 by default.
fn quality(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim_matches([' ', '\t']);
    if parameters.is_empty() {
        return Some(1_000);
    }
    let value = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    match whole {
        "0" => format!("{decimals:0<3}").parse().ok(),
        "1" if decimals.bytes().all(|digit| digit == b'0') => Some(1_000),
        _ => None,
    }
}

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
    fn the_first_language_of_the_highest_quality_is_taken() {
        for (field, expected) in [
            ("de", Some("de")),
            ("de-CH, de;q=0.9, en;q=0.8", Some("de-CH")),
            ("en;q=0.5,fr;q=0.9,de;q=0.9", Some("fr")),
            ("*;q=0.5, de;q=0.001", Some("de")),
            (" en-GB ; q=0.7 ,\tzh-Hant-TW", Some("zh-Hant-TW")),
            ("en;Q=1.000, de", Some("en")),
            ("de;q=0, en;q=0.1", Some("en")),
            ("es-419", Some("es-419")),
            ("en;q=1.0.0, fr;q=0.1", Some("fr")),
            ("en;level=1, fr;q=0.1", Some("fr")),
        ] {
            assert_eq!(preferred(field), expected, "{field}");
        }
    }

    #[test]
    fn log_08_an_invalid_language_is_none() {
        let long = format!("de-{}", "a".repeat(40));
        for field in [
            "",
            "*",
            ",",
            "de;q=0",
            "de;q=0.000",
            "de;q=1.1",
            "de;q=2",
            "de;q=0.1234",
            "de;q=-1",
            "de;q=",
            "d e",
            "de\r\nforged",
            "<script>",
            "deutsch-und-mehr-als-acht-buchstaben",
            "ü",
            "-de",
            "de-",
            "1a",
            long.as_str(),
        ] {
            assert_eq!(preferred(field), None, "{field:?}");
        }
    }
}
