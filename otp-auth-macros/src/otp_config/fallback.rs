//! What stands in for the expansion when a configuration has mistakes: an impl that only has to
//! exist, so that the rest of the file type-checks and the mistakes are the only errors.

use proc_macro2::TokenStream;
use quote::quote;

use super::attrs::Written;
use super::item::{FieldRole, Item};

/// ```text
/// impl OtpConfig for Auth { type User = User; … fn settings(&self) -> SettingsBuilder { loop {} } … }
/// ```
///
/// Nothing when the user type is not known.
pub(crate) fn expand(written: &Written, item: &Item) -> TokenStream {
    let Some(user) = written.user.value() else {
        return TokenStream::new();
    };
    let private = written.root().private();
    let ident = &item.structure.ident;
    let (impl_generics, type_generics, where_clause) = item.structure.generics.split_for_impl();
    let delivery = written.delivery(&private);
    // A field whose attribute could mean anything was most likely meant to be the sender.
    let sender = field_or_self(item.sender.as_ref().or(item.unclear.as_ref()));
    let hooks = field_or_self(item.hooks.as_ref());
    let no_hooks = (item.hooks.is_none() && written.hooks.is_absent()).then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #private::Hooks<#user> for #ident #type_generics #where_clause {}
        }
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::OtpConfig for #ident #type_generics #where_clause {
            type User = #user;
            type Delivery = #delivery;
            type Sender = #sender;
            type Hooks = #hooks;
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
        }
        #no_hooks
    }
}

/// The type that plays a part.
fn field_or_self(field: Option<&FieldRole>) -> TokenStream {
    field.map_or_else(|| quote!(Self), |FieldRole { ty, .. }| quote!(#ty))
}
