//! `[…]`: several values under one key, or an expression that yields them.

use std::marker::PhantomData;

use darling::{FromMeta, Result};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, LitStr};

use super::origin_rule::{host_fault, origin_fault};
use super::text::{CookiePath, TextRule};
use super::{Literal, Setting, Written, written};
use crate::diag::mistake;
use crate::syntax::peel;

/// The rule of one key that takes a list.
pub(crate) trait ListRule {
    const KEY: &'static str;
    /// One element, as it would be written.
    const EXAMPLE: &'static str;
    type Element;

    fn read(expr: &Expr) -> Result<Self::Element>;

    /// Whether `expr` is visibly one element, so that it cannot yield several.
    fn is_one(expr: &Expr) -> bool {
        written(expr).is_some()
    }
}

/// A list whose elements each obey the rule `R`. One wrong element does not
/// hide the others.
pub(crate) struct List<R: ListRule> {
    pub(crate) values: Values<R::Element>,
    /// What is wrong with the other elements.
    pub(crate) mistakes: Vec<darling::Error>,
    rule: PhantomData<R>,
}

/// The values of a list.
pub(crate) enum Values<E> {
    Written(Vec<E>),
    /// The program computes all of them, and how many there are.
    Computed(Box<Expr>),
}

impl<R: ListRule> List<R> {
    /// The elements that are written one by one.
    pub(crate) fn elements(&self) -> &[R::Element] {
        match &self.values {
            Values::Written(elements) => elements,
            Values::Computed(_) => &[],
        }
    }
}

impl<R: ListRule> FromMeta for List<R> {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let (key, example) = (R::KEY, R::EXAMPLE);
        let mut mistakes = Vec::new();
        let values = match array(expr) {
            Some(array) => Values::Written(
                array
                    .elems
                    .iter()
                    .filter_map(|element| R::read(element).map_err(|error| mistakes.push(error)).ok())
                    .collect(),
            ),
            None if R::is_one(peel(expr)) => {
                return Err(mistake(expr, format_args!("`{key}` takes a list: write `{key} = [{example}]`")));
            }
            None => Values::Computed(Box::new(expr.clone())),
        };
        Ok(Self { values, mistakes, rule: PhantomData })
    }
}

/// A list in brackets, also behind an `&`, which changes nothing.
fn array(expr: &Expr) -> Option<&syn::ExprArray> {
    match peel(expr) {
        Expr::Array(array) => Some(array),
        Expr::Reference(reference) => array(&reference.expr),
        _ => None,
    }
}

/// A string in a list, for the key of `R`, that a browser must take as it is.
pub(crate) struct Compared<R> {
    value: String,
    place: Span,
    rule: PhantomData<R>,
}

/// The rule of one key that takes such strings.
pub(crate) trait ComparedRule {
    const KEY: &'static str;
    const EXAMPLE: &'static str;
    /// What is wrong with `text`, if anything, and what to write.
    fn fault(text: &str) -> Option<String>;
}

impl<R: ComparedRule> Literal for Compared<R> {
    fn read(expr: &Expr) -> Option<Result<Self>> {
        let (key, example) = (R::KEY, R::EXAMPLE);
        let Written::Text(value) = written(expr)? else {
            return Some(Err(mistake(expr, format_args!("`{key}` takes strings: write `{key} = [{example}]`"))));
        };
        Some(match R::fault(&value) {
            None => Ok(Self { value, place: expr.span(), rule: PhantomData }),
            Some(fault) => Err(mistake(expr, format_args!("`{key}` {fault}"))),
        })
    }

    fn expand(&self, _private: &TokenStream) -> TokenStream {
        LitStr::new(&self.value, self.place).to_token_stream()
    }
}

impl<R: ComparedRule> ListRule for R {
    const KEY: &'static str = R::KEY;
    const EXAMPLE: &'static str = R::EXAMPLE;
    type Element = Setting<Compared<R>>;

    fn read(expr: &Expr) -> Result<Self::Element> {
        FromMeta::from_expr(expr)
    }
}

/// `trusted_origins`
pub(crate) struct TrustedOrigins;

impl ComparedRule for TrustedOrigins {
    const KEY: &'static str = "trusted_origins";
    const EXAMPLE: &'static str = "\"https://app.example.com\"";

    fn fault(text: &str) -> Option<String> {
        origin_fault(text)
    }
}

/// `previous_cookie_paths`
pub(crate) struct PreviousCookiePaths;

impl ComparedRule for PreviousCookiePaths {
    const KEY: &'static str = "previous_cookie_paths";
    const EXAMPLE: &'static str = <CookiePath as TextRule>::EXAMPLE;

    fn fault(text: &str) -> Option<String> {
        let fault = CookiePath::fault(text)?;
        Some(format!("takes paths, and this one {fault}: write for example `\"/auth\"`"))
    }
}

/// `developer_hosts`
pub(crate) struct DeveloperHosts;

impl ComparedRule for DeveloperHosts {
    const KEY: &'static str = "developer_hosts";
    const EXAMPLE: &'static str = "\"192.168.1.20\"";

    fn fault(text: &str) -> Option<String> {
        host_fault(text)
    }
}
