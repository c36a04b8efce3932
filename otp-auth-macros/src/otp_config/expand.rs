//! From the model to an impl.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::item::FieldRole;
use super::model::Model;

/// ```text
/// impl OtpConfig for Auth {
///     type User = User;
///     type Delivery = Cookie;
///     type Sender = ConsoleSender;
///     type Hooks = Self;
///     const DEBUG_BUILD: bool = cfg!(debug_assertions);
///     fn settings(&self) -> SettingsBuilder {
///         SettingsBuilder::new().secret_key(SecretSource::env("OTP_AUTH_SECRET")).otp_length(6)
///     }
///     fn sender(&self) -> &Self::Sender { &self.sender }
///     fn hooks(&self) -> &Self::Hooks { self }
/// }
/// impl Hooks<User> for Auth {}
/// ```
pub(crate) fn expand(model: &Model) -> TokenStream {
    let private = model.root.private();
    let (ident, user, delivery) = (&model.ident, &model.user, &model.delivery);
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let (sender_type, sender) = part(model.sender.as_ref());
    let (hooks_type, hooks) = part(model.hooks.as_ref());
    let in_release = model.in_release.then(|| {
        quote!(
            const DEVELOPER_MODE_IN_RELEASE: ::core::primitive::bool = true;
        )
    });
    let setters = model.setters.iter().map(|(name, argument)| {
        let name = Ident::new(name, Span::call_site());
        quote!(.#name(#argument))
    });
    let guard = model.debug_only.map(release_guard);
    let no_hooks = model.default_hooks.then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::Hooks<#user> for #ident #type_generics #where_clause {}
        }
    });
    quote! {
        #guard
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #impl_generics #private::OtpConfig for #ident #type_generics #where_clause {
            type User = #user;
            type Delivery = #delivery;
            type Sender = #sender_type;
            type Hooks = #hooks_type;
            const DEBUG_BUILD: ::core::primitive::bool = ::core::cfg!(debug_assertions);
            #in_release
            fn settings(&self) -> #private::SettingsBuilder {
                #private::SettingsBuilder::new() #(#setters)*
            }
            fn sender(&self) -> &Self::Sender {
                #sender
            }
            fn hooks(&self) -> &Self::Hooks {
                #hooks
            }
        }
        #no_hooks
    }
}

/// The type that plays a part, and the expression that borrows it from `self`.
fn part(field: Option<&FieldRole>) -> (TokenStream, TokenStream) {
    match field {
        None => (quote!(Self), quote!(self)),
        Some(FieldRole { member, ty, .. }) => (quote!(#ty), quote!(&self.#member)),
    }
}

/// ```text
/// #[cfg(not(debug_assertions))]
/// compile_error!("…");
/// ```
fn release_guard(place: Span) -> TokenStream {
    const MESSAGE: &str = "`developer_mode = true` makes every code 000000 and must not be in a \
         build without debug assertions; write `developer_mode = cfg!(debug_assertions)`, or \
         `developer_mode = allow_in_release(true)` if such a build really must have predictable \
         codes";
    quote_spanned! {place=>
        #[cfg(not(debug_assertions))]
        ::core::compile_error!(#MESSAGE);
    }
}
