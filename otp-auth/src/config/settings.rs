//! Settings: collected by the builder, checked once, then immutable.

use std::time::Duration;

use super::{ConfigError, ConfigFault, LocalPartCase, OtpConfig, SameSite, SecretSource, check, secret_quality};
use crate::challenge::budget::SendLimits;
use crate::keys::MasterSecret;
use crate::realm::Realm;
use crate::user::OtpUser as _;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Checked settings. Where a value comes from `#[otp_config]`, its meaning
/// and limits are in the reference of that attribute.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of its own, on or off, as it is written")]
pub struct Settings {
    /// Which configuration keys, rows and cookies belong to.
    pub realm: Realm,
    /// How long an access token is valid.
    pub access_token_lifetime: Duration,
    /// How long a session lasts, from its sign-in; refreshing does not extend
    /// it.
    pub refresh_token_lifetime: Duration,
    /// How long the refresh token that was just replaced still yields its
    /// successor.
    pub refresh_grace: Duration,
    /// Digits of a code.
    pub otp_length: u8,
    /// How long a code is valid.
    pub otp_expiry: Duration,
    /// Codes that are compared per challenge.
    pub max_otp_attempts: u8,
    /// Time between two sends to one address.
    pub otp_rate_limit: Duration,
    /// Sends to one address in an hour, for strangers and for each known device.
    pub max_sends_per_hour: u32,
    /// Sends to one address in a day, for strangers and for each known device.
    pub max_sends_per_day: u32,
    /// How long a sender may take.
    pub send_timeout: Duration,
    /// Whether a first sign-in makes a user.
    pub auto_create_user: bool,
    /// Whether cookies are sent over HTTPS only.
    pub cookie_secure: bool,
    /// Name of the refresh cookie.
    pub cookie_name: String,
    /// Path of the refresh cookie.
    pub cookie_path: String,
    /// Paths at which the refresh cookie was before.
    pub previous_cookie_paths: Vec<String>,
    /// Domain of the refresh cookie; `None` binds it to the host.
    pub cookie_domain: Option<String>,
    /// `SameSite` of every cookie.
    pub cookie_same_site: SameSite,
    /// Whether signing out removes the device cookie.
    pub forget_device_at_logout: bool,
    /// Other origins whose pages may call the routes.
    pub trusted_origins: Vec<String>,
    /// `iss` of every token, when set.
    pub issuer: Option<String>,
    /// `aud` of every token, when set.
    pub audience: Option<String>,
    /// Whether the part before the `@` distinguishes case.
    pub local_part_case: LocalPartCase,
    /// Whether every code is all zeros, and nothing limits the sends.
    pub developer_mode: bool,
    /// Hosts besides this machine that developer mode serves.
    pub developer_hosts: Vec<String>,
}

impl Settings {
    /// What may be sent to one address. In developer mode nothing limits that:
    /// nothing is mailed there, and the only one to be locked out would be the
    /// developer.
    pub(crate) fn send_limits(&self) -> SendLimits {
        if self.developer_mode {
            return SendLimits::NONE;
        }
        SendLimits { cooldown: self.otp_rate_limit, per_hour: self.max_sends_per_hour, per_day: self.max_sends_per_day }
    }

    /// The share of all codes that can be guessed against one address in a
    /// day, by strangers and one known device that each use up their sends.
    #[must_use]
    pub fn guess_rate_per_day(&self) -> f64 {
        let guesses = 2.0 * f64::from(self.max_sends_per_day) * f64::from(self.max_otp_attempts);
        guesses / 10f64.powi(i32::from(self.otp_length))
    }
}

