//! Secrets: a literal, the name of an environment variable, or an expression.

use darling::{FromMeta, Result};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Expr, ExprReference, Token};

use super::list::ListRule;
use super::{Written, written};
use crate::diag::mistake;
use crate::syntax::{peel, string};

/// The least length of a secret, in bytes, outside developer mode.
pub(crate) const MINIMUM_SECRET: usize = 32;

/// Where a secret comes from.
pub(crate) struct Secret {
    source: Source,
    /// The length in bytes of a literal, with its place.
    pub(crate) literal: Option<(usize, Span)>,
}

enum Source {
    /// `env("NAME")`: read when the program starts.
    Environment(Expr),
    Value(Expr),
}

impl Secret {
    fn read(expr: &Expr, key: &str) -> Result<Self> {
        let expr = peel(expr);
        let literal = |length| Ok(Self { source: Source::Value(expr.clone()), literal: Some((length, expr.span())) });
        match written(expr) {
            Some(Written::Text(text)) => return literal(text.len()),
            Some(Written::Bytes(bytes)) => return literal(bytes.len()),
            Some(_) => {
                return Err(mistake(
                    expr,
                    format_args!(
                        "`{key}` takes a string, the name of an environment variable or an \
                         expression: write `env(\"OTP_AUTH_SECRET\")`"
                    ),
                ));
            }
            None => {}
        }
        let source = match expr {
            Expr::Call(call) if is_env(&call.func) => {
                let mut arguments = call.args.iter();
                match (arguments.next(), arguments.next()) {
                    (Some(name), None) => Source::Environment(variable(name)?),
                    _ => {
                        return Err(mistake(
                            &call.func,
                            "`env` takes the name of one environment variable: write \
                             `env(\"OTP_AUTH_SECRET\")`",
                        ));
                    }
                }
            }
            _ => Source::Value(expr.clone()),
        };
        Ok(Self { source, literal: None })
    }

    /// `SecretSource::env("NAME")` or `SecretSource::value(&…)`.
    pub(crate) fn expand(&self, private: &TokenStream) -> TokenStream {
        match &self.source {
            Source::Environment(name) => quote!(#private::SecretSource::env(#name)),
            Source::Value(expr) => {
                let borrowed = borrow(expr);
                quote!(#private::SecretSource::value(#borrowed))
            }
        }
    }
}

impl FromMeta for Secret {
    fn from_expr(expr: &Expr) -> Result<Self> {
        Self::read(expr, "secret_key")
    }
}

/// `&expr`, in parentheses where `expr` needs them.
pub(super) fn borrow(expr: &Expr) -> ExprReference {
    ExprReference {
        attrs: Vec::new(),
        and_token: Token![&](Span::call_site()),
        mutability: None,
        expr: Box::new(expr.clone()),
    }
}

fn is_env(function: &Expr) -> bool {
    matches!(peel(function), Expr::Path(path) if path.path.is_ident("env"))
}

/// The name of an environment variable; a literal one is checked.
fn variable(name: &Expr) -> Result<Expr> {
    let possible = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    match (written(peel(name)), string(name)) {
        (None, _) => Ok(name.clone()),
        (Some(_), Some(text)) if possible(&text) => Ok(name.clone()),
        (Some(_), _) => {
            Err(mistake(name, "this is no name of an environment variable: write `env(\"OTP_AUTH_SECRET\")`"))
        }
    }
}

/// `previous_secret_keys`: secrets that still verify.
pub(crate) struct PreviousSecrets;

impl ListRule for PreviousSecrets {
    const KEY: &'static str = "previous_secret_keys";
    const EXAMPLE: &'static str = "env(\"OTP_AUTH_OLD_SECRET\")";
    type Element = Secret;

    fn read(expr: &Expr) -> Result<Secret> {
        Secret::read(expr, Self::KEY)
    }

    fn is_one(expr: &Expr) -> bool {
        written(expr).is_some() || matches!(expr, Expr::Call(call) if is_env(&call.func))
    }
}
