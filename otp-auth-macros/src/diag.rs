//! Reporting mistakes, and guessing which known word an unknown one was meant to be.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::Expr;
pub(crate) use syn::{Error, Result};

/// A mistake that underlines all of `place`: the tokens that the user must change.
pub(crate) fn mistake(place: &impl ToTokens, message: impl Display) -> Error {
    Error::new_spanned(place, message)
}

/// A mistake at a span, where there are no tokens to underline.
pub(crate) fn mistake_at(place: Span, message: impl Display) -> Error {
    Error::new(place, message)
}

/// All mistakes in one item.
#[derive(Default)]
pub(crate) struct Errors(Vec<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        self.0.push(error);
    }

    /// Returns the value, or records the mistake.
    pub(crate) fn handle<T>(&mut self, value: Result<T>) -> Option<T> {
        value.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One `compile_error!` for each mistake, at its place.
    pub(crate) fn expand(self) -> TokenStream {
        self.0.into_iter().map(Error::into_compile_error).collect()
    }
}

/// A type that can be read from the value of a key.
pub(crate) trait FromAttribute: Sized {
    /// Reads `key`. The reader has checked that the key needs no value.
    fn from_word() -> Result<Self> {
        Err(mistake_at(Span::call_site(), "this key needs a value"))
    }

    /// Reads `key = expr`.
    fn from_expr(expr: &Expr) -> Result<Self> {
        Err(mistake(expr, "this key takes no value"))
    }
}

impl FromAttribute for () {
    fn from_word() -> Result<Self> {
        Ok(())
    }
}

/// The known word that `word` was probably meant to be: one with a few typos, or one that is not
/// fully typed yet.
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

/// The three known words nearest to `word`.
pub(crate) fn nearest_few<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known: Vec<_> = known.into_iter().collect();
    known.sort_by_key(|candidate| distance(&word.to_ascii_lowercase(), candidate));
    known.truncate(3);
    known
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
