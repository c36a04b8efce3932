//! A column whose type no database knows: one error, under the user's type.
use otp_auth::OtpUser;

struct Opaque;

#[derive(OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    opaque: Opaque,
}

#[derive(OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct NoText {
    #[otp(id)]
    id: Vec<u8>,
    #[otp(email)]
    email: String,
}

fn main() {}
