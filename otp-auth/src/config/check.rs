//! Which settings cannot be used. Pure: settings in, faults out.

use std::time::Duration;

use super::{ConfigFault, SameSite, Settings};
use crate::challenge::budget::SendLimits;
use crate::origin::{host_fault, origin_fault};
use crate::token::LONGEST_LIFETIME;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Of all guesses that anybody can make against one address in a day, at most
/// this share of the codes.
const MAX_GUESS_RATE: f64 = 1e-4;

/// Bytes of an issuer or an audience.
const MAX_NAME: usize = 1_024;

/// Values outside their range.
pub(super) fn ranges(settings: &Settings, faults: &mut Vec<ConfigFault>) {
    let mut fault = |wrong: bool, key, message: &str| {
        if wrong {
            faults.push(ConfigFault::new(key, message));
        }
    };
    let access = settings.access_token_lifetime;
    fault(
        access < Duration::from_secs(1) || access > LONGEST_LIFETIME,
        "access_token_lifetime",
        "must be 1 second to 24 hours",
    );
    let refresh = settings.refresh_token_lifetime;
    fault(
        refresh > 400 * DAY,
        "refresh_token_lifetime",
        "must be at most 400 days, the longest that browsers keep a cookie",
    );
    fault(refresh <= access, "refresh_token_lifetime", "must be longer than `access_token_lifetime`");
    fault(settings.refresh_grace > Duration::from_secs(30), "refresh_grace", "must be at most 30 seconds");
    fault(!(6..=10).contains(&settings.otp_length), "otp_length", "must be 6 to 10 digits");
    fault(settings.otp_expiry < MINUTE || settings.otp_expiry > 10 * MINUTE, "otp_expiry", "must be 1 to 10 minutes");
    fault(!(1..=10).contains(&settings.max_otp_attempts), "max_otp_attempts", "must be 1 to 10");
    fault(settings.otp_rate_limit > SendLimits::LONGEST_COOLDOWN, "otp_rate_limit", "must be at most 24 hours");
    fault(settings.max_sends_per_hour == 0, "max_sends_per_hour", "must be at least 1");
    fault(settings.max_sends_per_day == 0, "max_sends_per_day", "must be at least 1");
    let timeout = settings.send_timeout;
    let impossible = timeout < Duration::from_secs(1) || timeout > MINUTE;
    fault(impossible, "send_timeout", "must be 1 to 60 seconds");
    fault(
        !impossible && settings.otp_rate_limit < timeout,
        "otp_rate_limit",
        "must not be shorter than `send_timeout`: a send that fails could not be given back when the next one was paid; raise it, or lower `send_timeout`",
    );
    let rate = settings.guess_rate_per_day();
    // A length outside its range is one fault, not two.
    if rate > MAX_GUESS_RATE && (6..=10).contains(&settings.otp_length) {
        faults.push(ConfigFault::new(
            "max_sends_per_day",
            format!(
                "with `max_otp_attempts` tries for each code, one address could be guessed with a chance of {rate:.1e} a day, and {MAX_GUESS_RATE:.0e} is the limit; lower one of them, or raise `otp_length`"
            ),
        ));
    }
    let blank = |text: &Option<String>| text.as_deref().is_some_and(|text| text.trim().is_empty());
    if blank(&settings.issuer) {
        faults.push(ConfigFault::new("issuer", "must not be empty; remove it instead"));
    }
    if blank(&settings.audience) {
        faults.push(ConfigFault::new("audience", "must not be empty; remove it instead"));
    }
    // They stand in every token, and a browser drops a cookie above 4 KiB.
    let long = |text: &Option<String>| text.as_deref().is_some_and(|text| text.len() > MAX_NAME);
    if long(&settings.issuer) {
        faults.push(ConfigFault::new("issuer", "must be at most 1024 bytes"));
    }
    if long(&settings.audience) {
        faults.push(ConfigFault::new("audience", "must be at most 1024 bytes"));
    }
}

/// Pairs that a browser would drop without a word (RFC 6265bis section
/// 4.1.3), and texts that would break the header.
pub(super) fn cookie(settings: &Settings, faults: &mut Vec<ConfigFault>) {
    let name = &settings.cookie_name;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let prefix = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if name.is_empty() || name.len() > 256 || !name.bytes().all(token) {
        faults.push(ConfigFault::new(
            "cookie_name",
            "must be 1 to 256 letters, digits or one of !#$%&'*+-.^_`|~ (RFC 6265)",
        ));
    } else if is_own_cookie(name) {
        faults.push(ConfigFault::new("cookie_name", "is the name of another cookie of otp-auth"));
    }
    if prefix("__Host-") && (settings.cookie_path != "/" || settings.cookie_domain.is_some()) {
        faults.push(ConfigFault::new(
            "cookie_name",
            "with the prefix `__Host-` allows no `cookie_domain` and only the path `/`; use the prefix `__Secure-`",
        ));
    }
    if (prefix("__Host-") || prefix("__Secure-")) && !settings.cookie_secure {
        faults.push(ConfigFault::new("cookie_name", "with the prefix `__Host-` or `__Secure-` needs `cookie_secure = true`; leave the name out, or use one without a prefix"));
    }
    if settings.cookie_same_site == SameSite::None && !settings.cookie_secure {
        faults.push(ConfigFault::new("cookie_same_site", "`None` needs `cookie_secure = true`"));
    }
    if !is_path(&settings.cookie_path) {
        faults.push(ConfigFault::new(
            "cookie_path",
            "must start with `/` and hold visible ASCII characters other than `;`",
        ));
    }
    if !settings.previous_cookie_paths.iter().all(|path| is_path(path)) {
        faults.push(ConfigFault::new(
            "previous_cookie_paths",
            "must each start with `/` and hold visible ASCII characters other than `;`",
        ));
    }
    if let Some(domain) = &settings.cookie_domain {
        let name = domain.strip_prefix('.').unwrap_or(domain);
        if !name.contains('.')
            || name.len() > 253
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        {
            faults.push(ConfigFault::new("cookie_domain", "must be a host name in ASCII, such as `example.com`"));
        }
    }
}

/// Whether a browser takes it as the path of a cookie, as it is.
fn is_path(path: &str) -> bool {
    let visible = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b';';
    path.starts_with('/') && path.len() <= 1024 && path.bytes().all(visible)
}

/// Whether it begins as the names of the cookies that are set beside the
/// refresh cookie.
fn is_own_cookie(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_prefix("__host-").unwrap_or(&lower);
    ["otp_challenge", "otp_device"].iter().any(|own| plain.starts_with(own))
}

/// Origins and hosts that no browser would send.
pub(super) fn origins(settings: &Settings, faults: &mut Vec<ConfigFault>) {
    let origins = settings.trusted_origins.iter().filter_map(|origin| origin_fault(origin));
    faults.extend(origins.map(|fault| ConfigFault::new("trusted_origins", fault)));
    let hosts = settings.developer_hosts.iter().filter_map(|host| host_fault(host));
    faults.extend(hosts.map(|fault| ConfigFault::new("developer_hosts", fault)));
}
