//! Rules that involve several attributes of a user struct.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::Type;

use super::attrs::{Attributes, FieldAttributes};
use super::dialect::Dialect;
use crate::diag::{Error, Errors, mistake, mistake_at};
use crate::syntax::{is_called, is_no_object_id, is_option, is_plain_value, is_time, option_inner, plain_name};

/// Checks the attributes and the type of one field.
pub(super) fn check_field(field: &FieldAttributes<'_>, errors: &mut Errors) {
    if let Some(error) = contradiction(field) {
        errors.push(error);
        return;
    }
    if field.id.is_given() && is_option(field.ty) {
        errors.push(mistake(
            field.ty,
            "the `id` cannot be optional: every user in the table has one; write the type without \
             `Option`",
        ));
    }
    if field.email.is_given() && is_option(field.ty) {
        errors.push(mistake(field.ty, "the `email` cannot be optional: codes are sent to it; write `String`"));
    }
    if field.verified.is_given()
        && let Some(fault) = verified_fault(field.ty)
    {
        errors.push(mistake(field.ty, fault));
    }
}

/// Why a type visibly cannot be that of the `verified` field.
fn verified_fault(ty: &Type) -> Option<String> {
    let must = "the `verified` field must hold a flag or a time: write `bool`, or an `Option` of a time such as `Option<DateTime<Utc>>`";
    match option_inner(ty) {
        Some(inner) if is_called(inner, "bool") => Some(
            "the `verified` field cannot be an `Option<bool>`: write `bool`, which reads `NULL` as not verified"
                .to_owned(),
        ),
        Some(inner) => is_plain_value(inner).then(|| must.to_owned()),
        None if is_time(ty) => Some(format!(
            "a `verified` field that holds a time must be optional, because the address may not be verified yet: write \
             `Option<{}>`",
            ty.to_token_stream().to_string().replace(' ', "")
        )),
        None => is_plain_value(ty).then(|| must.to_owned()),
    }
}

/// Checks that each filter fits its store, and that a table and a collection both have one or
/// neither.
pub(super) fn check_filters(written: &Attributes<'_>, fields: &[FieldAttributes<'_>], errors: &mut Errors) {
    let in_table = !(written.table.is_absent() && written.stores.is_absent());
    let in_collection = !written.collection.is_absent();
    if let Some(key) = written.filter.key() {
        if !in_table && in_collection {
            let instead = "a collection is filtered by fields and their values: write `filter(deleted = false)`";
            errors.push(mistake(key, instead));
        } else if !in_table {
            let instead = "`filter` needs a table: add `table = \"users\"` and `stores(sqlite)`";
            errors.push(mistake(key, instead));
        } else if in_collection && written.document_filter.is_absent() {
            let more = "this filters only the table: add `filter(deleted = false)` for the collection";
            errors.push(mistake(key, more));
        }
    }
    if let Some(key) = written.document_filter.key() {
        if !in_collection && in_table {
            let instead = "a table is filtered by a condition in SQL: write `filter = \"deleted_at IS NULL\"`";
            errors.push(mistake(key, instead));
        } else if !in_collection {
            let instead = "`filter(…)` needs a collection: add `collection = \"users\"`";
            errors.push(mistake(key, instead));
        } else if in_table && written.filter.is_absent() {
            let more = "this filters only the collection: add `filter = \"deleted_at IS NULL\"` for the table";
            errors.push(mistake(key, more));
        }
    }
    if let (Some(key), Some(filter), Some(stores)) =
        (written.filter.key(), written.filter.value(), written.stores.value())
        && let Some(fault) = filter.fault(stores.contains(&Dialect::MySql), stores.contains(&Dialect::Sqlite))
    {
        errors.push(mistake(key, fault));
    }
    for (field, _) in written.document_filter.value().iter().flat_map(|filter| &filter.0) {
        let role = |written: &&FieldAttributes<'_>| {
            let is_id = written.id.is_given();
            let set = is_id || written.email.is_given() || written.verified.is_given();
            set && (document_name(written) == field.name)
        };
        if fields.iter().any(|field| role(&field)) || field.name == "_id" {
            errors.push(mistake_at(
                field.place,
                format_args!("`{}` is not the same for all users: filter by another field", field.name),
            ));
        }
    }
}

/// The name of a field in a document.
pub(super) fn document_name(field: &FieldAttributes<'_>) -> String {
    if field.id.is_given() && field.column.is_absent() { "_id".to_owned() } else { field.column_name() }
}

