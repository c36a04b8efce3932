//! A user and a configuration with type parameters.
#![deny(warnings)]

use otp_auth::{CurrentUser, OtpMessage, OtpUser, SendError, SendOtp, VerifiedUser, otp_config};

#[derive(OtpUser)]
pub struct User<T>
where
    T: Clone + Send + Sync + 'static,
{
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    verified: bool,
    #[otp(claim)]
    name: String,
    #[otp(skip)]
    extra: Option<T>,
}

#[otp_config(user = User<u8>, secret_key = &self.secret)]
pub struct Auth<S>
where
    S: SendOtp,
{
    #[otp(sender)]
    sender: S,
    secret: [u8; 32],
}

pub struct Nowhere;

impl SendOtp for Nowhere {
    async fn send_otp(&self, _: OtpMessage<'_>) -> Result<(), SendError> {
        Ok(())
    }
}

pub async fn me(user: CurrentUser<Auth<Nowhere>>, verified: VerifiedUser<Auth<Nowhere>>) -> String {
    format!("{} {} {:?}", user.name, verified.id, user.extra)
}

fn main() {
    let _ = Auth { sender: Nowhere, secret: [0; 32] };
    let _ = User::<u8> { id: 1, email: String::new(), verified: true, name: String::new(), extra: None };
}
