//! What the check at startup found in the database, and what to write.

use std::error::Error as StdError;
use std::fmt;

use crate::error::StoreError;

/// Whether a first sign-in creates a user. It decides what the table must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUps {
    /// It does.
    Open,
    /// Only existing users sign in.
    Closed,
}

/// What a [`Finding`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// The user table does not exist.
    Table,
    /// A user column does not exist.
    Column,
    /// The column's type does not fit its field.
    Type,
    /// A first sign-in could not insert a user.
    SignUp,
    /// Nothing in the database keeps two users from sharing an id or address.
    Unique,
    /// The database user lacks a privilege.
    Privilege,
    /// The library's own tables are missing, or do not fit this version.
    Migration,
}

/// A fault in the database, and what to write. It names tables and columns, never the contents of a
/// row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    kind: FindingKind,
    problem: String,
    remedy: String,
}

impl Finding {
    /// A finding for your own store: what is wrong, and what to write.
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

/// Why [`OtpAuth::check`](crate::OtpAuth::check) failed: the database has faults, all listed at
/// once, or could not be queried.
pub struct CheckError(Reason);

enum Reason {
    Found(Vec<Finding>),
    Store(StoreError),
}

impl CheckError {
    /// The findings; empty if the database could not be queried.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match &self.0 {
            Reason::Found(findings) => findings,
            Reason::Store(_) => &[],
        }
    }

    /// Whether the database could not be queried, so that its tables were not checked.
    /// [`source`](StdError::source) has the cause.
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
            Reason::Store(error) => write!(f, "the database could not be checked: {error}"),
        }
    }
}

/// Same as `Display`, because `main` prints a returned error with `Debug`.
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
