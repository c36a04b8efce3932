//! Filters for the rows and documents that are users: an SQL condition, or fields and their values.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Lit, LitStr, Token, UnOp};

use super::required_string;
use crate::diag::{Errors, FromAttribute, Result, mistake, mistake_at};
use crate::syntax::peel;

const EXAMPLE: &str = "filter = \"deleted_at IS NULL\"";
const DOCUMENT_EXAMPLE: &str = "filter(deleted = false)";

/// `filter = "deleted_at IS NULL"`: a condition in every statement that selects or updates a user.
#[derive(Clone, Debug)]
pub(crate) struct SqlFilter {
    pub(crate) text: String,
    /// The text without its quoted parts.
    bare: String,
    /// Whether a quoted part contains a backslash.
    escapes: bool,
}

impl SqlFilter {
    /// Why the condition does not work in a statement for `MySQL` or `SQLite`.
    pub(crate) fn fault(&self, mysql: bool, sqlite: bool) -> Option<&'static str> {
        if (mysql || sqlite) && self.bare.contains('?') {
            return Some("your filter has a `?`, which is never bound: write the value itself");
        }
        if sqlite && self.has_name_after(&[':', '@', '$']) {
            return Some(
                "your filter has a named parameter, such as `:name`, which is never bound: write the value itself",
            );
        }
        if mysql && self.has_name_after(&['@']) {
            return Some("your filter has a variable, such as `@name`, which is never set: write the value itself");
        }
        let has_word = |word: &str| {
            self.bare.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|other| other.eq_ignore_ascii_case(word))
        };
        if mysql && (self.bare.contains("||") || self.bare.contains("&&") || has_word("xor")) {
            return Some(
                "`||`, `&&` and `XOR` are not the same in every database: write `AND`, `OR`, `<>` or `CONCAT`",
            );
        }
        if mysql && (self.bare.contains('#') || self.escapes) {
            return Some("in MySQL, `#` begins a comment and `\\` an escape: write the filter without them");
        }
        None
    }

    /// Whether one of these signs begins a name. A cast such as `::text` has two colons, and a name
    /// may contain a `$`.
    fn has_name_after(&self, signs: &[char]) -> bool {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        self.bare.char_indices().filter(|(_, sign)| signs.contains(sign)).any(|(at, sign)| {
            let (before, after) = (&self.bare[..at], &self.bare[at + sign.len_utf8()..]);
            let goes_on = before.ends_with(sign) || sign == '$' && is_part(before.chars().next_back());
            !goes_on && is_part(after.chars().next())
        })
    }
}

impl FromAttribute for SqlFilter {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = required_string(expr, "filter", EXAMPLE)?;
        match bare(&text) {
            Ok((bare, escapes)) => Ok(Self { text, bare, escapes }),
            Err(fault) => Err(mistake(expr, format_args!("{fault}: write a condition such as `{EXAMPLE}`"))),
        }
    }
}

/// The condition without its quoted parts, and whether those contain a backslash. Otherwise, why it
/// cannot be a condition in parentheses.
fn bare(text: &str) -> core::result::Result<(String, bool), &'static str> {
    if text.trim().is_empty() {
        return Err("your filter is empty");
    }
    let mut bare = String::new();
    let mut quote = None;
    let mut escapes = false;
    let mut depth = 0_usize;
    for c in text.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => escapes |= c == '\\',
            None => {
                match c {
                    '\'' | '"' | '`' => quote = Some(c),
                    '(' => depth += 1,
                    ')' => match depth.checked_sub(1) {
                        Some(outer) => depth = outer,
                        None => return Err("your filter has an unmatched `)`"),
                    },
                    ';' => return Err("your filter has a `;`, but it must be one condition"),
                    '\0' => return Err("your filter has a NUL character"),
                    _ => {}
                }
                bare.push(c);
            }
        }
    }
    let parameter = |pair: &[u8]| pair[0] == b'$' && pair[1].is_ascii_digit();
    if quote.is_some() {
        Err("your filter has an unclosed quote")
    } else if depth > 0 {
        Err("your filter has an unclosed `(`")
    } else if bare.contains("--") || bare.contains("/*") {
        Err("your filter has a comment, which would hide the rest of the statement")
    } else if bare.as_bytes().windows(2).any(parameter) {
        Err("your filter has a parameter such as `$1`, which is never bound")
    } else {
        Ok((bare, escapes))
    }
}

