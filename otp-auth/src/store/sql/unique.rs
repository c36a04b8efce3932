//! Which unique indexes keep two users from having one address.

/// A unique index of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UniqueIndex {
    pub(super) name: String,
    pub(super) keys: Vec<Key>,
    /// The rows that it is for, if not all, in SQL.
    pub(super) condition: Option<String>,
    /// Whether the database relies on it; one whose making has failed is there
    /// all the same.
    pub(super) is_valid: bool,
}

/// A part of an index' key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Column(String),
    /// SQL text.
    Expression(String),
}

/// Whether two rows cannot have equal values in `column`. If they can, why
/// the one index that comes close does not count.
///
/// An index on something that follows from the column alone, such as
/// `lower(email)`, promises more, and counts. So does one for the rows that
/// are users, by the condition `filter`. `same` compares two names.
pub(super) fn is_unique(
    column: &str,
    columns: &[String],
    filter: Option<&str>,
    indexes: &[UniqueIndex],
    same: impl Fn(&str, &str) -> bool + Copy,
) -> Result<(), Option<String>> {
    let about = |index: &&UniqueIndex| {
        index.keys.iter().any(|key| match key {
            Key::Column(name) => same(name, column),
            Key::Expression(text) => names(text).iter().any(|name| same(name, column)),
        })
    };
    let mut instead = None;
    for index in indexes.iter().filter(about) {
        let other =
            index.condition.as_ref().filter(|condition| !filter.is_some_and(|filter| is_same(filter, condition)));
        let reason = if !index.is_valid {
            "is not valid, its making has failed".to_owned()
        } else if let Some(condition) = other {
            format!("is for some rows only: WHERE {condition}")
        } else if index.keys.iter().all(|key| follows_from(key, column, columns, same)) {
            return Ok(());
        } else if index.keys.len() > 1 {
            "is on other columns, too".to_owned()
        } else {
            "is on an expression that may be equal or NULL for different rows".to_owned()
        };
        instead.get_or_insert_with(|| format!("the index `{}` {reason}", index.name));
    }
    Err(instead)
}

/// Whether equal values of the column always have an equal key.
fn follows_from(key: &Key, column: &str, columns: &[String], same: impl Fn(&str, &str) -> bool + Copy) -> bool {
    match key {
        Key::Column(name) => same(name, column),
        Key::Expression(text) => {
            let names = names(text);
            let is_other = |name: &String| !same(name, column) && columns.iter().any(|other| same(other, name));
            names.iter().any(|name| same(name, column)) && !names.iter().any(is_other) && !may_be_null(text)
        }
    }
}

/// Whether two conditions are one, but for spaces, quotes, case and casts.
/// Parentheses matter only where there are other words than AND between
/// comparisons.
fn is_same(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(words);
    let binds = |words: &[String]| {
        let not = words.iter().enumerate().any(|(at, word)| word == "not" && (at == 0 || words[at - 1] != "is"));
        not || words.iter().any(|word| word == "or")
    };
    let bare = |words: &[String]| words.iter().filter(|word| *word != "(" && *word != ")").cloned().collect::<Vec<_>>();
    if binds(&one) || binds(&other) { one == other } else { bare(&one) == bare(&other) }
}

/// Of an expression that is a column in the rows of a condition and NULL in
/// all others, `CASE WHEN condition THEN column END`: the condition and the
/// column. A unique index on it is what `MySQL` has in place of a partial one.
#[cfg(feature = "mysql")]
pub(super) fn conditional(expression: &str) -> Option<(String, String)> {
    let words = words(expression);
    let mut words: Vec<_> = words.iter().map(String::as_str).collect();
    if let ["(", inner @ .., ")"] = &words[..] {
        words = inner.to_vec();
    }
    let (condition, column) = match &words[..] {
        ["case", "when", condition @ .., "then", column, "else", "null", "end"]
        | ["case", "when", condition @ .., "then", column, "end"]
        | ["if", "(", condition @ .., ",", column, ",", "null", ")"] => (condition, *column),
        _ => return None,
    };
    let is_one = !condition.iter().any(|word| matches!(*word, "when" | "then" | "else" | ","));
    is_one.then(|| (condition.join(" "), column.to_owned()))
}

