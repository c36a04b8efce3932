//! Expands the model to impls.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Generics, Type};

use super::model::{Claim, Claims, GeneratedClaims, Model};
use super::value::moment;
use super::{mongo, sql};
use crate::syntax::{Root, checked_type, is_known_id, plain_name, pointing_at};

/// The impls that the derive generates.
pub(crate) fn impls(model: &Model) -> TokenStream {
    let user = user_impl(model);
    let verifiable = model.verified.as_ref().map(|_| verifiable_impl(model));
    let stores = model.table.as_ref().map(|table| -> TokenStream {
        let stores = table.stores.iter();
        stores.map(|dialect| sql::expand(*dialect, model, table)).collect()
    });
    let collection = model.collection.as_ref().map(|collection| mongo::expand(model, collection));
    quote!(#user #verifiable #stores #collection)
}

/// The claims struct that the derive generates.
pub(crate) fn generated_claims(model: &Model) -> Option<TokenStream> {
    match &model.claims {
        Claims::Own(_) => None,
        Claims::Generated(claims) => Some(claims_struct(model, claims)),
    }
}

/// ```text
/// impl OtpUser for User {
///     type Id = i64;
///     type Claims = UserClaims;
///     const CHECKED: bool = shared::<Self>();
///     fn id(&self) -> &Self::Id { &self.id }
///     fn email(&self) -> &str { AddressField::text(&self.email) }
///     fn claims(&self) -> Self::Claims { UserClaims { name: Clone::clone(&self.name) } }
///     fn verified(&self) -> Option<bool> { Some(self.is_verified) }
///     fn mark_verified(&mut self, _: Timestamp) { self.is_verified = true; }
///     fn default_realm() -> &'static str { "users" }
/// }
/// ```
///
/// If the `verified` field holds a time:
///
/// ```text
///     fn verified(&self) -> Option<bool> { Some(Option::is_some(&self.verified_at)) }
///     fn mark_verified(&mut self, now: Timestamp) {
///         if Option::is_none(&self.verified_at) { self.verified_at = moment::<Time>(now); }
///     }
/// ```
fn user_impl(model: &Model) -> TokenStream {
    let private = model.root.private();
    let ident = &model.ident;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let id = &model.id.ident;
    let id_type = id_type(&model.id.ty, &model.generics, &private);
    let email = &model.email.ident;
    let email = quote_spanned! {pointing_at(&model.email.ty)=>
        #private::AddressField::text(&self.#email)
    };
    let (claims_type, claims_value) = claims(model);
    let verified = model.verified.as_ref().map(|role| {
        let field = &role.ident;
        let span = pointing_at(&role.ty);
        if model.verified_at {
            let now = Ident::new("now", Span::mixed_site());
            let moment = moment(&model.root, &role.ty, &now);
            return quote_spanned! {span=>
                fn verified(&self) -> ::core::option::Option<::core::primitive::bool> {
                    ::core::option::Option::Some(::core::option::Option::is_some(&self.#field))
                }
                fn mark_verified(&mut self, #now: #private::Timestamp) {
                    if ::core::option::Option::is_none(&self.#field) {
                        self.#field = #moment;
                    }
                }
            };
        }
        quote_spanned! {span=>
            fn verified(&self) -> ::core::option::Option<::core::primitive::bool> {
                ::core::option::Option::Some(self.#field)
            }
            fn mark_verified(&mut self, _: #private::Timestamp) {
                self.#field = true;
            }
        }
    });
    let realm = model.default_realm();
    let shared = quote_spanned! {pointing_at(ident)=>
        const CHECKED: ::core::primitive::bool = #private::shared::<Self>();
    };
    quote! {
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #impl_generics #private::OtpUser for #ident #type_generics #where_clause {
            #id_type
            #claims_type
            #shared
            fn id(&self) -> &Self::Id {
                &self.#id
            }
            fn email(&self) -> &::core::primitive::str {
                #email
            }
            fn claims(&self) -> Self::Claims {
                #claims_value
            }
            #verified
            fn default_realm() -> &'static ::core::primitive::str {
                #realm
            }
        }
    }
}

/// The type `Claims`, and the expression that creates its value from `self`.
fn claims(model: &Model) -> (TokenStream, TokenStream) {
    match &model.claims {
        Claims::Own(ty) => {
            let from = quote_spanned!(pointing_at(ty)=> ::core::convert::From<&Self>);
            let claims = checked_type("Claims", ty, "claims", &model.generics, &model.root.private());
            (claims, quote!(<#ty as #from>::from(self)))
        }
        Claims::Generated(generated) => {
            let ident = &generated.ident;
            let fields = generated.claims.iter().map(|Claim { ident, ty, .. }| {
                let value = quote_spanned!(pointing_at(ty)=> ::core::clone::Clone::clone(&self.#ident));
                quote!(#ident: #value)
            });
            (quote!(type Claims = #ident;), quote!(#ident { #(#fields),* }))
        }
    }
}

/// The type `Id`, checked unless it is visibly valid.
pub(super) fn id_type(ty: &Type, generics: &Generics, private: &TokenStream) -> TokenStream {
    if is_known_id(ty) { quote!(type Id = #ty;) } else { checked_type("Id", ty, "id", generics, private) }
}

/// ```text
/// impl VerifiableUser for User {}
/// ```
fn verifiable_impl(model: &Model) -> TokenStream {
    let private = model.root.private();
    let ident = &model.ident;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::VerifiableUser for #ident #type_generics #where_clause {}
    }
}

/// ```text
/// /// The claims that an access token carries for a [`User`].
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// struct UserClaims {
///     /// The claim `name`.
///     #[serde(skip_serializing_if = "Option::is_none", default)]
///     pub name: Option<String>,
/// }
/// ```
fn claims_struct(model: &Model, generated: &GeneratedClaims) -> TokenStream {
    let private = model.root.private();
    let (vis, ident) = (&model.vis, &generated.ident);
    let about = format!(" The claims that an access token carries for a [`{}`].", plain_name(&model.ident));
    let fields = generated.claims.iter().map(claim_field);
    let (alias, serde) = serde_path(&model.root, ident);
    quote! {
        #alias
        #[doc = #about]
        #[allow(non_camel_case_types, private_interfaces, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]
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
    }
}

fn claim_field(claim: &Claim) -> TokenStream {
    let Claim { ident, ty, rename, optional, docs } = claim;
    let name = rename.clone().unwrap_or_else(|| plain_name(ident));
    let about = format!(" The claim `{name}`.");
    let about = docs.is_empty().then(|| quote!(#[doc = #about]));
    let rename = rename.as_ref().map(|name| quote!(#[serde(rename = #name)]));
    let absent = optional.then(|| quote!(#[serde(default, skip_serializing_if = "::core::option::Option::is_none")]));
    quote!(#about #(#docs)* #rename #absent pub #ident: #ty)
}

/// The value of serde's `crate` attribute: a path, or, if the path begins with `$crate` and cannot
/// be a string, an alias. An alias comes with its import.
pub(super) fn serde_path(root: &Root, claims: &Ident) -> (Option<TokenStream>, String) {
    if let Some(path) = root.serde() {
        return (None, path);
    }
    let private = root.private();
    let alias = format_ident!("__otp_auth_serde_{claims}");
    let import = quote! {
        #[doc(hidden)]
        #[allow(non_snake_case)]
        use #private::serde as #alias;
    };
    (Some(import), alias.to_string())
}
