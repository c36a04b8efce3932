#[derive(::otp_auth::__private::OtpConfigItem)]
#[__otp_config(
    user = User,
    secret_key = "short",
    otp_length = 4,
    refresh_token_delivery = "body"
)]
struct Auth {
    #[otp(sendr)]
    sender: ConsoleSender,
}
::core::compile_error! {
    "`otp_length` must be 6 to 10 digits: a 4-digit code is too easy to guess; write `otp_length = 6`"
}
::core::compile_error! {
    "`#[otp(...)]` has no key `sendr`; did you mean `sender`?"
}
::core::compile_error! {
    "`secret_key` is shorter than 32 bytes: generate one with `openssl rand -hex 32` and keep it out of the code, with `env(\"OTP_AUTH_SECRET\")`"
}
#[automatically_derived]
impl ::otp_auth::__private::OtpConfig for Auth {
    #[cfg(not(doc))]
    type User = <User as ::otp_auth::__private::Checked<
        { ::otp_auth::__private::user::<User>() },
    >>::Type;
    #[cfg(doc)]
    type User = User;
    type Delivery = ::otp_auth::__private::Body;
    type Sender = ::otp_auth::__private::StandIn;
    type Hooks = ::otp_auth::__private::StandIn;
    type Limiter = ::otp_auth::__private::StandIn;
    const DEBUG_BUILD: ::core::primitive::bool = ::core::cfg!(debug_assertions);
    fn settings(&self) -> ::otp_auth::__private::SettingsBuilder {
        loop {}
    }
    fn sender(&self) -> &Self::Sender {
        loop {}
    }
    fn hooks(&self) -> &Self::Hooks {
        loop {}
    }
    fn limiter(&self) -> Self::Limiter {
        loop {}
    }
}
