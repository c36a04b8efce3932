//! Fields of a configuration with `#[cfg]` and `#[cfg_attr]`.
#![deny(warnings)]

#[cfg(not(debug_assertions))]
use otp_auth::{OtpMessage, SendError, SendOtp};
use otp_auth::{ConsoleSender, Hooks, OtpUser, otp_config};

#[derive(OtpUser)]
pub struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[cfg(not(debug_assertions))]
pub struct Mail;

#[cfg(not(debug_assertions))]
impl SendOtp for Mail {
    async fn send_otp(&self, _: OtpMessage<'_>) -> Result<(), SendError> {
        Ok(())
    }
}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"))]
pub struct Auth {
    #[cfg(debug_assertions)]
    #[otp(sender)]
    sender: ConsoleSender,
    #[cfg(not(debug_assertions))]
    #[otp(sender)]
    sender: Mail,
    #[cfg(any())]
    #[otp(hooks)]
    hooks: Never,
}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"))]
pub struct Chosen(#[cfg(any())] u8, #[cfg_attr(all(), otp(sender))] ConsoleSender, #[cfg_attr(any(), otp(sender))] u8);

pub struct Notes;

impl<U> Hooks<U> for Notes {}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"))]
pub struct Noted {
    #[otp(sender)]
    sender: ConsoleSender,
    #[cfg_attr(all(), otp(hooks))]
    notes: Notes,
}

fn main() {
    #[cfg(debug_assertions)]
    let _ = Auth { sender: ConsoleSender };
    let _ = Chosen(ConsoleSender, 7);
    let _ = Noted { sender: ConsoleSender, notes: Notes };
    let user = User { id: 1, email: String::new() };
    let _ = (user.id, user.email);
}
