//! Settings: collected by the builder, checked once, then immutable.

use std::time::Duration;

use otp_auth_rules::cookie::{Prefix, REFRESH};
use otp_auth_rules::pairs::Guessing;
use otp_auth_rules::{secret, setting};

use super::{ConfigError, ConfigFault, LocalPartCase, OtpConfig, Rate, SameSite, SecretSource, check};
use crate::challenge::budget::SendLimits;
use crate::keys::MasterSecret;
use crate::realm::Realm;
use crate::user::OtpUser as _;

/// For each kind of setting, its type, default, faults and setter.
macro_rules! setting {
    (type time()) => { Duration };
    (type count($number:ty)) => { $number };
    (type flag($default:literal)) => { bool };
    (type text($default:literal)) => { String };
    (type optional()) => { Option<String> };
    (type derived($type:ty)) => { $type };
    (type list($one:ident)) => { Vec<String> };
    (type choice($type:ident: $($word:ident),*)) => { $type };
    (type rate()) => { Rate };

    (default $key:ident text($default:literal)) => { $default.to_owned() };
    (default $key:ident flag($default:literal)) => { $default };
    (default $key:ident optional()) => { None };
    (default $key:ident derived(Realm)) => { Realm::checked("") };
    (default $key:ident derived($type:ty)) => { <$type>::default() };
    (default $key:ident list($one:ident)) => { Vec::new() };
    (default $key:ident choice($type:ident: $default:ident $(, $word:ident)*)) => { $type::$default };
    (default $key:ident $range:ident $of:tt) => { setting::$key.default };

    (faults $settings:ident $key:ident time()) => { setting::$key.fault($settings.$key) };
    (faults $settings:ident $key:ident rate()) => { setting::$key.fault($settings.$key) };
    (faults $settings:ident $key:ident count($number:ty)) => { setting::$key.fault($settings.$key.into()) };
    (faults $settings:ident $key:ident text($default:literal)) => { setting::$key.fault(&$settings.$key) };
    (faults $settings:ident $key:ident optional()) => {
        $settings.$key.as_deref().and_then(|text| setting::$key.fault(text))
    };
    (faults $settings:ident $key:ident list($one:ident)) => {
        $settings.$key.iter().filter_map(|text| setting::$key.fault(text))
    };
    // The other values have no faults, or are checked later.
    (faults $settings:ident $key:ident $other:ident $of:tt) => { None::<String> };

    (setter $key:ident text($default:literal) $(#[$doc:meta])+) => {
        $(#[$doc])+
        pub fn $key(mut self, value: impl Into<String>) -> Self {
            self.settings.$key = value.into();
            self
        }
    };
    (setter $key:ident optional() $(#[$doc:meta])+) => {
        $(#[$doc])+
        pub fn $key(mut self, value: impl Into<String>) -> Self {
            self.settings.$key = Some(value.into());
            self
        }
    };
    (setter $key:ident derived($type:ty) $(#[$doc:meta])+) => {
        $(#[$doc])+
        pub fn $key(mut self, value: impl Into<String>) -> Self {
            self.$key = Some(value.into());
            self
        }
    };
    (setter $key:ident list($one:ident) $(#[$doc:meta])+) => {
        #[doc = concat!("Adds to [`", stringify!($key), "`](Self::", stringify!($key), "). Call it once for each.")]
        pub fn $one(mut self, value: impl Into<String>) -> Self {
            self.settings.$key.push(value.into());
            self
        }

        $(#[$doc])+
        pub fn $key(mut self, values: impl IntoIterator<Item: Into<String>>) -> Self {
            self.settings.$key.extend(values.into_iter().map(Into::into));
            self
        }
    };
    (setter $key:ident $kind:ident $of:tt $(#[$doc:meta])+) => {
        $(#[$doc])+
        pub fn $key(mut self, value: setting!(type $kind $of)) -> Self {
            self.settings.$key = value;
            self
        }
    };
}

macro_rules! define {
    ($($(#[$doc:meta])+ $key:ident: $kind:ident $of:tt $rule:tt $note:literal;)*) => {
        /// Checked settings. The reference of `#[otp_config]` has the meaning and limits of each.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        #[allow(clippy::struct_excessive_bools, reason = "each is a separate setting")]
        pub struct Settings {
            $($(#[$doc])+ pub $key: setting!(type $kind $of),)*
        }

        impl Settings {
            fn defaults() -> Self {
                Self { $($key: setting!(default $key $kind $of),)* }
            }

            /// Values outside their range.
            fn faults(&self) -> Vec<ConfigFault> {
                let settings = self;
                let mut faults = Vec::new();
                $(
                    let found = setting!(faults settings $key $kind $of).into_iter();
                    faults.extend(found.map(|fault| ConfigFault::new(stringify!($key), fault)));
                )*
                faults
            }
        }

        /// One setter for each key.
        impl SettingsBuilder {
            $(setting! { setter $key $kind $of $(#[$doc])+ })*
        }
    };
}

otp_auth_rules::for_each_setting!(define);

impl Settings {
    /// How much may be sent to one address, to one network of strangers or one known device.
    /// Developer mode has no limits, which would only lock out the developer.
    pub(crate) fn send_limits(&self) -> SendLimits {
        if self.developer_mode {
            return SendLimits::NONE;
        }
        SendLimits { cooldown: self.otp_rate_limit, per_hour: self.max_sends_per_hour, per_day: self.max_sends_per_day }
    }

    /// How much may be sent to one address per day, to all strangers together.
    pub(crate) fn sends_per_day_total(&self) -> u32 {
        if self.developer_mode { u32::MAX } else { self.max_sends_per_day_total }
    }

    pub(crate) fn guessing(&self) -> Guessing {
        Guessing {
            strangers: self.max_sends_per_day_total,
            device: self.max_sends_per_day,
            attempts: self.max_otp_attempts,
            digits: self.otp_length,
        }
    }

    /// How many e-mails of a day have a code of [`otp_length`](Self::otp_length), to all strangers
    /// of an address, and to each known device. The codes of later ones have two digits more.
    #[must_use]
    pub fn short_codes_per_day(&self) -> u32 {
        if self.developer_mode { u32::MAX } else { self.guessing().short_codes().unwrap_or(0) }
    }

    /// The fraction of all codes that can be guessed against one address in any 24 hours, if
    /// strangers and one known device each use up their sends: at most 1 in 10,000.
    #[must_use]
    pub fn guess_rate_per_day(&self) -> f64 {
        let guessing = self.guessing();
        #[allow(clippy::cast_precision_loss, reason = "a rate needs no more than that")]
        let guesses = guessing.hundredths(guessing.short_codes().unwrap_or(0)) as f64 / 100.0;
        guesses / 10f64.powi(i32::from(self.otp_length))
    }
}

/// Collects settings. [`OtpAuth::new`](crate::OtpAuth::new) checks them.
#[derive(Debug, Clone)]
#[must_use]
pub struct SettingsBuilder {
    realm: Option<String>,
    secret_key: Option<SecretSource>,
    previous_secret_keys: Vec<SecretSource>,
    cookie_name: Option<String>,
    settings: Settings,
}

impl Default for SettingsBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl SettingsBuilder {
    /// The defaults, without a secret.
    pub fn new() -> Self {
        Self {
            realm: None,
            secret_key: None,
            previous_secret_keys: Vec::new(),
            cookie_name: None,
            settings: Settings::defaults(),
        }
    }

    /// The secret that every key is derived from.
    pub fn secret_key(mut self, source: SecretSource) -> Self {
        self.secret_key = Some(source);
        self
    }

    /// An older secret, which verifies but never signs. Call it once for each.
    pub fn previous_secret_key(mut self, source: SecretSource) -> Self {
        self.previous_secret_keys.push(source);
        self
    }

    /// Older secrets.
    pub fn previous_secret_keys(mut self, secrets: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        self.previous_secret_keys.extend(secrets.into_iter().map(SecretSource::value));
        self
    }

    /// Checks everything and derives the keys.
    pub(crate) fn build<C: OtpConfig>(self) -> Result<(Settings, Secrets), ConfigError> {
        let developer_mode_allowed = C::DEBUG_BUILD || C::DEVELOPER_MODE_IN_RELEASE;
        let mut settings = self.settings;
        let mut faults = settings.faults();
        let realm = self.realm.as_deref().unwrap_or(C::User::default_realm());
        match setting::realm.fault(realm) {
            None => settings.realm = Realm::checked(realm),
            Some(fault) => faults.push(ConfigFault::new("realm", fault)),
        }
        settings.cookie_name = self.cookie_name.unwrap_or_else(|| {
            let plain = settings.cookie_path != "/" || settings.cookie_domain.is_some();
            let prefix = if plain { Prefix::Secure } else { Prefix::Host };
            settings.realm.cookie_name(settings.cookie_secure.then_some(prefix), REFRESH)
        });

        let developer_mode = settings.developer_mode && developer_mode_allowed;
        if settings.developer_mode && !developer_mode_allowed {
            faults.push(ConfigFault::new(
                "developer_mode",
                "is on in a build without debug assertions, which would let anyone sign in; write `developer_mode = cfg!(debug_assertions)`, or `developer_mode = allow_in_release(true)` if you mean it",
            ));
        }
        if !settings.cookie_secure && !C::DEBUG_BUILD && !developer_mode {
            faults.push(ConfigFault::new(
                "cookie_secure",
                "is off in a build without debug assertions; write `cookie_secure = !cfg!(debug_assertions)`, or remove the key",
            ));
        }
        let name_fault = setting::cookie_name.fault(&settings.cookie_name);
        faults.extend(name_fault.map(|fault| ConfigFault::new("cookie_name", fault)));
        check::pairs(&settings, &mut faults);
        let current = current_secret(self.secret_key, developer_mode, &mut faults);
        let previous = self
            .previous_secret_keys
            .into_iter()
            .filter_map(|source| previous_secret(source, developer_mode, &mut faults))
            .collect();
        match current {
            Some(current) if faults.is_empty() => Ok((settings, Secrets { current, previous })),
            _ => Err(ConfigError::new(faults)),
        }
    }
}

/// The secrets of a configuration, newest first.
pub(crate) struct Secrets {
    pub(crate) current: MasterSecret,
    pub(crate) previous: Vec<MasterSecret>,
}

fn current_secret(
    source: Option<SecretSource>,
    developer_mode: bool,
    faults: &mut Vec<ConfigFault>,
) -> Option<MasterSecret> {
    match source.map(SecretSource::read) {
        Some(Ok(bytes)) => match secret::weakness(&bytes) {
            Some(weakness) if !developer_mode => faults.push(ConfigFault::new("secret_key", weakness)),
            _ => return Some(MasterSecret::new(bytes)),
        },
        None | Some(Err(_)) if developer_mode => {
            crate::event::random_secret();
            match MasterSecret::random() {
                Ok(secret) => return Some(secret),
                Err(error) => faults.push(ConfigFault::new("secret_key", format!("could not be generated: {error}"))),
            }
        }
        Some(Err(name)) => faults.push(ConfigFault::new(
            "secret_key",
            format!(
                "needs the environment variable `{name}`, which is unset or empty; set it to the output of `openssl rand -hex 32`, and keep that value"
            ),
        )),
        None => faults.push(ConfigFault::new(
            "secret_key",
            "is required outside developer mode; write `secret_key = env(\"OTP_AUTH_SECRET\")`",
        )),
    }
    None
}

fn previous_secret(source: SecretSource, developer_mode: bool, faults: &mut Vec<ConfigFault>) -> Option<MasterSecret> {
    match source.read() {
        Ok(bytes) => match secret::weakness(&bytes) {
            Some(weakness) if !developer_mode => {
                faults.push(ConfigFault::new("previous_secret_keys", format!("contains a secret that {weakness}")));
                None
            }
            _ => Some(MasterSecret::new(bytes)),
        },
        // Unsetting the variable completes a rotation.
        Err(_) => None,
    }
}
