//! What must hold between several keys.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::rule::spell;
use crate::setting;
use crate::text::CookiePrefix;

/// Of all guesses that anybody can make against one address in a day, at most one code in so many.
const CODES_PER_GUESS: u128 = 10_000;

/// What is wrong between several keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The keys that it can be about, the most likely one first.
    pub keys: &'static [&'static str],
    /// What is wrong with the key, and what to write.
    pub text: String,
}

/// The refresh token outlives the access token.
#[must_use]
pub fn lifetimes(access: Duration, refresh: Duration) -> Option<Fault> {
    (refresh <= access).then(|| Fault {
        keys: &["refresh_token_lifetime"],
        text: format!(
            "must be longer than `access_token_lifetime` ({}), and is {}: lengthen it, or shorten \
             `access_token_lifetime`",
            spell(access),
            spell(refresh)
        ),
    })
}

/// A send ends before the next one may begin.
#[must_use]
pub fn sends(between: Duration, timeout: Duration) -> Option<Fault> {
    (between < timeout).then(|| Fault {
        keys: &["otp_rate_limit"],
        text: format!(
            "must not be shorter than `send_timeout` ({}), and is {}: a send that fails could not be given back when \
             the next one was paid; lengthen it, or shorten `send_timeout`",
            spell(timeout),
            spell(between)
        ),
    })
}

/// At most one day in ten thousand may end with a guessed code: sends times tries, for each of the
/// two classes of requesters, against the number of codes.
#[must_use]
pub fn guesses(sends: u32, tries: u8, digits: u8) -> Option<Fault> {
    let guesses = 2 * u128::from(sends) * u128::from(tries);
    let enough = |digits: &u8| guesses * CODES_PER_GUESS <= 10_u128.pow(u32::from(*digits).min(30));
    if enough(&digits) {
        return None;
    }
    let help = match (digits..=setting::otp_length.most).find(enough) {
        Some(digits) => format!("write `otp_length = {digits}`, or allow fewer"),
        None => "allow fewer".into(),
    };
    Some(Fault {
        keys: &["max_sends_per_day", "max_otp_attempts"],
        text: format!(
            "allows too many guesses: with {sends} mails a day, {tries} tries each and {digits} digits, a code can be \
             guessed with more than 1 in 10 000 chances a day; {help}"
        ),
    })
}

/// The settings of a cookie that depend on each other. What is not known yet is what it is by
/// default.
#[derive(Debug, Clone, Copy)]
pub struct Cookie<'a> {
    /// Its name; empty when not known.
    pub name: &'a str,
    /// Its path.
    pub path: &'a str,
    /// Whether it has a domain.
    pub domain: bool,
    /// Whether it is secure.
    pub secure: bool,
    /// Whether it is sent with every request from another site.
    pub same_site_none: bool,
}

impl Cookie<'_> {
    /// Pairs that a browser would drop without a word (RFC 6265bis section 4.1.3).
    pub fn faults(self) -> impl Iterator<Item = Fault> {
        let site = (self.same_site_none && !self.secure).then(|| Fault {
            keys: &["cookie_same_site"],
            text: "is `none`, and a browser drops such a cookie when it is not secure: remove `cookie_secure = \
                   false`, or write `cookie_same_site = \"lax\"`"
                .into(),
        });
        self.prefix_fault().into_iter().chain(site)
    }

    /// What the prefix of the name forbids. One fault at most.
    fn prefix_fault(self) -> Option<Fault> {
        let prefix = CookiePrefix::of(self.name)?;
        let bare = &self.name[prefix.as_str().len()..];
        let host = prefix == CookiePrefix::Host;
        let (what, remove, name) = if !self.secure {
            ("is not secure", "cookie_secure = false", "")
        } else if host && self.domain {
            ("has a domain", "cookie_domain", "__Secure-")
        } else if host && self.path != "/" {
            ("has another path than `/`", "cookie_path", "__Secure-")
        } else {
            return None;
        };
        Some(Fault {
            keys: &["cookie_name"],
            text: format!(
                "begins with `{}`, and a browser drops such a cookie when it {what}: write `cookie_name = \
                 \"{name}{bare}\"`, or remove `{remove}`",
                prefix.as_str()
            ),
        })
    }
}
