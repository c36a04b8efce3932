//! Attributes as written: `key`, `key = value` and `key(...)`, separated by commas.

use std::borrow::Cow;

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, Type};

use crate::diag::{all_of, nearest_few, one_of};

/// The keys of one attribute.
pub(crate) struct Vocabulary {
    /// The attribute, as it is called in messages.
    pub(crate) attribute: &'static str,
    /// Every key it knows.
    pub(crate) keys: &'static [Key],
    /// Words that are no keys here, several in a string: the key that is meant, or a sentence
    /// about what to do.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
    /// What to write for a word that was given a value; `{}` is the value.
    pub(crate) valued: &'static [(&'static str, &'static str)],
    /// Where all keys are described.
    pub(crate) reference: &'static str,
}

impl Vocabulary {
    /// The names of the keys.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }

    /// The keys that a word could mean, as the end of a sentence.
    pub(crate) fn candidates(&self, word: &str) -> String {
        if self.keys.len() <= 3 {
            return format!("its keys are {}", all_of(self.names()));
        }
        let nearest = all_of(nearest_few(word, self.names()));
        format!("the nearest are {nearest}, and all are at {}", self.reference)
    }

    /// A word of [`elsewhere`](Self::elsewhere), with what is said about it.
    pub(crate) fn elsewhere(&self, word: &str) -> Option<(&'static str, &'static str)> {
        let lower = word.to_ascii_lowercase();
        self.elsewhere.iter().find_map(|(words, advice)| Some((words.split(' ').find(|word| *word == lower)?, *advice)))
    }

    /// A few keys as they are written, as the end of a sentence.
    pub(crate) fn examples(&self) -> String {
        one_of(self.keys.iter().map(|key| &*key.example).take(5))
    }
}

/// A key and the form in which it is written.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// The key as it should be written, for messages.
    pub(crate) example: Cow<'static, str>,
}

impl Key {
    pub(crate) const fn new(name: &'static str, form: Form, example: &'static str) -> Self {
        Self { name, form, example: Cow::Borrowed(example) }
    }
}

/// How a key is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `key`
    Word,
    /// `key = expression`
    Value,
    /// `key` or `key = expression`
    WordOrValue,
    /// `key = Type`
    Type,
    /// `key(...)`
    List,
    /// `key = expression` or `key(...)`
    ValueOrList,
}

/// One key with what was written for it.
pub(crate) struct Entry {
    /// The word as written.
    pub(crate) key: Ident,
    /// The key or the misplaced word of the vocabulary, or [`UNKNOWN`].
    pub(crate) name: &'static str,
    pub(crate) content: Content,
    /// The key was misspelled and this is what was probably meant. The mistake is reported.
    pub(crate) guessed: bool,
}

/// The name of an entry whose key could be anything. The mistake is reported.
pub(crate) const UNKNOWN: &str = "";

/// What stands behind a key.
pub(crate) enum Content {
    Word,
    Expr(Expr),
    Type(Type),
    List(TokenStream),
    /// It did not read; the mistake is reported.
    Broken,
}
