//! The SQL stores of a user struct. Each generated statement is one literal, composed here.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::check;
use super::dialect::Dialect;
use super::model::{Column, Field, Initial, Model, Role, Table};
use super::value::{initial, moment};
use crate::syntax::{Root, is_known_id, pointing_at};

/// ```text
/// impl SqlUser<Sqlite> for User {
///     const SELECT_BY_ID: &'static str = "SELECT … WHERE `users`.`id` = ?1";
///     …
///     fn from_row(row: &Row) -> Result<Option<Self>, Error> {
///         if is_null(row, 0)? || is_null(row, 1)? {
///             return Ok(None);
///         }
///         Ok(Some(Self {
///             id: <i64 as WrittenColumn<Sqlite>>::get(row, 0)?,
///             email: <String as WrittenColumn<Sqlite>>::get(row, 1)?,
///             is_verified: <bool as Column<Sqlite>>::get_or_default(row, 2)?,
///         }))
///     }
///     fn bind_id(id: &Self::Id, arguments: &mut Arguments) -> Result<(), Error> {
///         <i64 as WrittenColumn<Sqlite>>::bind_compared(Clone::clone(id), arguments)
///     }
///     fn bind_email(email: &str, arguments: &mut Arguments) -> Result<(), Error> {
///         <String as WrittenColumn<Sqlite>>::bind_compared(From::from(email), arguments)
///     }
///     fn bind_new(email: &str, now: Timestamp, arguments: &mut Arguments) -> Result<(), Error> {
///         <String as WrittenColumn<Sqlite>>::bind(From::from(email), arguments)?;
///         Ok(())
///     }
///     fn bind_proof(id: &Self::Id, now: Timestamp, arguments: &mut Arguments) -> Result<(), Error> {
///         <Self as SqlUser<Sqlite>>::bind_id(id, arguments)?;
///         Ok(())
///     }
/// }
/// ```
///
/// The database and the statements differ for each backend.
pub(super) fn expand(dialect: Dialect, model: &Model, table: &Table) -> TokenStream {
    let module = module(dialect, &model.root);
    let user_trait = user_trait(dialect, &model.root);
    let ident = &model.ident;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let statements = Statements::new(dialect, model, table);
    let consts = statements.expand();
    let from_row = from_row(dialect, model, &module);
    let bind_id = bind_id(dialect, model, &module);
    let bind_email = bind_email(dialect, model, &module);
    let bind_new = bind_new(dialect, model, &module);
    let bind_proof = bind_proof(dialect, model, &module);
    let check = check::expand(dialect, &module, model, table);
    quote! {
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #impl_generics #user_trait for #ident #type_generics #where_clause {
            #consts
            #from_row
            #bind_id
            #bind_email
            #bind_new
            #bind_proof
            #check
        }
    }
}

