//! Normalizes conditions, because a catalog prints them differently from how people write them.

use std::collections::BTreeSet;

use crate::store::sql::check::tokens::{Token, Tokens};

/// The parts of a condition, normalized. The condition holds if all of its parts do. Equal parts
/// mean the same; different parts may mean the same too.
pub(super) fn demands(condition: &str) -> BTreeSet<String> {
    let words = words(condition);
    let mut rest = &words[..];
    let mut demands = BTreeSet::new();
    any(&mut rest).into_demands(&mut demands);
    if !rest.is_empty() {
        // There is a closing parenthesis too many.
        demands.insert(words.join(" "));
    }
    demands
}

/// The part that says that `column` is not NULL.
pub(super) fn is_not_null(column: &str) -> String {
    format!("{} is not null", name(column))
}

/// Whether one of the parts fixes `column` to one value.
pub(super) fn is_fixed(column: &str, demands: &BTreeSet<String>) -> bool {
    let before = format!("{} = ", name(column));
    demands.iter().any(|demand| demand.strip_prefix(&before).is_some_and(is_literal))
}

/// Splits `CASE WHEN condition THEN column END`, which is the column in the rows that meet the
/// condition and NULL in all others, into condition and column. `MySQL` uses a unique index on such
/// an expression in place of a partial one.
#[cfg(feature = "mysql")]
pub(crate) fn conditional(expression: &str) -> Option<(String, String)> {
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
    let mut depth = 0;
    let is_one = condition.iter().all(|word| {
        match *word {
            "(" => depth += 1,
            ")" => depth -= 1,
            "when" | "then" | "else" => return false,
            "," => return depth > 0,
            _ => {}
        }
        depth >= 0
    });
    is_one.then(|| (condition.join(" "), column.to_owned()))
}

enum Part {
    All(Vec<Part>),
    Any(Vec<Part>),
    Not(Box<Part>),
    /// Words; an expression in parentheses is one of them.
    Plain(Vec<String>),
}

impl Part {
    fn into_demands(self, demands: &mut BTreeSet<String>) {
        match self {
            Self::All(parts) => parts.into_iter().for_each(|part| part.into_demands(demands)),
            part => _ = demands.insert(part.text()),
        }
    }

    fn text(self) -> String {
        let sorted = |parts: Vec<Self>| parts.into_iter().map(Self::in_parentheses).collect::<BTreeSet<_>>();
        let joined = |texts: BTreeSet<String>, word| texts.into_iter().collect::<Vec<_>>().join(word);
        match self {
            Self::All(parts) => joined(sorted(parts), " and "),
            Self::Any(parts) => joined(sorted(parts), " or "),
            Self::Not(part) => match *part {
                // As `MariaDB` prints it.
                Self::Plain(words) if words.len() == 1 => format!("{} = 0", words[0]),
                part => format!("not {}", part.in_parentheses()),
            },
            Self::Plain(words) => words.join(" "),
        }
    }

    /// Omits parentheses around a single word.
    fn in_parentheses(self) -> String {
        match self {
            Self::Plain(words) if words.len() == 1 => words.join(""),
            part => format!("({})", part.text()),
        }
    }
}

/// Parses parts that are separated by `word`. A single part is returned as it is.
fn between<'w>(
    rest: &mut &'w [String],
    word: &str,
    part: impl Fn(&mut &'w [String]) -> Part,
    all: impl Fn(Vec<Part>) -> Part,
) -> Part {
    let mut first = part(rest);
    let mut more = Vec::new();
    while let [next, after @ ..] = *rest
        && next == word
    {
        *rest = after;
        more.push(part(rest));
    }
    if !more.is_empty() {
        more.insert(0, first);
        first = all(more);
    }
    first
}

fn any(rest: &mut &[String]) -> Part {
    between(rest, "or", |rest| between(rest, "and", one, Part::All), Part::Any)
}

