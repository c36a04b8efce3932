//! The arguments of the attribute, as written. Rules about one value are checked by the value;
//! rules about several wait for the model.

use darling::error::Accumulator;
use proc_macro2::TokenStream;
use syn::Type;

use super::rules::{
    AccessLifetime, MaxOtpAttempts, MaxSendsPerDay, MaxSendsPerHour, OtpExpiry, OtpLength, OtpRateLimit, RefreshGrace,
    RefreshLifetime, SendTimeout,
};
use crate::entry::{Entry, Form, Key, UNKNOWN, Vocabulary};
use crate::reader::read;
use crate::slot::Slot;
use crate::syntax::Root;
use crate::value::{
    Audience, AutoCreateUser, CookieDomain, CookieName, CookiePath, CookieSecure, Count, Delivery, DeveloperHosts,
    DeveloperMode, Flag, ForgetDeviceAtLogout, Issuer, List, ListRule, LocalPartCase, PreviousCookiePaths,
    PreviousSecrets, Realm, SameSite, Secret, Setting, Text, Time, TrustedOrigins,
};

const fn key(name: &'static str, example: &'static str) -> Key {
    Key::new(name, Form::Value, example)
}

const ARGUMENTS: Vocabulary = Vocabulary {
    attribute: "#[otp_config(...)]",
    keys: &[
        Key::new("user", Form::Type, "user = User"),
        key("realm", "realm = \"customers\""),
        key("secret_key", "secret_key = env(\"OTP_AUTH_SECRET\")"),
        key("previous_secret_keys", "previous_secret_keys = [env(\"OTP_AUTH_OLD_SECRET\")]"),
        key("access_token_lifetime", "access_token_lifetime = \"1h\""),
        key("refresh_token_lifetime", "refresh_token_lifetime = \"7d\""),
        key("refresh_grace", "refresh_grace = \"10s\""),
        key("otp_length", "otp_length = 6"),
        key("otp_expiry", "otp_expiry = \"10m\""),
        key("max_otp_attempts", "max_otp_attempts = 5"),
        key("otp_rate_limit", "otp_rate_limit = \"60s\""),
        key("max_sends_per_hour", "max_sends_per_hour = 5"),
        key("max_sends_per_day", "max_sends_per_day = 10"),
        key("send_timeout", "send_timeout = \"10s\""),
        key("auto_create_user", "auto_create_user = true"),
        key("refresh_token_delivery", "refresh_token_delivery = \"cookie\""),
        key("cookie_secure", "cookie_secure = true"),
        key("cookie_name", "cookie_name = \"__Host-refresh_token\""),
        key("cookie_path", "cookie_path = \"/\""),
        key("previous_cookie_paths", "previous_cookie_paths = [\"/auth\"]"),
        key("cookie_domain", "cookie_domain = \"example.com\""),
        key("cookie_same_site", "cookie_same_site = \"lax\""),
        key("forget_device_at_logout", "forget_device_at_logout = true"),
        key("trusted_origins", "trusted_origins = [\"https://app.example.com\"]"),
        key("issuer", "issuer = \"https://example.com\""),
        key("audience", "audience = \"https://api.example.com\""),
        key("local_part_case", "local_part_case = \"lower\""),
        key("developer_mode", "developer_mode = cfg!(debug_assertions)"),
        key("developer_hosts", "developer_hosts = [\"192.168.1.20\"]"),
        Key::new("hooks", Form::Word, "hooks"),
        key("crate", "crate = path::to::otp_auth"),
    ],
    elsewhere: &[
        ("sender", "it goes on the field of the sender: `#[otp(sender)]`"),
        ("table", "it goes on the user struct: `#[otp_user(table = \"users\")]`"),
        ("stores", "it goes on the user struct: `#[otp_user(stores(sqlite))]`"),
        ("claims", "it goes on the user struct: `#[otp_user(claims = MyClaims)]`"),
        ("database", "give the store to `OtpAuth::new(config, store)`"),
        ("store", "give the store to `OtpAuth::new(config, store)`"),
        ("algorithm", "otp-auth signs with HMAC-SHA-256, always"),
    ],
};