/// Attributes of one field that contradict each other: one error for the field, at the attribute to
/// remove.
fn contradiction(field: &FieldAttributes<'_>) -> Option<Error> {
    let id = field.id.key();
    let email = field.email.key();
    let verified = field.verified.key();
    let generate = field.generate.key();
    let default = field.default.key();
    let json = field.json.key();
    let skip = field.skip.key();
    let column = field.column.key();
    let claim = field.claim.key();
    let set_otherwise = "otp-auth sets it at sign-up; remove `default`";
    let own_form = "otp-auth compares or sets it; remove `json`";
    let pairs = [
        (id, email, "an address can change, but an id must not; use a separate field for the id"),
        (id, verified, "use two fields"),
        (email, verified, "use two fields"),
        (id, default, "an id needs a new value for every user; write `generate = …` instead of `default`"),
        (email, default, set_otherwise),
        (verified, default, set_otherwise),
        (id, json, own_form),
        (email, json, own_form),
        (verified, json, own_form),
    ];
    let without_column = "a field with `skip` is never loaded; remove one of the two";
    let skipped =
        [id, email, verified, generate, column, json, default, claim].map(|other| (other, skip, without_column));
    for (first, second, reason) in skipped.into_iter().chain(pairs) {
        if let (Some(first), Some(second)) = (first, second) {
            return Some(mistake(second, format_args!("a field cannot be both `{first}` and `{second}`: {reason}")));
        }
    }
    let misplaced = generate.filter(|_| field.id.is_absent())?;
    Some(mistake(misplaced, "`generate` is only for the `id`: write `default = …`"))
}

/// Rejects column names that include the table.
pub(super) fn check_qualified(table: &str, fields: &[FieldAttributes<'_>], errors: &mut Errors) {
    for field in fields {
        if let (Some(key), Some(column)) = (field.column.key(), field.column.value())
            && let Some(name) = column.0.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'))
        {
            errors.push(mistake(key, format_args!("write the column without its table: `column = \"{name}\"`")));
        }
    }
}

/// Rejects two fields with the same column. Databases ignore the case of names.
pub(super) fn check_columns(fields: &[FieldAttributes<'_>], errors: &mut Errors) {
    let mut seen: Vec<(String, &Ident)> = Vec::new();
    for field in fields.iter().filter(|field| field.skip.is_absent()) {
        let name = field.column_name();
        let lower = name.to_ascii_lowercase();
        match seen.iter().find(|(other, _)| *other == lower) {
            Some((_, first)) => errors.push(mistake(
                field.column.key().unwrap_or(field.ident),
                format_args!("the field `{first}` already uses the column `{name}`: write another `column = \"name\"`"),
            )),
            None => seen.push((lower, field.ident)),
        }
    }
}

/// Checks the names of document fields, and that `MongoDB` can generate the id.
pub(super) fn check_documents(fields: &[FieldAttributes<'_>], errors: &mut Errors) {
    for field in fields.iter().filter(|field| field.skip.is_absent()) {
        let name = field.column_name();
        let place = field.column.key().unwrap_or(field.ident);
        if name.starts_with('$') || name.contains('.') {
            errors.push(mistake(
                place,
                format_args!("`{name}` is not a valid document field: a name is not empty, has no `.` or NUL, and does not begin with `$`"),
            ));
        }
        if name == "_id" && field.id.is_absent() {
            errors.push(mistake(
                place,
                "`_id` is reserved for the id: put `#[otp(id)]` on it, or write another `column = \"name\"`",
            ));
        }
    }
    let id = fields.iter().find(|field| field.id.is_given());
    if let Some(id) = id.filter(|id| id.generate.is_absent() && is_no_object_id(id.ty)) {
        errors.push(mistake(
            id.ty,
            "MongoDB only generates ids of the type `ObjectId`: write `#[otp(id, generate = …)]` to make the id of a new \
             user",
        ));
    }
}

/// The error for a role that no field has.
pub(super) fn missing(user: &Ident, fields: &[FieldAttributes<'_>], name: &str) -> Error {
    let purpose = match name {
        "id" => "the field of the primary key",
        _ => "the field of the address that codes are sent to",
    };
    let place = if fields.iter().any(|field| plain_name(field.ident) == name) {
        format!("the field `{name}`")
    } else {
        purpose.to_owned()
    };
    mistake(user, format_args!("`{user}` has no `{name}`: put `#[otp({name})]` on {place}"))
}
