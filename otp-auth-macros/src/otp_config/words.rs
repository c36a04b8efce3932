//! Words that people bring to `#[otp_config]` from other libraries, and the keys of `#[otp]` on its
//! fields.

use crate::entry::{Form, Key, Vocabulary};

pub(super) const REFERENCE: &str = "https://docs.rs/otp-auth/latest/otp_auth/attr.otp_config.html";

const OF_THE_USER: &str = "it goes on a field of the user struct, which derives `OtpUser`";
const STORE: &str = "pass the store to `OtpAuth::new(config, store)`";
const ALWAYS_HTTP_ONLY: &str = "every cookie of otp-auth is `HttpOnly`, so remove it";
const SIGNED: &str = "otp-auth always signs with HMAC-SHA-256, so remove it";
const SENDER: &str = "write `#[otp(sender)] sender: ConsoleSender` in the struct";
const LIMITER: &str = "write `#[otp(limiter)] limiter: …` with its type in the struct";
const MAIL: &str = "the sender writes the e-mail: put this into your `impl SendOtp`";
const ROUTES: &str = "you mount the routes yourself: write `.nest(\"/auth\", auth.router())`";
const CLEANUP: &str = "call `auth.spawn_cleanup(interval)`";

/// Words that are not keys of the attribute.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("model type users account user_type usertype", "user"),
    ("secret jwt_secret secret_env key jwt_key signing_key secretkey token_secret", "secret_key"),
    ("previous_secret_key old_secret old_secrets previous_secrets old_keys", "previous_secret_keys"),
    ("namespace tenant name", "realm"),
    (
        "access_token_ttl token_lifetime access_ttl access_lifetime access_token_expiry access_expiry token_ttl \
         access_token_expiration jwt_expiration jwt_expiry jwt_ttl jwt_lifetime token_expiry expires_in access_token_max_age lifetime",
        "access_token_lifetime",
    ),
    (
        "refresh_token_ttl refresh_ttl refresh_lifetime refresh_token_expiry refresh_expiry session_lifetime session_ttl \
         session_expiry session_duration refresh_token_expiration cookie_max_age max_age refresh_token_max_age",
        "refresh_token_lifetime",
    ),
    ("grace refresh_leeway reuse_interval", "refresh_grace"),
    ("code_length otp_digits digits code_digits length", "otp_length"),
    (
        "otp_ttl code_expiry code_ttl expiry ttl otp_lifetime code_lifetime otp_expiration otp_expires_in otp_validity",
        "otp_expiry",
    ),
    ("max_attempts attempts otp_attempts max_tries otp_max_attempts", "max_otp_attempts"),
    (
        "rate_limit cooldown resend_interval resend_cooldown resend_delay otp_cooldown resend_after throttle",
        "otp_rate_limit",
    ),
    ("hourly_limit max_per_hour max_emails_per_hour", "max_sends_per_hour"),
    ("daily_limit max_per_day max_emails_per_day", "max_sends_per_day"),
    ("timeout smtp_timeout sender_timeout", "send_timeout"),
    ("auto_create auto_register sign_up signup create_user registration allow_signup", "auto_create_user"),
    ("secure secure_cookie secure_cookies https_only cookies_secure", "cookie_secure"),
    ("same_site samesite cookie_samesite", "cookie_same_site"),
    ("path", "cookie_path"),
    ("domain", "cookie_domain"),
    ("cors cors_origins allowed_origins origins allow_origins trusted_origin origin", "trusted_origins"),
    ("ip ip_header client_ip_header real_ip remote_addr forwarded x_forwarded_for", "client_ip"),
    ("proxy proxies trust_proxy trusted_proxy trust_proxies", "trusted_proxies"),
    ("ipv6_prefix ipv6_subnet ipv6_mask", "ipv6_prefix_length"),
    ("iss jwt_issuer", "issuer"),
    ("aud jwt_audience", "audience"),
    ("email_case case_sensitive lowercase_email", "local_part_case"),
    ("dev_mode dev debug debug_mode test_mode development developer", "developer_mode"),
    ("host hosts dev_hosts allowed_hosts developer_host", "developer_hosts"),
    ("delivery token_delivery refresh_delivery transport", "refresh_token_delivery"),
    ("hook", "hooks"),
    ("sender mailer email_sender mail_sender", SENDER),
    ("limiter rate_limiter", LIMITER),
    ("request_rate ip_limit ip_rate_limit network_limit limits", "request_limit"),
    ("smtp from template subject email_from mail_from smtp_url smtp_host body", MAIL),
    ("cookie_http_only http_only httponly cookie_httponly", ALWAYS_HTTP_ONLY),
    ("database db database_url db_url store stores_url pool connection url backend redis", STORE),
    ("table", "it goes on the user struct: `#[otp_user(table = \"users\")]`"),
    ("stores", "it goes on the user struct: `#[otp_user(stores(sqlite))]`"),
    ("collection", "it goes on the user struct: `#[otp_user(collection = \"users\")]`"),
    ("claims", "it goes on the user struct: `#[otp_user(claims = MyClaims)]`"),
    ("algorithm alg jwt_algorithm signing_algorithm", SIGNED),
    ("kid jwks jwks_url public_key private_key rsa", SIGNED),
    ("token_type", "every access token is a bearer token, so remove it"),
    ("leeway clock_skew", "otp-auth verifies its own tokens, with a fixed leeway, so remove it"),
    ("prefix routes base_path mount base_url route_prefix", ROUTES),
    ("port bind listen address", "your application binds the port: pass the address to `TcpListener::bind(…)`"),
    (
        "csrf csrf_protection",
        "otp-auth already rejects requests from other origins, so remove it; to allow some, list them in `trusted_origins`",
    ),
    ("refresh_rotation rotate rotation rotate_refresh_tokens", "refresh tokens always rotate, so remove it"),
    ("blacklist blocklist revocation", "revoked tokens are always rejected, so remove it"),
    ("cleanup cleanup_interval", CLEANUP),
    ("password hash bcrypt_cost password_hash argon2", "otp-auth has no passwords, so remove it"),
    ("tls ssl", "otp-auth does not serve TLS: configure it in your server or proxy, and remove this"),
    ("audit log logging events log_level", "implement `Hooks`, or subscribe to the events with `tracing`"),
];

/// The keys of `#[otp]` on a field of the configuration.
pub(super) const FIELD: Vocabulary = Vocabulary {
    attribute: "#[otp(...)]",
    keys: &[
        Key::new("sender", Form::Word, "sender"),
        Key::new("hooks", Form::Word, "hooks"),
        Key::new("limiter", Form::Word, "limiter"),
    ],
    elsewhere: &[
        ("mailer mail smtp send send_otp", "sender"),
        ("hook", "hooks"),
        ("rate_limiter limits", "limiter"),
        ("id", OF_THE_USER),
        ("email", OF_THE_USER),
        ("verified", OF_THE_USER),
        ("claim", OF_THE_USER),
        ("skip ignore", "otp-auth ignores fields without an attribute, so remove this one"),
        ("user", "it is a key of `#[otp_config(...)]`"),
        ("secret_key secret", "it is a key of `#[otp_config(...)]`; write `secret_key = self.field` there"),
        ("store stores pool database db", STORE),
    ],
    valued: &[],
    reference: REFERENCE,
};
