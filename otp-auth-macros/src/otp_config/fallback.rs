//! A stand-in for a configuration with mistakes: an impl that only needs to exist, so that the rest
//! of the file type-checks and the mistakes are the only errors.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{DeriveInput, Generics, ItemImpl, Type, parse_quote};

use super::attrs::Arguments;
use crate::generics::StandIn;
use crate::syntax::{checked_type, pointing_at};

/// The type that gets the impl.
pub(super) struct Place {
    ty: TokenStream,
    generics: Generics,
}

impl Place {
    pub(super) fn of(input: &DeriveInput) -> Self {
        let stand_in = StandIn::of(&input.generics);
        let (ident, arguments) = (&input.ident, &stand_in.arguments);
        Self { ty: quote!(#ident #arguments), generics: stand_in.generics }
    }

    pub(super) fn of_type(ty: &impl ToTokens) -> Self {
        Self { ty: ty.to_token_stream(), generics: Generics::default() }
    }

    pub(super) fn of_impl(item: &ItemImpl) -> Self {
        Self { ty: item.self_ty.to_token_stream(), generics: item.generics.clone() }
    }
}

/// ```text
/// impl OtpConfig for Auth { type User = User; … fn settings(&self) -> SettingsBuilder { loop {} } … }
/// ```
///
/// An unknown user type is assumed to be called `User`.
pub(super) fn expand(written: &Arguments, place: &Place) -> TokenStream {
    let private = written.root().private();
    let Place { ty, generics } = place;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let guess = Ident::new("User", pointing_at(ty));
    let user = match written.user.value() {
        Some(Type::Reference(reference)) => (*reference.elem).clone(),
        Some(user) => user.clone(),
        None => parse_quote!(#guess),
    };
    let user = checked_type("User", &user, "user", generics, &private);
    let delivery = written.delivery(&private);
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::OtpConfig for #ty #where_clause {
            #user
            type Delivery = #delivery;
            type Sender = #private::StandIn;
            type Hooks = #private::StandIn;
            type Limiter = #private::StandIn;
            const DEBUG_BUILD: ::core::primitive::bool = ::core::cfg!(debug_assertions);
            fn settings(&self) -> #private::SettingsBuilder {
                loop {}
            }
            fn sender(&self) -> &Self::Sender {
                loop {}
            }
            fn hooks(&self) -> &Self::Hooks {
                loop {}
            }
            fn limiter(&self) -> Self::Limiter {
                loop {}
            }
        }
    }
}
