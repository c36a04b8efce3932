//! The application's user.

use otp_auth::{OtpUser, store::NewUser};

/// A user with everything that the extractors look at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema, OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
pub struct User {
    /// The key of the table.
    #[otp(id)]
    pub id: i64,
    /// The canonical address.
    #[otp(email)]
    pub email: String,
    /// Whether the address is verified.
    #[otp(verified)]
    pub is_verified: bool,
    /// Part of every access token.
    #[otp(claim)]
    pub username: Option<String>,
}

impl User {
    /// The table of [`User`] in `SQLite`. The address has no unique index, because the store itself
    /// must guarantee one user per address.
    pub const SCHEMA: &'static str = "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL, \
         is_verified BOOLEAN NOT NULL DEFAULT FALSE, username TEXT)";

    /// The user that a first sign-in creates.
    pub fn first(new: NewUser<'_>) -> Self {
        Self { id: new.number, email: new.email.to_owned(), is_verified: true, username: None }
    }
}