/// Collects settings; [`OtpAuth::new`](crate::OtpAuth::new) checks them.
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
    /// The defaults. Only the secret is missing.
    pub fn new() -> Self {
        Self {
            realm: None,
            secret_key: None,
            previous_secret_keys: Vec::new(),
            cookie_name: None,
            settings: Settings {
                realm: Realm::unnamed(),
                access_token_lifetime: HOUR,
                refresh_token_lifetime: 7 * DAY,
                refresh_grace: Duration::from_secs(10),
                otp_length: 6,
                otp_expiry: 10 * MINUTE,
                max_otp_attempts: 5,
                otp_rate_limit: MINUTE,
                max_sends_per_hour: 5,
                max_sends_per_day: 10,
                send_timeout: Duration::from_secs(10),
                auto_create_user: true,
                cookie_secure: true,
                cookie_name: String::new(),
                cookie_path: "/".to_owned(),
                previous_cookie_paths: Vec::new(),
                cookie_domain: None,
                cookie_same_site: SameSite::Lax,
                forget_device_at_logout: false,
                trusted_origins: Vec::new(),
                issuer: None,
                audience: None,
                local_part_case: LocalPartCase::Lower,
                developer_mode: false,
                developer_hosts: Vec::new(),
            },
        }
    }

    /// The name of the configuration, where several share a secret, a database
    /// or a browser. Without it the name is that of the users' table or
    /// collection, or of their type.
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = Some(name.into());
        self
    }

    /// The secret that every key is derived from.
    pub fn secret_key(mut self, source: SecretSource) -> Self {
        self.secret_key = Some(source);
        self
    }

    /// An older secret: what it signed is still accepted. Call it once for
    /// each.
    pub fn previous_secret_key(mut self, source: SecretSource) -> Self {
        self.previous_secret_keys.push(source);
        self
    }

    /// Older secrets, of any number.
    pub fn previous_secret_keys(mut self, secrets: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        self.previous_secret_keys.extend(secrets.into_iter().map(SecretSource::value));
        self
    }

    /// Name of the refresh cookie. Without it the name is
    /// `__Host-refresh_token`, or `refresh_token` for insecure cookies, with a
    /// dash and the realm behind it.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = Some(name.into());
        self
    }

    /// Path of the refresh cookie.
    pub fn cookie_path(mut self, path: impl Into<String>) -> Self {
        self.settings.cookie_path = path.into();
        self
    }

    /// A path at which the refresh cookie was before: it is removed from there.
    /// Call it once for each.
    pub fn previous_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.settings.previous_cookie_paths.push(path.into());
        self
    }

    /// Paths at which the refresh cookie was before, of any number.
    pub fn previous_cookie_paths(mut self, paths: impl IntoIterator<Item: Into<String>>) -> Self {
        self.settings.previous_cookie_paths.extend(paths.into_iter().map(Into::into));
        self
    }

    /// Domain of the refresh cookie: it is sent to all hosts below it.
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.cookie_domain = Some(domain.into());
        self
    }

    /// Another origin whose pages may call the routes. Call it once for each.
    pub fn trusted_origin(mut self, origin: impl Into<String>) -> Self {
        self.settings.trusted_origins.push(origin.into());
        self
    }

    /// Other origins whose pages may call the routes, of any number.
    pub fn trusted_origins(mut self, origins: impl IntoIterator<Item: Into<String>>) -> Self {
        self.settings.trusted_origins.extend(origins.into_iter().map(Into::into));
        self
    }

    /// A host besides this machine that developer mode serves. Call it once
    /// for each.
    pub fn developer_host(mut self, host: impl Into<String>) -> Self {
        self.settings.developer_hosts.push(host.into());
        self
    }

    /// Hosts besides this machine that developer mode serves, of any number.
    pub fn developer_hosts(mut self, hosts: impl IntoIterator<Item: Into<String>>) -> Self {
        self.settings.developer_hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// `iss` of every token.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.settings.issuer = Some(issuer.into());
        self
    }

    /// `aud` of every token.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.settings.audience = Some(audience.into());
        self
    }

    /// Checks everything, and derives the keys.
    pub(crate) fn build<C: OtpConfig>(self) -> Result<(Settings, Secrets), ConfigError> {
        let developer_mode_allowed = C::DEBUG_BUILD || C::DEVELOPER_MODE_IN_RELEASE;
        let mut settings = self.settings;
        let mut faults = Vec::new();
        match Realm::new(self.realm.as_deref().unwrap_or(C::User::default_realm())) {
            Ok(realm) => settings.realm = realm,
            Err(error) => faults.push(ConfigFault::new("realm", error.to_string())),
        }
        settings.cookie_name = self.cookie_name.unwrap_or_else(|| {
            let plain = settings.cookie_path != "/" || settings.cookie_domain.is_some();
            settings.realm.cookie_name(match (settings.cookie_secure, plain) {
                (true, false) => "__Host-refresh_token",
                (true, true) => "__Secure-refresh_token",
                (false, _) => "refresh_token",
            })
        });

        let developer_mode = settings.developer_mode && developer_mode_allowed;
        if settings.developer_mode && !developer_mode_allowed {
            faults.push(ConfigFault::new(
                "developer_mode",
                "is on in a build without debug assertions, where anybody could sign in; write `cfg!(debug_assertions)`, or `allow_in_release(true)` if that is meant",
            ));
        }
        if !settings.cookie_secure && !C::DEBUG_BUILD && !developer_mode {
            faults.push(ConfigFault::new(
                "cookie_secure",
                "is off in a build without debug assertions; write `!cfg!(debug_assertions)`, or remove it",
            ));
        }
        check::ranges(&settings, &mut faults);
        check::cookie(&settings, &mut faults);
        check::origins(&settings, &mut faults);
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

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {
        impl SettingsBuilder {
            $(
                $(#[$doc])*
                pub fn $name(mut self, value: $type) -> Self {
                    self.settings.$name = value;
                    self
                }
            )*
        }
    };
}

setters! {
    /// How long an access token is valid.
    access_token_lifetime: Duration,
    /// How long a session lasts.
    refresh_token_lifetime: Duration,
    /// How long a replaced refresh token yields its successor.
    refresh_grace: Duration,
    /// Digits of a code.
    otp_length: u8,
    /// How long a code is valid.
    otp_expiry: Duration,
    /// Codes that are compared per challenge.
    max_otp_attempts: u8,
    /// Time between two sends to one address.
    otp_rate_limit: Duration,
    /// Sends to one address in an hour, for strangers and for each known device.
    max_sends_per_hour: u32,
    /// Sends to one address in a day, for strangers and for each known device.
    max_sends_per_day: u32,
    /// How long a sender may take.
    send_timeout: Duration,
    /// Whether a first sign-in makes a user.
    auto_create_user: bool,
    /// Whether cookies are sent over HTTPS only.
    cookie_secure: bool,
    /// `SameSite` of every cookie.
    cookie_same_site: SameSite,
    /// Whether signing out removes the device cookie.
    forget_device_at_logout: bool,
    /// Whether the part before the `@` distinguishes case.
    local_part_case: LocalPartCase,
    /// Whether every code is all zeros, and nothing limits the sends.
    developer_mode: bool,
}

/// The secrets of one configuration, the newest first.
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
        Some(Ok(bytes)) => match secret_quality::weakness(&bytes) {
            Some(weakness) if !developer_mode => faults.push(ConfigFault::new("secret_key", weakness)),
            _ => return Some(MasterSecret::new(bytes)),
        },
        None | Some(Err(_)) if developer_mode => {
            crate::event::random_secret();
            match MasterSecret::random() {
                Ok(secret) => return Some(secret),
                Err(error) => faults.push(ConfigFault::new("secret_key", error.to_string())),
            }
        }
        Some(Err(name)) => faults.push(ConfigFault::new(
            "secret_key",
            format!(
                "the environment variable {name} is not set; make a secret with `openssl rand -hex 32` and keep it"
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
        Ok(bytes) => match secret_quality::weakness(&bytes) {
            Some(weakness) if !developer_mode => {
                faults.push(ConfigFault::new("previous_secret_keys", format!("one of them {weakness}")));
                None
            }
            _ => Some(MasterSecret::new(bytes)),
        },
        // A rotation ends by unsetting the variable.
        Err(_) => None,
    }
}