/// Parses what is between AND and OR.
fn one(rest: &mut &[String]) -> Part {
    if let [first, after @ ..] = *rest
        && first == "not"
    {
        *rest = after;
        return Part::Not(Box::new(one(rest)));
    }
    let mut plain: Vec<String> = Vec::new();
    // The AND of a BETWEEN, and everything in a CASE up to its END, belongs to this part.
    let mut lower = None;
    let mut cases = 0_usize;
    while let [word, after @ ..] = *rest {
        match word.as_str() {
            ")" => break,
            "and" if lower.is_some() && !plain.iter().any(|word| word == "and") => plain.push(word.clone()),
            "and" | "or" if cases == 0 => break,
            "(" => {
                *rest = after;
                let inner = any(rest);
                if let [closing, after @ ..] = *rest
                    && closing == ")"
                {
                    *rest = after;
                }
                if plain.is_empty() && rest.first().is_none_or(|next| matches!(next.as_str(), ")" | "and" | "or")) {
                    return inner;
                }
                plain.push(inner.in_parentheses());
                continue;
            }
            word => {
                match word {
                    "between" if cases == 0 => lower = Some(plain.len()),
                    "case" => cases += 1,
                    "end" => cases = cases.saturating_sub(1),
                    _ => {}
                }
                plain.push(word.to_owned());
            }
        }
        *rest = after;
    }
    if let Some(lower) = lower.filter(|lower| *lower > 0 && plain[lower - 1] != "not")
        && let Some(upper) = plain.iter().position(|word| word == "and")
    {
        let compared = |sign: &str, with: &[String]| Part::Plain([&plain[..lower], &[sign.to_owned()], with].concat());
        return Part::All(vec![compared(">=", &plain[lower + 1..upper]), compared("<=", &plain[upper + 1..])]);
    }
    Part::Plain(in_one_form(plain))
}

/// Normalizes a comparison to how people write it, with the column first.
fn in_one_form(mut words: Vec<String>) -> Vec<String> {
    // `PostgreSQL` prints `IN ('a', 'b')` as `= ANY (ARRAY['a', 'b'])`.
    if let [.., sign, word, list] = &mut words[..]
        && let Some(items) = list.strip_prefix("(array ")
        && let Some(instead) = match (sign.as_str(), word.as_str()) {
            ("=", "any") => Some(["", "in"]),
            ("<>", "all") => Some(["not", "in"]),
            _ => None,
        }
    {
        *list = format!("({items}");
        [*sign, *word] = instead.map(str::to_owned);
        words.retain(|word| !word.is_empty());
    }
    // A list with one item.
    if let [.., word, item] = &mut words[..]
        && word == "in"
        && !item.starts_with('(')
    {
        "=".clone_into(word);
        if let [.., not, sign, _] = &mut words[..]
            && not == "not"
        {
            "<>".clone_into(sign);
            not.clear();
            words.retain(|word| !word.is_empty());
        }
    }
    if let [left, sign, right] = &mut words[..]
        && sign == "="
        && is_literal(left)
        && !is_literal(right)
    {
        std::mem::swap(left, right);
    }
    words
}

fn is_literal(word: &str) -> bool {
    let is_text =
        || word.strip_prefix('\'').is_some_and(|rest| rest.find('\'').is_some_and(|end| end + 1 == rest.len()));
    is_text() || word.strip_prefix('-').unwrap_or(word).parse::<u64>().is_ok()
}

/// A name as it appears among the words of a condition.
fn name(column: &str) -> String {
    column.to_ascii_lowercase()
}

