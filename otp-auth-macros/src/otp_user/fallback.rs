//! What stands in for the expansion when a user struct has mistakes: impls that only have to
//! exist, so that the rest of the file type-checks and the mistakes are the only errors.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Generics, Lifetime, Type, parse_quote};

use super::attrs::{FieldWritten, Written};
use super::expand::serde_path;
use super::model::claims_ident;
use super::{mongo, sql};
use crate::syntax::{is_option, mentioned_parameter, mentions_lifetime};

/// ```text
/// impl OtpUser for User { type Id = i64; … fn id(&self) -> &Self::Id { loop {} } … }
/// ```
pub(crate) fn expand(written: &Written<'_>) -> TokenStream {
    let private = written.root.private();
    let ident = &written.input.ident;
    let generics = without_lifetimes(&written.input.generics);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let arguments = arguments(&written.input.generics);
    let fields = written.fields.as_deref().unwrap_or_default();
    let id = id_type(fields);
    let (claims_struct, claims) = claims(written, fields);
    let verifiable = (written.unclear || fields.iter().any(|field| !field.verified.is_absent())).then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::VerifiableUser for #ident #arguments #where_clause {}
        }
    });
    // A backend may be meant although its word, or that of the table, does not read.
    let is_stored = !(written.table.is_absent() && written.stores.is_absent());
    let stores = written.features.dialects().filter(|_| is_stored).map(|dialect| {
        let (store_trait, members) = sql::stand_in(dialect, &written.root);
        quote! {
            #[automatically_derived]
            impl #impl_generics #store_trait for #ident #arguments #where_clause {
                #members
            }
        }
    });
    let collection = (written.features.mongodb && !written.collection.is_absent()).then(|| {
        let members = mongo::stand_in(&private);
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::mongodb::MongoUser for #ident #arguments #where_clause {
                #members
            }
        }
    });
    quote! {
        #claims_struct
        #[automatically_derived]
        impl #impl_generics #private::OtpUser for #ident #arguments #where_clause {
            type Id = #id;
            type Claims = #claims;
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
        #verifiable
        #(#stores)*
        #collection
    }
}

/// The type of the id as far as it is known.
fn id_type(fields: &[FieldWritten<'_>]) -> Type {
    let given = fields.iter().find(|field| !field.id.is_absent());
    let named = || fields.iter().find(|field| field.ident == "id");
    match given.or_else(named) {
        Some(field) if !is_option(field.ty) && !mentions_lifetime(field.ty) => field.ty.clone(),
        _ => parse_quote!(::core::primitive::i64),
    }
}

/// The claims struct, with the claims whose types can stand there, and the claims type.
fn claims(written: &Written<'_>, fields: &[FieldWritten<'_>]) -> (TokenStream, TokenStream) {
    if let Some(ty) = written.claims.value() {
        return (TokenStream::new(), quote!(#ty));
    }
    let private = written.root.private();
    let ident = claims_ident(&written.input.ident);
    let vis = &written.input.vis;
    let fields = fields
        .iter()
        .filter(|field| !field.claim.is_absent() && !mentions_lifetime(field.ty))
        .filter(|field| mentioned_parameter(field.ty, &written.input.generics).is_none())
        .map(|FieldWritten { ident, ty, .. }| quote!(pub #ident: #ty));
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
    (structure, quote!(#ident))
}

/// The parameters of the impl. Lifetimes are a mistake already and become `'static`.
fn without_lifetimes(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    generics.params =
        generics.params.into_iter().filter(|parameter| !matches!(parameter, GenericParam::Lifetime(_))).collect();
    if generics.params.is_empty() {
        generics.lt_token = None;
        generics.gt_token = None;
    }
    generics
}

fn arguments(generics: &Generics) -> Option<TokenStream> {
    if generics.params.is_empty() {
        return None;
    }
    let arguments = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(lifetime) => {
            let fixed = Lifetime::new("'static", lifetime.lifetime.span());
            quote!(#fixed)
        }
        GenericParam::Type(parameter) => {
            let ident = &parameter.ident;
            quote!(#ident)
        }
        GenericParam::Const(parameter) => {
            let ident = &parameter.ident;
            quote!(#ident)
        }
    });
    Some(quote!(<#(#arguments),*>))
}
