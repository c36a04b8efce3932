#[derive(framework::otp::__private::OtpConfigItem)]
#[__otp_config(
    crate = framework::otp,
    user = Member<S>,
    realm = self.tenant,
    secret_key = self.keys.current,
    previous_secret_keys = ["0123456789abcdef0123456789abcdef",
    env("OLD"),
    a+b],
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
    previous_cookie_paths = ["/",
    self.old_path],
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
    developer_hosts = ["laptop.local",
    self.host],
)]
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
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl<S> framework::otp::__private::OtpConfig for Auth<S>
where
    S: Send + Sync + 'static,
{
    type User = Member<S>;
    type Delivery = framework::otp::__private::Both;
    type Sender = Mailer<S>;
    type Hooks = Audit;
    type Limiter = Shared;
    const DEBUG_BUILD: ::core::primitive::bool = ::core::cfg!(debug_assertions);
    const DEVELOPER_MODE_IN_RELEASE: ::core::primitive::bool = true;
    fn settings(&self) -> framework::otp::__private::SettingsBuilder {
        framework::otp::__private::SettingsBuilder::new()
            .secret_key(
                framework::otp::__private::SecretSource::value(&self.keys.current),
            )
            .previous_secret_key(
                framework::otp::__private::SecretSource::value(
                    &"0123456789abcdef0123456789abcdef",
                ),
            )
            .previous_secret_key(framework::otp::__private::SecretSource::env("OLD"))
            .previous_secret_key(
                framework::otp::__private::SecretSource::value(&(a + b)),
            )
            .realm(::core::clone::Clone::clone(&self.tenant))
            .access_token_lifetime(framework::otp::__private::Duration::from_secs(90u64))
            .refresh_token_lifetime(::core::clone::Clone::clone(&self.lifetime))
            .refresh_grace(framework::otp::__private::Duration::from_millis(1500u64))
            .otp_length(8)
            .otp_expiry(framework::otp::__private::Duration::from_secs(90u64))
            .max_otp_attempts(LIMIT)
            .otp_rate_limit(framework::otp::__private::Duration::from_secs(120u64))
            .max_sends_per_hour(3)
            .max_sends_per_day(8)
            .send_timeout(framework::otp::__private::Duration::from_secs(5u64))
            .request_limit(framework::otp::__private::Rate::per_hour(30).burst(10))
            .verify_limit(::core::clone::Clone::clone(&self.guesses))
            .refresh_limit(framework::otp::__private::Rate::UNLIMITED)
            .logout_limit(framework::otp::__private::Rate::per_second(10).burst(10))
            .strangers_limit(::core::clone::Clone::clone(&self.strangers))
            .auto_create_user(false)
            .cookie_secure(true)
            .cookie_name("__Secure-refresh")
            .cookie_path("/auth")
            .previous_cookie_path("/")
            .previous_cookie_path(::core::clone::Clone::clone(&self.old_path))
            .cookie_domain("example.com")
            .cookie_same_site(framework::otp::__private::SameSite::Strict)
            .forget_device_at_logout(true)
            .trusted_origins(::core::clone::Clone::clone(&self.origins))
            .client_ip("x-forwarded-for")
            .trusted_proxies(::core::clone::Clone::clone(&self.proxies))
            .ipv6_prefix_length(56)
            .issuer(::core::clone::Clone::clone(&self.issuer))
            .audience(audience())
            .local_part_case(framework::otp::__private::LocalPartCase::Preserve)
            .developer_mode(::core::clone::Clone::clone(&self.demo))
            .developer_host("laptop.local")
            .developer_host(::core::clone::Clone::clone(&self.host))
    }
    fn sender(&self) -> &Self::Sender {
        &self.mail
    }
    fn hooks(&self) -> &Self::Hooks {
        &self.audit
    }
    fn limiter(&self) -> Self::Limiter {
        ::core::clone::Clone::clone(&self.limiter)
    }
}
