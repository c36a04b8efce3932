//! A configuration that is valid by construction, as far as its values are literals.

use std::time::Duration;

use darling::Error;
use darling::error::Accumulator;
use proc_macro2::{Ident, Span, TokenStream};
use syn::{Generics, Type};

use super::attrs::Written;
use super::item::{FieldRole, Item};
use crate::diag::mistake;
use crate::slot::Slot;
use crate::syntax::Root;
use crate::value::{
    Count, CountRule, DeveloperMode, Literal, MINIMUM_SECRET, Setting, Text, Time, TimeRule, Values, lent, owned, spell,
};

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
    /// The setters to call, each with its arguments, in the order of the settings.
    pub(crate) setters: Vec<Setter>,
    /// A literal `developer_mode = true`, which must not compile without debug assertions.
    pub(crate) debug_only: Option<Span>,
    pub(crate) in_release: bool,
}

/// A call of a setter of the settings.
pub(crate) struct Setter {
    pub(crate) name: &'static str,
    pub(crate) argument: TokenStream,
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
        check_lifetimes(written, errors);
        check_sends(written, errors);
        check_guesses(written, errors);
        check_cookie(written, errors);
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
            debug_only: written.developer_mode.value().and_then(DeveloperMode::always),
            in_release: written.developer_mode.value().is_some_and(|mode| mode.in_release),
            root,
        })
    }
}

/// The setters of the keys that are present.
fn setters(written: &Written, private: &TokenStream) -> Vec<Setter> {
    let mut setters = Vec::new();
    let mut add = |name, argument: Option<TokenStream>| {
        setters.extend(argument.map(|argument| Setter { name, argument }));
    };
    add("secret_key", written.secret_key.value().map(|secret| secret.expand(private)));
    match written.previous_secret_keys.value().map(|list| &list.values) {
        Some(Values::Written(secrets)) => {
            for secret in secrets {
                add("previous_secret_key", Some(secret.expand(private)));
            }
        }
        Some(Values::Computed(secrets)) => add("previous_secret_keys", Some(lent(secrets))),
        None => {}
    }
    macro_rules! settings {
        ($($key:ident)*) => {
            $(add(stringify!($key), argument(&written.$key, private));)*
        };
    }
    settings! {
        realm
        access_token_lifetime refresh_token_lifetime refresh_grace
        otp_length otp_expiry max_otp_attempts otp_rate_limit
        max_sends_per_hour max_sends_per_day send_timeout
        auto_create_user
        cookie_secure cookie_name cookie_path cookie_domain cookie_same_site
        forget_device_at_logout
        issuer audience local_part_case
    }
    match written.previous_cookie_paths.value().map(|list| &list.values) {
        Some(Values::Written(paths)) => {
            for path in paths {
                add("previous_cookie_path", Some(path.expand(private)));
            }
        }
        Some(Values::Computed(paths)) => add("previous_cookie_paths", Some(owned(paths))),
        None => {}
    }
    match written.trusted_origins.value().map(|list| &list.values) {
        Some(Values::Written(origins)) => {
            for origin in origins {
                add("trusted_origin", Some(origin.expand(private)));
            }
        }
        Some(Values::Computed(origins)) => add("trusted_origins", Some(owned(origins))),
        None => {}
    }
    add("developer_mode", written.developer_mode.value().map(|mode| mode.setting.expand(private)));
    match written.developer_hosts.value().map(|list| &list.values) {
        Some(Values::Written(hosts)) => {
            for host in hosts {
                add("developer_host", Some(host.expand(private)));
            }
        }
        Some(Values::Computed(hosts)) => add("developer_hosts", Some(owned(hosts))),
        None => {}
    }
    setters
}

fn argument<T: Literal>(slot: &Slot<Setting<T>>, private: &TokenStream) -> Option<TokenStream> {
    slot.value().map(|setting| setting.expand(private))
}

/// A secret there must be, and a literal one must be long; in developer mode neither.
fn check_secrets(written: &Written, errors: &mut Accumulator) {
    let developing = match &written.developer_mode {
        Slot::Absent => false,
        Slot::Broken => true,
        Slot::Given { value, .. } => value.can_be_on(),
    };
    if developing {
        return;
    }
    if written.secret_key.is_absent() && !written.unclear {
        errors.push(mistake(
            &Span::call_site(),
            "`secret_key` is missing, and outside developer mode a secret is required: write \
             `secret_key = env(\"OTP_AUTH_SECRET\")`",
        ));
    }
    let previous = written.previous_secret_keys.value();
    let secrets =
        written.secret_key.value().map(|secret| ("secret_key", secret)).into_iter().chain(
            previous.into_iter().flat_map(|keys| keys.elements().iter().map(|key| ("previous_secret_keys", key))),
        );
    for (key, secret) in secrets {
        if let Some((length, place)) = secret.literal
            && length < MINIMUM_SECRET
        {
            errors.push(mistake(
                &place,
                format_args!(
                    "a secret in `{key}` must be at least {MINIMUM_SECRET} bytes long, and this has \
                     {length}: make one with `openssl rand -hex 32` and keep it out of the code, \
                     with `env(\"OTP_AUTH_SECRET\")`"
                ),
            ));
        }
    }
}

/// The refresh token outlives the access token.
fn check_lifetimes(written: &Written, errors: &mut Accumulator) {
    let (access, refresh) = (&written.access_token_lifetime, &written.refresh_token_lifetime);
    let (Some(access_length), Some(refresh_length)) = (length(access), length(refresh)) else {
        return;
    };
    if refresh_length > access_length {
        return;
    }
    let place = refresh.key().or_else(|| access.key());
    errors.push(mistake(
        &place.map_or_else(Span::call_site, Ident::span),
        format_args!(
            "`refresh_token_lifetime` ({}) must be longer than `access_token_lifetime` ({}): \
             lengthen the first or shorten the second",
            spell(refresh_length),
            spell(access_length)
        ),
    ));
}

