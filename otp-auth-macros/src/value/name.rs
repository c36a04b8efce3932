//! Names in a database and in a token.

use otp_auth_rules::text::{OWN_COLLECTION, OWN_TABLES, RESERVED_CLAIMS};
use syn::Expr;
use syn::spanned::Spanned;

use super::required_string;
use crate::diag::{FromAttribute, Result, mistake};

/// The name of a table: `users` or `schema.users`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
}

impl FromAttribute for TableName {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = required_string(expr, "table", "table = \"users\"")?;
        let parts: Vec<_> = text.split('.').collect();
        let name = match parts[..] {
            [table] => Self { schema: None, table: table.into() },
            [schema, table] => Self { schema: Some(schema.into()), table: table.into() },
            _ => {
                return Err(mistake(
                    expr,
                    "a table name has at most one `.`: write `table = \"users\"` or \
                     `table = \"schema.users\"`",
                ));
            }
        };
        if let Some(bare) = unquoted(&parts) {
            return Err(mistake(expr, format_args!("otp-auth quotes names itself: write `table = \"{bare}\"`")));
        }
        if !parts.iter().all(|part| is_name(part) && !part.contains(';')) {
            return Err(mistake(
                expr,
                "this is not a valid table name: write `table = \"users\"` or `table = \"schema.users\"`",
            ));
        }
        if name.schema.is_none() && OWN_TABLES.contains(&name.table.as_str()) {
            return Err(mistake(
                expr,
                format_args!("`{}` is reserved for otp-auth: name the table that holds your users", name.table),
            ));
        }
        Ok(name)
    }
}

/// The name of a `MongoDB` collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CollectionName(pub(crate) String);

impl FromAttribute for CollectionName {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = required_string(expr, "collection", "collection = \"users\"")?;
        if !is_name(&text) || text.contains('$') || text.starts_with("system.") {
            return Err(mistake(expr, "this is not a valid collection name: write `collection = \"users\"`"));
        }
        if OWN_TABLES.contains(&text.as_str()) || text == OWN_COLLECTION {
            return Err(mistake(
                expr,
                format_args!("`{text}` is reserved for otp-auth: name the collection that holds your users"),
            ));
        }
        Ok(Self(text))
    }
}

/// The name of a column.
pub(crate) struct ColumnName(pub(crate) String);

impl FromAttribute for ColumnName {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = required_string(expr, "column", "column = \"name\"")?;
        if let Some(bare) = unquoted(&[&text]) {
            return Err(mistake(expr, format_args!("otp-auth quotes names itself: write `column = \"{bare}\"`")));
        }
        if is_name(&text) {
            Ok(Self(text))
        } else {
            Err(mistake(expr, "this is not a valid column name: write `column = \"name\"`"))
        }
    }
}

/// The name without the quotes around its parts. `None` if no part is quoted.
fn unquoted(parts: &[&str]) -> Option<String> {
    let bare = |part: &str| {
        let ends = [('"', '"'), ('`', '`'), ('\'', '\''), ('[', ']')];
        let inner = ends.into_iter().find_map(|(start, end)| part.strip_prefix(start)?.strip_suffix(end));
        inner.map(str::to_owned)
    };
    let quoted = parts.iter().any(|part| bare(part).is_some());
    quoted.then(|| parts.iter().map(|part| bare(part).unwrap_or_else(|| (*part).into())).collect::<Vec<_>>().join("."))
}

/// Whether a database accepts this as a quoted name: it is not empty and has no control characters.
/// Whitespace at either end is rejected, because it could only be a mistake.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(char::is_control)
}

/// The `claim` of a field, under the field's name or another one.
pub(crate) struct ClaimName {
    /// The name in `claim = "name"`.
    pub(crate) name: Option<String>,
    pub(crate) place: Option<proc_macro2::Span>,
}

impl ClaimName {
    /// Why `name` cannot be a claim. `None` if it can.
    pub(crate) fn fault(name: &str) -> Option<String> {
        RESERVED_CLAIMS.contains(&name).then(|| {
            format!(
                "the claim `{name}` has a fixed meaning in every access token: give yours another \
                 name, such as `claim = \"user_{name}\"`"
            )
        })
    }
}

impl FromAttribute for ClaimName {
    fn from_word() -> Result<Self> {
        Ok(Self { name: None, place: None })
    }

    fn from_expr(expr: &Expr) -> Result<Self> {
        let name = required_string(expr, "claim", "claim = \"name\"")?;
        if !is_name(&name) {
            return Err(mistake(
                expr,
                "a claim needs a name: write `claim = \"name\"`, or `claim` alone for the name of \
                 the field",
            ));
        }
        match Self::fault(&name) {
            Some(fault) => Err(mistake(expr, fault)),
            None => Ok(Self { name: Some(name), place: Some(expr.span()) }),
        }
    }
}
