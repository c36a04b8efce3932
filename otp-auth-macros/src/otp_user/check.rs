//! Describes the table of a user struct and its columns, for the database check at startup.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Expr;

use super::dialect::Dialect;
use super::model::{Column, Field, Initial, Model, Table};
use crate::syntax::peel;

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
///                 given: Given::Nothing,
///                 field: FieldOf::<i64>::new().describe(),
///             },
///             …
///         ]),
///     })
/// }
/// ```
pub(super) fn expand(dialect: Dialect, module: &TokenStream, model: &Model, table: &Table) -> TokenStream {
    let quoted = dialect.qualified(&table.name);
    let (schema, name) = (optional(table.name.schema.as_ref()), &table.name.table);
    let (id, email) = (&model.id.column, &model.email.column);
    let verified = optional(model.verified.as_ref().map(|role| &role.column));
    let filter = optional_tokens(table.filter.as_ref().map(|text| filter(module, &quoted, text)));
    let columns = model.fields.iter().filter_map(|field| {
        let column = field.column.as_ref()?;
        Some(self::column(dialect, module, &quoted, field, column))
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
    let given = given(module, on_sign_up.as_ref());
    let describe = if *json { quote!(describe_json) } else { quote!(describe) };
    quote! {
        #module::Column {
            name: #name,
            quoted: #quoted,
            probe: #probe,
            given: #given,
            field: #module::FieldOf::<#ty>::new().#describe(),
        }
    }
}

/// What a sign-up inserts into a column. `None` is the `Default` of an `Option`.
fn given(module: &TokenStream, on_sign_up: Option<&Initial>) -> TokenStream {
    match on_sign_up {
        None => quote!(#module::Given::Nothing),
        Some(Initial::Default) => quote!(#module::Given::Default),
        Some(Initial::Value(expr)) if matches!(peel(expr), Expr::Path(path) if path.path.is_ident("None")) => {
            quote!(#module::Given::Default)
        }
        Some(_) => quote!(#module::Given::Value),
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
