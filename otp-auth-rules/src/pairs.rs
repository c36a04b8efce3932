//! Rules that involve several keys.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::cookie::Prefix;
use crate::network::PEER;
use crate::rule::spell;
use crate::setting;

/// At most this fraction of all codes, 1 in this many, may be guessed against one address per day.
const CODES_PER_GUESS: u128 = 10_000;

/// How many classes of requesters have sends of their own for one address: strangers, and a known
/// device.
pub const REQUESTER_CLASSES: u8 = 2;

/// A conflict between keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The keys that may be wrong, the most likely one first.
    pub keys: &'static [&'static str],
    /// What is wrong and what to write, as text that follows the name of the key.
    pub text: String,
}

/// The refresh token must outlive the access token.
#[must_use]
pub fn lifetimes(access: Duration, refresh: Duration) -> Option<Fault> {
    (refresh <= access).then(|| Fault {
        keys: &["refresh_token_lifetime"],
        text: format!(
            "must be longer than `access_token_lifetime` ({}), but is {}: lengthen it, or shorten \
             `access_token_lifetime`",
            spell(access),
            spell(refresh)
        ),
    })
}

/// A send must end before the next one may begin.
#[must_use]
pub fn sends(between: Duration, timeout: Duration) -> Option<Fault> {
    (between < timeout).then(|| Fault {
        keys: &["otp_rate_limit"],
        text: format!(
            "must be at least `send_timeout` ({}), but is {}: otherwise a failed send cannot be refunded once the next \
             one is counted; lengthen it, or shorten `send_timeout`",
            spell(timeout),
            spell(between)
        ),
    })
}

/// The guesses of a day (sends times attempts, for each of the [`REQUESTER_CLASSES`]) must be few
/// compared with the number of codes.
#[must_use]
pub fn guesses(sends: u32, attempts: u8, digits: u8) -> Option<Fault> {
    let guesses = u128::from(REQUESTER_CLASSES) * u128::from(sends) * u128::from(attempts);
    let enough = |digits: &u8| guesses * CODES_PER_GUESS <= 10_u128.pow(u32::from(*digits).min(30));
    if enough(&digits) {
        return None;
    }
    let help = match (digits..=setting::otp_length.most).find(enough) {
        Some(digits) => format!("write `otp_length = {digits}`, or lower `max_sends_per_day` or `max_otp_attempts`"),
        None => "lower `max_sends_per_day` or `max_otp_attempts`".into(),
    };
    Some(Fault {
        keys: &["max_sends_per_day", "max_otp_attempts"],
        text: format!(
            "allows too many guesses: {sends} e-mails a day with {attempts} attempts each, for strangers and again for a known device, make {guesses} guesses, more than 1 in {CODES_PER_GUESS} of all {digits}-digit codes; {help}"
        ),
    })
}

/// A header counts only from proxies that are trusted, and they only for a header. `trusted` says
/// whether there are any.
#[must_use]
pub fn proxies(client_ip: &str, trusted: bool) -> Option<Fault> {
    match (client_ip, trusted) {
        (PEER, true) => Some(Fault {
            keys: &["trusted_proxies"],
            text:
                "is set, but `client_ip` is `peer`, so no header is read: write `client_ip = \"x-forwarded-for\"`, or \
                   remove it"
                    .into(),
        }),
        (header, false) if header != PEER => Some(Fault {
            keys: &["client_ip"],
            text: format!(
                "reads `{header}`, which anyone can send: write the networks of your proxies, for example \
                 `trusted_proxies = [\"10.0.0.0/8\"]`, or remove it"
            ),
        }),
        _ => None,
    }
}

/// Cookie settings that depend on each other. Unknown settings have their defaults.
#[derive(Debug, Clone, Copy)]
pub struct Cookie<'a> {
    /// The name; empty if not known.
    pub name: &'a str,
    /// The path.
    pub path: &'a str,
    /// Whether a domain is set.
    pub domain: bool,
    /// Whether it is secure.
    pub secure: bool,
    /// Whether browsers also send it with cross-site requests.
    pub same_site_none: bool,
}

impl Cookie<'_> {
    /// Combinations that browsers silently reject (RFC 6265bis section 4.1.3).
    pub fn faults(self) -> impl Iterator<Item = Fault> {
        let site = (self.same_site_none && !self.secure).then(|| Fault {
            keys: &["cookie_same_site"],
            text: "is `none`, but browsers reject that when the cookie is not secure: remove `cookie_secure = \
                   false`, or write `cookie_same_site = \"lax\"`"
                .into(),
        });
        self.prefix_fault().into_iter().chain(site)
    }

    /// What the name's prefix forbids. At most one fault.
    fn prefix_fault(self) -> Option<Fault> {
        let prefix = Prefix::of(self.name)?;
        let bare = Prefix::strip(self.name);
        let host = prefix == Prefix::Host;
        let (what, remove, name) = if !self.secure {
            ("is not secure", "cookie_secure = false", "")
        } else if host && self.domain {
            ("has a domain", "cookie_domain", "__Secure-")
        } else if host && self.path != "/" {
            ("has a path other than `/`", "cookie_path", "__Secure-")
        } else {
            return None;
        };
        Some(Fault {
            keys: &["cookie_name"],
            text: format!(
                "begins with `{}`, but browsers reject that when the cookie {what}: write `cookie_name = \
                 \"{name}{bare}\"`, or remove `{remove}`",
                prefix.as_str()
            ),
        })
    }
}
