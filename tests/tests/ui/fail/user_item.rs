use otp_auth::OtpUser;

#[derive(OtpUser)]
enum Enum {
    A,
}

#[derive(OtpUser)]
struct Tuple(i64, String);

#[derive(OtpUser)]
struct Unit;

#[derive(OtpUser)]
struct Borrowed<'a> {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: &'a str,
}

#[derive(OtpUser)]
#[otp_user(table = "users")]
struct NoStores {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(OtpUser)]
#[otp_user(stores(sqlite))]
struct NoTable {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(OtpUser)]
#[otp_user(table = "", stores(sqlite))]
struct EmptyTable {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(OtpUser)]
#[otp_user(table = "users", stores(sqlit, sqlite, sqlite), tabel = "x")]
struct Stores {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(OtpUser)]
#[otp_user(table = "users", stores(oracle))]
struct Oracle {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(OtpUser)]
#[otp_user(collection = "users")]
struct Mongo {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(OtpUser)]
#[otp_user(table = users, stores = "sqlite")]
struct Forms {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

fn main() {}
