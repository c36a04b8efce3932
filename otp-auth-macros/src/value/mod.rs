//! Self-checking attribute values. Each type checks the rule for one kind of value and reports a
//! mistake at the value, so that it is found no matter what is wrong elsewhere.

mod delivery;
mod filter;
mod name;
mod secret;
mod setting;
mod time;

use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Lit, Member, UnOp};

pub(crate) use self::delivery::{Delivery, allowed_in_release};
pub(crate) use self::filter::{DocumentFilter, FilterField, FilterValue, SqlFilter};
pub(crate) use self::name::{ClaimName, CollectionName, ColumnName, TableName};
pub(crate) use self::setting::{Known, Setting, Value};
use crate::diag::{Result, mistake};
use crate::syntax::{end, peel};

/// The user's expression as an owned value. A field of `self` is cloned, because it cannot be moved
/// out of a reference.
fn owned(expr: &Expr) -> TokenStream {
    if is_field_of_self(peel(expr)) {
        // Span the expression from its first token to its last, so that messages underline all of
        // it.
        let borrowed = secret::borrow(expr);
        let mut argument = Group::new(Delimiter::Parenthesis, borrowed.to_token_stream());
        argument.set_span(end(expr));
        let clone = quote_spanned!(expr.span()=> ::core::clone::Clone::clone);
        quote!(#clone #argument)
    } else {
        expr.to_token_stream()
    }
}

/// The user's expression as a source of bytes. A field of `self` is borrowed, so that no copy of a
/// secret remains.
fn lent(expr: &Expr) -> TokenStream {
    if is_field_of_self(peel(expr)) { secret::borrow(expr).to_token_stream() } else { expr.to_token_stream() }
}

fn is_field_of_self(expr: &Expr) -> bool {
    match expr {
        Expr::Field(field) => {
            matches!(field.member, Member::Named(_) | Member::Unnamed(_))
                && (is_self(peel(&field.base)) || is_field_of_self(peel(&field.base)))
        }
        _ => false,
    }
}

fn is_self(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident("self"))
}

/// A literal as written. Its kind determines which message helps.
enum LiteralValue<'a> {
    Text(String),
    Bytes(Vec<u8>),
    Integer(&'a syn::LitInt),
    Negative,
    Bool(bool),
    Other,
}

/// Classifies a literal. `None` for any other expression.
fn as_literal(expr: &Expr) -> Option<LiteralValue<'_>> {
    match expr {
        Expr::Lit(lit) => Some(match &lit.lit {
            Lit::Str(text) => LiteralValue::Text(text.value()),
            Lit::ByteStr(bytes) => LiteralValue::Bytes(bytes.value()),
            Lit::Int(integer) => LiteralValue::Integer(integer),
            Lit::Bool(value) => LiteralValue::Bool(value.value),
            _ => LiteralValue::Other,
        }),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match peel(&unary.expr) {
            Expr::Lit(_) => Some(LiteralValue::Negative),
            _ => None,
        },
        _ => None,
    }
}

/// The value of a string literal, for a key that does not accept other expressions.
fn required_string(expr: &Expr, key: &str, example: &str) -> Result<String> {
    match crate::syntax::string(expr) {
        Some(text) => Ok(text),
        None => Err(mistake(expr, format_args!("`{key}` takes a string: write `{example}`"))),
    }
}
