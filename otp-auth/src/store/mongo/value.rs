//! Writes and reads one value in BSON, as the driver's `Collection<T>` would inside a document.

use mongodb::bson::raw::{RawBsonRef, RawDocumentBuf, cstr};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, RawBinaryRef, deserialize_from_slice, serialize_to_vec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// serde reads and writes BSON values only inside a document.
#[derive(Serialize)]
struct Write<'a, T> {
    v: &'a T,
}

#[derive(Deserialize)]
struct Read<T> {
    v: T,
}

pub(super) fn write<T: Serialize>(value: &T) -> Option<Bson> {
    let bytes = serialize_to_vec(&Write { v: value }).ok()?;
    deserialize_from_slice::<Document>(&bytes).ok()?.remove("v")
}

/// Reads a value. A UUID may have either of the common forms: BSON's own type, or the plain bytes
/// that `uuid::Uuid` writes.
pub(super) fn read<T: DeserializeOwned>(value: RawBsonRef<'_>) -> Option<T> {
    from_raw(value).or_else(|| match value {
        RawBsonRef::Binary(RawBinaryRef { subtype, bytes }) if bytes.len() == 16 => {
            from_raw(RawBsonRef::Binary(RawBinaryRef { subtype: other_form(subtype)?, bytes }))
        }
        _ => None,
    })
}

fn from_raw<T: DeserializeOwned>(value: RawBsonRef<'_>) -> Option<T> {
    let mut document = RawDocumentBuf::new();
    document.append(cstr!("v"), value);
    deserialize_from_slice(document.as_bytes()).ok().map(|Read { v }| v)
}

fn other_form(subtype: BinarySubtype) -> Option<BinarySubtype> {
    match subtype {
        BinarySubtype::Generic => Some(BinarySubtype::Uuid),
        BinarySubtype::Uuid => Some(BinarySubtype::Generic),
        _ => None,
    }
}

/// An id, as stored. Sixteen bytes are a UUID, for which BSON has a type that tools display as one.
pub(super) fn write_id<T: Serialize>(id: &T) -> Option<Bson> {
    Some(match write(id)? {
        Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }) if bytes.len() == 16 => {
            Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes })
        }
        other => other,
    })
}

/// The condition that a stored id is equal to `id`. A UUID that the application stored may have
/// either form.
pub(super) fn is_id(id: &Bson) -> Document {
    let mut forms = vec![id.clone()];
    if let Bson::Binary(Binary { subtype, bytes }) = id
        && bytes.len() == 16
        && let Some(subtype) = other_form(*subtype)
    {
        forms.push(Bson::Binary(Binary { subtype, bytes: bytes.clone() }));
    }
    mongodb::bson::doc! { "$in": forms }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use mongodb::bson::{Uuid, doc};

    use super::*;

    const ID: [u8; 16] = *b"sixteen bytes id";

    fn raw(subtype: BinarySubtype, bytes: &[u8]) -> RawBsonRef<'_> {
        RawBsonRef::Binary(RawBinaryRef { subtype, bytes })
    }

    fn stored(subtype: BinarySubtype, bytes: &[u8]) -> Bson {
        Bson::Binary(Binary { subtype, bytes: bytes.to_vec() })
    }

    /// `CString` reads plain bytes, and BSON's `Uuid` its own type.
    #[test]
    fn a_uuid_is_read_in_either_form() {
        for subtype in [BinarySubtype::Generic, BinarySubtype::Uuid] {
            assert_eq!(read::<CString>(raw(subtype, &ID)).unwrap().as_bytes(), ID, "{subtype:?}");
            assert_eq!(read(raw(subtype, &ID)), Some(Uuid::from_bytes(ID)), "{subtype:?}");
        }
        assert_eq!(read::<CString>(raw(BinarySubtype::Md5, &ID)), None);
        assert!(read::<CString>(raw(BinarySubtype::Generic, b"short")).is_some());
        assert_eq!(read::<CString>(raw(BinarySubtype::Uuid, b"short")), None);
        assert_eq!(read::<i64>(RawBsonRef::Int64(7)), Some(7));
    }

    #[test]
    fn a_uuid_is_written_in_one_form_and_found_in_either() {
        use BinarySubtype::{Generic, Md5};
        let uuid = stored(BinarySubtype::Uuid, &ID);
        for (id, written, found) in [
            (stored(Generic, &ID), uuid.clone(), vec![uuid.clone(), stored(Generic, &ID)]),
            (uuid.clone(), uuid.clone(), vec![uuid, stored(Generic, &ID)]),
            (stored(Generic, b"short"), stored(Generic, b"short"), vec![stored(Generic, b"short")]),
            (stored(Md5, &ID), stored(Md5, &ID), vec![stored(Md5, &ID)]),
            (Bson::Int64(7), Bson::Int64(7), vec![Bson::Int64(7)]),
        ] {
            assert_eq!(write_id(&id), Some(written.clone()));
            assert_eq!(is_id(&written), doc! { "$in": found });
        }
        assert_eq!(
            is_id(&stored(Generic, &ID)),
            doc! { "$in": [stored(Generic, &ID), stored(BinarySubtype::Uuid, &ID)] }
        );
    }
}
