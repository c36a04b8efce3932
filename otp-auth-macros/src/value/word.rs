//! Choices: yes or no, one of a few words, developer mode.

use std::marker::PhantomData;

use darling::{FromMeta, Result};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Expr, LitBool};

use super::{Literal, Setting, Written, written};
use crate::diag::{mistake, nearest, one_of};
use crate::syntax::{peel, string};

/// `true` or `false`, for the key `K`.
pub(crate) struct Flag<K> {
    pub(crate) value: LitBool,
    key: PhantomData<K>,
}

/// A key that takes `true` or `false`.
pub(crate) trait FlagKey {
    const KEY: &'static str;
}

macro_rules! flag_keys {
    ($($key:ident: $name:literal;)*) => {$(
        #[doc = concat!("`", $name, "`")]
        pub(crate) struct $key;

        impl FlagKey for $key {
            const KEY: &'static str = $name;
        }
    )*};
}

flag_keys! {
    AutoCreateUser: "auto_create_user";
    CookieSecure: "cookie_secure";
    DeveloperModeOn: "developer_mode";
    ForgetDeviceAtLogout: "forget_device_at_logout";
}

impl<K: FlagKey> Literal for Flag<K> {
    fn read(expr: &Expr) -> Option<Result<Self>> {
        let key = K::KEY;
        Some(match written(expr)? {
            Written::Bool(value) => Ok(Self { value: LitBool::new(value, expr.span()), key: PhantomData }),
            Written::Text(text) if text == "true" || text == "false" => Err(mistake(
                expr,
                format_args!("`{key}` takes `true` or `false`, without quotes: write `{key} = {text}`"),
            )),
            _ => Err(mistake(expr, format_args!("`{key}` takes `true` or `false`: write `{key} = true`"))),
        })
    }

    fn expand(&self, _private: &TokenStream) -> TokenStream {
        self.value.to_token_stream()
    }
}

/// Reads one of a few words, written as a string or bare, in any case.
fn choose(expr: &Expr, key: &str, words: &[&'static str]) -> Option<Result<&'static str>> {
    let text = match expr {
        Expr::Path(path) => {
            let word = path.path.get_ident()?.to_string();
            // A bare word in another style is the name of a constant, a variable or a parameter.
            let known = words.iter().any(|known| known.eq_ignore_ascii_case(&word));
            if !known && nearest(&word, words.iter().copied()).is_none() {
                return None;
            }
            word
        }
        _ => match written(expr)? {
            Written::Text(text) => text,
            _ => String::new(),
        },
    };
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(&text));
    Some(found.copied().ok_or_else(|| mistake(expr, format_args!("`{key}` is {}", one_of(words.iter().copied())))))
}

/// `cookie_same_site`
pub(crate) struct SameSite(pub(crate) Ident);

impl Literal for SameSite {
    fn read(expr: &Expr) -> Option<Result<Self>> {
        let word = choose(expr, "cookie_same_site", &["Lax", "Strict", "None"])?;
        Some(word.map(|word| Self(Ident::new(word, Span::call_site()))))
    }

    fn expand(&self, private: &TokenStream) -> TokenStream {
        let Self(variant) = self;
        quote!(#private::SameSite::#variant)
    }
}

/// `local_part_case`
pub(crate) struct LocalPartCase(Ident);

impl Literal for LocalPartCase {
    fn read(expr: &Expr) -> Option<Result<Self>> {
        let word = choose(expr, "local_part_case", &["lower", "preserve"])?;
        Some(word.map(|word| {
            let variant = if word == "lower" { "Lower" } else { "Preserve" };
            Self(Ident::new(variant, Span::call_site()))
        }))
    }

    fn expand(&self, private: &TokenStream) -> TokenStream {
        let Self(variant) = self;
        quote!(#private::LocalPartCase::#variant)
    }
}

/// `refresh_token_delivery`: picks the types of the routes, so it cannot be computed.
pub(crate) struct Delivery(Ident);

impl Default for Delivery {
    fn default() -> Self {
        Self(Ident::new("Cookie", Span::call_site()))
    }
}

impl Delivery {
    /// The marker type of the runtime.
    pub(crate) fn expand(&self, private: &TokenStream) -> TokenStream {
        let Self(marker) = self;
        quote!(#private::#marker)
    }
}

impl FromMeta for Delivery {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let marker = match string(expr).as_deref() {
            Some("cookie") => "Cookie",
            Some("body") => "Body",
            Some("both") => "Both",
            Some(_) => {
                return Err(mistake(expr, "`refresh_token_delivery` is `\"cookie\"`, `\"body\"` or `\"both\"`"));
            }
            None => {
                return Err(mistake(
                    expr,
                    "`refresh_token_delivery` picks the types of the routes, so it must be a \
                     literal: write `\"cookie\"`, `\"body\"` or `\"both\"`",
                ));
            }
        };
        Ok(Self(Ident::new(marker, Span::call_site())))
    }
}

/// `developer_mode`
pub(crate) struct DeveloperMode {
    pub(crate) setting: Setting<Flag<DeveloperModeOn>>,
    /// Written as `allow_in_release(…)`.
    pub(crate) in_release: bool,
}

impl DeveloperMode {
    /// A literal `true` that is not meant for builds without debug assertions, with its place.
    pub(crate) fn always(&self) -> Option<Span> {
        match (&self.setting, self.in_release) {
            (Setting::Known(flag), false) if flag.value.value => Some(flag.value.span),
            _ => None,
        }
    }

    /// Whether developer mode can be on in any build.
    pub(crate) fn can_be_on(&self) -> bool {
        self.setting.known().is_none_or(|flag| flag.value.value)
    }
}

impl FromMeta for DeveloperMode {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let (inner, in_release) = match peel(expr) {
            Expr::Call(call) if is_allow(&call.func) => {
                let mut arguments = call.args.iter();
                match (arguments.next(), arguments.next()) {
                    (Some(only), None) => (only, true),
                    _ => {
                        return Err(mistake(
                            &call.func,
                            "`allow_in_release` takes one value: write `allow_in_release(true)`",
                        ));
                    }
                }
            }
            other => (other, false),
        };
        Ok(Self { setting: Setting::from_expr(inner)?, in_release })
    }
}

fn is_allow(function: &Expr) -> bool {
    matches!(peel(function), Expr::Path(path) if path.path.is_ident("allow_in_release"))
}
