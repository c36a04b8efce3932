//! Errors, without anything that could be an address.
//!
//! The driver's errors include the server's whole response, and with it the values of the document
//! that was rejected or could not be read. Only the kind of error, its number and the name of an
//! index are kept.

use mongodb::error::{Error as DriverError, ErrorKind, WriteFailure};

use crate::error::StoreError;

const DUPLICATE_KEY: i32 = 11_000;

/// What failed in `MongoDB`, or in reading or writing a document.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    fn of(error: &DriverError) -> Self {
        Self(match &*error.kind {
            ErrorKind::Command(command) => refused(command.code, &command.code_name, &command.message),
            ErrorKind::Write(WriteFailure::WriteError(write)) => {
                refused(write.code, write.code_name.as_deref().unwrap_or_default(), &write.message)
            }
            ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
                format!(
                    "MongoDB could not confirm that a write is durable: error {} {}",
                    concern.code, concern.code_name
                )
            }
            ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. } => {
                "a MongoDB reply could not be read, or a value could not be written".to_owned()
            }
            // These are about connections and contain no document.
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::IncompatibleServer { .. }
            | ErrorKind::Shutdown => format!("no connection to MongoDB: {}", error.kind),
            ErrorKind::ConnectionPoolCleared { .. } => "the connection to MongoDB was lost".to_owned(),
            ErrorKind::Authentication { .. } => "MongoDB rejected the credentials".to_owned(),
            _ => "the MongoDB driver failed".to_owned(),
        })
    }

    /// The URL cannot be used. The message may quote it, so it is included only if there can be no
    /// password in it.
    pub(super) fn url(url: &str, error: &DriverError) -> Self {
        match &*error.kind {
            ErrorKind::InvalidArgument { message, .. } if !url.contains('@') => {
                Self(format!("the MongoDB URL is not valid: {message}"))
            }
            ErrorKind::InvalidArgument { .. } => Self(
                "the MongoDB URL is not valid; special characters in a password must be percent-encoded".to_owned(),
            ),
            _ => Self::of(error),
        }
    }

    pub(super) fn key_taken(collection: &str) -> Self {
        Self(format!("a new key already exists in `{collection}`"))
    }

    pub(super) fn contended(what: &str) -> Self {
        Self(format!("too many concurrent changes to {what}"))
    }

    pub(super) fn field(name: &str, problem: &str) -> Self {
        Self(format!("the field `{name}` of a document {problem}"))
    }

    pub(super) fn unreadable() -> Self {
        Self("a document could not be read".to_owned())
    }

    pub(super) fn no_object_id() -> Self {
        Self(
            "MongoDB makes an `ObjectId` for a new user, and the type of the id reads none: \
             write `#[otp(id, generate = …)]`"
                .to_owned(),
        )
    }
}

/// An error of the server by its number, and for a duplicate key the index.
fn refused(code: i32, name: &str, message: &str) -> String {
    if code == DUPLICATE_KEY {
        let index = message.split_once("index: ").and_then(|(_, rest)| rest.split_whitespace().next());
        return format!("MongoDB rejected a duplicate key (error {code}), index {}", index.unwrap_or("unknown"));
    }
    format!("MongoDB returned error {code} {name}").trim_end().to_owned()
}

/// Whether a unique index rejected a write.
pub(super) fn is_duplicate(error: &DriverError) -> bool {
    match &*error.kind {
        ErrorKind::Command(command) => command.code == DUPLICATE_KEY,
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.code == DUPLICATE_KEY,
        _ => false,
    }
}

impl From<DriverError> for StoreError {
    fn from(error: DriverError) -> Self {
        Self::new(Error::of(&error))
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}
