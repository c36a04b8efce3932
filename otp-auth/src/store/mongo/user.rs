//! The application's users in `MongoDB`: what `collection = "…"` generates for a user type, and how
//! a document is found and read.

use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::raw::{RawBsonRef, RawDocumentBuf};
use mongodb::options::Collation;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{MongoStore, options, value};
use crate::store::{StoreResult, Timestamp};
use crate::user::OtpUser;

pub use super::error::Error;
pub use mongodb::bson::raw::RawDocument as Stored;
pub use mongodb::bson::{Bson, Document};

/// A user in a `MongoDB` collection. `#[derive(OtpUser)]` implements this for `collection = "…"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not connected to MongoDB",
    label = "`MongoStore` cannot load this type",
    note = "write `#[otp_user(collection = \"…\")]` on the struct"
)]
pub trait MongoUser: OtpUser {
    /// The collection of the users.
    const COLLECTION: &'static str;
    /// The field of the id.
    const ID: &'static str;
    /// The field of the address.
    const EMAIL: &'static str;
    /// The field that says whether the address is verified; `None` if the user type has no such
    /// flag.
    const VERIFIED: Option<&'static str>;

    /// Reads a document. A document without an id or an address is not a user.
    ///
    /// # Errors
    ///
    /// If a field does not have its type.
    fn from_document(document: &Stored) -> Result<Option<Self>, Error>;

    /// The id, as stored.
    ///
    /// # Errors
    ///
    /// If the id cannot be written.
    fn id_value(id: &Self::Id) -> Result<Bson, Error>;

    /// An address, as stored.
    ///
    /// # Errors
    ///
    /// If the address cannot be written.
    fn email_value(email: &str) -> Result<Bson, Error>;

    /// The document of a new user: verified, with a new id.
    ///
    /// # Errors
    ///
    /// If a value cannot be written.
    fn new_document(email: &str, now: Timestamp) -> Result<Document, Error>;

    /// The value that marks a user as verified: true, or the time.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn verified_value(now: Timestamp) -> Result<Bson, Error> {
        let _ = now;
        Ok(Bson::Boolean(true))
    }

    /// The fields, with their values, that make a document a user. A new user gets them.
    #[must_use]
    fn filter() -> Document {
        Document::new()
    }
}

/// Whether a field of a document is missing or null.
///
/// # Errors
///
/// If the document cannot be read.
pub fn is_absent(document: &Stored, name: &str) -> Result<bool, Error> {
    Ok(stored(document, name)?.is_none())
}

/// Reads a field that every user has.
///
/// # Errors
///
/// If it is missing or does not have this type.
pub fn required<T: DeserializeOwned>(document: &Stored, name: &str) -> Result<T, Error> {
    match stored(document, name)? {
        None => Err(Error::field(name, "is missing")),
        Some(stored) => value::read(stored).ok_or_else(|| wrong_type(name, stored)),
    }
}

/// Reads a field, or returns the default if it is missing or null.
///
/// # Errors
///
/// If it does not have this type.
pub fn or<T: DeserializeOwned>(document: &Stored, name: &str, default: impl FnOnce() -> T) -> Result<T, Error> {
    match stored(document, name)? {
        None => Ok(default()),
        Some(stored) => value::read(stored).ok_or_else(|| wrong_type(name, stored)),
    }
}

fn stored<'d>(document: &'d Stored, name: &str) -> Result<Option<RawBsonRef<'d>>, Error> {
    let stored = document.get(name).map_err(|_| Error::unreadable())?;
    Ok(stored.filter(|stored| *stored != RawBsonRef::Null))
}

/// Names the type that is stored, but not the value.
fn wrong_type(name: &str, stored: RawBsonRef<'_>) -> Error {
    Error::field(name, &format!("does not read as its Rust type: it is stored as {:?}", stored.element_type()))
}

/// The id, as stored.
///
/// # Errors
///
/// If it cannot be written.
pub fn id<T: Serialize>(id: &T) -> Result<Bson, Error> {
    value::write_id(id).ok_or_else(|| Error::field("id", "cannot be written as BSON"))
}

/// A new `ObjectId`, as the id of a user.
///
/// # Errors
///
/// If the type cannot be read from an `ObjectId`.
pub fn generated<T: DeserializeOwned>() -> Result<T, Error> {
    value::read(RawBsonRef::ObjectId(ObjectId::new())).ok_or_else(Error::no_object_id)
}

