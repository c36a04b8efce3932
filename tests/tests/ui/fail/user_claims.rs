use otp_auth::OtpUser;

#[derive(OtpUser)]
struct Reserved {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(claim = "sub")]
    subject: String,
    #[otp(claim)]
    exp: i64,
    #[otp(claim = "")]
    nothing: String,
    #[otp(claim = 7)]
    number: String,
}

#[derive(OtpUser)]
struct Double {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(claim)]
    role: String,
    #[otp(claim = "role")]
    other: String,
}

struct Mine;

#[derive(OtpUser)]
#[otp_user(claims = Mine)]
struct Both {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(claim)]
    role: String,
}

#[derive(OtpUser)]
struct Generic<T: Clone + Send + Sync + 'static> {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(claim)]
    payload: T,
}

fn main() {}
