//! Origins, and when two are the same. Pure functions. What cannot be parsed is not an origin, so
//! it equals no other.

pub(crate) use otp_auth_rules::origin::{Scheme, is_loopback};
use otp_auth_rules::origin::{canonical_host, port, split_port};

/// A host and an optional port, as in `Host` or `:authority`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, digits) = split_port(text);
        let port = match digits {
            Some(digits) => Some(port(digits)?),
            None => None,
        };
        Some(Self { host: canonical_host(host)?, port })
    }

    /// In lower case; addresses in their shortest form.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

/// The origin of a page, as in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        Some(Self { scheme: Scheme::of(scheme)?, authority: Authority::parse(authority)? })
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether a page loaded with this scheme from `authority` has this origin.
    pub(crate) fn is_at(&self, authority: &Authority) -> bool {
        let port = |authority: &Authority| authority.port.unwrap_or(self.scheme.default_port());
        self.authority.host == authority.host && port(&self.authority) == port(authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(origin: &str, authority: &str) -> bool {
        match (Origin::parse(origin), Authority::parse(authority)) {
            (Some(origin), Some(authority)) => origin.is_at(&authority),
            _ => false,
        }
    }

    #[test]
    fn csrf_02_an_origin_is_scheme_host_and_port() {
        for (origin, authority) in [
            ("https://a.test", "a.test"),
            ("https://a.test", "a.test:443"),
            ("https://a.test:443", "a.test"),
            ("https://a.test:8443", "a.test:8443"),
            ("http://a.test", "a.test"),
            ("http://a.test", "a.test:80"),
            ("http://a.test:80", "a.test"),
            ("http://a.test:443", "a.test:443"),
            ("HTTPS://A.Test", "a.test"),
            ("https://a.test", "A.TEST:443"),
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://[::1]:8000", "[::1]:8000"),
            ("http://[::1]", "[0:0:0:0:0:0:0:1]:80"),
            ("https://xn--mnchen-3ya.test", "xn--mnchen-3ya.test"),
        ] {
            assert!(same(origin, authority), "{origin} at {authority}");
        }
        for (origin, authority) in [
            // Another host, or another port.
            ("https://a.test", "b.test"),
            ("https://a.test", "a.test.b.test"),
            ("https://a.test.b.test", "a.test"),
            ("https://www.a.test", "a.test"),
            ("https://a.test:444", "a.test"),
            ("https://a.test", "a.test:444"),
            ("https://a.test", "a.test:80"),
            ("http://a.test", "a.test:443"),
            ("http://a.test:443", "a.test"),
            ("https://a.test:80", "a.test"),
            ("http://localhost", "127.0.0.1"),
            // Not parsed at all.
            ("null", "null"),
            ("", ""),
            ("https://", ""),
            ("a.test", "a.test"),
            ("//a.test", "a.test"),
            ("ftp://a.test", "a.test"),
            ("capacitor://localhost", "localhost"),
            ("https://a.test/", "a.test"),
            ("https://a.test/x", "a.test"),
            ("https://a.test?x", "a.test"),
            ("https://a.test#x", "a.test"),
            ("https://u@a.test", "a.test"),
            ("https://a.test@b.test", "b.test"),
            ("https://a.test", "u@a.test"),
            ("https://a.test:", "a.test"),
            ("https://a.test:0443", "a.test"),
            ("https://a.test:+443", "a.test"),
            ("https://a.test:65536", "a.test:65536"),
            ("https://a.test:0", "a.test:0"),
            ("https://a.test", "a.test:"),
            ("https://a.test ", "a.test"),
            (" https://a.test", "a.test"),
            ("https://a.test, https://a.test", "a.test"),
            ("https://a.test https://b.test", "a.test"),
            ("https://m\u{fc}nchen.test", "m\u{fc}nchen.test"),
            ("https://a.test.", "a.test."),
            ("https://a..test", "a..test"),
            ("https://[::1", "[::1"),
            ("https://[::1]x", "[::1]x"),
            ("https://::1", "::1"),
            ("https://[a.test]", "[a.test]"),
            ("https://127.1", "127.1"),
            ("https://0x7f.1", "0x7f.1"),
            ("https://*", "*"),
        ] {
            assert!(!same(origin, authority), "{origin} at {authority}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names_and_addresses() {
        for host in
            ["localhost", "a.localhost", "a.b.localhost", "127.0.0.1", "127.255.1.2", "[::1]", "[::ffff:7f00:1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.example.com",
            "notlocalhost",
            "127.0.0.1.example.com",
            "128.0.0.1",
            "0.0.0.0",
            "192.168.0.1",
            "127.1",
            "[::]",
            "[::2]",
            "[fe80::1]",
            "::1",
            "",
            "local",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
