struct Auth {
    sender: ConsoleSender,
}
#[automatically_derived]
#[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
impl ::otp_auth::__private::OtpConfig for Auth {
    type User = User;
    type Delivery = ::otp_auth::__private::Cookie;
    type Sender = ConsoleSender;
    type Hooks = Self;
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
        self
    }
}
#[automatically_derived]
impl ::otp_auth::__private::Hooks<User> for Auth {}
