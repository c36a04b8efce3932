//! How networks, and the source of a client's address, are written in settings.

use alloc::format;
use alloc::string::String;
use core::net::IpAddr;

use ipnet::IpNet;

/// The value of `client_ip` for the address of the connection.
pub const PEER: &str = "peer";

/// What is wrong with the value of `client_ip`, which is [`PEER`] or the name of a header (RFC 9110
/// section 5.6.2).
#[must_use]
pub fn client_ip(text: &str) -> Option<&'static str> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() {
        Some("is empty")
    } else if !text.bytes().all(is_name) {
        Some("is neither `peer` nor the name of a header")
    } else {
        None
    }
}

/// Reads a network such as `10.0.0.0/8`, or a single address.
#[must_use]
pub fn parse(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// What is wrong with an element of `trusted_proxies`, and what to write.
#[must_use]
pub fn proxy_fault(text: &str) -> Option<String> {
    let Some(network) = parse(text) else {
        return Some(format!("needs networks, but this is {text:?}: write, for example, `10.0.0.0/8`"));
    };
    if network.prefix_len() == 0 {
        return Some(format!(
            "contains every address with `{text}`, so anyone could send the header: write the network of your proxies, for example `10.0.0.0/8`"
        ));
    }
    if let IpAddr::V6(address) = network.addr()
        && address.to_ipv4_mapped().is_some()
    {
        return Some(format!("needs IPv4 networks as such, but this is {text:?}: write, for example, `10.0.0.0/8`"));
    }
    (network.addr() != network.network())
        .then(|| format!("needs the first address of a network, but this is {text:?}: write `{}`", network.trunc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_network_or_an_address() {
        for good in ["10.0.0.0/8", "192.0.2.7", "192.0.2.7/32", "2001:db8::/32", "::1", "fd00::/8"] {
            assert_eq!(proxy_fault(good), None, "{good}");
        }
        for (bad, words) in [
            ("", "needs networks"),
            ("10.0.0.0/33", "needs networks"),
            ("10.0.0/8", "needs networks"),
            ("10.0.0.0/8 ", "needs networks"),
            ("proxy.internal", "needs networks"),
            ("10.0.0.1:80", "needs networks"),
            ("0.0.0.0/0", "every address"),
            ("::/0", "every address"),
            ("10.1.0.0/8", "write `10.0.0.0/8`"),
            ("2001:db8::1/32", "write `2001:db8::/32`"),
            ("::ffff:10.0.0.0/104", "IPv4 networks as such"),
        ] {
            assert!(proxy_fault(bad).is_some_and(|fault| fault.contains(words)), "{bad}: {:?}", proxy_fault(bad));
        }
    }

    #[test]
    fn a_source_is_the_peer_or_a_header() {
        for good in ["peer", "x-forwarded-for", "Forwarded", "CF-Connecting-IP", "x_real_ip"] {
            assert_eq!(client_ip(good), None, "{good}");
        }
        for bad in ["", "x forwarded for", "x-forwarded-for:", "x-forwarded-for, forwarded", "\u{fc}"] {
            assert!(client_ip(bad).is_some(), "{bad}");
        }
    }
}
