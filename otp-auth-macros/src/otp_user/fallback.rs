//! Stand-ins for a user struct with mistakes: impls that only need to exist, so that the rest of
//! the file type-checks and the mistakes are the only errors.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Type, parse_quote};

use super::attrs::{Attributes, FieldAttributes};
use super::expand::serde_path;
use super::model::claims_ident;
use super::{mongo, sql};
use crate::generics::StandIn;
use crate::syntax::{checked_type, mentioned_parameter, mentions_lifetime, visible_name};

/// ```text
/// impl OtpUser for User { type Id = i64; … fn id(&self) -> &Self::Id { loop {} } … }
/// ```
///
/// The claims struct, and the impls.
pub(crate) fn expand(written: &Attributes<'_>) -> (TokenStream, TokenStream) {
    let private = written.root.private();
    let ident = &written.input.ident;
    let StandIn { generics, arguments } = StandIn::of(&written.input.generics);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let fields = written.fields.as_deref().unwrap_or_default();
    let id = super::expand::id_type(&id_type(fields, &written.input.generics), &written.input.generics, &private);
    let (claims_struct, claims) = claims(written, fields);
    // The stores and `verified` may be intended even if they do not parse.
    let stores = written.features.dialects().map(|dialect| sql::stand_in(dialect, &written.root));
    let collection = written.features.mongodb.then(|| mongo::stand_in(&private));
    let stores = stores.chain(collection).map(|(store_trait, members)| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #store_trait for #ident #arguments #where_clause {
                #members
            }
        }
    });
    let impls = quote! {
        #[automatically_derived]
        impl #impl_generics #private::OtpUser for #ident #arguments #where_clause {
            #id
            #claims
            const CHECKED: ::core::primitive::bool = #private::shared::<Self>();
            fn id(&self) -> &Self::Id {
                loop {}
            }
            fn email(&self) -> &::core::primitive::str {
                loop {}
            }
            fn claims(&self) -> Self::Claims {
                loop {}
            }
        }
        #[automatically_derived]
        impl #impl_generics #private::VerifiableUser for #ident #arguments #where_clause {}
        #(#stores)*
    };
    (claims_struct, impls)
}

/// The type of the id if it is known, or else `i64`.
fn id_type(fields: &[FieldAttributes<'_>], generics: &Generics) -> Type {
    let given = fields.iter().find(|field| !field.id.is_absent());
    let named = || fields.iter().find(|field| field.ident == "id");
    match given.or_else(named) {
        Some(field)
            if matches!(visible_name(field.ty), Some((name, _)) if !["Option", "Vec", "HashMap", "bool", "f64"].contains(&&*name))
                && !mentions_lifetime(field.ty)
                && mentioned_parameter(field.ty, generics).is_none() =>
        {
            field.ty.clone()
        }
        _ => parse_quote!(::core::primitive::i64),
    }
}

/// The claims struct, with the claims whose types it can hold, and the claims type.
fn claims(written: &Attributes<'_>, fields: &[FieldAttributes<'_>]) -> (TokenStream, TokenStream) {
    let private = written.root.private();
    if let Some(ty) = written.claims.value() {
        return (TokenStream::new(), checked_type("Claims", ty, "claims", &written.input.generics, &private));
    }
    let ident = claims_ident(&written.input.ident);
    let vis = &written.input.vis;
    let fields = fields
        .iter()
        .filter(|field| !field.claim.is_absent() && !mentions_lifetime(field.ty))
        .filter(|field| mentioned_parameter(field.ty, &written.input.generics).is_none())
        .map(|FieldAttributes { ident, ty, .. }| quote!(pub #ident: #ty));
    let (alias, serde) = serde_path(&written.root, &ident);
    let structure = quote! {
        #alias
        #[allow(missing_docs, dead_code, private_interfaces, unreachable_pub)]
        #[derive(
            ::core::clone::Clone,
            ::core::fmt::Debug,
            #private::serde::Serialize,
            #private::serde::Deserialize,
        )]
        #[serde(crate = #serde)]
        #vis struct #ident {
            #(#fields),*
        }
    };
    (structure, quote!(type Claims = #ident;))
}
