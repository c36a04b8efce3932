//! Attributes as written: `key`, `key = value` and `key(...)`, separated by commas.

use std::borrow::Cow;

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, Type};

use crate::diag::{all_of, nearest_few, one_of};

/// The keys that one attribute accepts.
pub(crate) struct Vocabulary {
    /// The attribute's name in messages.
    pub(crate) attribute: &'static str,
    pub(crate) keys: &'static [Key],
    /// Words that are not keys of this attribute, several in a string, each with the intended key
    /// or with advice.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
    /// Keys that take no value but may get one, each with what to write for a name, which `{}`
    /// stands for, and for any other expression.
    pub(crate) valued: &'static [(&'static str, &'static str, &'static str)],
    /// The URL of the reference.
    pub(crate) reference: &'static str,
}

impl Vocabulary {
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }

    /// Possible keys for an unknown word, as the end of a sentence.
    pub(crate) fn candidates(&self, word: &str) -> String {
        if self.keys.len() <= 3 {
            return format!("its keys are {}", all_of(self.names()));
        }
        let nearest = all_of(nearest_few(word, self.names()));
        format!("the closest keys are {nearest}; see {} for all", self.reference)
    }

    /// Finds a word of [`elsewhere`](Self::elsewhere), with its advice.
    pub(crate) fn elsewhere(&self, word: &str) -> Option<(&'static str, &'static str)> {
        let lower = word.to_ascii_lowercase();
        self.elsewhere.iter().find_map(|(words, advice)| Some((words.split(' ').find(|word| *word == lower)?, *advice)))
    }

    /// A few example keys, as the end of a sentence.
    pub(crate) fn examples(&self) -> String {
        one_of(self.keys.iter().map(|key| &*key.example).take(5))
    }
}

/// A key and its form.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// An example of the key as written, for messages.
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

/// One key and its content, as written.
pub(crate) struct Entry {
    /// The word as written.
    pub(crate) key: Ident,
    /// The key, the matching word of the vocabulary's `elsewhere`, or [`UNKNOWN`].
    pub(crate) name: &'static str,
    pub(crate) content: Content,
    /// Whether the key or its content is a guess. The mistake has been reported.
    pub(crate) guessed: bool,
}

/// The name of an entry whose key is unrecognizable. The mistake has been reported.
pub(crate) const UNKNOWN: &str = "";

/// What follows a key.
pub(crate) enum Content {
    Word,
    Expr(Expr),
    Type(Type),
    List(TokenStream),
    /// It did not parse. The mistake has been reported.
    Broken,
}
