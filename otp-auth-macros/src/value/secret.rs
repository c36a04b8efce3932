//! Secrets: a literal, the name of an environment variable, or an expression.

use otp_auth_rules::{Form, Key};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprReference, Token};

use super::{LiteralValue, as_literal};
use crate::diag::{Result, mistake};
use crate::syntax::{peel, string};

/// Where a secret comes from.
pub(crate) struct Secret {
    source: Source,
    /// Why a literal is too weak outside developer mode, and its place.
    pub(crate) weakness: Option<(&'static str, Span)>,
}

enum Source {
    /// `env("NAME")`: read at startup.
    Environment(Expr),
    Value(Expr),
}

impl Secret {
    pub(super) fn read(expr: &Expr, key: &Key) -> Result<Self> {
        let expr = peel(expr);
        if let Some(bytes) = literal(expr) {
            let weakness = otp_auth_rules::secret::weakness(&bytes).map(|weakness| (weakness, expr.span()));
            return Ok(Self { source: Source::Value(expr.clone()), weakness });
        }
        if as_literal(expr).is_some() {
            return Err(mistake(
                expr,
                format_args!("`{}` takes `env(\"…\")`, a string or an expression: write `{}`", key.name, key.example()),
            ));
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
            _ => {
                refuse_misuse(key, expr)?;
                Source::Value(expr.clone())
            }
        };
        Ok(Self { source, weakness: None })
    }

    /// Whether the expression is a call of `env`, and so a single secret.
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

/// `&expr`, with parentheses if `expr` needs them. Messages underline `expr`.
pub(super) fn borrow(expr: &Expr) -> ExprReference {
    ExprReference {
        attrs: Vec::new(),
        and_token: Token![&](expr.span()),
        mutability: None,
        expr: Box::new(expr.clone()),
    }
}

/// The bytes of a literal, even behind `&` and the usual conversions.
fn literal(expr: &Expr) -> Option<Vec<u8>> {
    const CONVERSIONS: [&str; 7] = ["as_bytes", "into", "into_bytes", "to_owned", "to_string", "to_vec", "as_slice"];
    match peel(expr) {
        Expr::Reference(reference) => literal(&reference.expr),
        Expr::MethodCall(call) if call.args.is_empty() && CONVERSIONS.iter().any(|name| call.method == name) => {
            literal(&call.receiver)
        }
        Expr::Call(call) if call.args.len() == 1 => {
            let Expr::Path(path) = peel(&call.func) else { return None };
            let converts = path.path.segments.last().is_some_and(|last| last.ident == "from");
            converts.then(|| literal(call.args.first()?)).flatten()
        }
        Expr::Repeat(repeat) => {
            let number = |expr: &Expr| match peel(expr) {
                Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }) => number.base10_parse::<u16>().ok(),
                Expr::Lit(syn::ExprLit { lit: syn::Lit::Byte(byte), .. }) => Some(byte.value().into()),
                _ => None,
            };
            Some(vec![u8::try_from(number(&repeat.expr)?).ok()?; number(&repeat.len)?.into()])
        }
        other => match as_literal(other)? {
            LiteralValue::Text(text) => Some(text.into_bytes()),
            LiteralValue::Bytes(bytes) => Some(bytes),
            _ => None,
        },
    }
}

fn is_env(function: &Expr) -> bool {
    matches!(peel(function), Expr::Path(path) if path.path.is_ident("env"))
}

/// The name of an environment variable. A literal name is checked.
fn variable(name: &Expr) -> Result<Expr> {
    if let Some(Word::CompiledIn(word, variable)) = find_word(name.to_token_stream()) {
        return Err(mistake(
            name,
            format_args!(
                "`env` takes the name of a variable, and `{word}!` compiles its value into your program: write \
                 `env({variable})`"
            ),
        ));
    }
    let possible = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    match (as_literal(peel(name)), string(name)) {
        (None, _) => Ok(name.clone()),
        (Some(_), Some(text)) if possible(&text) => Ok(name.clone()),
        (Some(_), _) => {
            Err(mistake(name, "this is not a valid environment variable name: write `env(\"OTP_AUTH_SECRET\")`"))
        }
    }
}

