//! Values of `#[otp_config]`: a literal, which the rule of its key checks at compile time, or an
//! expression, which the program evaluates and checks at startup.

use otp_auth_rules::{Choice, Form, Key, Limit, Rate, Time};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{BinOp, Expr, LitBool, LitStr};

use super::secret::{Secret, refuse_misuse};
use super::{LiteralValue, as_literal, lent, owned, time};
use crate::diag::{Errors, Result, mistake, nearest, one_of};
use crate::syntax::peel;

/// The value of a key, or an element of its list.
pub(crate) enum Setting {
    Known(Known),
    Secret(Box<Secret>),
    Computed(Box<Expr>),
}

/// A literal that obeys the rule of its key.
pub(crate) enum Known {
    Time(std::time::Duration),
    Count(u64, Span),
    Flag(LitBool),
    Text(String, Span),
    /// A runtime type and one of its variants.
    Choice(&'static str, &'static str),
    Rate(Rate),
}

/// The value of a key: one, or a list.
pub(crate) enum Value {
    One(Setting),
    /// A list in brackets.
    Listed(Vec<Setting>),
    /// A list that the program computes.
    Computed {
        expr: Box<Expr>,
        secret: bool,
    },
}

impl Value {
    /// Reads the value of `key`. One invalid element of a list does not hide the others.
    pub(crate) fn read(key: &Key, expr: &Expr, errors: &mut Errors) -> Result<Self> {
        let secret = matches!(key.form, Form::Secrets(_));
        if !secret && !matches!(key.form, Form::List(_)) {
            return Setting::read(key, expr).map(Self::One);
        }
        if let Some(array) = array(expr) {
            let elements = array.elems.iter().filter_map(|element| errors.handle(Setting::read(key, element)));
            return Ok(Self::Listed(elements.collect()));
        }
        if as_literal(peel(expr)).is_some() || secret && Secret::is_env(expr) {
            return Err(mistake(expr, format_args!("`{}` takes a list: write `{}`", key.name, key.example())));
        }
        refuse_misuse(key, expr)?;
        Ok(Self::Computed { expr: Box::new(expr.clone()), secret })
    }

    /// The literal, if it is one.
    pub(crate) fn known(&self) -> Option<&Known> {
        match self {
            Self::One(Setting::Known(known)) => Some(known),
            _ => None,
        }
    }

    /// The setters to call for `key`, each with its argument.
    pub(crate) fn setters(&self, key: &Key, private: &TokenStream) -> Vec<(&'static str, TokenStream)> {
        let one = match key.form {
            Form::Secrets(_) => "previous_secret_key",
            Form::List(list) => list.one,
            _ => key.name,
        };
        match self {
            Self::One(setting) => vec![(one, setting.expand(private))],
            Self::Listed(settings) => settings.iter().map(|setting| (one, setting.expand(private))).collect(),
            Self::Computed { expr, secret: true } => vec![(key.name, lent(expr))],
            Self::Computed { expr, secret: false } => vec![(key.name, owned(expr))],
        }
    }
}

/// A list in brackets, even behind an `&`, which changes nothing.
fn array(expr: &Expr) -> Option<&syn::ExprArray> {
    match peel(expr) {
        Expr::Array(array) => Some(array),
        Expr::Reference(reference) => array(&reference.expr),
        _ => None,
    }
}

impl Setting {
    fn read(key: &Key, expr: &Expr) -> Result<Self> {
        if matches!(key.form, Form::Secret(_) | Form::Secrets(_)) {
            return Secret::read(expr, key).map(|secret| Self::Secret(Box::new(secret)));
        }
        refuse_misuse(key, expr)?;
        match Known::read(key, peel(expr)) {
            Some(known) => known.map(Self::Known).map_err(|message| mistake(expr, message)),
            None => Ok(Self::Computed(Box::new(expr.clone()))),
        }
    }

    /// The value as an expression of generated code; `private` is the runtime's module.
    fn expand(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::Known(known) => known.expand(private),
            Self::Secret(secret) => secret.expand(private),
            Self::Computed(expr) => owned(expr),
        }
    }
}

