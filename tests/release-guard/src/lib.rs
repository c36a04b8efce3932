//! Configurations of an application built without debug assertions.

use otp_auth::testing::CapturingSender;
use otp_auth::{MemoryStore, OtpUser, otp_config};

/// A user.
#[derive(Clone, OtpUser)]
pub struct User {
    /// The id.
    #[otp(id)]
    pub id: i64,
    /// The address.
    #[otp(email)]
    pub email: String,
}

/// An empty store.
#[must_use]
pub fn store() -> MemoryStore<User> {
    MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned() })
}

/// What the documentation recommends.
#[otp_config(user = User, secret_key = secret(), developer_mode = cfg!(debug_assertions), cookie_secure = !cfg!(debug_assertions))]
#[derive(Default)]
pub struct AsDocumented {
    /// The sender.
    #[otp(sender)]
    pub sender: CapturingSender,
}

/// Developer mode as a value that is only known at run time.
#[otp_config(user = User, secret_key = secret(), developer_mode = self.on, cookie_secure = self.secure)]
#[derive(Default)]
pub struct ByValue {
    /// The sender.
    #[otp(sender)]
    pub sender: CapturingSender,
    /// Whether developer mode is wanted.
    pub on: bool,
    /// Whether cookies are secure.
    pub secure: bool,
}

/// Deliberate developer mode.
#[otp_config(user = User, developer_mode = allow_in_release(true), cookie_secure = false)]
#[derive(Default)]
pub struct Allowed {
    /// The sender.
    #[otp(sender)]
    pub sender: CapturingSender,
}

/// Does not compile in this package.
#[cfg(literal_developer_mode)]
#[otp_config(user = User, developer_mode = true)]
#[derive(Default)]
pub struct Literal {
    /// The sender.
    #[otp(sender)]
    pub sender: CapturingSender,
}

/// A secret for this run. Nothing in a repository can be a secret.
fn secret() -> String {
    use std::hash::{BuildHasher, RandomState};

    (0..4_u8).fold(String::new(), |text, part| format!("{text}{:016x}", RandomState::new().hash_one(part)))
}
