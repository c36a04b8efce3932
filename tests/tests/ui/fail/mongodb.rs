//! What the compiler says about a collection: one error for each mistake,
//! under the user's type.
use mongodb::bson::oid::ObjectId;
use otp_auth::{ConsoleSender, MongoStore, OtpAuth, OtpUser, otp_config};

// Without serde and without a `Default`.
struct Opaque;

#[derive(OtpUser)]
#[otp_user(collection = "users")]
struct Unreadable {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: String,
    opaque: Opaque,
}

#[derive(serde::Serialize, serde::Deserialize)]
enum Role {
    Guest,
}

// No initial value for a new user.
#[derive(OtpUser)]
#[otp_user(collection = "users")]
struct NoDefault {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: String,
    role: Role,
    #[otp(default = Role::Guest)]
    first: Role,
}

// MongoDB does not generate integers.
#[derive(OtpUser)]
#[otp_user(collection = "users")]
struct Counted {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[derive(Clone, OtpUser)]
struct Nowhere {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: String,
}

#[otp_config(user = Nowhere, secret_key = env("S"))]
struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}

// Without a MongoDB collection.
fn store(store: MongoStore) {
    let _ = OtpAuth::new(Auth { sender: ConsoleSender }, store);
}

fn main() {}
