//! The arguments of the attribute, as written. Rules about a single value are checked by the value,
//! rules about several in the model.

use std::collections::HashMap;
use std::sync::LazyLock;

use otp_auth_rules::KEYS;
use proc_macro2::TokenStream;
use syn::Type;

use super::words::{ELSEWHERE, REFERENCE};
use crate::diag::Errors;
use crate::entry::{Content, Entry, Form, Key, UNKNOWN, Vocabulary};
use crate::reader::read;
use crate::slot::Slot;
use crate::syntax::Root;
use crate::value::{Delivery, Known, Value, allowed_in_release};

static ARGUMENTS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let form = |key: &otp_auth_rules::Key| match key.form {
        otp_auth_rules::Form::Type(_) => Form::Type,
        otp_auth_rules::Form::Word(_) => Form::Word,
        _ => Form::Value,
    };
    KEYS.iter().map(|key| Key { name: key.name, form: form(key), example: key.example().into() }).collect()
});

/// The arguments as written.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) user: Slot<Type>,
    pub(crate) refresh_token_delivery: Slot<Delivery>,
    pub(crate) hooks: Slot<()>,
    pub(crate) root: Slot<Root>,
    /// Whether developer mode is written as `allow_in_release(…)`.
    pub(crate) in_release: bool,
    /// The other keys, by their names.
    values: HashMap<&'static str, Slot<Value>>,
    /// Whether a key is unrecognizable, so that another may only seem to be missing.
    pub(crate) unclear: bool,
}

impl Arguments {
    /// Reads everything that parses and reports the rest.
    pub(crate) fn read(arguments: TokenStream, errors: &mut Errors) -> Self {
        let vocabulary = Vocabulary {
            attribute: "#[otp_config(...)]",
            keys: &ARGUMENTS,
            elsewhere: ELSEWHERE,
            valued: &[(
                "hooks",
                "write `#[otp(hooks)] hooks: {}` in the struct",
                "write `#[otp(hooks)] hooks: …` with its type in the struct",
            )],
            reference: REFERENCE,
        };
        let mut written = Self::default();
        for entry in read(arguments, &vocabulary, errors) {
            written.take(&entry, errors);
        }
        written
    }

    fn take(&mut self, entry: &Entry, errors: &mut Errors) {
        match entry.name {
            "user" => self.user.put_type(entry, errors),
            "refresh_token_delivery" => self.refresh_token_delivery.put_value(entry, errors),
            "hooks" => self.hooks.put_value(entry, errors),
            "crate" => self.root.put_value(entry, errors),
            UNKNOWN => self.unclear = true,
            name => {
                if let Some(key) = KEYS.iter().find(|key| key.name == name) {
                    self.take_value(key, entry, errors);
                }
            }
        }
    }

    fn take_value(&mut self, key: &otp_auth_rules::Key, entry: &Entry, errors: &mut Errors) {
        let slot = self.values.entry(key.name).or_default();
        let Content::Expr(expr) = &entry.content else {
            return slot.mark_broken();
        };
        let inner = if key.name == "developer_mode" { allowed_in_release(expr) } else { None };
        let in_release = inner.is_some();
        let mut mistakes = Errors::default();
        let value = inner.unwrap_or(Ok(expr)).and_then(|expr| Value::read(key, expr, &mut mistakes));
        slot.put(entry, value, errors);
        self.in_release |= in_release && slot.is_given();
        errors.append(mistakes);
    }

    /// The result of reading a key.
    pub(crate) fn slot(&self, key: &str) -> &Slot<Value> {
        self.values.get(key).unwrap_or(&Slot::Absent)
    }

    /// The literal of a key, if it has one.
    pub(crate) fn known(&self, key: &str) -> Option<&Known> {
        self.slot(key).value().and_then(Value::known)
    }

    /// The marker type of the delivery.
    pub(crate) fn delivery(&self, private: &TokenStream) -> TokenStream {
        match self.refresh_token_delivery.value() {
            Some(delivery) => delivery.expand(private),
            None => Delivery::default().expand(private),
        }
    }

    /// The path of the runtime crate.
    pub(crate) fn root(&self) -> Root {
        self.root.value().cloned().unwrap_or_default()
    }
}
