//! What the compiler says if an impl is missing: one error, at the user's type, with advice on what
//! to write.
use axum::Router;
use axum::routing::get;
use otp_auth::{
    ConsoleSender, CurrentUser, MemoryStore, MySqlStore, OtpAuth, OtpUser, PostgresStore, SqliteStore, VerifiedUser,
    otp_config,
};

#[derive(Clone, OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

// No field with `#[otp(sender)]`, and no `impl SendOtp`.
#[otp_config(user = User, secret_key = env("S"))]
struct NoSender;

#[otp_config(user = User, secret_key = env("S"))]
struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}

// The user has no `verified` field.
async fn verified(_: VerifiedUser<Auth>) {}

// Not a configuration.
async fn current(_: CurrentUser<User>) {}

// Without a SQLite table.
fn store(store: SqliteStore) {
    let _ = OtpAuth::new(Auth { sender: ConsoleSender }, store);
}

// A table for one database, and a store for another.
#[derive(Clone, OtpUser)]
#[otp_user(table = "members", stores(sqlite))]
struct Member {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = Member, secret_key = env("S"))]
struct Club {
    #[otp(sender)]
    sender: ConsoleSender,
}

fn postgres(store: PostgresStore) {
    let _ = OtpAuth::new(Club { sender: ConsoleSender }, store);
}

fn mysql(store: MySqlStore) {
    let _ = OtpAuth::new(Club { sender: ConsoleSender }, store);
}

struct NotAUser;

#[otp_config(user = NotAUser, secret_key = env("S"))]
struct Unknown {
    #[otp(sender)]
    sender: ConsoleSender,
}

fn main() {
    let _ = MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned() });
    let _: Router<()> = Router::new().route("/", get(|| async {}));
}
