//! The table of keys.

use core::time::Duration;

use crate::rate::Rate;
use crate::rule::{Choice, Count, Flag, Form, Key, Limit, List, Text, Time};
use crate::{cookie, network, origin, text};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Passes the table of settings to the macro `$then`. Each entry has the form
///
/// ```text
/// /// What it means, in one sentence.
/// key: kind(type) { rule } "What the reference adds.";
/// ```
///
/// and the kinds are
///
/// | kind | the setting is | the rule is a |
/// | --- | --- | --- |
/// | `time()` | a `Duration` | [`Time`] |
/// | `count(u8)` | a `u8` | [`Count`] |
/// | `flag(true)` | a `bool`, by default this | [`Flag`] |
/// | `text("/")` | a `String`, by default this | [`Text`] |
/// | `optional()` | an `Option<String>` | [`Text`] |
/// | `derived(Type)` | created at startup from the string, if set | [`Text`] |
/// | `list(one)` | a `Vec<String>`; the setter `one` adds to it | [`List`] |
/// | `choice(Type: A, B)` | a `Type`, by default the first | [`Choice`] |
/// | `rate()` | a [`Rate`] | [`Limit`] |
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_setting {
    ($then:ident) => {
        $then! {
            /// Separates the keys, rows and cookies of this configuration from those of others.
            realm: derived(Realm) {
                default: "the user table or collection, or the name of the user type",
                example: "customers",
                rule: text::realm,
            } "1 to 64 bytes. See [Several configurations](#several-configurations).";

            /// How long an access token is valid.
            access_token_lifetime: time() {
                shortest: SECOND,
                longest: DAY,
                default: HOUR,
                reason: "access tokens are short-lived, because the refresh token renews them",
            } "";

            /// How long a session lasts after its sign-in; refreshing does not extend it.
            refresh_token_lifetime: time() {
                shortest: SECOND,
                longest: DAY.saturating_mul(400),
                default: DAY.saturating_mul(7),
                reason: "browsers delete a cookie after 400 days",
            } "Must be longer than `access_token_lifetime`.";

            /// How long a refresh token that was just replaced still returns its successor.
            refresh_grace: time() {
                shortest: Duration::ZERO,
                longest: SECOND.saturating_mul(30),
                default: SECOND.saturating_mul(10),
                reason: "it only covers simultaneous refreshes",
            } "Within this time it works any number of times. After it, and with `\"0s\"`, it works once, within a day.";

            /// Number of digits in a code.
            otp_length: count(u8) {
                least: 6,
                most: 10,
                default: 6,
                unit: "digits",
                too_small: "a {}-digit code is too easy to guess",
                too_large: "{} digits are hard to type without a mistake",
            } "";

            /// How long a code is valid.
            otp_expiry: time() {
                shortest: MINUTE,
                longest: MINUTE.saturating_mul(10),
                default: MINUTE.saturating_mul(10),
                reason: "an e-mail needs time to arrive, and a long-lived code is easier to guess",
            } "";

            /// How many codes are compared per challenge.
            max_otp_attempts: count(u8) {
                least: 1,
                most: 10,
                default: 5,
                unit: "attempts",
                too_small: "without any, no one could sign in",
                too_large: "each attempt is a guess at the code",
            } "";

            /// Minimum time between two e-mails to one address, for each network of strangers and for each known device.
            otp_rate_limit: time() {
                shortest: SECOND,
                longest: DAY,
                default: MINUTE,
                reason: "a user waits this long for another code",
            } "At least `send_timeout`.";

            /// E-mails to one address per hour, for each network of strangers and for each known device.
            max_sends_per_hour: count(u32) {
                least: 1,
                most: u32::MAX,
                default: 5,
                unit: "e-mail",
                too_small: "without any, no one could sign in",
                too_large: "",
            } "";

            /// E-mails to one address per day, for each network of strangers and for each known device.
            max_sends_per_day: count(u32) {
                least: 1,
                most: u32::MAX,
                default: 10,
                unit: "e-mail",
                too_small: "without any, no one could sign in",
                too_large: "",
            } "See [Guessing](#guessing).";

            /// E-mails to one address per day for all strangers together, from whatever networks.
            max_sends_per_day_total: count(u32) {
                least: 1,
                most: u32::MAX,
                default: 40,
                unit: "e-mail",
                too_small: "without any, no one could sign in",
                too_large: "",
            } "The later ones of a day have longer codes. See [Guessing](#guessing).";

            /// How long the sender may take.
            send_timeout: time() {
                shortest: SECOND,
                longest: MINUTE,
                default: SECOND.saturating_mul(10),
                reason: "a request waits this long for the sender",
            } "After that, the e-mail may have been sent, so it counts towards the hour and the day, but the client can ask again at once.";

            /// Requests for a code from one network.
            request_limit: rate() { default: Rate::per_hour(60).burst(20) } "See [Limits per network](#limits-per-network).";

            /// Codes presented by one network; a failure counts like four sign-ins.
            verify_limit: rate() { default: Rate::per_hour(240).burst(80) } "";

            /// Refreshes of one session, and those without a valid token of one network.
            refresh_limit: rate() { default: Rate::per_hour(1_200).burst(200) } "";

            /// Sign-outs of one session, and those without a valid token of one network.
            logout_limit: rate() { default: Rate::per_hour(600).burst(100) } "";

            /// Code requests by all strangers together, for whatever addresses.
            strangers_limit: rate() { default: Rate::UNLIMITED } "Known devices are not limited by it. See [Limits per network](#limits-per-network).";

            /// Whether a first sign-in creates a user.
            auto_create_user: flag(true) { example: "true" } "";

            /// Whether cookies are sent over HTTPS only.
            cookie_secure: flag(true) { example: "true" } "See [Cookies](#cookies).";

            /// Name of the refresh cookie.
            cookie_name: derived(String) {
                default: "`\"__Host-refresh_token-<realm>\"`",
                example: "__Host-refresh_token",
                rule: cookie::name,
            } "The default starts with `__Secure-` if you set a path or a domain, and has no prefix if `cookie_secure` is false. Your own name is used unchanged.";

            /// Path of the refresh cookie.
            cookie_path: text("/") {
                example: "/auth",
                rule: cookie::path,
            } "Must start with `/`.";

            /// Former paths of the refresh cookie, where it is deleted.
            previous_cookie_paths: list(previous_cookie_path) {
                example: "/auth",
                rule: cookie::one_path,
            } "See [Cookies](#cookies).";

            /// Domain of the refresh cookie; browsers send it to every subdomain.
            cookie_domain: optional() {
                example: "example.com",
                rule: cookie::domain,
            } "Without it, browsers send the cookie to one host only.";

            /// `SameSite` of every cookie.
            cookie_same_site: choice(SameSite: Lax, Strict, None) {} "`\"lax\"`, `\"strict\"` or `\"none\"`.";

            /// Whether signing out deletes the cookie that makes a browser a known device.
            forget_device_at_logout: flag(false) { example: "true" } "For shared browsers. In body mode, the client discards its `device` itself.";

            /// Other origins whose pages may call the routes.
            trusted_origins: list(trusted_origin) {
                example: "https://app.example.com",
                rule: origin::origin_fault,
            } "See [Other origins](#other-origins).";

            /// Where the IP address of a client comes from: `"peer"` for the connection, or a header of your proxy.
            client_ip: text("peer") {
                example: "x-forwarded-for",
                rule: network::client_ip,
            } "A header needs `trusted_proxies`. See [Client addresses](#client-addresses).";

            /// Networks of the proxies whose header counts.
            trusted_proxies: list(trusted_proxy) {
                example: "10.0.0.0/8",
                rule: network::proxy_fault,
            } "See [Client addresses](#client-addresses).";

            /// How many bits of an IPv6 address name a network.
            ipv6_prefix_length: count(u8) {
                least: 32,
                most: 128,
                default: 64,
                unit: "bits",
                too_small: "{} bits name the networks of many customers of a provider",
                too_large: "an IPv6 address has 128",
            } "A customer usually has at least a `/64`, so a single address is no limit. An IPv4 address is a network of its own.";

            /// `iss` of every token, when set.
            issuer: optional() {
                example: "https://example.com",
                rule: text::token_name,
            } "Tokens without it are then rejected. At most 1024 bytes.";

            /// `aud` of every token, when set.
            audience: optional() {
                example: "https://api.example.com",
                rule: text::token_name,
            } "Tokens without it are then rejected, refresh tokens included. At most 1024 bytes.";

            /// Whether the part before the `@` is case-sensitive.
            local_part_case: choice(LocalPartCase: Lower, Preserve) {} "`\"lower\"`: `A@x.com` and `a@x.com` are one account. `\"preserve\"`: they are two.";

            /// Whether every code is all zeros and nothing limits sending.
            developer_mode: flag(false) { example: "cfg!(debug_assertions)" } "See [Developer mode](#developer-mode).";

            /// Hosts that developer mode serves besides this machine.
            developer_hosts: list(developer_host) {
                example: "192.168.1.20",
                rule: origin::host_fault,
            } "See [Developer mode](#developer-mode).";
        }
    };
}

