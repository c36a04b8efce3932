//! Which unique indexes prevent two users from having the same address.

mod condition;

use super::tokens::{Token, Tokens};

#[cfg(feature = "mysql")]
pub(crate) use condition::conditional;

/// A unique index of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UniqueIndex {
    pub(crate) name: String,
    pub(crate) keys: Vec<KeyPart>,
    /// The SQL condition for the rows that it covers, if it does not cover all.
    pub(crate) condition: Option<String>,
    /// Whether the database enforces it. An index that could not be built still exists.
    pub(crate) is_valid: bool,
}

/// A part of an index's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyPart {
    Column(String),
    /// SQL text.
    Expression(String),
}

/// An index that nearly keeps the values unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Near {
    pub(crate) index: String,
    pub(crate) doubt: Doubt,
}

/// Why an index is not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It could not be built.
    Invalid,
    /// It covers only the rows with this condition, and users may be in others.
    Rows(String),
    /// It includes other columns, in which users may differ.
    Columns,
    /// It uses an expression that may be equal or NULL for different rows.
    Expression,
}

/// Checks that no two users can have the same value in `column`. If they can, returns the first
/// index that comes close, and why it is not enough.
///
/// An index on an expression of only this column, such as `lower(email)`, guarantees more, and
/// counts. So does an index that covers at least the rows that the condition `filter` selects as
/// users, and one with more columns for which the filter fixes a single value. `same` compares two
/// names.
pub(crate) fn is_unique(
    column: &str,
    columns: &[String],
    filter: Option<&str>,
    indexes: &[UniqueIndex],
    same: impl Fn(&str, &str) -> bool + Copy,
) -> Result<(), Option<Near>> {
    let about = |index: &&UniqueIndex| {
        index.keys.iter().any(|key| match key {
            KeyPart::Column(name) => same(name, column),
            KeyPart::Expression(text) => names(text).iter().any(|name| same(name, column)),
        })
    };
    // A row without an address is not a user.
    let mut of_users = filter.map(condition::demands).unwrap_or_default();
    of_users.insert(condition::is_not_null(column));
    let is_fixed = |key: &KeyPart| matches!(key, KeyPart::Column(name) if condition::is_fixed(name, &of_users));
    let mut near = None;
    for index in indexes.iter().filter(about) {
        let other = |rows: &&String| !condition::demands(rows).is_subset(&of_users);
        let doubt = if !index.is_valid {
            Doubt::Invalid
        } else if let Some(rows) = index.condition.as_ref().filter(other) {
            Doubt::Rows(rows.clone())
        } else if index.keys.iter().all(|key| follows_from(key, column, columns, same) || is_fixed(key)) {
            return Ok(());
        } else if index.keys.len() > 1 {
            Doubt::Columns
        } else {
            Doubt::Expression
        };
        near.get_or_insert_with(|| Near { index: index.name.clone(), doubt });
    }
    Err(near)
}

/// Whether equal values of the column always have equal keys.
fn follows_from(key: &KeyPart, column: &str, columns: &[String], same: impl Fn(&str, &str) -> bool + Copy) -> bool {
    match key {
        KeyPart::Column(name) => same(name, column),
        KeyPart::Expression(text) => {
            let names = names(text);
            let is_other = |name: &&str| !same(name, column) && columns.iter().any(|other| same(other, name));
            names.iter().any(|name| same(name, column)) && !names.iter().any(is_other) && !may_be_null(text)
        }
    }
}

/// Whether an expression can be NULL although its column is not. NULL is not equal to anything, so
/// no index keeps such rows unique.
fn may_be_null(expression: &str) -> bool {
    let names_one = |word: &str| ["case", "nullif", "iif", "if"].iter().any(|other| word.eq_ignore_ascii_case(other));
    Tokens::of(expression).any(|token| matches!(token, Token::Word(word) if names_one(word)))
}

