//! Types of the `verified` field, and filters: each error underlines the word to change.
use otp_auth::OtpUser;

struct Stamp;

#[derive(OtpUser)]
struct NoMoment {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    verified_at: Option<Stamp>,
}

#[derive(OtpUser)]
#[otp_user(table = "users", stores(sqlite), filter = "deleted_at IS NULL) OR (1 = 1")]
struct Unbalanced {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(OtpUser)]
#[otp_user(collection = "users", filter(deleted = gone()))]
struct Computed {
    #[otp(id, generate = 1)]
    id: i64,
    #[otp(email)]
    email: String,
}

fn main() {}
