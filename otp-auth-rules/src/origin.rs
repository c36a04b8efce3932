//! How origins and hosts are written in settings: as browsers send them, because they are compared
//! byte for byte.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::net::{Ipv4Addr, Ipv6Addr};

/// What is wrong with an element of `trusted_origins`, and what to write.
#[must_use]
pub fn origin_fault(text: &str) -> Option<String> {
    let fault = check_origin(text).err()?;
    let better = better_origin(text).filter(|better| check_origin(better).is_ok());
    Some(advice(fault, text, better, "https://app.example.com"))
}

/// What is wrong with an element of `developer_hosts`, and what to write.
#[must_use]
pub fn host_fault(text: &str) -> Option<String> {
    let fault = check_host(text).err()?;
    let better = better_host(text).filter(|better| check_host(better).is_ok());
    Some(advice(fault, text, better, "192.168.1.20"))
}

/// Whether a host, as browsers write it, is the browser's own machine. Browsers resolve `localhost`
/// and its subdomains themselves.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    match in_brackets(host) {
        Some(address) => address.parse().is_ok_and(|address: Ipv6Addr| address.to_canonical().is_loopback()),
        None => {
            host == "localhost"
                || host.ends_with(".localhost")
                || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        }
    }
}

/// A host as browsers write it: in lower case, addresses in their shortest form. `None` if no
/// browser would send it.
#[must_use]
pub fn canonical_host(text: &str) -> Option<String> {
    let host = text.to_ascii_lowercase();
    match in_brackets(&host) {
        Some(address) => address.parse().ok().map(bracketed),
        None => is_name(&host).then_some(host),
    }
}

/// A port, as browsers write it.
#[must_use]
pub fn port(text: &str) -> Option<u16> {
    let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The host, and the text after its colon.
#[must_use]
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
    // Colons inside brackets belong to an IPv6 address.
    let after = authority.find(']').unwrap_or(0);
    match authority[after..].find(':') {
        Some(at) => (&authority[..after + at], Some(&authority[after + at + 1..])),
        None => (authority, None),
    }
}

/// How the browser loaded a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS, so anyone on the network could have made the page.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Reads `http` or `https`, in any case.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let is = |scheme| text.eq_ignore_ascii_case(scheme);
        if is("http") { Some(Self::Http) } else { is("https").then_some(Self::Https) }
    }

    /// The port that browsers omit.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Who sends an origin.
#[derive(Clone, Copy)]
enum Sender {
    Page(Scheme),
    /// An application or browser extension. An id follows.
    App,
}

impl Sender {
    fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "capacitor" | "ionic" | "tauri" | "app" | "chrome-extension" | "moz-extension" | "safari-web-extension" => {
                Some(Self::App)
            }
            _ => Scheme::of(scheme).map(Self::Page),
        }
    }

    /// Whether browsers omit this port.
    fn omits(self, digits: &str) -> bool {
        matches!(self, Self::Page(scheme) if port(digits) == Some(scheme.default_port()))
    }
}

fn check_origin(text: &str) -> Result<(), &'static str> {
    check_characters(text)?;
    if text == "null" {
        return Err("does not accept `null`, which any page can send from a sandboxed frame");
    }
    let Some((scheme_text, authority)) = text.split_once("://") else {
        return Err("needs origins with a scheme");
    };
    let Some(sender) = Sender::of(&scheme_text.to_ascii_lowercase()) else {
        return Err(
            "takes origins that begin with `https://`, on this machine with `http://`, or for an application or an extension with `capacitor://`, \
                    `ionic://`, `tauri://`, `app://`, `chrome-extension://`, `moz-extension://` or \
                    `safari-web-extension://`",
        );
    };
    if authority.is_empty() || authority.contains(['/', '?', '#', '\\']) {
        return Err("needs only a scheme, a host and an optional port, with nothing after them");
    }
    if authority.contains('@') {
        return Err("needs origins without a user name, as browsers send them");
    }
    let (host, port_text) = split_port(authority);
    // Safari writes extension ids in upper case.
    let as_sent = scheme_text == "safari-web-extension" || !authority.bytes().any(|byte| byte.is_ascii_uppercase());
    if !as_sent || scheme_text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("needs origins as browsers send them, in lower case");
    }
    if port_text.is_some_and(|digits| sender.omits(digits)) {
        return Err("needs origins as browsers send them, without the default port");
    }
    match (sender, port_text) {
        (Sender::App, Some(_)) => return Err("does not accept a port with this scheme"),
        (_, Some(digits)) if port(digits).is_none() => {
            return Err("needs ports from 1 to 65535, without leading zeros");
        }
        _ => {}
    }
    let known = match sender {
        Sender::App => is_name(&host.to_ascii_lowercase()),
        Sender::Page(_) => canonical_host(host).is_some_and(|canonical| canonical == host),
    };
    if !known {
        return Err("needs host names and addresses as browsers send them");
    }
    if matches!(sender, Sender::Page(Scheme::Http)) && !is_loopback(host) {
        return Err(
            "accepts `http://` only for this machine, such as `http://localhost:3000`, because anyone on the network could impersonate another origin",
        );
    }
    Ok(())
}