/// The values of `refresh_token_delivery`, each with its marker type in the runtime, the default
/// first.
pub const DELIVERIES: [(&str, &str); 3] = [("cookie", "Cookie"), ("body", "Body"), ("both", "Both")];

const ENV: &str = "env(\"OTP_AUTH_SECRET\")";
const OLD_ENV: &str = "env(\"OTP_AUTH_OLD_SECRET\")";

macro_rules! rule {
    (type time()) => { Time };
    (type count($number:ty)) => { Count<$number> };
    (type flag $default:tt) => { Flag };
    (type list $one:tt) => { List };
    (type choice $words:tt) => { Choice };
    (type rate()) => { Limit };
    (type $text:ident $of:tt) => { Text };
    ($key:ident time() { $($rule:tt)* }) => { Time { key: stringify!($key), $($rule)* } };
    ($key:ident count($number:ty) { $($rule:tt)* }) => { Count::<$number> { key: stringify!($key), $($rule)* } };
    ($key:ident flag($default:literal) { $($rule:tt)* }) => {
        Flag { key: stringify!($key), default: $default, $($rule)* }
    };
    ($key:ident rate() { $($rule:tt)* }) => { Limit { key: stringify!($key), $($rule)* } };
    ($key:ident list($one:ident) { $($rule:tt)* }) => {
        List { key: stringify!($key), one: stringify!($one), $($rule)* }
    };
    ($key:ident choice($name:ident: $($word:ident),*) {}) => {
        Choice { key: stringify!($key), name: stringify!($name), words: &[$(stringify!($word)),*] }
    };
    ($key:ident text($default:literal) { $($rule:tt)* }) => {
        Text { key: stringify!($key), value: Some($default), default: concat!("`\"", $default, "\"`"), $($rule)* }
    };
    ($key:ident optional() { $($rule:tt)* }) => {
        Text { key: stringify!($key), value: None, default: "none", $($rule)* }
    };
    ($key:ident derived($name:ident) { $($rule:tt)* }) => { Text { key: stringify!($key), value: None, $($rule)* } };
}

