//! The application's users in `MongoDB`: what `collection = "…"` makes of a
//! user type, and how the store uses it.

use mongodb::Collection;
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::raw::{RawBsonRef, RawDocument, RawDocumentBuf};
use mongodb::options::Collation;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{MongoStore, blacklist, options, value};
use crate::store::{Finding, Realm, SignIn, SignInOutcome, SignUps, StoreResult, Timestamp, TokenRef, UserStore};
use crate::user::OtpUser;

pub use super::error::Error;
pub use mongodb::bson::raw::RawDocument as Stored;
pub use mongodb::bson::{Bson, Document};

/// A user in a `MongoDB` collection. `#[derive(OtpUser)]` implements it for
/// `collection = "…"`.
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
    /// The field that says whether the address is verified; `None` when the
    /// user type keeps no such flag.
    const VERIFIED: Option<&'static str>;

    /// Reads a document. One without an id or without an address is no user.
    ///
    /// # Errors
    ///
    /// When a field does not have its type.
    fn from_document(document: &Stored) -> Result<Option<Self>, Error>;

    /// The id as it is stored.
    ///
    /// # Errors
    ///
    /// When the id cannot be written.
    fn id_value(id: &Self::Id) -> Result<Bson, Error>;

    /// An address as it is stored.
    ///
    /// # Errors
    ///
    /// When the address cannot be written.
    fn email_value(email: &str) -> Result<Bson, Error>;

    /// The document of a new user: verified, with an id of its own.
    ///
    /// # Errors
    ///
    /// When a value cannot be written.
    fn new_document(email: &str, now: Timestamp) -> Result<Document, Error>;

    /// What marks a user as verified: true, or the time.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    fn verified_value(now: Timestamp) -> Result<Bson, Error> {
        let _ = now;
        Ok(Bson::Boolean(true))
    }

    /// The values that some fields of a document have if it is a user. A new
    /// user gets them.
    #[must_use]
    fn filter() -> Document {
        Document::new()
    }
}

/// Whether a document lacks a field, or has null in it.
///
/// # Errors
///
/// When the document cannot be read.
pub fn is_absent(document: &Stored, name: &str) -> Result<bool, Error> {
    Ok(stored(document, name)?.is_none())
}

/// Reads a field that every user has.
///
/// # Errors
///
/// When it is missing or does not have this type.
pub fn required<T: DeserializeOwned>(document: &Stored, name: &str) -> Result<T, Error> {
    match stored(document, name)? {
        None => Err(Error::field(name, "is missing")),
        Some(stored) => value::read(stored).ok_or_else(|| wrong_type(name, stored)),
    }
}

/// Reads a field; a document without it, or with null in it, has the default.
///
/// # Errors
///
/// When it does not have this type.
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

/// Says which type there is, and not which value.
fn wrong_type(name: &str, stored: RawBsonRef<'_>) -> Error {
    Error::field(name, &format!("does not read as its Rust type: it is stored as {:?}", stored.element_type()))
}

/// The id as it is stored.
///
/// # Errors
///
/// When it cannot be written.
pub fn id<T: Serialize>(id: &T) -> Result<Bson, Error> {
    value::write_id(id).ok_or_else(|| Error::field("id", "cannot be written as BSON"))
}

/// A new `ObjectId`, as the id of a user.
///
/// # Errors
///
/// When the type reads none.
pub fn generated<T: DeserializeOwned>() -> Result<T, Error> {
    value::read(RawBsonRef::ObjectId(ObjectId::new())).ok_or_else(Error::no_object_id)
}

/// A value as it is stored in this field.
///
/// # Errors
///
/// When it cannot be written.
#[allow(clippy::needless_pass_by_value, reason = "generated code makes the value in place")]
pub fn value<T: Serialize>(name: &str, value: T) -> Result<Bson, Error> {
    value::write(&value).ok_or_else(|| Error::field(name, "cannot be written as BSON"))
}

/// Puts a field into a new document. What is null is left out, so that a
/// unique and sparse index of the application does not see it.
///
/// # Errors
///
/// When the value cannot be written.
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

/// Puts the id into a new document.
///
/// # Errors
///
/// When it cannot be written.
#[allow(clippy::needless_pass_by_value, reason = "generated code makes the value in place")]
pub fn put_id<T: Serialize>(document: &mut Document, name: &str, value: T) -> Result<(), Error> {
    document.insert(name, id(&value)?);
    Ok(())
}

/// Bytes are compared, whatever collation the collection has: no address and
/// no id matches another.
pub(super) fn exactly() -> Collation {
    Collation::builder().locale("simple".to_owned()).build()
}

/// The filter for the user with this id.
pub(super) fn with_id<U: MongoUser>(id: &U::Id) -> Result<Document, Error> {
    let mut filter = U::filter();
    filter.insert(U::ID, value::is_id(&U::id_value(id)?));
    Ok(filter)
}

/// The filter for every document with this address, be it a user or not.
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

/// The user of a document, if it is one.
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

impl<U: MongoUser> UserStore<U> for MongoStore {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        let document = self.document_by_email::<U>(email).await?;
        Ok(read(document.as_deref())?)
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        let document = self.users::<U>().find_one(with_id::<U>(id)?).collation(exactly()).await?;
        Ok(read(document.as_deref())?)
    }

    /// One statement. The time is compared here, because the server deletes
    /// what has expired only now and then.
    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let refused = blacklist::refusing(realm, token, now);
        let mut cursor = self
            .users::<U>()
            .aggregate([
                doc! { "$match": with_id::<U>(id)? },
                doc! { "$lookup": {
                    "from": self.blacklist.name(),
                    "pipeline": [{ "$match": refused }, { "$limit": 1 }, { "$project": { "_id": 1 } }],
                    "as": "otp_auth_refused",
                } },
                doc! { "$match": { "otp_auth_refused": [] } },
            ])
            .collation(exactly())
            .await?;
        if !cursor.advance().await? {
            return Ok(None);
        }
        let document: &RawDocument = cursor.current();
        Ok(U::from_document(document)?)
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        self.accept(realm, sign_in).await
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        self.check_indexes::<U>(sign_ups).await
    }
}
