//! Expressions for the initial value of a field.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Lit, Type};

use crate::syntax::{Root, is_called, option_inner, peel, pointing_at};

/// The current time as an expression of the type `ty`, an `Option` of a time.
///
/// Types with a time zone convert from a `SystemTime`. Types without one convert from a type that
/// has one, which `and_utc` or `assume_utc` names.
pub(super) fn moment(root: &Root, ty: &Type, now: &Ident) -> TokenStream {
    let private = root.private();
    let time = option_inner(ty).unwrap_or(ty);
    let span = pointing_at(time);
    let moment = quote_spanned!(span=> #private::moment);
    let like = quote_spanned!(span=> #private::moment_like);
    if is_called(time, "NaiveDateTime") {
        quote!(#like(<#time>::MIN.and_utc(), #now).map(|utc| utc.naive_utc()))
    } else if is_called(time, "PrimitiveDateTime") {
        quote!(#like(<#time>::MIN.assume_utc(), #now).map(|utc| <#time>::new(utc.date(), utc.time())))
    } else {
        quote!(#moment::<#time>(#now))
    }
}

/// The user's expression. A string literal is converted, so that `default = "member"` works for a
/// `String`.
pub(super) fn initial(expr: &Expr) -> TokenStream {
    match peel(expr) {
        Expr::Lit(lit) if matches!(lit.lit, Lit::Str(_)) => {
            let span = pointing_at(lit);
            let from = quote_spanned!(span=> ::core::convert::From::from);
            quote!(#from(#lit))
        }
        _ => quote!(#expr),
    }
}
