//! Hooks that are never called.
use otp_auth::{ConsoleSender, Hooks, OtpUser, otp_config};

#[derive(OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = env("S"))]
struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}

impl Hooks<User> for Auth {}

fn main() {}