/// The arguments as written.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) user: Slot<Type>,
    pub(crate) realm: Slot<Setting<Text<Realm>>>,
    pub(crate) secret_key: Slot<Secret>,
    pub(crate) previous_secret_keys: Slot<List<PreviousSecrets>>,
    pub(crate) access_token_lifetime: Slot<Setting<Time<AccessLifetime>>>,
    pub(crate) refresh_token_lifetime: Slot<Setting<Time<RefreshLifetime>>>,
    pub(crate) refresh_grace: Slot<Setting<Time<RefreshGrace>>>,
    pub(crate) otp_length: Slot<Setting<Count<OtpLength>>>,
    pub(crate) otp_expiry: Slot<Setting<Time<OtpExpiry>>>,
    pub(crate) max_otp_attempts: Slot<Setting<Count<MaxOtpAttempts>>>,
    pub(crate) otp_rate_limit: Slot<Setting<Time<OtpRateLimit>>>,
    pub(crate) max_sends_per_hour: Slot<Setting<Count<MaxSendsPerHour>>>,
    pub(crate) max_sends_per_day: Slot<Setting<Count<MaxSendsPerDay>>>,
    pub(crate) send_timeout: Slot<Setting<Time<SendTimeout>>>,
    pub(crate) auto_create_user: Slot<Setting<Flag<AutoCreateUser>>>,
    pub(crate) refresh_token_delivery: Slot<Delivery>,
    pub(crate) cookie_secure: Slot<Setting<Flag<CookieSecure>>>,
    pub(crate) cookie_name: Slot<Setting<Text<CookieName>>>,
    pub(crate) cookie_path: Slot<Setting<Text<CookiePath>>>,
    pub(crate) previous_cookie_paths: Slot<List<PreviousCookiePaths>>,
    pub(crate) cookie_domain: Slot<Setting<Text<CookieDomain>>>,
    pub(crate) cookie_same_site: Slot<Setting<SameSite>>,
    pub(crate) forget_device_at_logout: Slot<Setting<Flag<ForgetDeviceAtLogout>>>,
    pub(crate) trusted_origins: Slot<List<TrustedOrigins>>,
    pub(crate) issuer: Slot<Setting<Text<Issuer>>>,
    pub(crate) audience: Slot<Setting<Text<Audience>>>,
    pub(crate) local_part_case: Slot<Setting<LocalPartCase>>,
    pub(crate) developer_mode: Slot<DeveloperMode>,
    pub(crate) developer_hosts: Slot<List<DeveloperHosts>>,
    pub(crate) hooks: Slot<()>,
    pub(crate) root: Slot<Root>,
    /// A key could mean anything, so another may only seem to be missing.
    pub(crate) unclear: bool,
}

impl Written {
    /// Reads everything that reads and reports the rest.
    pub(crate) fn read(arguments: TokenStream, errors: &mut Accumulator) -> Self {
        let mut written = Self::default();
        for entry in read(arguments, &ARGUMENTS, errors) {
            written.take(&entry, errors);
        }
        written
    }

    fn take(&mut self, entry: &Entry, errors: &mut Accumulator) {
        match entry.name {
            "user" => self.user.put_type(entry, errors),
            "realm" => self.realm.put_value(entry, errors),
            "secret_key" => self.secret_key.put_value(entry, errors),
            "previous_secret_keys" => put_list(&mut self.previous_secret_keys, entry, errors),
            "access_token_lifetime" => self.access_token_lifetime.put_value(entry, errors),
            "refresh_token_lifetime" => self.refresh_token_lifetime.put_value(entry, errors),
            "refresh_grace" => self.refresh_grace.put_value(entry, errors),
            "otp_length" => self.otp_length.put_value(entry, errors),
            "otp_expiry" => self.otp_expiry.put_value(entry, errors),
            "max_otp_attempts" => self.max_otp_attempts.put_value(entry, errors),
            "otp_rate_limit" => self.otp_rate_limit.put_value(entry, errors),
            "max_sends_per_hour" => self.max_sends_per_hour.put_value(entry, errors),
            "max_sends_per_day" => self.max_sends_per_day.put_value(entry, errors),
            "send_timeout" => self.send_timeout.put_value(entry, errors),
            "auto_create_user" => self.auto_create_user.put_value(entry, errors),
            "refresh_token_delivery" => self.refresh_token_delivery.put_value(entry, errors),
            "cookie_secure" => self.cookie_secure.put_value(entry, errors),
            "cookie_name" => self.cookie_name.put_value(entry, errors),
            "cookie_path" => self.cookie_path.put_value(entry, errors),
            "previous_cookie_paths" => put_list(&mut self.previous_cookie_paths, entry, errors),
            "cookie_domain" => self.cookie_domain.put_value(entry, errors),
            "cookie_same_site" => self.cookie_same_site.put_value(entry, errors),
            "forget_device_at_logout" => self.forget_device_at_logout.put_value(entry, errors),
            "trusted_origins" => put_list(&mut self.trusted_origins, entry, errors),
            "issuer" => self.issuer.put_value(entry, errors),
            "audience" => self.audience.put_value(entry, errors),
            "local_part_case" => self.local_part_case.put_value(entry, errors),
            "developer_mode" => self.developer_mode.put_value(entry, errors),
            "developer_hosts" => put_list(&mut self.developer_hosts, entry, errors),
            "hooks" => self.hooks.put_value(entry, errors),
            "crate" => self.root.put_value(entry, errors),
            UNKNOWN => self.unclear = true,
            _ => {}
        }
    }

    /// The marker type of the delivery.
    pub(crate) fn delivery(&self, private: &TokenStream) -> TokenStream {
        match self.refresh_token_delivery.value() {
            Some(delivery) => delivery.expand(private),
            None => Delivery::default().expand(private),
        }
    }

    /// The path of the runtime crate.
    pub(crate) fn root(&self) -> Root {
        self.root.value().cloned().unwrap_or_default()
    }
}

/// Takes a list, and reports the elements that are wrong.
fn put_list<R: ListRule>(slot: &mut Slot<List<R>>, entry: &Entry, errors: &mut Accumulator) {
    slot.put_value(entry, errors);
    if let Slot::Given { value, .. } = slot {
        for error in value.mistakes.drain(..) {
            errors.push(error);
        }
    }
}