/// The words and signs of a condition, without the quotes around names, casts and character sets. A
/// string literal is one word, and so is a number with its sign.
fn words(condition: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut tokens = Tokens::of(condition);
    while let Some(token) = tokens.next() {
        match token {
            Token::Sign("::") => {
                if tokens.cast().is_some_and(is_number)
                    && let Some(last) = words.last_mut()
                {
                    *last = last.trim_matches('\'').to_owned();
                }
            }
            Token::Sign("[" | "]") => {}
            Token::Sign("!=") => words.push("<>".to_owned()),
            Token::Sign("~~") => words.push("like".to_owned()),
            Token::Sign("!~~") => words.extend(["not", "like"].map(str::to_owned)),
            Token::Sign("~~*") => words.push("ilike".to_owned()),
            Token::Sign("!~~*") => words.extend(["not", "ilike"].map(str::to_owned)),
            // The prefix of `_utf8mb4'text'`.
            Token::Word(word) if word.starts_with('_') && tokens.is_before('\'') => {}
            Token::Text(text) => words.push(text.to_owned()),
            Token::Word(word) if word.eq_ignore_ascii_case("true") => words.push("1".to_owned()),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => words.push("0".to_owned()),
            Token::Word(word) if word.starts_with(|first: char| first.is_ascii_digit()) => {
                // A minus after one of these belongs to the number; otherwise it is a subtraction.
                let signs = ["(", ",", "=", "<>", "<", ">", "<=", ">=", "between", "and"];
                match &mut words[..] {
                    [.., before, minus] if minus == "-" && signs.contains(&before.as_str()) => minus.push_str(word),
                    _ => words.push(word.to_ascii_lowercase()),
                }
            }
            Token::Quoted(word) | Token::Word(word) | Token::Sign(word) => words.push(word.to_ascii_lowercase()),
        }
    }
    words
}

