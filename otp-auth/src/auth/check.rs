//! The database check at startup.

use super::OtpAuth;
use crate::check::{CheckError, SignUps};
use crate::config::OtpConfig;

impl<C: OtpConfig> OtpAuth<C> {
    /// Checks that the database has what sign-ins need: the user table with every column and its
    /// type, a unique index on the address and on the id, a default for each column that a first
    /// sign-in leaves out, and the library's own tables as the store's `migrate` creates them.
    /// Loads no rows and changes nothing.
    ///
    /// Without this check, the first user to sign in gets a 503 if a table does not fit. Call it at
    /// startup, after `migrate`:
    ///
    /// ```
    /// # use otp_auth::{OtpAuth, OtpConfig};
    /// # async fn start<C: OtpConfig>(auth: OtpAuth<C>) -> Result<(), Box<dyn std::error::Error>> {
    /// auth.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// To accept some faults deliberately, go through [`findings`](CheckError::findings) and match
    /// on their [`kind`](crate::store::Finding::kind).
    ///
    /// # Errors
    ///
    /// [`CheckError`] lists every fault at once, with what to write, or says that the database
    /// could not be queried.
    pub async fn check(&self) -> Result<(), CheckError> {
        let sign_ups = if self.inner.settings.auto_create_user { SignUps::Open } else { SignUps::Closed };
        CheckError::unless_empty(self.inner.store().check(sign_ups).await?)
    }
}
