//! Self-checking attribute values. Each type knows the rule of one kind of value and refuses what
//! breaks it, at the value; so a mistake in one value is found whatever is wrong elsewhere.

mod count;
mod filter;
mod list;
mod name;
mod origin_rule;
mod secret;
mod text;
mod time;
mod word;

use darling::{FromMeta, Result};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Lit, Member, UnOp};

pub(crate) use self::count::{Count, CountRule, NO_LIMIT};
pub(crate) use self::filter::{DocumentFilter, FilterField, FilterValue, SqlFilter};
pub(crate) use self::list::{DeveloperHosts, List, ListRule, PreviousCookiePaths, TrustedOrigins, Values};
pub(crate) use self::name::{ClaimName, CollectionName, ColumnName, TableName};
pub(crate) use self::secret::{MINIMUM_SECRET, PreviousSecrets, Secret};
pub(crate) use self::text::{Audience, CookieDomain, CookieName, CookiePath, Issuer, Realm, Text};
pub(crate) use self::time::{Time, TimeRule, spell};
pub(crate) use self::word::{
    AutoCreateUser, CookieSecure, Delivery, DeveloperMode, Flag, ForgetDeviceAtLogout, LocalPartCase, SameSite,
};
use crate::diag::mistake;
use crate::syntax::{peel, pointing_at};

/// A value that is either a literal, checked now, or an expression, checked when the program
/// starts.
pub(crate) enum Setting<T> {
    Known(T),
    Computed(Box<Expr>),
}

impl<T> Setting<T> {
    /// The value, when it is a literal.
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Computed(_) => None,
        }
    }
}

/// What can be written as a literal.
pub(crate) trait Literal: Sized {
    /// Reads and checks a literal. `None` when `expr` is none, so that the program computes it.
    fn read(expr: &Expr) -> Option<Result<Self>>;

    /// The checked value as an expression of generated code; `private` is the runtime's module.
    fn expand(&self, private: &TokenStream) -> TokenStream;
}

impl<T: Literal> FromMeta for Setting<T> {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match T::read(peel(expr)) {
            Some(value) => value.map(Self::Known),
            None => Ok(Self::Computed(Box::new(expr.clone()))),
        }
    }
}

impl<T: Literal> Setting<T> {
    /// The value as an expression of generated code.
    pub(crate) fn expand(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::Known(value) => value.expand(private),
            Self::Computed(expr) => owned(expr),
        }
    }
}

/// The user's expression as a value to hand over. A field of `self` cannot be moved out of a
/// reference, so it is cloned.
pub(crate) fn owned(expr: &Expr) -> TokenStream {
    if is_field_of_self(peel(expr)) {
        quote_spanned!(pointing_at(expr)=> ::core::clone::Clone::clone(&#expr))
    } else {
        expr.to_token_stream()
    }
}

/// The user's expression as values to take bytes of: a field of `self` is lent, so that no copy of
/// a secret is left behind.
pub(crate) fn lent(expr: &Expr) -> TokenStream {
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

/// A literal as it was written: its kind decides which message helps.
enum Written<'a> {
    Text(String),
    Bytes(Vec<u8>),
    Integer(&'a syn::LitInt),
    Negative,
    Bool(bool),
    Other,
}

/// Looks at a literal; `None` for any other expression.
fn written(expr: &Expr) -> Option<Written<'_>> {
    match expr {
        Expr::Lit(lit) => Some(match &lit.lit {
            Lit::Str(text) => Written::Text(text.value()),
            Lit::ByteStr(bytes) => Written::Bytes(bytes.value()),
            Lit::Int(integer) => Written::Integer(integer),
            Lit::Bool(value) => Written::Bool(value.value),
            _ => Written::Other,
        }),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match peel(&unary.expr) {
            Expr::Lit(_) => Some(Written::Negative),
            _ => None,
        },
        _ => None,
    }
}

/// A string literal that must be one: what `key` takes when expressions are not possible.
fn required_string(expr: &Expr, key: &str, example: &str) -> Result<String> {
    match crate::syntax::string(expr) {
        Some(text) => Ok(text),
        None => Err(mistake(expr, format_args!("`{key}` takes a string: write `{example}`"))),
    }
}