/// The names in an expression that may be columns, without functions, types, collations and string
/// literals.
fn names(expression: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut tokens = Tokens::of(expression);
    while let Some(token) = tokens.next() {
        match token {
            Token::Sign("::") => _ = tokens.cast(),
            Token::Word(word) if word.eq_ignore_ascii_case("COLLATE") => _ = tokens.next(),
            Token::Word(name) | Token::Quoted(name) if !tokens.is_before('(') => names.push(name),
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(keys: &[KeyPart]) -> UniqueIndex {
        UniqueIndex { name: "i".to_owned(), keys: keys.to_vec(), condition: None, is_valid: true }
    }

    fn counts(keys: &[KeyPart]) -> bool {
        let columns = ["id", "email", "tenant"].map(str::to_owned);
        is_unique("email", &columns, None, &[index(keys)], str::eq_ignore_ascii_case).is_ok()
    }

    fn column(name: &str) -> KeyPart {
        KeyPart::Column(name.to_owned())
    }

    fn expression(text: &str) -> KeyPart {
        KeyPart::Expression(text.to_owned())
    }

    #[test]
    fn an_index_on_the_column_or_on_what_follows_from_it_counts() {
        assert!(counts(&[column("email")]) && counts(&[column("Email")]));
        for text in [
            "lower(email)",
            "lower((email)::text)",
            "lower(email COLLATE \"C\")",
            "upper(`email`)",
            "(lower([email]))",
            "lower(\"email\") || 'tenant'",
            "cast(lower(`email`) as char(320) charset utf8mb4)",
            "lower(TRIM(BOTH FROM email))",
            // A function, a type and a collation may have the name of a column.
            "tenant(email::id COLLATE tenant)",
        ] {
            assert!(counts(&[expression(text)]), "{text}");
        }
        assert!(counts(&[expression("lower(email)"), column("email")]));
    }

    #[test]
    fn an_index_that_lets_two_rows_have_one_address_does_not() {
        assert!(!counts(&[column("email"), column("tenant")]) && !counts(&[column("tenant")]));
        for text in [
            "tenant || email",
            "lower(tenant)",
            "CASE WHEN email LIKE '%@x.com' THEN email END",
            "nullif(email, '')",
            "NULLIF (email, '')",
            "lower('email')",
        ] {
            assert!(!counts(&[expression(text)]), "{text}");
        }
    }

    #[test]
    fn why_an_index_does_not_count_is_told() {
        let columns = ["email".to_owned()];
        let partial = UniqueIndex { condition: Some("(gone IS NULL)".to_owned()), ..index(&[column("email")]) };
        let check = |indexes: &[UniqueIndex]| is_unique("email", &columns, None, indexes, str::eq);
        assert_eq!(
            check(std::slice::from_ref(&partial)),
            Err(Some(Near { index: "i".to_owned(), doubt: Doubt::Rows("(gone IS NULL)".to_owned()) }))
        );
        assert_eq!(check(&[partial, index(&[column("email")])]), Ok(()));
        assert_eq!(check(&[index(&[column("id")])]), Err(None));
        assert_eq!(check(&[index(&[column("Email")])]), Err(None));
    }

    #[test]
    fn an_index_for_the_rows_that_are_users_counts() {
        for (filter, condition, expected) in [
            ("gone IS NULL", "(gone IS NULL)", true),
            ("gone is null AND kind = 'a'", "((gone IS NULL) AND (kind = 'a'::text))", true),
            ("`gone` IS NULL", "\"gone\" is  null", true),
            ("gone IS NULL AND kind = 'a'", "kind = 'a'", true),
            ("gone IS NULL", "gone IS NULL AND email IS NOT NULL", true),
            ("kind = 'a'", "kind = 'A'", false),
            ("a OR b", "b OR a", true),
            ("gone IS NULL", "gone IS NULL AND kind = 'a'", false),
        ] {
            let columns = ["email".to_owned()];
            let partial = UniqueIndex { condition: Some(condition.to_owned()), ..index(&[column("email")]) };
            let unique = is_unique("email", &columns, Some(filter), &[partial], str::eq).is_ok();
            assert_eq!(unique, expected, "{filter} {condition}");
        }
    }

    #[test]
    fn an_index_with_a_column_that_is_one_value_for_all_users_counts() {
        for (filter, keys, expected) in [
            ("tenant = 7", [column("tenant"), column("email")], true),
            ("TENANT = 7 AND gone IS NULL", [expression("lower(email)"), column("tenant")], true),
            ("tenant > 7", [column("tenant"), column("email")], false),
            ("tenant IS NULL", [column("tenant"), column("email")], false),
            ("tenant = 7 OR tenant = 8", [column("tenant"), column("email")], false),
            ("tenant = 7", [column("id"), column("email")], false),
        ] {
            let columns = ["id", "email", "tenant"].map(str::to_owned);
            let unique = is_unique("email", &columns, Some(filter), &[index(&keys)], str::eq_ignore_ascii_case);
            let near = Near { index: "i".to_owned(), doubt: Doubt::Columns };
            assert_eq!(unique, if expected { Ok(()) } else { Err(Some(near)) }, "{filter} {keys:?}");
        }
    }
}