/// A send ends before the next one may begin.
fn check_sends(written: &Written, errors: &mut Accumulator) {
    let (limit, timeout) = (&written.otp_rate_limit, &written.send_timeout);
    let (Some(between), Some(longest)) = (length(limit), length(timeout)) else {
        return;
    };
    if between >= longest {
        return;
    }
    let place = limit.key().or_else(|| timeout.key());
    errors.push(mistake(
        &place.map_or_else(Span::call_site, Ident::span),
        format_args!(
            "`otp_rate_limit` ({}) must not be shorter than `send_timeout` ({}): a send that fails could \
             not be given back when the next one was paid; lengthen the first or shorten the second",
            spell(between),
            spell(longest)
        ),
    ));
}

/// The literal or default length of time; `None` when it is not known yet.
fn length<R: TimeRule>(slot: &Slot<Setting<Time<R>>>) -> Option<Duration> {
    match slot {
        Slot::Absent => Some(R::DEFAULT),
        Slot::Broken => None,
        Slot::Given { value, .. } => value.known().map(|time| time.length),
    }
}

/// The literal or default number; `None` when it is not known yet.
fn number<R: CountRule>(slot: &Slot<Setting<Count<R>>>) -> Option<u64> {
    match slot {
        Slot::Absent => Some(R::DEFAULT),
        Slot::Broken => None,
        Slot::Given { value, .. } => value.known().map(|count| count.number),
    }
}

/// At most one day in ten thousand may end with a guessed code: sends times tries, for each of the
/// two classes of requesters, against the number of codes.
fn check_guesses(written: &Written, errors: &mut Accumulator) {
    let (Some(sends), Some(tries), Some(digits)) =
        (number(&written.max_sends_per_day), number(&written.max_otp_attempts), number(&written.otp_length))
    else {
        return;
    };
    let guesses = 2 * u128::from(sends) * u128::from(tries);
    let enough = |digits: u64| {
        let digits = u32::try_from(digits).unwrap_or(u32::MAX);
        let codes = 10_u128.checked_pow(digits).unwrap_or(u128::MAX);
        guesses.saturating_mul(10_000) <= codes
    };
    if enough(digits) {
        return;
    }
    let place =
        written.max_sends_per_day.key().or_else(|| written.max_otp_attempts.key()).or_else(|| written.otp_length.key());
    let help = match (digits..=10).find(|digits| enough(*digits)) {
        Some(digits) => format!("write `otp_length = {digits}`, or lower this"),
        None => "lower this".to_owned(),
    };
    errors.push(mistake(
        &place.map_or_else(Span::call_site, Ident::span),
        format_args!(
            "with {sends} mails a day, {tries} tries each and {digits} digits, a code can be guessed \
             with more than 1 in 10 000 chances a day: {help}"
        ),
    ));
}

/// Pairs of cookie settings that no browser accepts.
fn check_cookie(written: &Written, errors: &mut Accumulator) {
    let secure = match &written.cookie_secure {
        Slot::Absent => Some(true),
        Slot::Broken => None,
        Slot::Given { value, .. } => value.known().map(|flag| flag.value.value),
    };
    check_prefix(written, secure, errors);
    let same_site = written.cookie_same_site.value().and_then(Setting::known);
    if let (Some(site), Some(key)) = (same_site, written.cookie_same_site.key())
        && site.0 == "None"
        && secure == Some(false)
    {
        errors.push(mistake(
            key,
            "a browser drops a cookie with `cookie_same_site = \"none\"` that is not secure: remove \
             `cookie_secure = false`, or write `\"lax\"`",
        ));
    }
}

/// The rules that the prefix of the name stands for. One error at most.
fn check_prefix(written: &Written, secure: Option<bool>, errors: &mut Accumulator) {
    let name = match (&written.cookie_name, secure) {
        (Slot::Absent, Some(true)) => "__Host-refresh_token",
        (Slot::Given { value, .. }, _) => match value.known() {
            Some(name) => name.value.as_str(),
            None => return,
        },
        _ => return,
    };
    if let Err(error) = prefix_fault(written, name, secure) {
        errors.push(error);
    }
}

fn prefix_fault(written: &Written, name: &str, secure: Option<bool>) -> Result<(), Error> {
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let host = starts("__Host-");
    if !host && !starts("__Secure-") {
        return Ok(());
    }
    let bare = name.split_once('-').map_or(name, |(_, rest)| rest);
    if let (Some(key), Some(false)) = (written.cookie_name.key(), secure) {
        let prefix = if host { "__Host-" } else { "__Secure-" };
        return Err(mistake(
            key,
            format_args!(
                "a browser drops a cookie with the prefix `{prefix}` that is not secure: remove \
                 `cookie_secure = false`, or write `cookie_name = \"{bare}\"`"
            ),
        ));
    }
    if !host {
        return Ok(());
    }
    let help = format!("write `cookie_name = \"__Secure-{bare}\"`");
    if let Some(key) = written.cookie_domain.key() {
        return Err(mistake(
            key,
            format_args!(
                "a browser drops a cookie named `{name}` that has a domain: {help}, or remove \
                 `cookie_domain`"
            ),
        ));
    }
    match (written.cookie_path.key(), written.cookie_path.value()) {
        (Some(key), Some(Setting::Known(Text { value, .. }))) if value != "/" => Err(mistake(
            key,
            format_args!(
                "a browser drops a cookie named `{name}` with another path than `/`: {help}, or \
                 remove `cookie_path`"
            ),
        )),
        _ => Ok(()),
    }
}
