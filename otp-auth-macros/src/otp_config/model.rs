//! A configuration that is valid by construction, as far as its values are literals.

use std::time::Duration;

use otp_auth_rules::pairs::{self, Cookie, Fault};
use otp_auth_rules::{Count, KEYS, Text, Time, setting};
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Generics, Type};

use super::attrs::Arguments;
use super::item::{FieldRole, Item};
use crate::diag::{Errors, mistake, mistake_at};
use crate::generics;
use crate::slot::Slot;
use crate::syntax::{Root, pointing_at};
use crate::value::{Known, Setting, Value};

/// Everything that the expansion needs.
pub(crate) struct Model {
    pub(crate) root: Root,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) user: Type,
    /// The marker type of the delivery.
    pub(crate) delivery: TokenStream,
    /// The field with the sender. `None` if the struct itself is the sender.
    pub(crate) sender: Option<FieldRole>,
    pub(crate) hooks: Hooks,
    /// The field with the limiter. `None` if every `OtpAuth` has one of its own.
    pub(crate) limiter: Option<FieldRole>,
    /// The setters to call, each with its argument, in the order of the keys.
    pub(crate) setters: Vec<(Ident, TokenStream)>,
    /// A literal `developer_mode = true`, which must not compile without debug assertions.
    pub(crate) debug_only: Option<Span>,
    pub(crate) in_release: bool,
}

/// Where the hooks are.
pub(crate) enum Hooks {
    None,
    Field(Box<FieldRole>),
    /// The struct itself has them, as the key says.
    Own(Ident),
}

