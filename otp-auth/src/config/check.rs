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
    let guesses = are_fine(&["max_sends_per_day_total", "max_sends_per_day", "max_otp_attempts", "otp_length"])
        .then(|| settings.guessing().fault());
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

    /// Guesses in two days, which can fall into 24 hours, one send at a time.
    fn rate(digits: u8, attempts: u8, sends: [u32; 2], short: u32) -> f64 {
        let of_send = |number| {
            let digits = i32::from(if number <= short { digits } else { digits + 2 });
            f64::from(attempts) / 10f64.powi(digits)
        };
        sends.into_iter().map(|sends| 2.0 * (1..=sends).map(of_send).sum::<f64>()).sum()
    }

    #[test]
    fn guess_01_what_is_accepted_has_a_guess_rate_of_one_in_ten_thousand_at_most() {
        let secret = SecretSource::value(crate::crypto::random::<32>().unwrap());
        for digits in 6..=10 {
            for attempts in 1..=10 {
                for [total, device] in [[1, 1], [10, 10], [40, 10], [40, 200], [300, 10], [2_000, 10], [9_999, 9_999]] {
                    let set = SettingsBuilder::new().secret_key(secret.clone()).otp_length(digits);
                    let set = set.max_sends_per_day_total(total).max_sends_per_day(device);
                    let rate = |short| rate(digits, attempts, [total, device], short);
                    match set.max_otp_attempts(attempts).build::<Plain>() {
                        Ok((settings, _)) => {
                            let short = settings.short_codes_per_day();
                            let stated = settings.guess_rate_per_day();
                            assert!(stated < 1e-4 + 1e-15 && (stated - rate(short)).abs() < 1e-12, "{stated}");
                            // As many short codes as that allows, and at least one.
                            assert!(short >= 1 && (short == u32::MAX || rate(short + 1) > 1e-4), "{short}");
                        }
                        Err(error) => assert!(rate(1) > 1e-4, "{digits} {attempts} {total} {device}: {error}"),
                    }
                }
            }
        }
    }

    #[test]
    fn the_defaults_allow_one_guess_in_ten_thousand_a_day() {
        let secret = SecretSource::value(crate::crypto::random::<32>().unwrap());
        let (settings, _) = SettingsBuilder::new().secret_key(secret).build::<Plain>().unwrap();
        assert_eq!(settings.short_codes_per_day(), 4);
        assert!((settings.guess_rate_per_day() - 8.42e-5).abs() < 1e-12);
    }

    #[test]
    fn a_value_out_of_its_range_is_one_fault() {
        let found = faults(|settings| settings.otp_length(4).max_sends_per_day_total(1_000));
        assert!(matches!(&found[..], [fault] if fault.contains("`otp_length`")), "{found:?}");
        let found = faults(|settings| settings.max_sends_per_day(1_000));
        assert!(matches!(&found[..], [fault] if fault.contains("6 digits and the others have 8")), "{found:?}");
    }
}
