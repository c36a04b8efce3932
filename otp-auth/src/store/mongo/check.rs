//! The startup check on `MongoDB`: the indexes. Collections are created on demand and fields have
//! no types, so there is nothing else to check without reading documents.

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::{Collection, IndexModel};

use super::user::MongoUser;
use super::{MongoStore, own_indexes};
use crate::check::{Finding, FindingKind, SignUps};
use crate::store::StoreResult;

const NO_SUCH_COLLECTION: i32 = 26;
const IS_A_VIEW: i32 = 166;

/// What exists of a collection.
enum Listed {
    Indexes(Vec<IndexModel>),
    /// A view has no indexes.
    View,
}

impl MongoStore {
    pub(super) async fn check_indexes<U: MongoUser>(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        let mut lacks = Vec::new();
        for (collection, expected) in own_indexes(self) {
            let Listed::Indexes(present) = listed(collection).await? else {
                lacks.push(format!("collection `{}`", collection.name()));
                continue;
            };
            let missing = expected.iter().filter(|index| !present.iter().any(|other| is_same(index, other)));
            lacks.extend(missing.map(|index| format!("index {} on `{}`", shown(&index.keys), collection.name())));
        }
        let mut findings = Vec::new();
        if !lacks.is_empty() {
            findings.push(Finding::new(
                FindingKind::Migration,
                format!("otp-auth's own collections are incomplete: no {}", lacks.join(", no ")),
                "call the store's `migrate()` at startup, before `check()`",
            ));
        }
        let users = self.database.collection::<Document>(U::COLLECTION);
        match listed(&users).await? {
            Listed::Indexes(indexes) => {
                // Every collection has a unique index on `_id`.
                let id = (U::ID != "_id").then_some(U::ID);
                let fields = id.into_iter().chain([U::EMAIL]);
                let filter = U::filter();
                findings.extend(fields.filter_map(|field| not_unique(U::COLLECTION, field, &filter, &indexes)));
            }
            Listed::View if sign_ups == SignUps::Open || U::VERIFIED.is_some() => findings.push(Finding::new(
                FindingKind::SignUp,
                format!("`{}` is a view, which cannot be written to", U::COLLECTION),
                "name the collection behind it: `#[otp_user(collection = \"…\")]`",
            )),
            Listed::View => {}
        }
        Ok(findings)
    }
}

async fn listed(collection: &Collection<Document>) -> StoreResult<Listed> {
    let mut cursor = match collection.list_indexes().await {
        Ok(cursor) => cursor,
        Err(error) => {
            return match *error.kind {
                ErrorKind::Command(ref command) if command.code == NO_SUCH_COLLECTION => {
                    Ok(Listed::Indexes(Vec::new()))
                }
                ErrorKind::Command(ref command) if command.code == IS_A_VIEW => Ok(Listed::View),
                _ => Err(error.into()),
            };
        }
    };
    let mut indexes = Vec::new();
    while cursor.advance().await? {
        indexes.push(cursor.deserialize_current()?);
    }
    Ok(Listed::Indexes(indexes))
}

/// Whether an index can serve as the expected one.
fn is_same(expected: &IndexModel, present: &IndexModel) -> bool {
    let ttl = |index: &IndexModel| index.options.as_ref().and_then(|options| options.expire_after);
    expected.keys.keys().eq(present.keys.keys()) && ttl(expected) == ttl(present)
}

/// A finding, unless a unique index on only this field covers every user. A sparse index does,
/// because a document without an address is not a user. A collation that considers more texts equal
/// guarantees more. An index on the documents that are users by the `filter` also counts, and so
/// does one with more fields if the filter fixes their values.
fn not_unique(collection: &str, field: &str, filter: &Document, indexes: &[IndexModel]) -> Option<Finding> {
    let mut instead = None;
    for index in indexes {
        let Some(options) = index.options.as_ref().filter(|options| options.unique == Some(true)) else { continue };
        if !index.keys.contains_key(field) {
            continue;
        }
        let is_fixed = |key: &String| key == field || filter.contains_key(key);
        let partial = options.partial_filter_expression.as_ref();
        let (reason, remedy) = if !index.keys.keys().all(is_fixed) {
            ("includes other fields", "if these are the same for all users, write `#[otp_user(filter(… = …))]`")
        } else if partial.is_some_and(|partial| !holds_for(partial, field, filter)) {
            (
                "covers only some documents: it has a `partialFilterExpression`",
                "if these are your users, write `#[otp_user(filter(… = …))]`",
            )
        } else {
            return None;
        };
        let name = options.name.as_deref().unwrap_or_default();
        instead.get_or_insert_with(|| {
            (
                format!(" (the index `{name}` {reason})"),
                format!("{remedy}; if the values must be unique in the whole collection, "),
            )
        });
    }
    let (instead, otherwise) = instead.unwrap_or_default();
    Some(Finding::new(
        FindingKind::Unique,
        format!("field `{field}` of `{collection}` has no unique index{instead}"),
        format!(
            "{otherwise}run `db.getCollection({}).createIndex({{ {}: 1 }}, {{ unique: true }})` in mongosh",
            quoted(collection),
            quoted(field)
        ),
    ))
}

