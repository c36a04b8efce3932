//! The `MongoDB` store of a user struct: how its fields map to those of a document.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::model::{Collection, Column, Field, Initial, Model, Role};
use super::value::{initial, moment};
use crate::syntax::pointing_at;
use crate::value::{CollectionName, FilterField, FilterValue};

/// ```text
/// impl MongoUser for User {
///     const COLLECTION: &'static str = "users";
///     const ID: &'static str = "_id";
///     const EMAIL: &'static str = "email";
///     const VERIFIED: Option<&'static str> = Some("is_verified");
///     fn from_document(document: &Stored) -> Result<Option<Self>, Error> {
///         if is_absent(document, "_id")? || is_absent(document, "email")? {
///             return Ok(None);
///         }
///         Ok(Some(Self {
///             id: required::<ObjectId>(document, "_id")?,
///             email: required::<String>(document, "email")?,
///             is_verified: or::<bool>(document, "is_verified", || false)?,
///         }))
///     }
///     fn id_value(id: &Self::Id) -> Result<Bson, Error> { id::<ObjectId>(id) }
///     fn email_value(email: &str) -> Result<Bson, Error> { value::<String>("email", From::from(email)) }
///     fn new_document(email: &str, now: Timestamp) -> Result<Document, Error> {
///         let mut document = Document::new();
///         put_id::<ObjectId>(&mut document, "_id", generated()?)?;
///         put::<String>(&mut document, "email", From::from(email))?;
///         put::<bool>(&mut document, "is_verified", true)?;
///         Ok(document)
///     }
/// }
/// ```
///
/// With a filter, and with a `verified` field that holds a time, also:
///
/// ```text
///     fn filter() -> Document {
///         let mut filter = Document::new();
///         filter.insert("deleted", Bson::from(false));
///         filter
///     }
///     fn verified_value(now: Timestamp) -> Result<Bson, Error> {
///         value::<Option<Time>>("verified_at", moment::<Time>(now))
///     }
/// ```
pub(super) fn expand(model: &Model, collection: &Collection) -> TokenStream {
    let private = model.root.private();
    let mongodb = quote!(#private::mongodb);
    let ident = &model.ident;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let Collection { name: CollectionName(name), id, filter: _ } = collection;
    let email = &model.email.column;
    let flag = model.verified.as_ref().map(|role| &role.column);
    let verified =
        flag.map_or_else(|| quote!(::core::option::Option::None), |field| quote!(::core::option::Option::Some(#field)));
    let fields: Vec<_> = model.fields.iter().map(|field| MongoField::new(model, collection, field)).collect();
    let from_document = from_document(&fields, &mongodb);
    let id_value = id_value(model, &mongodb);
    let email_value = email_value(model, &mongodb);
    let new_document = new_document(model, &fields, &mongodb);
    let verified_value = verified_value(model, &mongodb);
    let filter = filter(collection, &mongodb);
    let text = quote!(&'static ::core::primitive::str);
    quote! {
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #impl_generics #mongodb::MongoUser for #ident #type_generics #where_clause {
            const COLLECTION: #text = #name;
            const ID: #text = #id;
            const EMAIL: #text = #email;
            const VERIFIED: ::core::option::Option<#text> = #verified;
            #from_document
            #id_value
            #email_value
            #new_document
            #verified_value
            #filter
        }
    }
}

/// The role of a struct's field in a document.
enum Part<'a> {
    /// A field with `skip`, which is not stored.
    None,
    Id(&'a Column),
    Email,
    Verified,
    /// The time of verification.
    VerifiedAt,
    /// Any other field. Its initial value is the user's expression or the `Default` of its type.
    Other(&'a Column),
}

struct MongoField<'a> {
    field: &'a Field,
    /// Its name in the document.
    name: &'a str,
    part: Part<'a>,
}

impl<'a> MongoField<'a> {
    fn new(model: &'a Model, collection: &'a Collection, field: &'a Field) -> Self {
        let Some(column) = &field.column else {
            return Self { field, name: "", part: Part::None };
        };
        let (name, part) = if field.ident == model.id.ident {
            (&collection.id, Part::Id(column))
        } else {
            let part = match column.on_sign_up {
                Some(Initial::Email) => Part::Email,
                Some(Initial::True) => Part::Verified,
                Some(Initial::Now) => Part::VerifiedAt,
                Some(Initial::Default | Initial::Value(_)) | None => Part::Other(column),
            };
            (&column.name, part)
        };
        Self { field, name, part }
    }

    /// The initial value of the field: the user's expression, or the `Default` of its type.
    fn initial(&self, column: &Column) -> TokenStream {
        if let Some(Initial::Value(expr)) = &column.on_sign_up {
            return initial(expr);
        }
        let span = pointing_at(&self.field.ty);
        quote_spanned!(span=> ::core::default::Default::default())
    }

    /// The id of a new user: the user's expression, or a new `ObjectId`.
    fn new_id(&self, column: &Column, mongodb: &TokenStream) -> TokenStream {
        if let Some(Initial::Value(expr)) = &column.on_sign_up {
            return initial(expr);
        }
        let ty = &self.field.ty;
        let generated = quote_spanned!(pointing_at(ty)=> #mongodb::generated);
        quote!(#generated::<#ty>()?)
    }
}

/// A local of the generated functions. All locals have the same span.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn from_document(fields: &[MongoField<'_>], mongodb: &TokenStream) -> TokenStream {
    let document = local("document");
    let needed: Vec<_> =
        fields.iter().filter(|field| matches!(field.part, Part::Id(_) | Part::Email)).map(|field| field.name).collect();
    let fields = fields.iter().map(|field| {
        let (Field { ident, ty, .. }, name) = (field.field, field.name);
        let span = pointing_at(ty);
        let default = match &field.part {
            Part::None => return quote_spanned!(span=> #ident: ::core::default::Default::default()),
            Part::Id(_) | Part::Email => {
                let required = quote_spanned!(span=> #mongodb::required);
                return quote!(#ident: #required::<#ty>(#document, #name)?);
            }
            Part::Verified => quote!(false),
            Part::VerifiedAt => quote!(::core::option::Option::None),
            Part::Other(column) => field.initial(column),
        };
        let or = quote_spanned!(span=> #mongodb::or);
        quote!(#ident: #or::<#ty>(#document, #name, || #default)?)
    });
    quote! {
        fn from_document(
            #document: &#mongodb::Stored,
        ) -> ::core::result::Result<::core::option::Option<Self>, #mongodb::Error> {
            if #(#mongodb::is_absent(#document, #needed)?)||* {
                return ::core::result::Result::Ok(::core::option::Option::None);
            }
            ::core::result::Result::Ok(::core::option::Option::Some(Self { #(#fields),* }))
        }
    }
}

fn id_value(model: &Model, mongodb: &TokenStream) -> TokenStream {
    let id = local("id");
    let ty = &model.id.ty;
    let span = pointing_at(ty);
    let write = quote_spanned!(span=> #mongodb::id);
    quote! {
        fn id_value(#id: &Self::Id) -> ::core::result::Result<#mongodb::Bson, #mongodb::Error> {
            #write::<#ty>(#id)
        }
    }
}

fn email_value(model: &Model, mongodb: &TokenStream) -> TokenStream {
    let email = local("email");
    let (ty, name) = (&model.email.ty, &model.email.column);
    let span = pointing_at(ty);
    let write = quote_spanned!(span=> #mongodb::value);
    let from = quote_spanned!(span=> ::core::convert::From::from);
    quote! {
        fn email_value(
            #email: &::core::primitive::str,
        ) -> ::core::result::Result<#mongodb::Bson, #mongodb::Error> {
            #write::<#ty>(#name, #from(#email))
        }
    }
}

fn new_document(model: &Model, fields: &[MongoField<'_>], mongodb: &TokenStream) -> TokenStream {
    let private = model.root.private();
    let (email, now, document) = (local("email"), local("now"), local("document"));
    let puts = fields.iter().filter_map(|field| {
        let (ty, name) = (&field.field.ty, field.name);
        let span = pointing_at(ty);
        let (put, value) = match &field.part {
            Part::None => return None,
            Part::Id(column) => (quote_spanned!(span=> #mongodb::put_id), field.new_id(column, mongodb)),
            Part::Email => {
                let from = quote_spanned!(span=> ::core::convert::From::from);
                (quote_spanned!(span=> #mongodb::put), quote!(#from(#email)))
            }
            Part::Verified => (quote_spanned!(span=> #mongodb::put), quote!(true)),
            Part::VerifiedAt => (quote_spanned!(span=> #mongodb::put), moment(&model.root, ty, &now)),
            Part::Other(column) => (quote_spanned!(span=> #mongodb::put), field.initial(column)),
        };
        Some(quote!(#put::<#ty>(&mut #document, #name, #value)?;))
    });
    quote! {
        fn new_document(
            #email: &::core::primitive::str,
            #now: #private::Timestamp,
        ) -> ::core::result::Result<#mongodb::Document, #mongodb::Error> {
            let mut #document = #mongodb::Document::new();
            #(#puts)*
            ::core::result::Result::Ok(#document)
        }
    }
}

/// `None` unless the field holds a time. The trait's default sets a flag.
fn verified_value(model: &Model, mongodb: &TokenStream) -> Option<TokenStream> {
    let Role { ty, column, .. } = model.verified.as_ref().filter(|_| model.verified_at)?;
    let private = model.root.private();
    let now = local("now");
    let write = quote_spanned!(pointing_at(ty)=> #mongodb::value);
    let moment = moment(&model.root, ty, &now);
    Some(quote! {
        fn verified_value(
            #now: #private::Timestamp,
        ) -> ::core::result::Result<#mongodb::Bson, #mongodb::Error> {
            #write::<#ty>(#column, #moment)
        }
    })
}

/// `None` without a filter. The trait's default is empty.
fn filter(collection: &Collection, mongodb: &TokenStream) -> Option<TokenStream> {
    if collection.filter.is_empty() {
        return None;
    }
    let filter = local("filter");
    let inserts = collection.filter.iter().map(|(FilterField { name, .. }, value)| {
        let value = match value {
            FilterValue::Null => quote!(#mongodb::Bson::Null),
            other => quote!(<#mongodb::Bson as ::core::convert::From<_>>::from(#other)),
        };
        quote!(#filter.insert(#name, #value);)
    });
    Some(quote! {
        fn filter() -> #mongodb::Document {
            let mut #filter = #mongodb::Document::new();
            #(#inserts)*
            #filter
        }
    })
}

/// The trait and the members of a stand-in.
pub(super) fn stand_in(private: &TokenStream) -> (TokenStream, TokenStream) {
    let mongodb = quote!(#private::mongodb);
    let text = quote!(&'static ::core::primitive::str);
    let members = quote! {
        const COLLECTION: #text = "";
        const ID: #text = "";
        const EMAIL: #text = "";
        const VERIFIED: ::core::option::Option<#text> = ::core::option::Option::None;
        fn from_document(
            _: &#mongodb::Stored,
        ) -> ::core::result::Result<::core::option::Option<Self>, #mongodb::Error> {
            loop {}
        }
        fn id_value(_: &Self::Id) -> ::core::result::Result<#mongodb::Bson, #mongodb::Error> {
            loop {}
        }
        fn email_value(
            _: &::core::primitive::str,
        ) -> ::core::result::Result<#mongodb::Bson, #mongodb::Error> {
            loop {}
        }
        fn new_document(
            _: &::core::primitive::str,
            _: #private::Timestamp,
        ) -> ::core::result::Result<#mongodb::Document, #mongodb::Error> {
            loop {}
        }
    };
    (quote!(#mongodb::MongoUser), members)
}
