use otp_auth::{ConsoleSender, OtpUser, otp_config};

#[derive(OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = std::env!("OTP_AUTH_SECRET").trim())]
struct Compiled {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET").unwrap(), issuer = env("ISSUER"))]
struct Unwrapped {
    #[otp(sender)]
    sender: ConsoleSender,
}

// Expressions must have the type of their key. The whole expression is underlined.
#[otp_config(user = User, secret_key = env("S"), otp_expiry = self.minutes, trusted_origins = self.origin)]
struct Computed {
    #[otp(sender)]
    sender: ConsoleSender,
    minutes: u64,
    origin: String,
}

fn main() {}
