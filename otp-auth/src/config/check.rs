//! Rules that involve several settings.

use otp_auth_rules::pairs::{self, Cookie};
use otp_auth_rules::setting;

use super::{ConfigFault, SameSite, Settings};

/// Adds conflicts between settings. A key that already has a fault gets no second one, and a value
/// outside its range counts as the nearest one inside.
pub(super) fn pairs(settings: &Settings, faults: &mut Vec<ConfigFault>) {
    let cookie = Cookie {
        name: &settings.cookie_name,
        path: &settings.cookie_path,
        domain: settings.cookie_domain.is_some(),
        secure: settings.cookie_secure,
        same_site_none: settings.cookie_same_site == SameSite::None,
    };
    let found = [
        pairs::lifetimes(
            setting::access_token_lifetime.clamp(settings.access_token_lifetime),
            setting::refresh_token_lifetime.clamp(settings.refresh_token_lifetime),
        ),
        pairs::sends(
            setting::otp_rate_limit.clamp(settings.otp_rate_limit),
            setting::send_timeout.clamp(settings.send_timeout),
        ),
        pairs::guesses(
            setting::max_sends_per_day.clamp(settings.max_sends_per_day),
            setting::max_otp_attempts.clamp(settings.max_otp_attempts),
            setting::otp_length.clamp(settings.otp_length),
        ),
    ];
    for fault in found.into_iter().flatten().chain(cookie.faults()) {
        let key = fault.keys[0];
        if !faults.iter().any(|found| found.key() == key) {
            faults.push(ConfigFault::new(key, fault.text));
        }
    }
}
