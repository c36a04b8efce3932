//! `[…]`: several values under one key.

use std::marker::PhantomData;

use darling::{FromMeta, Result};
use syn::Expr;

use super::Setting;
use super::text::{Text, TextRule};
use crate::diag::mistake;
use crate::syntax::peel;

/// The rule of one key that takes a list.
pub(crate) trait ListRule {
    const KEY: &'static str;
    /// One element, as it would be written.
    const EXAMPLE: &'static str;
    type Element;

    fn read(expr: &Expr) -> Result<Self::Element>;
}

/// A list whose elements each obey the rule `R`. One wrong element does not
/// hide the others.
pub(crate) struct List<R: ListRule> {
    pub(crate) elements: Vec<R::Element>,
    /// What is wrong with the other elements.
    pub(crate) mistakes: Vec<darling::Error>,
    rule: PhantomData<R>,
}

impl<R: ListRule> FromMeta for List<R> {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let (key, example) = (R::KEY, R::EXAMPLE);
        let Expr::Array(array) = peel(expr) else {
            return Err(mistake(expr, format_args!("`{key}` takes a list: write `{key} = [{example}]`")));
        };
        let mut list = Self { elements: Vec::new(), mistakes: Vec::new(), rule: PhantomData };
        for element in &array.elems {
            match R::read(element) {
                Ok(value) => list.elements.push(value),
                Err(error) => list.mistakes.push(error),
            }
        }
        Ok(list)
    }
}

/// `trusted_origins`
pub(crate) struct TrustedOrigins;

impl ListRule for TrustedOrigins {
    const KEY: &'static str = "trusted_origins";
    const EXAMPLE: &'static str = "\"https://app.example.com\"";
    type Element = Setting<Text<TrustedOrigin>>;

    fn read(expr: &Expr) -> Result<Self::Element> {
        FromMeta::from_expr(expr)
    }
}

/// One of the `trusted_origins`.
pub(crate) struct TrustedOrigin;

impl TextRule for TrustedOrigin {
    const KEY: &'static str = "trusted_origins";
    const EXAMPLE: &'static str = "[\"https://app.example.com\"]";

    fn fault(text: &str) -> Option<&'static str> {
        let Some((scheme, host)) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        else {
            return Some("takes origins that begin with `https://` or `http://`");
        };
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        if host.is_empty() || host.contains(['/', '?', '#', '@']) {
            Some("takes a scheme, a host and maybe a port, and nothing behind them")
        } else if host.chars().any(|c| !c.is_ascii() || c.is_ascii_uppercase() || c.is_ascii_whitespace()) {
            Some("takes origins as browsers send them, in lower case and ASCII")
        } else if host.ends_with(default_port) {
            Some("takes origins as browsers send them, without the port that the scheme has anyway")
        } else {
            None
        }
    }
}
