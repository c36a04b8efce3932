//! The user type of the store tests.

use std::cell::RefCell;

use otp_auth::OtpUser;
use tempfile::TempDir;

#[derive(Clone, Debug, PartialEq, OtpUser)]
#[otp_user(table = "users", stores(sqlite, postgres, mysql))]
pub(crate) struct User {
    #[otp(id)]
    pub(crate) id: i64,
    #[otp(email)]
    pub(crate) email: String,
    #[otp(verified)]
    pub(crate) is_verified: bool,
}

thread_local! {
    /// The directories of a test. They are deleted with its thread.
    static DIRECTORIES: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

/// A URL for a new database.
pub(crate) fn sqlite_url() -> String {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", directory.path().join("test.db").display());
    DIRECTORIES.with_borrow_mut(|directories| directories.push(directory));
    url
}
