//! Fields that threads may not be able to share.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use super::attrs::Attributes;
use crate::syntax::{is_constant, may_be_of_one_thread};

/// The impls of a user struct, which make no further errors if threads cannot share a field.
///
/// ```text
/// const _: () = {
///     const SHARED: bool = shared::<Rc<Cache>>();
///     type Me = <User as Checked<{ SHARED }>>::Type;
///     const _: () = {
///         type User = Me;
///         impl OtpUser for User { … }
///         …
///     };
/// };
/// ```
///
/// Only for types with the name of one that threads cannot share, because an editor does not see
/// through this. With generics, the compiler does not accept it either.
pub(super) fn expand(written: &Attributes<'_>, impls: TokenStream) -> TokenStream {
    let types = doubtful(written);
    if types.is_empty() {
        return impls;
    }
    let (private, ident) = (written.root.private(), &written.input.ident);
    quote! {
        const _: () = {
            const __OTP_AUTH_SHARED: ::core::primitive::bool = #(#private::shared::<#types>())&&*;
            type __OtpAuthUser = <#ident as #private::Checked<{ __OTP_AUTH_SHARED }>>::Type;
            const _: () = {
                type #ident = __OtpAuthUser;
                #impls
            };
        };
    }
}

fn doubtful<'a>(written: &Attributes<'a>) -> Vec<&'a Type> {
    let generics = &written.input.generics;
    let types = written.fields.iter().flatten().map(|field| field.ty);
    types.filter(|ty| generics.params.is_empty() && is_constant(ty, generics) && may_be_of_one_thread(ty)).collect()
}
