//! Expands the model to an impl.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::item::FieldRole;
use super::model::{Hooks, Model};
use crate::syntax::{checked_type, pointing_at};

/// ```text
/// impl OtpConfig for Auth {
///     type User = <User as Checked<{ user::<User>() }>>::Type;
///     type Delivery = Cookie;
///     type Sender = ConsoleSender;
///     type Hooks = NoHooks;
///     type Limiter = MemoryLimiter;
///     const DEBUG_BUILD: bool = cfg!(debug_assertions);
///     fn settings(&self) -> SettingsBuilder {
///         SettingsBuilder::new().secret_key(SecretSource::env("OTP_AUTH_SECRET")).otp_length(6)
///     }
///     fn sender(&self) -> &Self::Sender { &self.sender }
///     fn hooks(&self) -> &Self::Hooks { &NoHooks }
///     fn limiter(&self) -> Self::Limiter { Default::default() }
/// }
/// const _: () = { use Without as _; assert!(!HasHooks::<Auth, <Auth as OtpConfig>::User>::IT_HAS, "…") };
/// ```
pub(crate) fn expand(model: &Model) -> TokenStream {
    let private = model.root.private();
    let (ident, user, delivery) = (&model.ident, &model.user, &model.delivery);
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let (sender_type, sender) = part(model.sender.as_ref(), ident);
    let (hooks_type, hooks) = match &model.hooks {
        Hooks::None => (quote!(#private::NoHooks), quote!(&#private::NoHooks)),
        Hooks::Field(field) => part(Some(field), ident),
        Hooks::Own(key) => part(None, key),
    };
    let (limiter_type, limiter) = match &model.limiter {
        None => (quote!(#private::MemoryLimiter), quote!(::core::default::Default::default())),
        Some(field) => {
            let (ty, borrowed) = part(Some(field), ident);
            (ty, quote!(::core::clone::Clone::clone(#borrowed)))
        }
    };
    let in_release = model.in_release.then(|| {
        quote!(
            const DEVELOPER_MODE_IN_RELEASE: ::core::primitive::bool = true;
        )
    });
    let setters = model.setters.iter().map(|(name, argument)| quote!(.#name(#argument)));
    let user = checked_type("User", user, "user", &model.generics, &private);
    let guard = model.debug_only.map(release_guard);
    let forgotten = matches!(model.hooks, Hooks::None).then(|| forgotten_hooks(model));
    quote! {
        #guard
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
        impl #impl_generics #private::OtpConfig for #ident #type_generics #where_clause {
            #user
            type Delivery = #delivery;
            type Sender = #sender_type;
            type Hooks = #hooks_type;
            type Limiter = #limiter_type;
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
            fn limiter(&self) -> Self::Limiter {
                #limiter
            }
        }
        #forgotten
    }
}

/// The type with a role, and the expression that borrows its value from `self`. Without a field, it
/// is the struct itself, and the compiler reports what it lacks at `place`.
fn part(field: Option<&FieldRole>, place: &Ident) -> (TokenStream, TokenStream) {
    match field {
        None => (quote_spanned!(pointing_at(place)=> Self), quote!(self)),
        Some(FieldRole { member, ty, .. }) => (ty.to_token_stream(), quote!(&self.#member)),
    }
}

/// Rejects an impl of `Hooks` without the key `hooks`, because it would never be called. If the
/// struct has generics, an impl of ours conflicts with it, which gives a less helpful message.
fn forgotten_hooks(model: &Model) -> TokenStream {
    const MESSAGE: &str = "the `Hooks` of this struct are never called: add the key `hooks` to `#[otp_config(...)]`";
    let private = model.root.private();
    let (ident, user) = (&model.ident, &model.user);
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    if !model.generics.params.is_empty() {
        return quote! {
            #[automatically_derived]
            impl #impl_generics #private::Hooks<#user> for #ident #type_generics #where_clause {}
        };
    }
    let place = pointing_at(ident);
    quote_spanned! {place=>
        const _: () = {
            #[allow(unused_imports)]
            use #private::Without as _;
            ::core::assert!(!#private::HasHooks::<#ident, <#ident as #private::OtpConfig>::User>::IT_HAS, #MESSAGE);
        };
    }
}

/// ```text
/// #[cfg(not(debug_assertions))]
/// compile_error!("…");
/// ```
fn release_guard(place: Span) -> TokenStream {
    const MESSAGE: &str = "`developer_mode = true` makes every code all zeros, so it must not be in a \
         build without debug assertions: write `developer_mode = cfg!(debug_assertions)`, or \
         `developer_mode = allow_in_release(true)` if such a build really must have predictable \
         codes";
    quote_spanned! {place=>
        #[cfg(not(debug_assertions))]
        ::core::compile_error!(#MESSAGE);
    }
}
