//! Numbers: how many digits, tries, sends.

use std::marker::PhantomData;

use darling::Result;
use proc_macro2::{Literal as Token, Span, TokenStream};
use quote::ToTokens;
use syn::Expr;
use syn::spanned::Spanned;

use super::{Literal, Written, written};
use crate::diag::mistake;

/// The rule of one key that takes a number.
pub(crate) trait CountRule {
    const KEY: &'static str;
    const LEAST: u64;
    const MOST: u64;
    /// What the key is when it is not written.
    const DEFAULT: u64;
    /// What is counted.
    const UNIT: &'static str;
    /// Why the number is too small or too large, as the end of a sentence.
    fn reason(number: u64) -> String;
}

/// The `MOST` of a number that has no limit but its type, `u32`.
pub(crate) const NO_LIMIT: u64 = 0xFFFF_FFFF;

/// A number that obeys the rule `R`.
pub(crate) struct Count<R> {
    pub(crate) number: u64,
    place: Span,
    rule: PhantomData<R>,
}

impl<R: CountRule> Literal for Count<R> {
    fn read(expr: &Expr) -> Option<Result<Self>> {
        let key = R::KEY;
        let number = match written(expr)? {
            Written::Integer(integer) => Ok(integer.base10_parse().unwrap_or(u64::MAX)),
            Written::Negative => Err(format!("{}; write `{key} = {}`", limits::<R>(), R::DEFAULT)),
            Written::Text(text) if text.trim().parse::<u64>().is_ok() => {
                Err(format!("`{key}` takes a number, without quotes: write `{key} = {}`", text.trim()))
            }
            Written::Text(_) | Written::Bytes(_) | Written::Bool(_) | Written::Other => {
                Err(format!("`{key}` takes a whole number: write `{key} = {}`", R::DEFAULT))
            }
        };
        let checked = number.and_then(|number| {
            if (R::LEAST..=R::MOST).contains(&number) {
                Ok(Self { number, place: expr.span(), rule: PhantomData })
            } else {
                let reason = if number > NO_LIMIT { "this number is too large".to_owned() } else { R::reason(number) };
                let nearest = number.clamp(R::LEAST, R::MOST);
                Err(format!("{}: {reason}; write `{key} = {nearest}`", limits::<R>()))
            }
        });
        Some(checked.map_err(|message| mistake(expr, message)))
    }

    fn expand(&self, _private: &TokenStream) -> TokenStream {
        let mut token = Token::u64_unsuffixed(self.number);
        token.set_span(self.place);
        token.to_token_stream()
    }
}

fn limits<R: CountRule>() -> String {
    let (key, least, unit) = (R::KEY, R::LEAST, R::UNIT);
    if R::MOST == NO_LIMIT {
        format!("`{key}` must be at least {least} {unit}")
    } else {
        format!("`{key}` must be {least} to {} {unit}", R::MOST)
    }
}