/// The words and signs of a condition; a text is one word.
fn words(condition: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = condition.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let length = if first == '\'' {
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else if is_word(first) {
            rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        rest = after.trim_start();
        if words.last().is_some_and(|last| last == "::") {
            // The type of a cast.
            words.pop();
        } else if first == '\'' {
            words.push(word.to_owned());
        } else if !matches!(word, "\"" | "`" | "[" | "]") {
            words.push(word.to_ascii_lowercase());
        }
    }
    words
}

/// Whether an expression can be NULL where its column is not. NULL is equal to
/// nothing, so no index keeps such rows apart.
fn may_be_null(expression: &str) -> bool {
    let words = expression.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.into_iter().any(|word| ["case", "nullif", "iif", "if"].iter().any(|other| word.eq_ignore_ascii_case(other)))
}

/// The names in an expression that may be columns: neither functions nor
/// types nor collations nor texts.
fn names(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut before = String::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let (word, after) = if let '"' | '`' | '[' = first {
            let end = if first == '[' { ']' } else { first };
            let (word, after) = rest[1..].split_once(end).unwrap_or((&rest[1..], ""));
            (word.to_owned(), after)
        } else if first == '\'' {
            let (_, after) = rest[1..].split_once('\'').unwrap_or(("", ""));
            (String::new(), after)
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        } else {
            before.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let is_call = after.trim_start().starts_with('(');
        let is_type = before.ends_with("::");
        let is_collation = names.last().is_some_and(|last: &String| last.eq_ignore_ascii_case("COLLATE"));
        if is_collation {
            names.pop();
        } else if !is_call && !is_type && !word.is_empty() {
            names.push(word);
        }
        before.clear();
        rest = after;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(keys: &[Key]) -> UniqueIndex {
        UniqueIndex { name: "i".to_owned(), keys: keys.to_vec(), condition: None, is_valid: true }
    }

    fn counts(keys: &[Key]) -> bool {
        let columns = ["id", "email", "tenant"].map(str::to_owned);
        is_unique("email", &columns, None, &[index(keys)], str::eq_ignore_ascii_case).is_ok()
    }

    fn column(name: &str) -> Key {
        Key::Column(name.to_owned())
    }

    fn expression(text: &str) -> Key {
        Key::Expression(text.to_owned())
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
            Err(Some("the index `i` is for some rows only: WHERE (gone IS NULL)".to_owned()))
        );
        assert_eq!(check(&[partial, index(&[column("email")])]), Ok(()));
        assert_eq!(check(&[index(&[column("id")])]), Err(None));
        assert_eq!(check(&[index(&[column("Email")])]), Err(None));
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn an_expression_for_some_rows_is_taken_apart() {
        let of = |expression| conditional(expression).map(|(condition, column)| format!("{column} WHERE {condition}"));
        for expression in [
            "case when `gone` is null then `Email` end",
            "(case when (`gone` is null) then `email` else NULL end)",
            "if(`gone` is null,`email`,NULL)",
            "IF ((gone IS NULL), email, NULL)",
        ] {
            let found = of(expression).unwrap();
            assert_eq!(
                found.replace(['(', ')'], "").split_whitespace().collect::<Vec<_>>().join(" "),
                "email WHERE gone is null"
            );
        }
        for expression in [
            "case when gone is null then email else 'x' end",
            "case when gone is null then email when kind = 1 then null end",
            "if(gone is null,lower(email),NULL)",
            "if(gone is null,NULL,email)",
            "if(a,b,c,email,NULL)",
            "coalesce(gone, email)",
            "",
        ] {
            assert_eq!(of(expression), None, "{expression}");
        }
    }

    #[test]
    fn an_index_for_the_rows_that_are_users_counts() {
        for (filter, condition, expected) in [
            ("gone IS NULL", "(gone IS NULL)", true),
            ("gone is null AND kind = 'a'", "((gone IS NULL) AND (kind = 'a'::text))", true),
            ("`gone` IS NULL", "\"gone\" is  null", true),
            ("kind = 'a'", "kind = 'A'", false),
            ("gone IS NULL", "gone IS NOT NULL", false),
            ("a AND (b OR c)", "(a AND b) OR c", false),
            ("a OR b", "a OR b", true),
            ("NOT (a AND b)", "(NOT a) AND b", false),
            ("gone IS NULL", "gone IS NULL AND kind = 'a'", false),
        ] {
            let columns = ["email".to_owned()];
            let partial = UniqueIndex { condition: Some(condition.to_owned()), ..index(&[column("email")]) };
            let unique = is_unique("email", &columns, Some(filter), &[partial], str::eq).is_ok();
            assert_eq!(unique, expected, "{filter} {condition}");
        }
    }
}
