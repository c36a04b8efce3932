use otp_auth::{ConsoleSender, OtpUser, otp_config};

#[derive(OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = env("S"), access_token_lifetime = "2h", refresh_token_lifetime = "1h")]
struct Lifetimes {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"), cookie_name = "__Host-token", cookie_domain = "example.com")]
struct HostDomain {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"), cookie_name = "__Host-token", cookie_path = "/auth")]
struct HostPath {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"), cookie_name = "__Secure-token", cookie_secure = false)]
struct Prefix {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"), cookie_same_site = "none", cookie_secure = false)]
struct SameSite {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"), max_sends_per_day_total = 1000)]
struct Guesses {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User)]
struct NoSecret {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(secret_key = env("S"))]
struct NoUser {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"), user = User, otp_lenght = 6, hook)]
struct Names {
    #[otp(sender)]
    sender: ConsoleSender,
    #[otp(sender)]
    second: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"))]
struct Field {
    #[otp(sendr)]
    sender: ConsoleSender,
}

// What remains after a typo in `hooks`.
impl otp_auth::Hooks<User> for Names {}

#[otp_config(user = User, secret_key = env(OTP))]
struct Env {
    #[otp(sender)]
    sender: ConsoleSender,
}

#[otp_config(user = User, secret_key = env("S"))]
enum Enum {
    A,
}

fn main() {}
