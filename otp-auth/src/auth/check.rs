//! Whether the database is ready, asked at the start.

use super::OtpAuth;
use crate::check::{CheckError, SignUps};
use crate::config::OtpConfig;

impl<C: OtpConfig> OtpAuth<C> {
    /// Proves that the database has what sign-ins need: the table of the users
    /// with every column and its type, a unique index on the address and on
    /// the id, a default for each column that a first sign-in leaves out, and
    /// the library's own tables as the store's `migrate` makes them. It loads
    /// no row and changes nothing.
    ///
    /// Without it a table that does not fit is noticed by the first who signs
    /// in, and they get a 503. Call it at the start, after `migrate`:
    ///
    /// ```
    /// # use otp_auth::{OtpAuth, OtpConfig};
    /// # async fn start<C: OtpConfig>(auth: OtpAuth<C>) -> Result<(), Box<dyn std::error::Error>> {
    /// auth.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// An application that knows better about some of the list goes through
    /// [`findings`](CheckError::findings), and tells them apart by their
    /// [`kind`](crate::store::Finding::kind).
    ///
    /// # Errors
    ///
    /// [`CheckError`] lists everything that is wrong at once, with what to
    /// write, or says that the database could not be asked.
    pub async fn check(&self) -> Result<(), CheckError> {
        let sign_ups = if self.inner.settings.auto_create_user { SignUps::Open } else { SignUps::Closed };
        CheckError::unless_empty(self.inner.store.check(sign_ups).await?)
    }
}
