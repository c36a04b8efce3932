//! Secrets: a literal, the name of an environment variable, or an expression.

use darling::Result;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Expr, ExprReference, Token};

use super::{Written, written};
use crate::diag::mistake;
use crate::syntax::{peel, string};

/// Where a secret comes from.
pub(crate) struct Secret {
    source: Source,
    /// Why a literal is too weak outside developer mode, with its place.
    pub(crate) weakness: Option<(&'static str, Span)>,
}

enum Source {
    /// `env("NAME")`: read when the program starts.
    Environment(Expr),
    Value(Expr),
}

impl Secret {
    pub(super) fn read(expr: &Expr, key: &str) -> Result<Self> {
        let expr = peel(expr);
        let literal = |bytes: &[u8]| {
            let weakness = otp_auth_rules::secret::weakness(bytes).map(|weakness| (weakness, expr.span()));
            Ok(Self { source: Source::Value(expr.clone()), weakness })
        };
        match written(expr) {
            Some(Written::Text(text)) => return literal(text.as_bytes()),
            Some(Written::Bytes(bytes)) => return literal(&bytes),
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
        Ok(Self { source, weakness: None })
    }

    /// Whether the expression is visibly one secret.
    pub(super) fn is_env(expr: &Expr) -> bool {
        matches!(peel(expr), Expr::Call(call) if is_env(&call.func))
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
