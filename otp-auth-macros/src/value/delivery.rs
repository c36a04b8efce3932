//! Values that are not settings: how refresh tokens travel, and `allow_in_release(…)`.

use otp_auth_rules::DELIVERIES;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Expr;

use crate::diag::{FromAttribute, Result, mistake};
use crate::syntax::{peel, string};

/// `refresh_token_delivery`. It selects the types of the routes, so it cannot be computed.
#[derive(Default)]
pub(crate) struct Delivery(usize);

impl Delivery {
    /// The marker type of the runtime.
    pub(crate) fn expand(&self, private: &TokenStream) -> TokenStream {
        let Self(at) = *self;
        let marker = Ident::new(DELIVERIES[at].1, Span::call_site());
        quote!(#private::#marker)
    }
}

impl FromAttribute for Delivery {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let [cookie, body, both] = DELIVERIES.map(|(value, _)| value);
        let Some(text) = string(expr) else {
            return Err(mistake(
                expr,
                format_args!(
                    "`refresh_token_delivery` picks the types of the routes, so it must be a literal: write \
                     `\"{cookie}\"`, `\"{body}\"` or `\"{both}\"`"
                ),
            ));
        };
        DELIVERIES.iter().position(|(value, _)| *value == text).map(Self).ok_or_else(|| {
            let message = format!("`refresh_token_delivery` must be `\"{cookie}\"`, `\"{body}\"` or `\"{both}\"`");
            mistake(expr, message)
        })
    }
}

/// The value inside `allow_in_release(…)`. `None` for any other expression.
pub(crate) fn allowed_in_release(expr: &Expr) -> Option<Result<&Expr>> {
    let Expr::Call(call) = peel(expr) else { return None };
    if !matches!(peel(&call.func), Expr::Path(path) if path.path.is_ident("allow_in_release")) {
        return None;
    }
    let mut arguments = call.args.iter();
    Some(match (arguments.next(), arguments.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(mistake(&call.func, "`allow_in_release` takes one argument: write `allow_in_release(true)`")),
    })
}
