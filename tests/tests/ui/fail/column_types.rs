//! A column type that no database supports: one error, at the user's type.
use otp_auth::OtpUser;

struct Opaque;

#[derive(Clone)]
struct Mail(String);

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

#[derive(OtpUser)]
#[otp_user(table = "users", stores(postgres))]
struct Plain {
    #[otp(id)]
    id: u64,
    #[otp(email)]
    email: Mail,
    tags: std::collections::HashMap<String, String>,
}

#[derive(OtpUser)]
struct Addressed {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: Mail,
}

fn main() {}