fn check_host(text: &str) -> Result<(), &'static str> {
    check_characters(text)?;
    match canonical_host(text) {
        Some(canonical) if canonical == text => Ok(()),
        _ => Err("needs hosts as browsers send them (lower case, no scheme, port or path)"),
    }
}

fn check_characters(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("does not accept an empty string")
    } else if text.contains('*') {
        Err("does not accept patterns")
    } else if !text.is_ascii() {
        Err("needs names in ASCII, as browsers send them (`xn--…`)")
    } else if text.bytes().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
        Err("does not accept spaces")
    } else {
        Ok(())
    }
}

/// The origin that was probably meant.
fn better_origin(text: &str) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None if text.contains(['.', ':']) || text == "localhost" => (String::new(), text.trim_start_matches('/')),
        None => return None,
    };
    let authority = bare_authority(rest);
    let (host, port) = split_port(authority);
    let host = canonical_host(host).filter(|_| scheme != "safari-web-extension").unwrap_or_else(|| host.to_owned());
    let port = port.filter(|digits| Sender::of(&scheme).is_none_or(|sender| !sender.omits(digits)));
    let scheme = match scheme.as_str() {
        "http" | "" if is_loopback(&host) => "http",
        "http" | "" => "https",
        other => other,
    };
    Some(port.map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}")))
}

/// The host that was probably meant.
fn better_host(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Some(bracketed(address));
    }
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    canonical_host(split_port(bare_authority(rest)).0)
}

/// Drops the user name, and everything after the authority.
fn bare_authority(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn advice(fault: &str, text: &str, better: Option<String>, example: &str) -> String {
    match better {
        Some(better) => format!("{fault}: write `{better}`"),
        // The text before an `@` may be a password.
        None if text.is_empty() || text.contains('@') => format!("{fault}: write, for example, `{example}`"),
        None => format!("{fault}, but this is {text:?}: write, for example, `{example}`"),
    }
}

fn in_brackets(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

/// As in a URL. Browsers write the whole address in hexadecimal.
fn bracketed(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("[::ffff:{high:x}:{low:x}]"),
        _ => format!("[{address}]"),
    }
}

/// A name, or an IPv4 address. For browsers, a numeric last label always makes it an address.
fn is_name(host: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(character);
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    host.len() <= 253 && host.split('.').all(label) && (!number || host.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_inside_brackets_begins_no_port() {
        for (authority, parts) in [
            ("a.example", ("a.example", None)),
            ("a.example:80", ("a.example", Some("80"))),
            ("a.example:", ("a.example", Some(""))),
            ("[::]", ("[::]", None)),
            ("[::]:80", ("[::]", Some("80"))),
        ] {
            assert_eq!(split_port(authority), parts, "{authority}");
        }
    }

    /// What precedes an `@` may be a password, so such a text is not quoted.
    #[test]
    fn a_fault_says_what_is_wrong_and_quotes_the_text() {
        let nothing_after = "needs only a scheme, a host and an optional port, with nothing after them";
        for (text, fault, quoted) in [
            ("", "does not accept an empty string", ""),
            ("*", "does not accept patterns", r#", but this is "*""#),
            ("https://a:b@*", "does not accept patterns", ""),
            ("ü", "needs names in ASCII, as browsers send them (`xn--…`)", r#", but this is "ü""#),
            ("https://a b", "does not accept spaces", r#", but this is "https://a b""#),
            ("https://a\u{7f}", "does not accept spaces", r#", but this is "https://a\u{7f}""#),
            ("https://", nothing_after, r#", but this is "https://""#),
        ] {
            let told = format!("{fault}{quoted}: write, for example, `https://app.example.com`");
            assert_eq!(origin_fault(text), Some(told));
        }
        assert_eq!(origin_fault("https://a.example/x"), Some(format!("{nothing_after}: write `https://a.example`")));
    }
}
