//! Keywords as names of fields, types and claims.
#![deny(warnings)]

use otp_auth::{ConsoleSender, OtpUser, otp_config};

#[allow(non_camel_case_types)]
#[derive(OtpUser)]
#[otp_user(table = "type", stores(sqlite))]
pub struct r#struct {
    #[otp(id)]
    r#type: i64,
    #[otp(email)]
    r#where: String,
    #[otp(verified)]
    r#true_: bool,
    #[otp(claim)]
    r#match: String,
    #[otp(claim = "loop")]
    r#loop: Option<u8>,
}

#[allow(non_camel_case_types)]
#[otp_config(user = r#struct, secret_key = env("OTP_AUTH_SECRET"))]
pub struct r#impl {
    #[otp(sender)]
    r#move: ConsoleSender,
}

fn main() {
    let user = r#struct { r#type: 1, r#where: String::new(), r#true_: true, r#match: "m".into(), r#loop: Some(1) };
    let claims = OtpUser::claims(&user);
    assert_eq!(serde_json::to_string(&claims).unwrap(), r#"{"match":"m","loop":1}"#);
    let _ = r#impl { r#move: ConsoleSender };
}
