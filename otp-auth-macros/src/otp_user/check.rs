//! What the check at the start needs to know of a user struct: the table and its columns.

use proc_macro2::TokenStream;
use quote::quote;

use super::dialect::Dialect;
use super::model::{Column, Field, Model, Table};
use crate::syntax::is_option;

/// ```text
/// fn table() -> Option<Table> {
///     use Unknown as _;
///     Some(Table {
///         schema: None,
///         name: "users",
///         quoted: "`users`",
///         id: "id",
///         email: "email",
///         verified: Some("is_verified"),
///         filter: None,
///         columns: From::from([
///             Column {
///                 name: "id",
///                 quoted: "`id`",
///                 probe: "SELECT `users`.`id` FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN `users` ON 1 = 0",
///                 is_given: false,
///                 is_optional: false,
///                 field: FieldOf::<i64>::new().describe(),
///             },
///             …
///         ]),
///     })
/// }
/// ```
pub(super) fn expand(dialect: Dialect, model: &Model, table: &Table) -> TokenStream {
    let module = dialect.module(&model.root);
    let quoted = dialect.qualified(&table.name);
    let (schema, name) = (optional(table.name.schema.as_ref()), &table.name.table);
    let (id, email) = (&model.id.column, &model.email.column);
    let verified = optional(model.verified.as_ref().map(|role| &role.column));
    let filter = optional_tokens(table.filter.as_ref().map(|text| filter(&module, &quoted, text)));
    let columns = model.fields.iter().filter_map(|field| {
        let column = field.column.as_ref()?;
        Some(self::column(dialect, &module, &quoted, field, column))
    });
    quote! {
        fn table() -> ::core::option::Option<#module::Table> {
            #[allow(unused_imports)]
            use #module::Unknown as _;
            ::core::option::Option::Some(#module::Table {
                schema: #schema,
                name: #name,
                quoted: #quoted,
                id: #id,
                email: #email,
                verified: #verified,
                filter: #filter,
                columns: ::core::convert::From::from([#(#columns),*]),
            })
        }
    }
}

fn column(dialect: Dialect, module: &TokenStream, table: &str, field: &Field, column: &Column) -> TokenStream {
    let Column { name, json, on_sign_up } = column;
    let (ty, quoted) = (&field.ty, dialect.quoted(name));
    let probe =
        format!("SELECT {table}.{quoted} FROM (SELECT 1 AS otp_auth_one) AS otp_auth_row LEFT JOIN {table} ON 1 = 0");
    let (is_given, is_optional) = (on_sign_up.is_some(), is_option(ty));
    let describe = if *json { quote!(describe_json) } else { quote!(describe) };
    quote! {
        #module::Column {
            name: #name,
            quoted: #quoted,
            probe: #probe,
            is_given: #is_given,
            is_optional: #is_optional,
            field: #module::FieldOf::<#ty>::new().#describe(),
        }
    }
}

/// ```text
/// Filter { text: "deleted_at IS NULL", probe: "SELECT 1 FROM `users` WHERE 1 = 0 AND (deleted_at IS NULL)" }
/// ```
fn filter(module: &TokenStream, table: &str, text: &str) -> TokenStream {
    let probe = format!("SELECT 1 FROM {table} WHERE 1 = 0 AND ({text})");
    quote!(#module::Filter { text: #text, probe: #probe })
}

fn optional(text: Option<&String>) -> TokenStream {
    optional_tokens(text.map(|text| quote!(#text)))
}

fn optional_tokens(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(|| quote!(::core::option::Option::None), |value| quote!(::core::option::Option::Some(#value)))
}