macro_rules! form {
    ($key:ident count $number:tt $rule:tt) => { Form::Count(rule!($key count(u32) $rule)) };
    ($key:ident time $of:tt $rule:tt) => { Form::Time(setting::$key) };
    ($key:ident flag $of:tt $rule:tt) => { Form::Flag(setting::$key) };
    ($key:ident list $of:tt $rule:tt) => { Form::List(setting::$key) };
    ($key:ident choice $of:tt $rule:tt) => { Form::Choice(setting::$key) };
    ($key:ident rate $of:tt $rule:tt) => { Form::Limit(setting::$key) };
    ($key:ident $text:ident $of:tt $rule:tt) => { Form::Text(setting::$key) };
}

macro_rules! define {
    ($($(#[doc = $doc:literal])+ $key:ident: $kind:ident $of:tt $rule:tt $note:literal;)*) => {
        /// The rule for each setting.
        #[allow(non_upper_case_globals, reason = "they are named as the keys are")]
        pub mod setting {
            use super::*;

            $($(#[doc = $doc])+ pub const $key: rule!(type $kind $of) = rule!($key $kind $of $rule);)*
        }

        /// Every key, in the order of the reference.
        pub const KEYS: &[Key] = &[
            Key {
                name: "user",
                form: Form::Type("User"),
                doc: "A type that derives [`OtpUser`](macro@crate::OtpUser).",
                note: "",
            },
            Key {
                name: "secret_key",
                form: Form::Secret(ENV),
                doc: "The secret that every key is derived from.",
                note: "At least 32 random bytes. See [Secrets](#secrets).",
            },
            Key {
                name: "previous_secret_keys",
                form: Form::Secrets(OLD_ENV),
                doc: "Older secrets, which verify but never sign.",
                note: "",
            },
            $(Key {
                name: stringify!($key),
                form: form!($key $kind $of $rule),
                doc: concat!($($doc),+),
                note: $note,
            },)*
            Key {
                name: "refresh_token_delivery",
                form: Form::Delivery,
                doc: "How refresh tokens travel: `\"cookie\"`, `\"body\"` or `\"both\"`.",
                note: "Must be a literal, because the types of the routes depend on it.",
            },
            Key {
                name: "hooks",
                form: Form::Word("no hooks"),
                doc: "You implement [`Hooks`](crate::Hooks) for the struct.",
                note: "See [Fields](#fields).",
            },
            Key {
                name: "crate",
                form: Form::Path("path::to::otp_auth"),
                doc: "The path to otp-auth, if another crate re-exports it.",
                note: "",
            },
        ];
    };
}

for_each_setting!(define);
