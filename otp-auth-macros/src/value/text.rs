//! Strings with a rule: parts of a cookie, names in a token.

use std::marker::PhantomData;

use darling::Result;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, LitStr};

use super::{Literal, Written, written};
use crate::diag::mistake;

/// The rule of one key that takes a string.
pub(crate) trait TextRule {
    const KEY: &'static str;
    /// The value of the key, as it would be written.
    const EXAMPLE: &'static str;
    /// What is wrong with `text`, if anything.
    fn fault(text: &str) -> Option<&'static str>;
}

/// A string that obeys the rule `R`.
pub(crate) struct Text<R> {
    pub(crate) value: String,
    place: Span,
    rule: PhantomData<R>,
}

impl<R: TextRule> Literal for Text<R> {
    fn read(expr: &Expr) -> Option<Result<Self>> {
        let (key, example) = (R::KEY, R::EXAMPLE);
        let Written::Text(text) = written(expr)? else {
            return Some(Err(mistake(expr, format_args!("`{key}` takes a string: write `{key} = {example}`"))));
        };
        Some(match R::fault(&text) {
            None => Ok(Self { value: text, place: expr.span(), rule: PhantomData }),
            Some(fault) => Err(mistake(expr, format_args!("`{key}` {fault}: write `{key} = {example}`"))),
        })
    }

    fn expand(&self, _private: &TokenStream) -> TokenStream {
        LitStr::new(&self.value, self.place).to_token_stream()
    }
}

/// How the names of the cookies begin that otp-auth sets beside the refresh cookie.
const OWN_COOKIES: [&str; 2] = ["otp_challenge", "otp_device"];

/// `realm`
pub(crate) struct Realm;

impl TextRule for Realm {
    const KEY: &'static str = "realm";
    const EXAMPLE: &'static str = "\"customers\"";

    fn fault(text: &str) -> Option<&'static str> {
        if text.is_empty() {
            Some("is empty")
        } else if text.len() > 64 {
            Some("is longer than 64 bytes")
        } else if text.contains(char::is_control) || text.trim() != text {
            Some("has a control character, or space at its ends")
        } else {
            None
        }
    }
}

/// `cookie_name`
pub(crate) struct CookieName;

impl TextRule for CookieName {
    const KEY: &'static str = "cookie_name";
    const EXAMPLE: &'static str = "\"__Host-refresh_token\"";

    fn fault(text: &str) -> Option<&'static str> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if text.is_empty() {
            Some("is empty")
        } else if text.len() > 256 {
            Some("is longer than 256 bytes")
        } else if !text.chars().all(allowed) {
            Some("has a character that no cookie name can have (letters, digits, `-` and `_` are fine)")
        } else if is_own_cookie(text) {
            Some("is the name of another cookie of otp-auth")
        } else {
            None
        }
    }
}

fn is_own_cookie(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_prefix("__host-").unwrap_or(&lower);
    OWN_COOKIES.iter().any(|own| plain.starts_with(own))
}

/// `cookie_path`
pub(crate) struct CookiePath;

impl TextRule for CookiePath {
    const KEY: &'static str = "cookie_path";
    const EXAMPLE: &'static str = "\"/auth\"";

    fn fault(text: &str) -> Option<&'static str> {
        if !text.starts_with('/') {
            Some("must begin with `/`")
        } else if text.contains(|c: char| c == ';' || !c.is_ascii() || c.is_ascii_control()) {
            Some("has a character that no cookie path can have")
        } else if text.len() > 1024 {
            Some("is longer than 1024 bytes")
        } else {
            None
        }
    }
}

/// `cookie_domain`
pub(crate) struct CookieDomain;

impl TextRule for CookieDomain {
    const KEY: &'static str = "cookie_domain";
    const EXAMPLE: &'static str = "\"example.com\"";

    fn fault(text: &str) -> Option<&'static str> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if text.is_empty() {
            Some("is empty")
        } else if text.contains("://") {
            Some("takes the name of a host alone")
        } else if !text.chars().all(allowed) || text.len() > 253 {
            Some("is no name of a host")
        } else if !text.trim_matches('.').contains('.') {
            Some("needs a name with a `.` in it, as browsers do (remove it for `localhost`)")
        } else {
            None
        }
    }
}

/// `issuer`
pub(crate) struct Issuer;

impl TextRule for Issuer {
    const KEY: &'static str = "issuer";
    const EXAMPLE: &'static str = "\"https://example.com\"";

    fn fault(text: &str) -> Option<&'static str> {
        name_fault(text)
    }
}

/// `audience`
pub(crate) struct Audience;

impl TextRule for Audience {
    const KEY: &'static str = "audience";
    const EXAMPLE: &'static str = "\"https://api.example.com\"";

    fn fault(text: &str) -> Option<&'static str> {
        name_fault(text)
    }
}

/// It stands in every token.
fn name_fault(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("is empty")
    } else if text.len() > 1_024 {
        Some("is longer than 1024 bytes")
    } else {
        None
    }
}
