//! The result of reading one key of an attribute.

use proc_macro2::Ident;
use syn::Type;

use crate::diag::{Errors, FromAttribute, mistake};
use crate::entry::{Content, Entry};

/// The result of reading a key.
#[derive(Default)]
pub(crate) enum Slot<T> {
    /// The key was not written.
    #[default]
    Absent,
    /// The key was written with a mistake, which has been reported.
    Broken,
    /// The key and its value.
    Given { key: Ident, value: T, guessed: bool },
}

impl<T> Slot<T> {
    /// Stores a value. A guess never replaces a written value. A second written value is a mistake.
    pub(crate) fn put(&mut self, entry: &Entry, value: crate::diag::Result<T>, errors: &mut Errors) {
        match self {
            Self::Given { guessed: false, .. } | Self::Broken if entry.guessed => return,
            Self::Given { guessed: false, .. } => {
                let name = entry.name;
                errors.push(mistake(&entry.key, format_args!("`{name}` appears twice: remove this one or the first")));
                return;
            }
            _ => {}
        }
        *self = match errors.handle(value) {
            Some(value) => Self::Given { key: entry.key.clone(), value, guessed: entry.guessed },
            None => Self::Broken,
        };
    }

    /// Stores the type in `key = Type`.
    pub(crate) fn put_type(&mut self, entry: &Entry, errors: &mut Errors)
    where
        T: From<Type>,
    {
        match &entry.content {
            Content::Type(ty) => self.put(entry, Ok(T::from(ty.clone())), errors),
            _ => self.mark_broken(),
        }
    }

    /// Stores the value of `key` or `key = expr`.
    pub(crate) fn put_value(&mut self, entry: &Entry, errors: &mut Errors)
    where
        T: FromAttribute,
    {
        match &entry.content {
            Content::Word => self.put(entry, T::from_word(), errors),
            Content::Expr(expr) => self.put(entry, T::from_expr(expr), errors),
            Content::Type(_) | Content::List(_) | Content::Broken => self.mark_broken(),
        }
    }

    pub(crate) fn mark_broken(&mut self) {
        if matches!(self, Self::Absent) {
            *self = Self::Broken;
        }
    }

    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Given { value, .. } => Some(value),
            Self::Absent | Self::Broken => None,
        }
    }

    /// The key as written, if it has a value and is not a guess. A guess must not cause a second
    /// error.
    pub(crate) fn key(&self) -> Option<&Ident> {
        match self {
            Self::Given { key, guessed: false, .. } => Some(key),
            Self::Given { .. } | Self::Absent | Self::Broken => None,
        }
    }

    /// Whether the key was not written at all.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken)
    }

    pub(crate) fn is_given(&self) -> bool {
        matches!(self, Self::Given { .. })
    }
}
