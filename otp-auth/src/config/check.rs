//! Rules that involve several settings.

use otp_auth_rules::pairs::{self, Cookie};

use super::{ConfigFault, SameSite, Settings};

/// Adds conflicts between settings that have no fault of their own, as the macro does.
pub(super) fn pairs(settings: &Settings, faults: &mut Vec<ConfigFault>) {
    let cookie = Cookie {
        name: &settings.cookie_name,
        path: &settings.cookie_path,
        domain: settings.cookie_domain.is_some(),
        secure: settings.cookie_secure,
        same_site_none: settings.cookie_same_site == SameSite::None,
    };
    let are_fine = |keys: &[&str]| !faults.iter().any(|fault| keys.contains(&fault.key()));
    let lifetimes = are_fine(&["access_token_lifetime", "refresh_token_lifetime"])
        .then(|| pairs::lifetimes(settings.access_token_lifetime, settings.refresh_token_lifetime));
    let sends = are_fine(&["otp_rate_limit", "send_timeout"])
        .then(|| pairs::sends(settings.otp_rate_limit, settings.send_timeout));
    let guesses = are_fine(&["max_sends_per_day", "max_otp_attempts", "otp_length"])
        .then(|| pairs::guesses(settings.max_sends_per_day, settings.max_otp_attempts, settings.otp_length));
    let proxies = are_fine(&["client_ip", "trusted_proxies"])
        .then(|| pairs::proxies(&settings.client_ip, !settings.trusted_proxies.is_empty()));
    let cookie = cookie.faults().filter(|fault| are_fine(fault.keys));
    let found: Vec<_> = [lifetimes, sends, guesses, proxies].into_iter().flatten().flatten().chain(cookie).collect();
    faults.extend(found.into_iter().map(|fault| ConfigFault::new(fault.keys[0], fault.text)));
}

#[cfg(test)]
mod tests {
    use super::super::{SecretSource, SettingsBuilder};
    use crate::testing_config::Plain;

    fn faults(set: impl FnOnce(SettingsBuilder) -> SettingsBuilder) -> Vec<String> {
        let secret = SecretSource::value(crate::crypto::random::<32>().unwrap());
        let settings = set(SettingsBuilder::new().secret_key(secret)).build::<Plain>();
        settings.map_or_else(|error| error.faults().iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    /// The bound of the start-up check and the rate that an operator reads are the same number.
    #[test]
    fn guess_01_what_is_accepted_has_a_guess_rate_of_one_in_ten_thousand_at_most() {
        let secret = SecretSource::value(crate::crypto::random::<32>().unwrap());
        for digits in 6..=10 {
            for attempts in 1..=10 {
                for sends in [1, 2, 5, 10, 11, 50, 51, 99, 100, 101, 4_999, 5_000, 5_001, 500_000] {
                    let set = SettingsBuilder::new().secret_key(secret.clone()).otp_length(digits);
                    let set = set.max_otp_attempts(attempts).max_sends_per_day(sends);
                    let rate = 2.0 * f64::from(sends) * f64::from(attempts) / 10f64.powi(i32::from(digits));
                    match set.build::<Plain>() {
                        Ok((settings, _)) => assert!(
                            settings.guess_rate_per_day() <= 1e-4
                                && (settings.guess_rate_per_day() - rate).abs() < 1e-12
                        ),
                        Err(error) => assert!(rate > 1e-4, "{digits} {attempts} {sends}: {error}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_value_out_of_its_range_is_one_fault() {
        let found = faults(|settings| settings.otp_length(4).max_sends_per_day(100));
        assert!(matches!(&found[..], [fault] if fault.contains("`otp_length`")), "{found:?}");
        let found = faults(|settings| settings.max_sends_per_day(100));
        assert!(matches!(&found[..], [fault] if fault.contains("6-digit codes")), "{found:?}");
    }
}
