//! Attributes of sqlx and serde on a user struct. otp-auth does not read them, so without an
//! attribute of ours it would silently use another column.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, MetaNameValue, Token};

use super::attrs::{Attributes, FieldAttributes};
use super::rules::document_name;
use crate::diag::{Errors, mistake};
use crate::syntax::string;

pub(super) fn check(written: &Attributes<'_>, fields: &[FieldAttributes<'_>], errors: &mut Errors) {
    let in_table = written.stores.is_given();
    let in_collection = written.collection.is_given();
    for (name, applies) in [("sqlx", in_table), ("serde", in_collection && !in_table)] {
        if !applies {
            continue;
        }
        for (word, value) in words(&written.input.attrs, name) {
            let renamed = |field: &&FieldAttributes<'_>| {
                let plain = field.column.is_absent() && field.skip.is_absent();
                plain && value.as_deref().is_some_and(|style| changes(style, &field.column_name()))
            };
            if word == "rename_all"
                && let Some(field) = fields.iter().find(renamed)
            {
                let field = field.ident;
                let help = format!(
                    "write `#[otp(column = \"…\")]` on each field whose column has another name, such as `{field}`"
                );
                errors.push(mistake(&word, format_args!("otp-auth ignores `#[{name}(rename_all)]`: {help}")));
            }
        }
        for field in fields.iter().filter(|field| field.skip.is_absent()) {
            for (word, value) in words(field.attrs, name) {
                let column = if in_table { field.column_name() } else { document_name(field) };
                let plain = field.column.is_absent();
                let help = match (&*word.to_string(), value) {
                    ("rename", Some(value)) if plain && value != column => {
                        // The name may be for an API only.
                        let or = format!(" if the database calls it that, or `#[otp(column = \"{column}\")]` if not");
                        format!("write `#[otp(column = \"{value}\")]`{}", if in_table { "" } else { &or })
                    }
                    // A field that serde skips may still be stored.
                    ("skip", _)
                        if in_table
                            && field.id.is_absent()
                            && field.email.is_absent()
                            && field.verified.is_absent() =>
                    {
                        "write `#[otp(skip)]`".to_owned()
                    }
                    ("json", _) if field.json.is_absent() => "write `#[otp(json)]`".to_owned(),
                    ("flatten", _) => {
                        let inner = field.ty.to_token_stream();
                        format!("otp-auth does not flatten fields: list the fields of `{inner}` here")
                    }
                    _ => continue,
                };
                errors.push(mistake(&word, format_args!("otp-auth ignores `#[{name}({word})]`: {help}")));
            }
        }
    }
}

/// Whether a naming style such as `camelCase` changes this name.
fn changes(style: &str, name: &str) -> bool {
    match style {
        "snake_case" => false,
        "lowercase" | "camelCase" | "kebab-case" => name.contains('_'),
        _ => true,
    }
}

/// The words in the attributes of one crate, with their values.
fn words(attributes: &[Attribute], name: &str) -> Vec<(Ident, Option<String>)> {
    let mut words = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        // The macro that owns the attribute reports what does not parse.
        let _ = attribute.parse_nested_meta(|meta| {
            let value = if meta.input.peek(Token![=]) {
                string(&meta.value()?.parse::<Expr>()?)
            } else if meta.input.peek(syn::token::Paren) {
                let inner;
                syn::parenthesized!(inner in meta.input);
                in_one_direction(inner.parse()?)
            } else {
                None
            };
            words.extend(meta.path.get_ident().cloned().map(|word| (word, value)));
            Ok(())
        });
    }
    words
}

/// The name in `rename(deserialize = "…")` or `rename(serialize = "…")`.
fn in_one_direction(inner: TokenStream) -> Option<String> {
    let values = Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(inner).ok()?;
    let named = |name| values.iter().find(|value| value.path.is_ident(name));
    string(&named("deserialize").or_else(|| named("serialize"))?.value)
}
