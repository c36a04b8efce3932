use otp_auth::OtpUser;

#[derive(OtpUser)]
struct Nothing {
    id: i64,
    email: String,
}

#[derive(OtpUser)]
struct Twice {
    #[otp(id)]
    id: i64,
    #[otp(id)]
    other: i64,
    #[otp(email)]
    email: String,
    #[otp(email)]
    second: String,
    #[otp(verified)]
    verified: bool,
    #[otp(verified)]
    checked: bool,
}

#[derive(OtpUser)]
struct Typos {
    #[otp(idd)]
    id: i64,
    #[otp(email, colum = "mail")]
    email: String,
    #[otp(verifed)]
    verified: bool,
}

#[derive(OtpUser)]
struct Types {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: Option<String>,
    #[otp(verified)]
    verified: Option<bool>,
}

#[derive(OtpUser)]
struct Contradictions {
    #[otp(id, skip)]
    id: i64,
    #[otp(email, json)]
    email: String,
    #[otp(skip, column = "c")]
    cache: u8,
    #[otp(generate = 7)]
    number: i64,
}

fn main() {}
