use otp_auth::{ConsoleSender, OtpUser, otp_config};

#[derive(OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = env(OTP_AUTH_SECRET))]
struct Env {
    #[otp(sender)]
    sender: ConsoleSender,
}

fn main() {}
