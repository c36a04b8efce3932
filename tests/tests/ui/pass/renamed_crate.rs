//! A crate that re-exports the library under another path.
#![deny(warnings)]

mod framework {
    pub mod auth {
        pub use otp_auth::*;
    }
}

use framework::auth::{ConsoleSender, OtpUser, otp_config};

#[derive(OtpUser)]
#[otp_user(crate = framework::auth, table = "users", stores(sqlite))]
pub struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(claim)]
    role: String,
}

#[otp_config(crate = framework::auth, user = User, secret_key = env("OTP_AUTH_SECRET"), refresh_token_delivery = "body")]
pub struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}

fn main() {
    let _ = User { id: 1, email: String::new(), role: String::new() };
    let _ = Auth { sender: ConsoleSender };
}
