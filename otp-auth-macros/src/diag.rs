//! Messages: how a mistake is reported, and which known word an unknown one was meant to be.

use std::fmt::Display;

use darling::Error;
use syn::spanned::Spanned;

/// A mistake, shown at `place`: the tokens that the user must change.
pub(crate) fn mistake(place: &impl Spanned, message: impl Display) -> Error {
    Error::custom(message).with_span(&place.span())
}

/// The known word that `word` was most likely meant to be: a slip of a letter or two, or a word
/// whose end is not typed yet.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let slips = 1 + word.len() / 4;
    known
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= slips.min(candidate.len() - 1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(word: &str, candidate: &str) -> usize {
    let candidate_lower = candidate.to_ascii_lowercase();
    if word.len() >= 3 && candidate_lower.starts_with(word) {
        return 1;
    }
    strsim::damerau_levenshtein(word, &candidate_lower)
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    join(words, "or")
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn all_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    join(words, "and")
}

fn join<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_and_a_stranger_finds_none() {
        let known = ["table", "stores", "claims", "crate"];
        assert_eq!(nearest("tabel", known), Some("table"));
        assert_eq!(nearest("tab", known), Some("table"));
        assert_eq!(nearest("claim", known), Some("claims"));
        assert_eq!(nearest("password", known), None);
        assert_eq!(nearest("x", known), None);
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(one_of(["a"]), "`a`");
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(all_of(["a", "b"]), "`a` and `b`");
        assert_eq!(one_of([]), "");
    }
}
