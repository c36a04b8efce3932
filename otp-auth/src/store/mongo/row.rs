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

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn a_field_is_read_as_it_was_written() {
        let (realm, at) = (Realm::new("users").unwrap(), Timestamp::from_millis(1_767_225_600_123));
        let row = doc! {
            "key": key(&realm, &[7; 16]), "at": date(at), "bytes": binary(&[8; 4]), "long": 9_i64, "short": 10_i32, "text": "x",
            "null": Bson::Null,
        };
        assert_eq!(
            row.get("key"),
            Some(&binary(b"users\0\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07"))
        );
        assert_eq!(of_key(&row, "key").ok(), Some([7; 16]));
        assert_eq!((time(&row, "at").ok(), optional_time(&row, "at").ok()), (Some(at), Some(Some(at))));
        assert_eq!((bytes(&row, "bytes").ok(), optional_bytes(&row, "bytes").ok()), (Some([8; 4]), Some(Some([8; 4]))));
        assert_eq!((number(&row, "long").ok(), number(&row, "short").ok()), (Some(9), Some(10)));
        let x = || Some("x".to_owned());
        assert_eq!((text(&row, "text").ok(), optional_text(&row, "text").ok()), (x(), Some(x())));
        for absent in ["null", "missing"] {
            let optional =
                (optional_time(&row, absent), optional_bytes::<4>(&row, absent), optional_text(&row, absent));
            assert!(matches!(optional, (Ok(None), Ok(None), Ok(None))), "{absent}");
        }
    }

    #[test]
    fn a_field_of_another_type_is_an_error_that_names_it() {
        let row =
            doc! { "null": Bson::Null, "bool": true, "bytes": binary(&[8; 4]), "negative": -1, "long": 1_i64 << 32 };
        for (error, problem) in [
            (of_key::<16>(&row, "bool").err(), "`bool` of a document is not a key"),
            (of_key::<16>(&row, "bytes").err(), "`bytes` of a document does not have the right length"),
            (time(&row, "null").err(), "`null` of a document is missing"),
            (time(&row, "bool").err(), "`bool` of a document is not a date"),
            (bytes::<4>(&row, "null").err(), "`null` of a document is missing"),
            (bytes::<4>(&row, "bool").err(), "`bool` of a document is not binary"),
            (bytes::<5>(&row, "bytes").err(), "`bytes` of a document does not have the right length"),
            (number(&row, "bool").err(), "`bool` of a document is not a count"),
            (number(&row, "negative").err(), "`negative` of a document is not a count"),
            (number(&row, "long").err(), "`long` of a document is not a count"),
            (text(&row, "null").err(), "`null` of a document is missing"),
            (text(&row, "bool").err(), "`bool` of a document is not a string"),
        ] {
            assert_eq!(error.unwrap().to_string(), format!("the field {problem}"));
        }
    }
}