/// Rejects what would compile a secret into the program, `env(…)` where it has no meaning, and
/// results in place of a secret.
pub(super) fn refuse_misuse(key: &Key, expr: &Expr) -> Result<()> {
    let secret = matches!(key.form, Form::Secret(_) | Form::Secrets(_));
    let name = key.name;
    let key_of = |variable: &str| match key.form {
        Form::Secrets(_) if variable == EXAMPLE => format!("{name} = [env(\"OTP_AUTH_OLD_SECRET\")]"),
        Form::Secrets(_) => format!("{name} = [env({variable})]"),
        _ => format!("{name} = env({variable})"),
    };
    let problem = match find_word(expr.to_token_stream()) {
        Some(Word::CompiledIn(word, variable)) if secret => {
            let of_file = word.starts_with("include");
            let write = key_of(if of_file { EXAMPLE } else { &variable });
            format!("`{word}!` compiles the secret into your program: write `{write}`")
        }
        Some(Word::Env(variable)) if secret => {
            let write = key_of(&variable);
            format!(
                "`env({variable})` is read at startup and must be the whole value: write `{write}`, or fill a field of the \
                 configuration and write `{name} = self.{name}`"
            )
        }
        Some(Word::Env(variable)) => format!(
            "`env(…)` works only for secrets: write `{name} = self.{name}` and fill that field from \
             `std::env::var({variable})`"
        ),
        _ => match (peel(expr), secret) {
            (Expr::Call(call), true) if let Some((function, returned)) = of_std(&call.func) => {
                format!("`std::env::{function}` returns {returned}: write `{}`", key_of(&argument(call)))
            }
            (Expr::Try(tried), true)
                if let Expr::Call(call) = peel(&tried.expr)
                    && of_std(&call.func).is_some() =>
            {
                format!("`?` cannot be used here: write `{}`", key_of(&argument(call)))
            }
            (Expr::Try(_), _) => {
                format!("`?` cannot be used here: write `{name} = self.{name}` and fill that field first")
            }
            _ => return Ok(()),
        },
    };
    Err(mistake(expr, problem))
}

fn argument(call: &ExprCall) -> String {
    call.args.first().map_or_else(|| EXAMPLE.to_owned(), |name| name.to_token_stream().to_string())
}

/// The standard library function that reads a variable, and what it returns.
fn of_std(function: &Expr) -> Option<(&'static str, &'static str)> {
    let Expr::Path(path) = peel(function) else { return None };
    let names: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    match names[..] {
        ["std", "env", "var"] | ["env", "var"] => Some(("var", "a `Result`")),
        ["std", "env", "var_os"] | ["env", "var_os"] => Some(("var_os", "an `Option`")),
        _ => None,
    }
}

/// A macro or a call that reads a value from elsewhere, with its argument.
enum Word {
    /// A macro that compiles a value into the program.
    CompiledIn(String, String),
    /// The `env(…)` of `#[otp_config]`.
    Env(String),
}

const EXAMPLE: &str = "\"OTP_AUTH_SECRET\"";

/// Macros that compile a value into the program.
const COMPILED_IN: [&str; 6] = ["env", "option_env", "include_str", "include_bytes", "include", "dotenv"];

/// The first of these words, however deeply it is nested.
fn find_word(tokens: TokenStream) -> Option<Word> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let argument = |at: usize| match tokens.get(at) {
        Some(TokenTree::Group(group)) => {
            let first = group.stream().into_iter().next();
            let literal = first.filter(|token| matches!(token, TokenTree::Literal(_)));
            Some((group.delimiter(), literal.map_or_else(|| EXAMPLE.to_owned(), |literal| literal.to_string())))
        }
        _ => None,
    };
    let is = |at: usize, sign| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                if let Some(word) = find_word(group.stream()) {
                    return Some(word);
                }
            }
            TokenTree::Ident(ident) => {
                let word = ident.unraw().to_string();
                if is(at + 1, '!') {
                    let compiled = COMPILED_IN.contains(&word.as_str());
                    if let (true, Some((_, argument))) = (compiled, argument(at + 2)) {
                        return Some(Word::CompiledIn(word, argument));
                    }
                }
                let before = at.checked_sub(1);
                let of_path = before.is_some_and(|before| is(before, ':'));
                let of_std = at >= 3 && matches!(&tokens[at - 3], TokenTree::Ident(ident) if ident == "std");
                let of_value = before.is_some_and(|before| is(before, '.'));
                if let Some((Delimiter::Parenthesis, argument)) = argument(at + 1)
                    && word == "env"
                    && !of_value
                    && (!of_path || of_std)
                {
                    return Some(Word::Env(argument));
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    None
}
