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

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, deserialize_from_document, doc};
    use mongodb::options::ClientOptions;
    use serde::de::DeserializeOwned;

    use super::*;

    fn reply<T: DeserializeOwned>(reply: Document) -> T {
        deserialize_from_document(reply).unwrap()
    }

    #[test]
    fn an_error_is_told_without_the_values_in_it() {
        let of_command = |reply_| ErrorKind::Command(reply(reply_));
        let of_write = |reply_| ErrorKind::Write(WriteFailure::WriteError(reply(reply_)));
        let of_concern = |reply_| ErrorKind::Write(WriteFailure::WriteConcernError(reply(reply_)));
        let taken = "E11000 duplicate key error collection: app.users index: email_1 dup key: { email: \"ann@x.com\" }";
        let taken = doc! { "code": 11_000, "codeName": "DuplicateKey", "errmsg": taken };
        let invalid = doc! { "code": 121, "codeName": "DocumentValidationFailure", "errmsg": "ann@x.com" };
        let unreadable = deserialize_from_document::<u8>(doc! {}).unwrap_err();
        for (kind, told, is_taken) in [
            (of_command(taken.clone()), "MongoDB rejected a duplicate key (error 11000), index email_1", true),
            (of_write(taken.clone()), "MongoDB rejected a duplicate key (error 11000), index email_1", true),
            (of_write(doc! { "code": 11_000 }), "MongoDB rejected a duplicate key (error 11000), index unknown", true),
            (of_command(invalid.clone()), "MongoDB returned error 121 DocumentValidationFailure", false),
            (of_write(invalid), "MongoDB returned error 121 DocumentValidationFailure", false),
            (of_write(doc! { "code": 2 }), "MongoDB returned error 2", false),
            (of_concern(taken), "MongoDB could not confirm that a write is durable: error 11000 DuplicateKey", false),
            (unreadable.into(), "a MongoDB reply could not be read, or a value could not be written", false),
            (ErrorKind::Shutdown, "no connection to MongoDB: Client has been shut down", false),
            (ErrorKind::SessionsNotSupported, "the MongoDB driver failed", false),
        ] {
            let error = DriverError::from(kind);
            assert_eq!(is_duplicate(&error), is_taken, "{told}");
            assert_eq!(StoreError::from(error).to_string(), format!("the store failed: {told}"));
        }
    }

    #[tokio::test]
    async fn a_url_is_told_only_if_it_has_no_password() {
        for (url, told) in [
            ("mongodb://host:x", "the MongoDB URL is not valid: "),
            ("mongodb://ann:p@ss@host:x", "the MongoDB URL is not valid; special characters in a password"),
        ] {
            let error = Error::url(url, &ClientOptions::parse(url).await.unwrap_err()).to_string();
            assert!(error.starts_with(told), "{error}");
        }
        assert_eq!(Error::url("", &ErrorKind::SessionsNotSupported.into()).to_string(), "the MongoDB driver failed");
    }
}