/// The runtime module that generated code uses.
fn module(dialect: Dialect, root: &Root) -> TokenStream {
    let private = root.private();
    let module = Ident::new(dialect.name(), Span::call_site());
    quote!(#private::#module)
}

/// The trait that the user struct implements.
fn user_trait(dialect: Dialect, root: &Root) -> TokenStream {
    let module = module(dialect, root);
    quote!(#module::SqlUser<#module::Database>)
}

/// The text of each statement.
struct Statements {
    select_by_id: String,
    select_current: String,
    select_by_email: String,
    /// `None` if the database has no row locks.
    select_locked: Option<String>,
    select_excluded: Option<String>,
    insert: String,
    mark_verified: Option<String>,
}

impl Statements {
    fn new(dialect: Dialect, model: &Model, table: &Table) -> Self {
        let from = dialect.qualified(&table.name);
        let filter = table.filter.as_ref().map_or_else(String::new, |filter| format!(" AND ({filter})"));
        let columns = || model.fields.iter().filter_map(|field| field.column.as_ref());
        let of_table = |column: &str| format!("{from}.{}", dialect.quoted(column));
        let selected = list(columns().map(|column| of_table(&column.name)));
        let id = of_table(&model.id.column);
        let email = of_table(&model.email.column);
        let is_address = dialect.is_address(&email, 1);
        let (names, values) = insert_lists(dialect, columns());
        let [first, realm, session, token, user, now, signed_in] =
            [1, 2, 3, 4, 5, 6, 7].map(|number| dialect.parameter(number));
        let select_by_id = format!("SELECT {selected} FROM {from} WHERE {id} = {first}{filter}");
        let blacklist = dialect.quoted("token_blacklist");
        let [of, entry, ends, kind, at] = ["realm", "id", "expires_at", "type", "blacklisted_at"]
            .map(|column| format!("{blacklist}.{}", dialect.quoted(column)));
        Self {
            select_current: format!(
                "{select_by_id} AND NOT EXISTS (SELECT 1 FROM {blacklist} WHERE {of} = {realm} \
                 AND {entry} IN ({session}, {token}, {user}) AND {ends} > {now} \
                 AND ({kind} <> 'user' OR {at} > {signed_in}))"
            ),
            select_by_id,
            select_by_email: format!(
                "SELECT {selected} FROM {from} WHERE {is_address} AND {id} IS NOT NULL{filter} LIMIT 1"
            ),
            select_locked: dialect.locking().map(|locking| {
                let has_address = dialect.is_address(&email, 2);
                format!("SELECT {selected} FROM {from} WHERE {id} = {first} AND {has_address}{filter} {locking}")
            }),
            select_excluded: table.filter.as_ref().map(|filter| {
                let has = |condition: String| {
                    format!("SELECT 1 FROM {from} WHERE {condition} AND {id} IS NOT NULL AND ({filter}) IS NOT TRUE")
                };
                let spelling = dialect.is_spelling(&email).map(|spelling| format!(" UNION ALL {}", has(spelling)));
                format!("{}{} LIMIT 1", has(dialect.is_like_address(&email, 1)), spelling.unwrap_or_default())
            }),
            insert: format!("INSERT INTO {from} ({names}) VALUES ({values})"),
            mark_verified: model.verified.as_ref().map(|Role { column, .. }| {
                let (column, id) = (dialect.quoted(column), dialect.quoted(&model.id.column));
                let (value, unverified) =
                    if model.verified_at { (realm.as_str(), "IS NULL") } else { ("TRUE", "IS NOT TRUE") };
                format!("UPDATE {from} SET {column} = {value} WHERE {id} = {first} AND {column} {unverified}{filter}")
            }),
        }
    }

    fn expand(&self) -> TokenStream {
        let Self { select_by_id, select_current, select_by_email, insert, .. } = self;
        let Self { select_locked, select_excluded, mark_verified, .. } = self;
        let mark_verified = mark_verified
            .as_ref()
            .map_or_else(|| quote!(::core::option::Option::None), |text| quote!(::core::option::Option::Some(#text)));
        let text = quote!(&'static ::core::primitive::str);
        let select_locked = select_locked.as_ref().map(|statement| {
            quote! {
                const SELECT_LOCKED: ::core::option::Option<#text> = ::core::option::Option::Some(#statement);
            }
        });
        let select_excluded = select_excluded.as_ref().map(|statement| {
            quote! {
                const SELECT_EXCLUDED: ::core::option::Option<#text> = ::core::option::Option::Some(#statement);
            }
        });
        quote! {
            const SELECT_BY_ID: #text = #select_by_id;
            const SELECT_CURRENT: #text = #select_current;
            const SELECT_BY_EMAIL: #text = #select_by_email;
            #select_locked
            #select_excluded
            const INSERT: #text = #insert;
            const MARK_VERIFIED: ::core::option::Option<#text> = #mark_verified;
        }
    }
}

/// The columns of a sign-up, and their values. The parameters are in the order of `bind_new`.
fn insert_lists<'a>(dialect: Dialect, columns: impl Iterator<Item = &'a Column>) -> (String, String) {
    let mut names = Vec::new();
    let mut values = Vec::new();
    let mut parameters = 0;
    for column in columns {
        let Some(initial) = &column.on_sign_up else {
            continue;
        };
        names.push(dialect.quoted(&column.name));
        values.push(match initial {
            Initial::True => "TRUE".to_owned(),
            Initial::Email | Initial::Now | Initial::Default | Initial::Value(_) => {
                parameters += 1;
                dialect.parameter(parameters)
            }
        });
    }
    (names.join(", "), values.join(", "))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A local of the generated functions. All locals have the same span.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn from_row(dialect: Dialect, model: &Model, module: &TokenStream) -> TokenStream {
    let row = local("row");
    let mut index: usize = 0;
    let mut needed = Vec::new();
    let fields = model.fields.iter().map(|Field { ident, ty, column }| {
        let span = pointing_at(ty);
        let Some(column) = column else {
            return quote_spanned!(span=> #ident: ::core::default::Default::default());
        };
        let position = index;
        index += 1;
        let is_key = *ident == model.id.ident || *ident == model.email.ident;
        if is_key {
            needed.push(position);
        }
        if column.json {
            let get = quote_spanned!(span=> #module::get_json);
            return quote!(#ident: #get::<#ty>(#row, #position)?);
        }
        let flag = matches!(column.on_sign_up, Some(Initial::True));
        let is_written = is_key || column.on_sign_up.is_some() && !flag;
        let stored = stored(dialect, model, ty, is_written);
        let get = Ident::new(if flag { "get_or_default" } else { "get" }, span);
        quote!(#ident: #stored::#get(#row, #position)?)
    });
    let fields: Vec<_> = fields.collect();
    quote! {
        fn from_row(
            #row: &#module::Row,
        ) -> ::core::result::Result<::core::option::Option<Self>, #module::Error> {
            if #(#module::is_null(#row, #needed)?)||* {
                return ::core::result::Result::Ok(::core::option::Option::None);
            }
            ::core::result::Result::Ok(::core::option::Option::Some(Self { #(#fields),* }))
        }
    }
}

/// `<i64 as Column<Sqlite>>` for a type that is only read, `WrittenColumn` for one that is also
/// written. The type is mentioned only here, so that the compiler reports one error, at the type.
fn stored(dialect: Dialect, model: &Model, ty: &Type, is_written: bool) -> TokenStream {
    let (private, module) = (model.root.private(), module(dialect, &model.root));
    let column = Ident::new(if is_written { "WrittenColumn" } else { "Column" }, Span::call_site());
    quote!(<#ty as #private::#column<#module::Database>>)
}

fn bind_id(dialect: Dialect, model: &Model, module: &TokenStream) -> TokenStream {
    let (id, arguments) = (local("id"), local("arguments"));
    let ty = &model.id.ty;
    let span = pointing_at(ty);
    let stored = stored(dialect, model, ty, true);
    let clone = quote_spanned!(span=> ::core::clone::Clone);
    // If the check of the id fails, that is the only error.
    let clone = if is_known_id(ty) { quote!(#clone::clone) } else { quote!(<Self::Id as #clone>::clone) };
    quote! {
        fn bind_id(
            #id: &Self::Id,
            #arguments: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            #stored::bind_compared(#clone(#id), #arguments)
        }
    }
}

fn bind_email(dialect: Dialect, model: &Model, module: &TokenStream) -> TokenStream {
    let (email, arguments) = (local("email"), local("arguments"));
    let ty = &model.email.ty;
    let span = pointing_at(ty);
    let stored = stored(dialect, model, ty, true);
    let from = quote_spanned!(span=> ::core::convert::From::from);
    quote! {
        fn bind_email(
            #email: &::core::primitive::str,
            #arguments: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            #stored::bind_compared(#from(#email), #arguments)
        }
    }
}

fn bind_new(dialect: Dialect, model: &Model, module: &TokenStream) -> TokenStream {
    let (email, now, arguments) = (local("email"), local("now"), local("arguments"));
    let binds = model.fields.iter().filter_map(|Field { ty, column, .. }| {
        let column = column.as_ref()?;
        let span = pointing_at(ty);
        let value = match column.on_sign_up.as_ref()? {
            Initial::True => return None,
            Initial::Email => {
                let from = quote_spanned!(span=> ::core::convert::From::from);
                quote!(#from(#email))
            }
            Initial::Now => moment(&model.root, ty, &now),
            Initial::Default => quote_spanned!(span=> ::core::default::Default::default()),
            Initial::Value(expr) => initial(expr),
        };
        if column.json {
            let bind = quote_spanned!(span=> #module::bind_json);
            return Some(quote!(#bind::<#ty>(#arguments, #value)?;));
        }
        let stored = stored(dialect, model, ty, true);
        Some(quote!(#stored::bind(#value, #arguments)?;))
    });
    let private = model.root.private();
    quote! {
        fn bind_new(
            #email: &::core::primitive::str,
            #now: #private::Timestamp,
            #arguments: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            #(#binds)*
            ::core::result::Result::Ok(())
        }
    }
}

/// Binds the values that mark a user as verified: the id, and the time if the column holds one.
/// `MySQL` binds them in the order of its statement.
fn bind_proof(dialect: Dialect, model: &Model, module: &TokenStream) -> TokenStream {
    let private = model.root.private();
    let (id, now, arguments) = (local("id"), local("now"), local("arguments"));
    let user_trait = user_trait(dialect, &model.root);
    let bind_id = quote!(<Self as #user_trait>::bind_id(#id, #arguments)?;);
    let bind_time = model.verified.as_ref().filter(|_| model.verified_at).map(|Role { ty, .. }| {
        let stored = stored(dialect, model, ty, true);
        let moment = moment(&model.root, ty, &now);
        quote!(#stored::bind(#moment, #arguments)?;)
    });
    let binds = if dialect == Dialect::MySql { quote!(#bind_time #bind_id) } else { quote!(#bind_id #bind_time) };
    quote! {
        fn bind_proof(
            #id: &Self::Id,
            #now: #private::Timestamp,
            #arguments: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            #binds
            ::core::result::Result::Ok(())
        }
    }
}

/// The trait and the members of a stand-in.
pub(super) fn stand_in(dialect: Dialect, root: &Root) -> (TokenStream, TokenStream) {
    let module = module(dialect, root);
    let private = root.private();
    let text = quote!(&'static ::core::primitive::str);
    let members = quote! {
        const SELECT_BY_ID: #text = "";
        const SELECT_CURRENT: #text = "";
        const SELECT_BY_EMAIL: #text = "";
        const INSERT: #text = "";
        const MARK_VERIFIED: ::core::option::Option<#text> = ::core::option::Option::None;
        fn from_row(
            _: &#module::Row,
        ) -> ::core::result::Result<::core::option::Option<Self>, #module::Error> {
            loop {}
        }
        fn bind_id(
            _: &Self::Id,
            _: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            loop {}
        }
        fn bind_email(
            _: &::core::primitive::str,
            _: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            loop {}
        }
        fn bind_proof(
            _: &Self::Id,
            _: #private::Timestamp,
            _: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            loop {}
        }
        fn bind_new(
            _: &::core::primitive::str,
            _: #private::Timestamp,
            _: &mut #module::Arguments,
        ) -> ::core::result::Result<(), #module::Error> {
            loop {}
        }
    };
    (user_trait(dialect, root), members)
}
