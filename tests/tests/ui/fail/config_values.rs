use otp_auth::{ConsoleSender, OtpUser, otp_config};

#[derive(OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(
    user = User,
    secret_key = "short",
    access_token_lifetime = "2 hours",
    refresh_token_lifetime = "401d",
    refresh_grace = "31s",
    otp_length = 4,
    otp_expiry = "1h",
    max_otp_attempts = 0,
    otp_rate_limit = 60,
    max_sends_per_hour = "5",
    send_timeout = "10m",
    auto_create_user = "yes",
    refresh_token_delivery = "header",
    cookie_name = "",
    cookie_path = "auth",
    cookie_same_site = "sometimes",
    local_part_case = "upper",
    issuer = "",
)]
struct Values {
    #[otp(sender)]
    sender: ConsoleSender,
}

fn main() {}
