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

/// How many digits more the later codes of a day have.
pub const EXTRA_DIGITS: u8 = 2;

/// How many windows of a day can fall into 24 hours: a window begins with its first send.
const WINDOWS: u128 = 2;

/// What decides how much of an address's codes can be guessed per day.
#[derive(Debug, Clone, Copy)]
pub struct Guessing {
    /// E-mails per day to all strangers together.
    pub strangers: u32,
    /// E-mails per day to a known device.
    pub device: u32,
    /// Attempts for each.
    pub attempts: u8,
    /// Digits of the first codes of a day.
    pub digits: u8,
}

impl Guessing {
    /// The guesses of any 24 hours, if the first `short` e-mails of a day, for strangers and for a
    /// known device, have a code of [`digits`](Self::digits), and the later ones [`EXTRA_DIGITS`]
    /// more. In hundredths, because a longer code is a hundred times as hard to guess.
    #[must_use]
    pub fn hundredths(self, short: u32) -> u128 {
        let of_day = |sends: u32| {
            let short = sends.min(short);
            u128::from(short) * 10_u128.pow(EXTRA_DIGITS.into()) + u128::from(sends - short)
        };
        WINDOWS * u128::from(self.attempts) * (of_day(self.strangers) + of_day(self.device))
    }

    fn is_bounded(self, short: u32) -> bool {
        let codes = 10_u128.pow(u32::from(self.digits.saturating_add(EXTRA_DIGITS)).min(30));
        self.hundredths(short) * CODES_PER_GUESS <= codes
    }

    /// How many e-mails of each day may have a code of [`digits`](Self::digits), so that at most 1
    /// in 10,000 codes can be guessed. `u32::MAX` if all of them may. `None` if not even one may.
    #[must_use]
    pub fn short_codes(self) -> Option<u32> {
        if self.is_bounded(u32::MAX) {
            return Some(u32::MAX);
        }
        let (mut allowed, mut excess) = (0, self.strangers.max(self.device));
        while excess - allowed > 1 {
            let middle = allowed + (excess - allowed) / 2;
            if self.is_bounded(middle) { allowed = middle } else { excess = middle }
        }
        (allowed > 0 && self.is_bounded(allowed)).then_some(allowed)
    }

    /// What is wrong if no code is hard enough to guess.
    #[must_use]
    pub fn fault(self) -> Option<Fault> {
        if self.short_codes().is_some() {
            return None;
        }
        let enough = |digits: &u8| Self { digits: *digits, ..self }.short_codes().is_some();
        let help = match (self.digits..=setting::otp_length.most).find(enough) {
            Some(digits) => format!(
                "write `otp_length = {digits}`, or lower `max_sends_per_day_total`, `max_sends_per_day` or `max_otp_attempts`"
            ),
            None => "lower `max_sends_per_day_total`, `max_sends_per_day` or `max_otp_attempts`".into(),
        };
        let Self { strangers, device, attempts, digits } = self;
        Some(Fault {
            keys: &["max_sends_per_day_total", "max_sends_per_day", "max_otp_attempts", "otp_length"],
            text: format!(
                "allows too many guesses: {strangers} e-mails a day for strangers and {device} for a known device, with {attempts} attempts each, are more than 1 in {CODES_PER_GUESS} of all codes, even if only the first code of a day has {digits} digits and the others have {}; {help}",
                digits + EXTRA_DIGITS
            ),
        })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_digits_that_are_enough_are_proposed() {
        for (strangers, enough) in [(1_000, Some(7)), (10_000, Some(8)), (100_000, Some(9)), (10_000_000, None)] {
            let guessing = Guessing { strangers, device: 10, attempts: 10, digits: 6 };
            let told = guessing.fault().unwrap().text;
            let Some(digits) = enough else {
                assert!(
                    told.ends_with(
                        "the others have 8; lower `max_sends_per_day_total`, `max_sends_per_day` or `max_otp_attempts`"
                    ),
                    "{told}"
                );
                continue;
            };
            assert!(told.contains(&format!("the others have 8; write `otp_length = {digits}`, or lower ")), "{told}");
            let with = |digits| Guessing { digits, ..guessing }.fault();
            assert!(with(digits - 1).is_some() && with(digits).is_none(), "{digits}");
        }
    }

    #[test]
    fn proxies_are_set_exactly_if_a_header_is_read() {
        let keys = |client_ip, trusted| proxies(client_ip, trusted).map(|fault| fault.keys);
        assert_eq!(keys("peer", false), None);
        assert_eq!(keys("peer", true), Some(&["trusted_proxies"][..]));
        assert_eq!(keys("forwarded", false), Some(&["client_ip"][..]));
        assert_eq!(keys("forwarded", true), None);
    }
}
