//! A configuration that is valid by construction, as far as its values are literals.

use std::time::Duration;

use darling::error::Accumulator;
use otp_auth_rules::pairs::{self, Cookie, Fault};
use otp_auth_rules::{Count, KEYS, Time, setting};
use proc_macro2::{Ident, Span, TokenStream};
use syn::{Generics, Type};

use super::attrs::Written;
use super::item::{FieldRole, Item};
use crate::diag::mistake;
use crate::slot::Slot;
use crate::syntax::Root;
use crate::value::{Known, Setting, Value};

/// Everything that the expansion needs.
pub(crate) struct Model {
    pub(crate) root: Root,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) user: Type,
    /// The marker type of the delivery.
    pub(crate) delivery: TokenStream,
    /// The field with the sender; `None` where the struct itself is it.
    pub(crate) sender: Option<FieldRole>,
    /// The field with the hooks; `None` where the struct itself has them.
    pub(crate) hooks: Option<FieldRole>,
    /// The struct has the hooks, and the user does not write them.
    pub(crate) default_hooks: bool,
    /// The setters to call, each with its argument, in the order of the keys.
    pub(crate) setters: Vec<(&'static str, TokenStream)>,
    /// A literal `developer_mode = true`, which must not compile without debug assertions.
    pub(crate) debug_only: Option<Span>,
    pub(crate) in_release: bool,
}

impl Model {
    /// Checks the rules about several values. `None` when there is no model; the reasons are in
    /// `errors`. There may be a model and errors, too.
    pub(crate) fn build(written: &Written, item: &Item, errors: &mut Accumulator) -> Option<Self> {
        if written.user.is_absent() && !written.unclear {
            errors.push(mistake(
                &Span::call_site(),
                "`user` is missing: name the struct that derives `OtpUser`; write `user = User`",
            ));
        }
        check_secrets(written, errors);
        check_pairs(written, errors);
        if let (Some(field), Some(_)) = (&item.hooks, written.hooks.key()) {
            let place = field.word.as_ref().map_or_else(Span::call_site, Ident::span);
            errors.push(mistake(
                &place,
                "the key `hooks` already says that the struct has the hooks: remove the key, or this \
                 attribute",
            ));
        }
        let root = written.root();
        let private = root.private();
        Some(Self {
            ident: item.structure.ident.clone(),
            generics: item.structure.generics.clone(),
            user: written.user.value()?.clone(),
            delivery: written.delivery(&private),
            sender: item.sender.clone(),
            default_hooks: item.hooks.is_none() && written.hooks.is_absent(),
            hooks: item.hooks.clone(),
            setters: setters(written, &private),
            debug_only: match written.known("developer_mode") {
                Some(Known::Flag(on)) if on.value && !written.in_release => Some(on.span),
                _ => None,
            },
            in_release: written.in_release,
            root,
        })
    }
}

/// The setters of the keys that are present.
fn setters(written: &Written, private: &TokenStream) -> Vec<(&'static str, TokenStream)> {
    let values = KEYS.iter().filter_map(|key| Some((key, written.slot(key.name).value()?)));
    values.flat_map(|(key, value)| value.setters(key, private)).collect()
}

/// A secret there must be, and a literal one must be strong; in developer mode neither.
fn check_secrets(written: &Written, errors: &mut Accumulator) {
    let developing = match written.slot("developer_mode") {
        Slot::Absent => false,
        Slot::Broken => true,
        Slot::Given { value, .. } => flag(value) != Some(false),
    };
    if developing {
        return;
    }
    if written.slot("secret_key").is_absent() && !written.unclear {
        errors.push(mistake(
            &Span::call_site(),
            "`secret_key` is missing, and outside developer mode a secret is required: write \
             `secret_key = env(\"OTP_AUTH_SECRET\")`",
        ));
    }
    for (key, what) in [("secret_key", ""), ("previous_secret_keys", "contains a secret that ")] {
        let secrets = match written.slot(key).value() {
            Some(Value::One(secret)) => std::slice::from_ref(secret),
            Some(Value::Listed(secrets)) => secrets,
            _ => &[],
        };
        for secret in secrets {
            if let Setting::Secret(secret) = secret
                && let Some((weakness, place)) = secret.weakness
            {
                errors.push(mistake(
                    &place,
                    format_args!(
                        "`{key}` {what}{weakness} and keep it out of the code, with `env(\"OTP_AUTH_SECRET\")`"
                    ),
                ));
            }
        }
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value.known() {
        Some(Known::Flag(flag)) => Some(flag.value),
        _ => None,
    }
}

/// The literal or default length of time; `None` when it is not known yet.
fn length(written: &Written, rule: Time) -> Option<Duration> {
    match (written.slot(rule.key), written.known(rule.key)) {
        (Slot::Absent, _) => Some(rule.default),
        (_, Some(Known::Time(length))) => Some(*length),
        _ => None,
    }
}

/// The literal or default number; `None` when it is not known yet.
fn number<T: Copy + TryFrom<u64>>(written: &Written, rule: Count<T>) -> Option<T> {
    match (written.slot(rule.key), written.known(rule.key)) {
        (Slot::Absent, _) => Some(rule.default),
        (_, Some(Known::Count(number, _))) => T::try_from(*number).ok(),
        _ => None,
    }
}

/// Rules about several keys, as far as all of them are known.
fn check_pairs(written: &Written, errors: &mut Accumulator) {
    let time = |rule| length(written, rule);
    let lifetimes = time(setting::access_token_lifetime).zip(time(setting::refresh_token_lifetime));
    let sends = time(setting::otp_rate_limit).zip(time(setting::send_timeout));
    let guesses = number(written, setting::max_sends_per_day)
        .zip(number(written, setting::max_otp_attempts))
        .zip(number(written, setting::otp_length));
    let faults = [
        lifetimes.and_then(|(access, refresh)| pairs::lifetimes(access, refresh)),
        sends.and_then(|(between, timeout)| pairs::sends(between, timeout)),
        guesses.and_then(|((sends, attempts), digits)| pairs::guesses(sends, attempts, digits)),
    ];
    for Fault { keys, text } in faults.into_iter().flatten().chain(cookie(written).faults()) {
        let place = keys.iter().find_map(|key| Some((*key, written.slot(key).key()?)));
        if let Some((key, place)) = place {
            errors.push(mistake(place, format_args!("`{key}` {text}")));
        }
    }
}

/// The cookie, as far as it is known. Without a name there is one that fits.
fn cookie(written: &Written) -> Cookie<'_> {
    let secure = match written.slot("cookie_secure") {
        Slot::Given { value, .. } => flag(value).unwrap_or(true),
        Slot::Absent | Slot::Broken => true,
    };
    let text = |key| match written.known(key) {
        Some(Known::Text(text, _)) => Some(text.as_str()),
        _ => None,
    };
    Cookie {
        name: text("cookie_name").unwrap_or_default(),
        path: text("cookie_path").unwrap_or("/"),
        domain: written.slot("cookie_domain").is_given(),
        secure,
        same_site_none: matches!(written.known("cookie_same_site"), Some(Known::Choice(_, "None"))),
    }
}