/// Whether a partial index covers every user, that is, every document with the values of the filter
/// and with the field `own`.
fn holds_for(partial: &Document, own: &str, filter: &Document) -> bool {
    partial.iter().all(|(field, condition)| {
        let value = match condition {
            Bson::Document(exists) if field == own && *exists == doc! { "$exists": true } => return true,
            Bson::Document(equality) if equality.len() == 1 => equality.get("$eq").unwrap_or(condition),
            value => value,
        };
        filter.get(field).is_some_and(|expected| is_equal(expected, value))
    })
}

/// Compares like the server: an integer is equal in any width.
fn is_equal(one: &Bson, other: &Bson) -> bool {
    let number = |value: &Bson| value.as_i64().or_else(|| value.as_i32().map(i64::from));
    one == other || number(one).is_some_and(|one| number(other) == Some(one))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

fn shown(keys: &Document) -> String {
    let keys = keys.iter().map(|(name, direction): (_, &Bson)| format!("{name}: {direction}"));
    format!("`{{ {} }}`", keys.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::deserialize_from_document;

    use super::*;

    fn index(index: Document) -> IndexModel {
        deserialize_from_document(index).unwrap()
    }

    #[test]
    fn an_index_serves_by_its_fields_and_by_when_it_deletes() {
        let wanted =
            [doc! { "key": { "a": 1, "b": 1 } }, doc! { "key": { "a": 1 }, "expireAfterSeconds": 0 }].map(index);
        for (present, serves) in [
            (doc! { "key": { "a": -1, "b": 1 }, "unique": true }, [true, false]),
            (doc! { "key": { "b": 1, "a": 1 } }, [false, false]),
            (doc! { "key": { "a": 1, "b": 1 }, "expireAfterSeconds": 0 }, [false, false]),
            (doc! { "key": { "a": 1 }, "expireAfterSeconds": 0 }, [false, true]),
            (doc! { "key": { "a": 1 }, "expireAfterSeconds": 9 }, [false, false]),
            (doc! { "key": { "a": 1 } }, [false, false]),
        ] {
            let present = index(present);
            assert_eq!(wanted.each_ref().map(|wanted| is_same(wanted, &present)), serves, "{present:?}");
        }
        assert_eq!(shown(&doc! { "realm": 1, "user_id": -1 }), "`{ realm: 1, user_id: -1 }`");
    }

    #[test]
    fn only_an_index_over_every_user_counts() {
        let filter = doc! { "tenant": 7_i64, "kind": "person" };
        let (other_fields, some_documents) = (
            (
                " (the index `one` includes other fields)",
                "if these are the same for all users, write `#[otp_user(filter(… = …))]`",
            ),
            (
                " (the index `one` covers only some documents: it has a `partialFilterExpression`)",
                "if these are your users, write `#[otp_user(filter(… = …))]`",
            ),
        );
        let (email, exists) = (doc! { "email": 1 }, doc! { "$exists": true });
        let all = doc! {};
        for (key, partial, instead) in [
            (email.clone(), all.clone(), None),
            (doc! { "tenant": 1, "email": -1 }, all.clone(), None),
            (email.clone(), doc! { "tenant": 7_i32, "kind": "person", "email": exists.clone() }, None),
            (email.clone(), doc! { "tenant": { "$eq": 7_i64 } }, None),
            (doc! { "tenant": 1 }, all.clone(), Some(("", ""))),
            (doc! { "email": 1, "other": 1 }, all, Some(other_fields)),
            (email.clone(), doc! { "tenant": 8_i32 }, Some(some_documents)),
            (email.clone(), doc! { "kind": "robot" }, Some(some_documents)),
            (email.clone(), doc! { "kind": exists.clone() }, Some(some_documents)),
            (email.clone(), doc! { "email": { "$gt": "a" } }, Some(some_documents)),
            (email.clone(), doc! { "tenant": { "$eq": 7, "$gt": 7 } }, Some(some_documents)),
            (email, doc! { "other": exists }, Some(some_documents)),
        ] {
            let partial = if partial.is_empty() { Bson::Null } else { Bson::Document(partial) };
            let unique =
                doc! { "key": key.clone(), "name": "one", "unique": true, "partialFilterExpression": partial.clone() };
            let plain = index(doc! { "key": key.clone(), "unique": false });
            let said =
                not_unique("a \"b\\", "email", &filter, &[plain, index(unique)]).map(|finding| finding.to_string());
            let expected = instead.map(|(instead, remedy)| {
                let otherwise =
                    if remedy.is_empty() { "" } else { "; if the values must be unique in the whole collection, " };
                format!(
                    "field `email` of `a \"b\\` has no unique index{instead}: {remedy}{otherwise}run \
                     `db.getCollection(\"a \\\"b\\\\\").createIndex({{ \"email\": 1 }}, {{ unique: true }})` in mongosh"
                )
            });
            assert_eq!(said, expected, "{key} {partial}");
        }
    }
}
