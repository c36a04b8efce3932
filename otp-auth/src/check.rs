//! What a check at the start has found in the database, and what to write.

use std::error::Error as StdError;
use std::fmt;

use crate::error::StoreError;

/// Whether a first sign-in makes a user, so that a store knows what the table
/// must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUps {
    /// It does.
    Open,
    /// Only users who are there already sign in.
    Closed,
}

/// What a [`Finding`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The table of the users is not there.
    Table,
    /// A column of the users is not there.
    Column,
    /// A column has a type that its field cannot read.
    Type,
    /// A first sign-in could not add a user.
    SignUp,
    /// The database does not keep two users from having one id or address.
    Unique,
    /// Something is not allowed to this user of the database.
    Privilege,
    /// The library's own tables are not there, or not as this version needs
    /// them.
    Migration,
}

/// One thing that is wrong in the database, and what to write. It names
/// tables and columns, and never what is in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    kind: FindingKind,
    problem: String,
    remedy: String,
}

impl Finding {
    /// A finding, for a store of your own: what is wrong, and what to write.
    #[must_use]
    pub fn new(kind: FindingKind, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, problem: problem.into(), remedy: remedy.into() }
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> FindingKind {
        self.kind
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to write.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.problem, self.remedy)
    }
}

/// Why [`OtpAuth::check`](crate::OtpAuth::check) did not pass: the database
/// has faults, which it lists all at once, or it could not be asked.
pub struct CheckError(Reason);

enum Reason {
    Found(Vec<Finding>),
    Store(StoreError),
}

impl CheckError {
    /// What was found; empty when the database could not be asked.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match &self.0 {
            Reason::Found(findings) => findings,
            Reason::Store(_) => &[],
        }
    }

    /// The database could not be asked: whether its tables are right is not
    /// known. The cause is the [`source`](StdError::source).
    #[must_use]
    pub fn is_store_failure(&self) -> bool {
        matches!(self.0, Reason::Store(_))
    }

    /// `Ok` if there are none.
    pub(crate) fn unless_empty(findings: Vec<Finding>) -> Result<(), Self> {
        if findings.is_empty() { Ok(()) } else { Err(Self(Reason::Found(findings))) }
    }
}

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        Self(Reason::Store(error))
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reason::Found(findings) => {
                f.write_str("otp-auth cannot work with this database:")?;
                findings.iter().try_for_each(|finding| write!(f, "\n  - {finding}"))
            }
            Reason::Store(error) => write!(f, "the tables of otp-auth could not be checked: {error}"),
        }
    }
}

/// The same text: `main` prints an error with `Debug` when it returns one.
impl fmt::Debug for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for CheckError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Reason::Found(_) => None,
            Reason::Store(error) => Some(error),
        }
    }
}
