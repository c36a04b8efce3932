//! Items whose parts come from a declarative macro.
#![deny(warnings)]

use otp_auth::{ConsoleSender, OtpUser, otp_config};

macro_rules! user {
    ($name:ident, $id:ty, $table:literal, $default:expr, $sender:ty) => {
        #[derive(OtpUser)]
        #[otp_user(table = $table, stores(sqlite))]
        pub struct $name {
            #[otp(id)]
            id: $id,
            #[otp(email)]
            email: String,
            #[otp(default = $default)]
            role: String,
        }

        #[otp_config(user = $name, secret_key = env("OTP_AUTH_SECRET"))]
        pub struct Auth {
            #[otp(sender)]
            sender: $sender,
        }
    };
}

user!(User, i64, "users", "guest".to_owned(), ConsoleSender);

fn main() {
    let _ = User { id: 1, email: String::new(), role: String::new() };
    let _ = Auth { sender: ConsoleSender };
}