/// `filter(deleted = false)`: the values of some fields of a user's document.
#[derive(Clone)]
pub(crate) struct DocumentFilter(pub(crate) Vec<(FilterField, FilterValue)>);

/// The name of a field, and its place.
#[derive(Clone)]
pub(crate) struct FilterField {
    pub(crate) name: String,
    pub(crate) place: Span,
}

/// A value to compare a document field with.
#[derive(Clone)]
pub(crate) enum FilterValue {
    /// The field is missing, or null.
    Null,
    Bool(bool),
    I32(i32),
    I64(i64),
    Text(LitStr),
}

impl DocumentFilter {
    /// Reads the tokens inside the parentheses. Returns everything that parses.
    pub(crate) fn read(tokens: TokenStream, key: &Ident, errors: &mut Errors) -> Self {
        let mut fields: Vec<(FilterField, FilterValue)> = Vec::new();
        if tokens.is_empty() {
            errors.push(mistake(key, format_args!("your filter is empty: write `{DOCUMENT_EXAMPLE}`")));
        }
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let field = field(input)?;
                // An error at the end of the input has no span of its own.
                if input.parse::<Token![=]>().is_err() || input.is_empty() {
                    return Err(syn::Error::new(field.place, ""));
                }
                let value = value(input)?;
                if let Some(fault) = fault(&field.name) {
                    errors.push(mistake_at(field.place, format_args!("`{}` {fault}", field.name)));
                } else if fields.iter().any(|(other, _)| other.name == field.name) {
                    let message = format_args!("`{}` appears twice: remove this one or the first", field.name);
                    errors.push(mistake_at(field.place, message));
                } else if let Some(value) = errors.handle(value) {
                    fields.push((field, value));
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            let message = format_args!("a document filter lists fields and their values: write `{DOCUMENT_EXAMPLE}`");
            errors.push(mistake_at(error.span(), message));
        }
        Self(fields)
    }
}

/// A name, in quotes if it is not a Rust identifier.
fn field(input: ParseStream<'_>) -> syn::Result<FilterField> {
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        return Ok(FilterField { name: text.value(), place: text.span() });
    }
    let word = input.call(Ident::parse_any)?;
    Ok(FilterField { name: word.unraw().to_string(), place: word.span() })
}

fn fault(name: &str) -> Option<&'static str> {
    let field = !name.is_empty() && !name.starts_with('$') && !name.contains(['.', '\0']);
    (!field)
        .then_some("is not a valid document field: a name is not empty, has no `.` or NUL, and does not begin with `$`")
}

/// The inner error is for an expression that parses but is not a value to compare with.
fn value(input: ParseStream<'_>) -> syn::Result<Result<FilterValue>> {
    let expr: Expr = input.parse()?;
    Ok(read_value(&expr).ok_or_else(|| {
        mistake(
            &expr,
            "a document is compared with a constant: write `true` or `false`, an integer, a string, or \
             `null` for a field that is missing or null",
        )
    }))
}

fn read_value(expr: &Expr) -> Option<FilterValue> {
    match peel(expr) {
        Expr::Path(path) if path.path.is_ident("null") => Some(FilterValue::Null),
        Expr::Lit(lit) => match &lit.lit {
            Lit::Bool(value) => Some(FilterValue::Bool(value.value)),
            Lit::Str(text) => Some(FilterValue::Text(text.clone())),
            Lit::Int(number) if number.suffix().is_empty() => integer(number.base10_parse().ok()?),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match peel(&unary.expr) {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Int(number) if number.suffix().is_empty() => {
                    integer(number.base10_parse::<i128>().ok()?.checked_neg()?)
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Like the tools of `MongoDB`: 32 bits if they suffice.
fn integer(number: i128) -> Option<FilterValue> {
    i32::try_from(number).map(FilterValue::I32).or_else(|_| i64::try_from(number).map(FilterValue::I64)).ok()
}

impl ToTokens for FilterValue {
    /// The value that the runtime's `Bson` is converted from.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Null => {}
            Self::Bool(value) => value.to_tokens(tokens),
            Self::I32(value) => value.to_tokens(tokens),
            Self::I64(value) => value.to_tokens(tokens),
            Self::Text(value) => value.to_tokens(tokens),
        }
    }
}