fn is_number(kind: &str) -> bool {
    matches!(kind, "smallint" | "integer" | "bigint" | "numeric" | "real" | "double")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(one: &str, other: &str) -> bool {
        demands(one) == demands(other)
    }

    /// The first of each pair is as people write it, the second as a catalog prints it.
    #[test]
    fn what_a_catalog_prints_is_what_was_written() {
        for (written, printed) in [
            ("NOT deleted", "(NOT deleted)"),
            ("NOT deleted", "`deleted` = 0"),
            ("NOT deleted", "(0 = `deleted`)"),
            ("deleted = FALSE", "(deleted = false)"),
            ("kind != 'x'", "((kind)::text <> 'x'::text)"),
            (
                "kind IN ('a', 'b')",
                "((kind)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            ),
            (
                "n in (1,2) AND name IN ('a','b')",
                "((name = ANY (ARRAY['a'::text, 'b'::text])) AND (n = ANY (ARRAY[1, 2])))",
            ),
            ("kind IN ('a') AND n NOT IN (1)", "(((kind)::text = 'a'::text) AND (n <> 1))"),
            (
                "kind NOT IN ('a','b')",
                "((kind)::text <> ALL ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            ),
            (
                "name LIKE 'a%' AND name NOT LIKE 'b%' OR name ILIKE 'q'",
                "(((name ~~ 'a%'::text) AND (name !~~ 'b%'::text)) OR (name ~~* 'q'::text))",
            ),
            ("state = 'a'", "(state = 'a'::app.\"State\")"),
            ("kind = 'a' OR gone IS NULL", "(((kind)::text = 'a'::text) OR (gone IS NULL))"),
            ("n = -1 AND n BETWEEN 1 AND 3", "((n = '-1'::integer) AND ((n >= 1) AND (n <= 3)))"),
            ("t > '2020-01-01 00:00:00'", "(t > '2020-01-01 00:00:00'::timestamp(3) without time zone)"),
            ("p < 1", "(p < ('1'::double precision))"),
            (
                "(kind = 'a' OR gone IS NULL) AND NOT (deleted OR n > 3)",
                "((((kind)::text = 'a'::text) OR (gone IS NULL)) AND (NOT (deleted OR (n > 3))))",
            ),
            ("lower(kind) = 'it''s'", "(lower((kind)::text) = 'it''s'::text)"),
            ("kind = 'person' AND gone IS NULL", "((`gone` is null) and (`kind` = _utf8mb4'person'))"),
            ("a IS NOT NULL AND (b IS NULL OR c)", "(c or \"b\" is null) and [a] is not null"),
            ("a = TRUE AND b = FALSE", "((`a` = 1) and (`b` = 0))"),
            ("a = -B", "(`a` = -`b`)"),
            ("[a-b] = 1 AND \"between\" = 2", "((`between` = 2) and (`a-b` = 1))"),
        ] {
            assert!(is_same(written, printed), "{written}: {:?} {:?}", demands(written), demands(printed));
        }
    }

    #[test]
    fn what_says_something_else_is_something_else() {
        for (one, other) in [
            ("kind = 'a'", "kind = 'A'"),
            ("kind = 'a'", "kind <> 'a'"),
            ("gone IS NULL", "gone IS NOT NULL"),
            ("a AND (b OR c)", "(a AND b) OR c"),
            ("a OR b", "a AND b"),
            ("NOT (a AND b)", "(NOT a) AND b"),
            ("NOT a OR b", "NOT (a OR b)"),
            ("NOT a IS NULL", "NOT a"),
            ("kind IN ('a', 'b')", "kind IN ('a')"),
            ("kind IN ('a', 'b')", "kind NOT IN ('a', 'b')"),
            ("n NOT BETWEEN 1 AND 2", "n BETWEEN 1 AND 2"),
            (
                "n NOT BETWEEN 1 AND 2 AND n NOT BETWEEN 5 AND 9",
                "n NOT BETWEEN 1 AND 2 AND n NOT BETWEEN 5 AND 9 AND n NOT BETWEEN 1 AND 9",
            ),
            (
                "CASE WHEN n BETWEEN 1 AND 5 THEN a END AND CASE WHEN n BETWEEN 0 AND 2 THEN b END",
                "CASE WHEN n BETWEEN 1 AND 5 THEN a END AND CASE WHEN n BETWEEN 0 AND 2 THEN b END \
                 AND CASE WHEN n BETWEEN 1 AND 2 THEN b END",
            ),
            ("n = -1", "n = 1"),
            ("n - 1 > 2", "n - (1 > 2)"),
            ("(a + b) * c = 1", "a + (b * c) = 1"),
            ("a)", "a"),
            ("CASE WHEN a THEN b OR c END", "CASE WHEN a THEN b END OR c"),
        ] {
            assert!(!is_same(one, other), "{one}: {:?} {other}: {:?}", demands(one), demands(other));
        }
    }

    #[test]
    fn an_equality_fixes_a_column() {
        let demands = demands(
            "tenant_id = 7 AND 'person' = kind AND NOT deleted AND gone IS NULL AND a = b AND c = 1 + d \
             AND CASE WHEN a AND e = 1 AND b THEN c END AND f = 1",
        );
        for column in ["tenant_id", "Kind", "deleted", "f"] {
            assert!(is_fixed(column, &demands), "{column}");
        }
        for column in ["gone", "a", "b", "c", "d", "e", "tenant"] {
            assert!(!is_fixed(column, &demands), "{column}");
        }
        assert!(!is_fixed("kind", &super::demands("kind = 'a' || x OR kind = 'b'")));
        assert!(!is_fixed("kind", &super::demands("kind = 'a' OR kind = 'b'")));
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
        assert!(of("case when `kind` in ('a','b') then `email` end").is_some());
        for expression in [
            "case when gone is null then email else 'x' end",
            "case when gone is null then email when kind = 1 then null end",
            "if(gone is null,lower(email),NULL)",
            "if(gone is null,NULL,email)",
            "if(a,b,c,email,NULL)",
            "if((a),b,email,NULL)",
            "coalesce(gone, email)",
            "",
        ] {
            assert_eq!(of(expression), None, "{expression}");
        }
    }
}
