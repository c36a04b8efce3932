#[derive(::otp_auth::__private::OtpConfigItem)]
#[__otp_config(
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
)]
struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::OtpConfig for Auth {
    #[cfg(not(doc))]
    type User = <User as ::otp_auth::__private::Checked<
        { ::otp_auth::__private::user::<User>() },
    >>::Type;
    #[cfg(doc)]
    type User = User;
    type Delivery = ::otp_auth::__private::Cookie;
    type Sender = ConsoleSender;
    type Hooks = ::otp_auth::__private::NoHooks;
    type Limiter = ::otp_auth::__private::MemoryLimiter;
    const DEBUG_BUILD: ::core::primitive::bool = ::core::cfg!(debug_assertions);
    fn settings(&self) -> ::otp_auth::__private::SettingsBuilder {
        ::otp_auth::__private::SettingsBuilder::new()
            .secret_key(::otp_auth::__private::SecretSource::env("OTP_AUTH_SECRET"))
            .access_token_lifetime(::otp_auth::__private::Duration::from_secs(3600u64))
            .refresh_token_lifetime(
                ::otp_auth::__private::Duration::from_secs(604800u64),
            )
            .otp_length(6)
            .otp_expiry(::otp_auth::__private::Duration::from_secs(600u64))
            .max_otp_attempts(5)
            .cookie_secure(!cfg!(debug_assertions))
            .developer_mode(cfg!(debug_assertions))
    }
    fn sender(&self) -> &Self::Sender {
        &self.sender
    }
    fn hooks(&self) -> &Self::Hooks {
        &::otp_auth::__private::NoHooks
    }
    fn limiter(&self) -> Self::Limiter {
        ::core::default::Default::default()
    }
}
const _: () = {
    #[allow(unused_imports)]
    use ::otp_auth::__private::Without as _;
    ::core::assert!(
        ! ::otp_auth::__private::HasHooks:: < Auth, < Auth as
        ::otp_auth::__private::OtpConfig > ::User > ::IT_HAS,
        "the `Hooks` of this struct are never called: add the key `hooks` to `#[otp_config(...)]`"
    );
};
