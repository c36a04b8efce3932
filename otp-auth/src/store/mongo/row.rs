//! Reads and writes the fields of our own documents.

use mongodb::bson::raw::RawDocument;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document};

use super::error::Error;
use crate::store::{Realm, Timestamp};

pub(super) fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millis())
}

pub(super) fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// A key in a realm: the realm's name, a zero byte, which no name contains, and the bytes.
pub(super) fn key(realm: &Realm, bytes: &[u8]) -> Bson {
    let mut key = Vec::with_capacity(realm.as_str().len() + 1 + bytes.len());
    key.extend_from_slice(realm.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(bytes);
    binary(&key)
}

/// The bytes that a [`key`] was created from.
pub(super) fn of_key<const N: usize>(row: &Document, field: &str) -> Result<[u8; N], Error> {
    match row.get(field) {
        Some(Bson::Binary(binary)) => {
            binary.bytes.last_chunk().copied().ok_or_else(|| Error::field(field, "does not have the right length"))
        }
        _ => Err(Error::field(field, "is not a key")),
    }
}

/// The document at a cursor.
pub(super) fn of(raw: &RawDocument) -> Result<Document, Error> {
    Document::try_from(raw).map_err(|_| Error::unreadable())
}

pub(super) fn time(row: &Document, field: &str) -> Result<Timestamp, Error> {
    optional_time(row, field)?.ok_or_else(|| Error::field(field, "is missing"))
}

pub(super) fn optional_time(row: &Document, field: &str) -> Result<Option<Timestamp>, Error> {
    match row.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(Bson::DateTime(at)) => Ok(Some(Timestamp::from_millis(at.timestamp_millis()))),
        Some(_) => Err(Error::field(field, "is not a date")),
    }
}

pub(super) fn bytes<const N: usize>(row: &Document, field: &str) -> Result<[u8; N], Error> {
    optional_bytes(row, field)?.ok_or_else(|| Error::field(field, "is missing"))
}

pub(super) fn optional_bytes<const N: usize>(row: &Document, field: &str) -> Result<Option<[u8; N]>, Error> {
    match row.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(Bson::Binary(binary)) => match binary.bytes.as_slice().try_into() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => Err(Error::field(field, "does not have the right length")),
        },
        Some(_) => Err(Error::field(field, "is not binary")),
    }
}

pub(super) fn number(row: &Document, field: &str) -> Result<u32, Error> {
    let number = match row.get(field) {
        Some(Bson::Int64(number)) => u32::try_from(*number).ok(),
        Some(Bson::Int32(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| Error::field(field, "is not a count"))
}

pub(super) fn text(row: &Document, field: &str) -> Result<String, Error> {
    optional_text(row, field)?.ok_or_else(|| Error::field(field, "is missing"))
}

pub(super) fn optional_text(row: &Document, field: &str) -> Result<Option<String>, Error> {
    match row.get(field) {
        None | Some(Bson::Null) => Ok(None),
        Some(Bson::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::field(field, "is not a string")),
    }
}