/// A value, as stored in this field.
///
/// # Errors
///
/// If it cannot be written.
#[allow(clippy::needless_pass_by_value, reason = "generated code makes the value in place")]
pub fn value<T: Serialize>(name: &str, value: T) -> Result<Bson, Error> {
    value::write(&value).ok_or_else(|| Error::field(name, "cannot be written as BSON"))
}

/// Adds a field to a new document. Null is left out, so that the application's unique and sparse
/// indexes do not cover it.
///
/// # Errors
///
/// If the value cannot be written.
#[allow(clippy::needless_pass_by_value, reason = "generated code makes the value in place")]
pub fn put<T: Serialize>(document: &mut Document, name: &str, value: T) -> Result<(), Error> {
    match self::value(name, value)? {
        Bson::Null => {}
        written => {
            document.insert(name, written);
        }
    }
    Ok(())
}

/// Adds the id to a new document.
///
/// # Errors
///
/// If it cannot be written.
#[allow(clippy::needless_pass_by_value, reason = "generated code makes the value in place")]
pub fn put_id<T: Serialize>(document: &mut Document, name: &str, value: T) -> Result<(), Error> {
    document.insert(name, id(&value)?);
    Ok(())
}

/// Compares bytes, whatever the collection's collation, so that no address or id matches another.
pub(super) fn exactly() -> Collation {
    Collation::builder().locale("simple".to_owned()).build()
}

/// The filter for the user with this id.
pub(super) fn with_id<U: MongoUser>(id: &U::Id) -> Result<Document, Error> {
    let mut filter = U::filter();
    filter.insert(U::ID, value::is_id(&U::id_value(id)?));
    Ok(filter)
}

/// The filter for every document with this address, whether it is a user or not.
pub(super) fn any_with_email<U: MongoUser>(email: &str) -> Result<Document, Error> {
    Ok(doc! { U::EMAIL: { "$eq": U::email_value(email)? } })
}

/// The filter for the user with this address.
pub(super) fn with_email<U: MongoUser>(email: &str) -> Result<Document, Error> {
    let mut filter = any_with_email::<U>(email)?;
    filter.extend(U::filter());
    // Every document has an `_id`.
    if U::ID != "_id" {
        filter.insert(U::ID, doc! { "$ne": null });
    }
    Ok(filter)
}

/// The user in a document, if it is one.
pub(super) fn read<U: MongoUser>(document: Option<&Stored>) -> Result<Option<U>, Error> {
    Ok(document.map(U::from_document).transpose()?.flatten())
}

impl MongoStore {
    pub(super) fn users<U: MongoUser>(&self) -> Collection<RawDocumentBuf> {
        self.database.collection_with_options(U::COLLECTION, options())
    }

    /// The document of the user with this address.
    pub(super) async fn document_by_email<U: MongoUser>(&self, email: &str) -> StoreResult<Option<RawDocumentBuf>> {
        Ok(self.users::<U>().find_one(with_email::<U>(email)?).collation(exactly()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_and_null_are_the_same() {
        let mut document = doc! { "null": Bson::Null };
        put(&mut document, "number", 7).unwrap();
        put(&mut document, "none", None::<i32>).unwrap();
        put_id(&mut document, "id", "a").unwrap();
        assert_eq!(document, doc! { "null": Bson::Null, "number": 7, "id": "a" });
        let stored = RawDocumentBuf::try_from(&document).unwrap();
        for (name, absent, number) in [("null", true, 1), ("missing", true, 1), ("number", false, 7)] {
            assert_eq!(is_absent(&stored, name).unwrap(), absent, "{name}");
            assert_eq!(or(&stored, name, || 1).unwrap(), number, "{name}");
            assert_eq!(required::<i32>(&stored, name).is_err(), absent, "{name}");
        }
        let wrong = "the field `id` of a document does not read as its Rust type: it is stored as String";
        assert_eq!(required::<i32>(&stored, "id").unwrap_err().to_string(), wrong);
        assert_eq!(or(&stored, "id", || 1).unwrap_err().to_string(), wrong);
        assert!(generated::<ObjectId>().is_ok() && generated::<i64>().is_err());
    }
}