impl Model {
    /// Checks the rules about several values. `None` if there is no model, for reasons that are in
    /// `errors`. There may also be both a model and errors.
    pub(crate) fn build(written: &Arguments, item: &Item<'_>, errors: &mut Errors) -> Option<Self> {
        if written.user.is_absent() && !written.unclear {
            errors.push(mistake(
                item.ident,
                "`user` is missing: name the struct that derives `OtpUser`; write `user = User`",
            ));
        }
        if let Some(user @ Type::Reference(reference)) = written.user.value() {
            let owned = reference.elem.to_token_stream();
            errors.push(mistake(user, format_args!("`user` takes the type itself: write `user = {owned}`")));
        }
        let user = written.user.value().map_or_else(|| "User".to_owned(), spelled);
        let hooks = format!("otp_auth::Hooks<{user}>");
        let roles =
            [(&item.sender, "otp_auth::SendOtp"), (&item.hooks, &*hooks), (&item.limiter, "otp_auth::limit::Limiter")];
        let roles: Vec<_> = roles.into_iter().filter_map(|(role, bound)| Some((&role.as_ref()?.ty, bound))).collect();
        generics::check("the configuration", item.generics, &roles, errors);
        check_secrets(written, item, errors);
        check_pairs(written, errors);
        if let (Some(field), Some(_)) = (&item.hooks, written.hooks.key()) {
            errors.push(mistake(
                field.word.as_ref().unwrap_or(item.ident),
                "the key `hooks` says that the struct itself implements `Hooks`, but this field also claims them: remove \
                 the key, or this attribute",
            ));
        }
        let root = written.root();
        let private = root.private();
        Some(Self {
            ident: item.ident.clone(),
            generics: item.generics.clone(),
            user: written.user.value()?.clone(),
            delivery: written.delivery(&private),
            sender: item.sender.clone(),
            hooks: match (&item.hooks, written.hooks.key()) {
                (Some(field), _) => Hooks::Field(Box::new(field.clone())),
                (None, Some(key)) => Hooks::Own(key.clone()),
                (None, None) => Hooks::None,
            },
            limiter: item.limiter.clone(),
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
fn setters(written: &Arguments, private: &TokenStream) -> Vec<(Ident, TokenStream)> {
    let values =
        KEYS.iter().filter_map(|key| Some((key, written.slot(key.name).value()?, written.slot(key.name).key()?)));
    let setters = values.flat_map(|(key, value, place)| {
        let setters = value.setters(key, private).into_iter();
        setters.map(move |(name, argument)| (Ident::new(name, pointing_at(place)), argument))
    });
    setters.collect()
}

/// Requires a secret, and rejects a weak literal. Developer mode allows both.
fn check_secrets(written: &Arguments, item: &Item<'_>, errors: &mut Errors) {
    let developing = match written.slot("developer_mode") {
        Slot::Absent => setting::developer_mode.default,
        Slot::Broken => true,
        Slot::Given { value, .. } => flag(value) != Some(false),
    };
    if developing {
        return;
    }
    if written.slot("secret_key").is_absent() && !written.unclear {
        errors.push(mistake(
            item.ident,
            "`secret_key` is missing, and outside developer mode a secret is required: write \
             `secret_key = env(\"OTP_AUTH_SECRET\")`",
        ));
    }
    for (key, what, variable) in [
        ("secret_key", "", "OTP_AUTH_SECRET"),
        ("previous_secret_keys", "contains a secret that ", "OTP_AUTH_OLD_SECRET"),
    ] {
        let secrets = match written.slot(key).value() {
            Some(Value::One(secret)) => std::slice::from_ref(secret),
            Some(Value::Listed(secrets)) => secrets,
            _ => &[],
        };
        for secret in secrets {
            if let Setting::Secret(secret) = secret
                && let Some((weakness, place)) = secret.weakness
            {
                errors.push(mistake_at(
                    place,
                    format_args!("`{key}` {what}{weakness} and keep it out of the code, with `env(\"{variable}\")`"),
                ));
            }
        }
    }
}

/// A type as people write it, without a reference.
fn spelled(ty: &Type) -> String {
    let ty = if let Type::Reference(reference) = ty { &*reference.elem } else { ty };
    ty.to_token_stream().to_string().replace(' ', "").replace(',', ", ")
}

fn flag(value: &Value) -> Option<bool> {
    match value.known() {
        Some(Known::Flag(flag)) => Some(flag.value),
        _ => None,
    }
}

/// The literal or default duration. `None` if it is not known yet.
fn length(written: &Arguments, rule: Time) -> Option<Duration> {
    match (written.slot(rule.key), written.known(rule.key)) {
        (Slot::Absent, _) => Some(rule.default),
        (_, Some(Known::Time(length))) => Some(*length),
        _ => None,
    }
}

/// The literal or default number. `None` if it is not known yet.
fn number<T: Copy + TryFrom<u64>>(written: &Arguments, rule: Count<T>) -> Option<T> {
    match (written.slot(rule.key), written.known(rule.key)) {
        (Slot::Absent, _) => Some(rule.default),
        (_, Some(Known::Count(number, _))) => T::try_from(*number).ok(),
        _ => None,
    }
}

/// The literal or default text. `None` if it is not known yet.
fn text(written: &Arguments, rule: Text) -> Option<&str> {
    match (written.slot(rule.key), written.known(rule.key)) {
        (Slot::Absent, _) => rule.value,
        (_, Some(Known::Text(text, _))) => Some(text),
        _ => None,
    }
}

/// Checks the rules about several keys, as far as their values are known.
fn check_pairs(written: &Arguments, errors: &mut Errors) {
    let time = |rule| length(written, rule);
    let lifetimes = time(setting::access_token_lifetime).zip(time(setting::refresh_token_lifetime));
    let sends = time(setting::otp_rate_limit).zip(time(setting::send_timeout));
    let guesses = number(written, setting::max_sends_per_day_total)
        .zip(number(written, setting::max_sends_per_day))
        .zip(number(written, setting::max_otp_attempts).zip(number(written, setting::otp_length)));
    let source = text(written, setting::client_ip)
        .filter(|_| !matches!(written.slot(setting::trusted_proxies.key), Slot::Broken));
    let faults = [
        lifetimes.and_then(|(access, refresh)| pairs::lifetimes(access, refresh)),
        sends.and_then(|(between, timeout)| pairs::sends(between, timeout)),
        guesses.and_then(|((strangers, device), (attempts, digits))| {
            pairs::Guessing { strangers, device, attempts, digits }.fault()
        }),
        source.and_then(|source| pairs::proxies(source, written.slot(setting::trusted_proxies.key).is_given())),
    ];
    for Fault { keys, text } in faults.into_iter().flatten().chain(cookie(written).faults()) {
        let place = keys.iter().find_map(|key| Some((*key, written.slot(key).key()?)));
        if let Some((key, place)) = place {
            errors.push(mistake(place, format_args!("`{key}` {text}")));
        }
    }
}

/// The cookie settings, as far as they are known. The default name fits all of them.
fn cookie(written: &Arguments) -> Cookie<'_> {
    let secure = match written.slot("cookie_secure") {
        Slot::Given { value, .. } => flag(value),
        Slot::Absent | Slot::Broken => None,
    };
    Cookie {
        name: text(written, setting::cookie_name).unwrap_or_default(),
        path: text(written, setting::cookie_path).or(setting::cookie_path.value).unwrap_or_default(),
        domain: written.slot("cookie_domain").is_given(),
        secure: secure.unwrap_or(setting::cookie_secure.default),
        same_site_none: matches!(written.known("cookie_same_site"), Some(Known::Choice(_, "None"))),
    }
}
