//! The parts that the application implements itself.
#![deny(warnings)]

use otp_auth::{Admission, Hooks, OtpMessage, OtpUser, RequestContext, SendError, SendOtp, otp_config};

#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct MyClaims {
    role: String,
}

impl From<&User> for MyClaims {
    fn from(user: &User) -> Self {
        Self { role: format!("user-{}", user.id) }
    }
}

#[derive(OtpUser)]
#[otp_user(claims = MyClaims)]
pub struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"), hooks)]
pub struct Auth;

impl SendOtp for Auth {
    async fn send_otp(&self, _: OtpMessage<'_>) -> Result<(), SendError> {
        Ok(())
    }
}

impl Hooks<User> for Auth {
    async fn before_create(&self, email: &str, _: &RequestContext) -> Admission {
        if email.ends_with("@example.com") { Admission::Admit } else { Admission::Refuse }
    }
}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"))]
pub struct Delegating {
    #[otp(sender)]
    sender: Auth,
    #[otp(hooks)]
    hooks: Auth,
}

fn main() {
    let user = User { id: 1, email: String::new() };
    assert_eq!(OtpUser::claims(&user).role, "user-1");
    let _ = Delegating { sender: Auth, hooks: Auth };
}
