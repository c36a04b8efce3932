//! Snapshots of expansions.

use super::attribute;
use crate::testing::{assert_snapshot, source};

#[test]
fn a_plain_configuration() {
    let arguments = r#"
        user = User,
        secret_key = env("OTP_AUTH_SECRET"),
        access_token_lifetime = "1h",
        refresh_token_lifetime = "7d",
        otp_length = 6,
        otp_expiry = "10m",
        max_otp_attempts = 5,
        refresh_token_delivery = "cookie",
        developer_mode = cfg!(debug_assertions),
        cookie_secure = !cfg!(debug_assertions),
    "#;
    let item = "struct Auth { #[otp(sender)] sender: ConsoleSender }";
    assert_snapshot("config_plain", &attribute(source(arguments), source(item)));
}

#[test]
fn a_configuration_with_every_key() {
    let arguments = r#"
        crate = framework::otp,
        user = Member<S>,
        realm = self.tenant,
        secret_key = self.keys.current,
        previous_secret_keys = ["0123456789abcdef0123456789abcdef", env("OLD"), a + b],
        access_token_lifetime = "90s",
        refresh_token_lifetime = self.lifetime,
        refresh_grace = "1500ms",
        otp_length = 8,
        otp_expiry = "1m30s",
        max_otp_attempts = LIMIT,
        otp_rate_limit = "2m",
        max_sends_per_hour = 3,
        max_sends_per_day = 8,
        send_timeout = "5s",
        request_limit = "30/hour burst 10",
        verify_limit = self.guesses,
        refresh_limit = "unlimited",
        logout_limit = "10/second",
        strangers_limit = self.strangers,
        auto_create_user = false,
        refresh_token_delivery = "both",
        cookie_secure = true,
        cookie_name = "__Secure-refresh",
        cookie_path = "/auth",
        previous_cookie_paths = ["/", self.old_path],
        cookie_domain = "example.com",
        cookie_same_site = strict,
        forget_device_at_logout = true,
        trusted_origins = self.origins,
        client_ip = "x-forwarded-for",
        trusted_proxies = self.proxies,
        ipv6_prefix_length = 56,
        issuer = self.issuer,
        audience = audience(),
        local_part_case = "preserve",
        developer_mode = allow_in_release(self.demo),
        developer_hosts = ["laptop.local", self.host],
    "#;
    let item = "
        /// How people sign in.
        #[derive(Clone)]
        pub struct Auth<S>
        where
            S: Send + Sync + 'static,
        {
            keys: Keys,
            lifetime: Duration,
            strangers: Rate,
            proxies: Vec<String>,
            issuer: String,
            origins: Vec<String>,
            demo: bool,
            host: String,
            old_path: String,
            #[otp(sender)]
            mail: Mailer<S>,
            #[otp(hooks)]
            audit: Audit,
            #[otp(limiter)]
            limiter: Shared,
        }
    ";
    assert_snapshot("config_every_key", &attribute(source(arguments), source(item)));
}

#[test]
fn a_configuration_with_mistakes() {
    let arguments = r#"user = User, secret_key = "short", otp_length = 4, refresh_token_delivery = "body""#;
    let item = "struct Auth { #[otp(sendr)] sender: ConsoleSender }";
    assert_snapshot("config_with_mistakes", &attribute(source(arguments), source(item)));
}