impl Known {
    /// Reads and checks a literal. `None` if `expr` is not one, so that the program computes it. An
    /// error says what to write instead.
    fn read(key: &Key, expr: &Expr) -> Option<std::result::Result<Self, String>> {
        let name = key.name;
        if let Form::Choice(choice) = key.form {
            return Some(choose(expr, &choice)?.map(|word| Self::Choice(choice.name, word)));
        }
        if let Form::Time(rule) = key.form {
            return length(&rule, expr);
        }
        if let Form::Limit(rule) = key.form {
            return Some(rate(&rule, &as_literal(expr)?));
        }
        let (read, fault) = match (key.form, as_literal(expr)?) {
            (Form::Count(count), LiteralValue::Integer(integer)) => {
                let number = integer.base10_parse().unwrap_or(u64::MAX);
                (Self::Count(number, expr.span()), count.fault(number))
            }
            (Form::Count(count), LiteralValue::Negative) => {
                return Some(Err(format!("`{name}` must be {}; write `{}`", count.limits(), key.example())));
            }
            (Form::Count(_), LiteralValue::Text(text)) if text.trim().parse::<u64>().is_ok() => {
                let text = text.trim();
                return Some(Err(format!("`{name}` takes a number, without quotes: write `{name} = {text}`")));
            }
            (Form::Flag(_), LiteralValue::Bool(value)) => (Self::Flag(LitBool::new(value, expr.span())), None),
            (Form::Flag(_), LiteralValue::Text(text)) if text == "true" || text == "false" => {
                return Some(Err(format!("`{name}` takes `true` or `false`, without quotes: write `{name} = {text}`")));
            }
            (Form::Text(rule), LiteralValue::Text(text)) => {
                let fault = rule.fault(&text);
                (Self::Text(text, expr.span()), fault)
            }
            (Form::List(rule), LiteralValue::Text(text)) => {
                let fault = rule.fault(&text);
                (Self::Text(text, expr.span()), fault)
            }
            (Form::Flag(_), _) => {
                return Some(Err(format!("`{name}` takes `true` or `false`: write `{name} = true`")));
            }
            (form, _) => {
                let what = match form {
                    Form::Count(_) => "a whole number",
                    Form::List(_) => "strings",
                    _ => "a string",
                };
                return Some(Err(format!("`{name}` takes {what}: write `{}`", key.example())));
            }
        };
        Some(match fault {
            None => Ok(read),
            Some(fault) => Err(format!("`{name}` {fault}")),
        })
    }

    fn expand(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::Time(length) if length.subsec_nanos() == 0 => {
                let seconds = length.as_secs();
                quote!(#private::Duration::from_secs(#seconds))
            }
            Self::Time(length) => {
                let milliseconds = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
                quote!(#private::Duration::from_millis(#milliseconds))
            }
            Self::Count(number, place) => {
                let mut token = Literal::u64_unsuffixed(*number);
                token.set_span(*place);
                token.to_token_stream()
            }
            Self::Flag(value) => value.to_token_stream(),
            Self::Text(text, place) => LitStr::new(text, *place).to_token_stream(),
            Self::Choice(name, word) => {
                let [name, word] = [name, word].map(|ident| Ident::new(ident, Span::call_site()));
                quote!(#private::#name::#word)
            }
            Self::Rate(rate) => match rate.parts() {
                None => quote!(#private::Rate::UNLIMITED),
                Some((constructor, count, burst)) => {
                    let constructor = Ident::new(constructor, Span::call_site());
                    let [count, burst] = [count, burst].map(Literal::u32_unsuffixed);
                    quote!(#private::Rate::#constructor(#count).burst(#burst))
                }
            },
        }
    }
}

/// Reads a duration.
fn length(rule: &Time, expr: &Expr) -> Option<std::result::Result<Known, String>> {
    let text = match as_literal(expr) {
        Some(LiteralValue::Text(text)) => text,
        Some(_) => expr.to_token_stream().to_string(),
        None => arithmetic(expr)?.to_string(),
    };
    let length = time::parse(&text).filter(|_| matches!(as_literal(expr), Some(LiteralValue::Text(_))));
    Some(match length.map(|length| (length, rule.fault(length))) {
        Some((length, None)) => Ok(Known::Time(length)),
        Some((_, Some(fault))) => Err(format!("`{}` {fault}", rule.key)),
        None => Err(time::advice(rule, &text)),
    })
}

/// Reads a rate.
fn rate(rule: &Limit, literal: &LiteralValue<'_>) -> std::result::Result<Known, String> {
    let read = match literal {
        LiteralValue::Text(text) => text.parse::<Rate>().map_err(|_| rule.not_a_rate()),
        _ => Err(rule.not_a_rate()),
    };
    let checked = read.and_then(|rate| rule.fault(rate).map_or(Ok(Known::Rate(rate)), Err));
    checked.map_err(|fault| format!("`{}` {fault}", rule.key))
}

/// The value of `60 * 60`.
fn arithmetic(expr: &Expr) -> Option<u64> {
    match peel(expr) {
        Expr::Binary(binary) => {
            let (left, right) = (arithmetic(&binary.left)?, arithmetic(&binary.right)?);
            match binary.op {
                BinOp::Mul(_) => left.checked_mul(right),
                BinOp::Add(_) => left.checked_add(right),
                _ => None,
            }
        }
        other => match as_literal(other)? {
            LiteralValue::Integer(integer) => integer.base10_parse().ok(),
            _ => None,
        },
    }
}

/// Reads one of a few words, as a string or a bare word, in any case.
fn choose(expr: &Expr, rule: &Choice) -> Option<std::result::Result<&'static str, String>> {
    let is = |text: &str| rule.words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied();
    let text = match expr {
        Expr::Path(path) => {
            let word = path.path.get_ident()?.to_string();
            // A bare word unlike any of them is the name of a constant, a variable or a parameter.
            if is(&word).is_none() && nearest(&word, rule.words.iter().copied()).is_none() {
                return None;
            }
            word
        }
        _ => match as_literal(expr)? {
            LiteralValue::Text(text) => text,
            _ => String::new(),
        },
    };
    Some(is(&text).ok_or_else(|| {
        let words: Vec<_> = rule.words.iter().map(|word| word.to_ascii_lowercase()).collect();
        format!("`{}` must be {}", rule.key, one_of(words.iter().map(String::as_str)))
    }))
}
