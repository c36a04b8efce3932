//! Where a request comes from: the address of the client, and the network that it counts towards.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use otp_auth_rules::network::{PEER, parse};

use crate::config::Settings;

/// What limits count as one client: an IPv4 address, or an IPv6 network of
/// [`ipv6_prefix_length`](crate::config::Settings::ipv6_prefix_length) bits. All requests without
/// an address count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network(Option<IpNet>);

impl Network {
    pub(crate) fn of(address: Option<IpAddr>, ipv6_prefix_length: u8) -> Self {
        Self(address.map(|address| owner(address).into())).widened(32, ipv6_prefix_length)
    }

    /// The wider network that one person has few of: an IPv4 `/24`, or an IPv6 `/48`, which is as
    /// much as a site gets (RFC 6177).
    pub(crate) fn surroundings(self) -> Self {
        self.widened(24, 48)
    }

    /// At most this many bits of it.
    fn widened(self, ipv4: u8, ipv6: u8) -> Self {
        Self(self.0.map(|network| {
            let bits = if network.addr().is_ipv4() { ipv4 } else { ipv6 };
            IpNet::new(network.addr(), bits.min(network.prefix_len())).map_or(network, |wider| wider.trunc())
        }))
    }
}

/// The IPv4 address behind an IPv6 address, if a mechanism gives whoever has the one the other:
/// IPv4-mapped, 6to4 (RFC 3056), Teredo (RFC 4380) and the well-known prefix of NAT64 (RFC 6052).
/// Otherwise one IPv4 address would have many networks, or many would have one.
///
/// In the local prefix of NAT64 (RFC 8215) the position of the IPv4 address is unknown.
fn owner(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    let IpAddr::V6(v6) = address else { return address };
    let ipv4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into();
    match v6.segments() {
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => ipv4(high, low),
        // The port and the address are inverted.
        [0x2001, 0, .., high, low] => ipv4(!high, !low),
        _ => address,
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(network) => network.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

/// A forwarding header cannot be read, so it is unknown where the request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// How to find the address of a client: by default, from the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressSource {
    /// The header of the trusted proxies. `None` if the connection counts.
    header: Option<String>,
    proxies: Vec<IpNet>,
}

impl AddressSource {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            header: (settings.client_ip != PEER).then(|| settings.client_ip.to_ascii_lowercase()),
            proxies: settings.trusted_proxies.iter().filter_map(|text| parse(text)).collect(),
        }
    }

    /// The header to read for a request from this peer. Anyone else could have written it.
    pub(crate) fn header(&self, peer: IpAddr) -> Option<&str> {
        self.header.as_deref().filter(|_| self.is_trusted(peer))
    }

    /// The client of a request from a trusted peer, which sent these fields of the
    /// [`header`](Self::header), in this order.
    ///
    /// Each proxy adds the address that it saw to the end, so they are read from the right: the
    /// first one that is not a trusted proxy is the client. What is left of it could be forged.
    pub(crate) fn client<'a>(
        &self,
        peer: IpAddr,
        fields: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> Result<IpAddr, Unreadable> {
        let read = if self.header.as_deref() == Some("forwarded") { forwarded } else { listed };
        let mut client = peer;
        for field in fields.rev() {
            // As bytes, so that nobody hides an address behind forged ones that are no text.
            for element in field.rsplit(|byte| *byte == b',') {
                let element = str::from_utf8(element).map_err(|_| Unreadable)?;
                client = read(element.trim_matches([' ', '\t'])).ok_or(Unreadable)?.to_canonical();
                if !self.is_trusted(client) {
                    return Ok(client);
                }
            }
        }
        Ok(client)
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

/// An element of `X-Forwarded-For`, or of another header with addresses. Some proxies add the port.
fn listed(element: &str) -> Option<IpAddr> {
    let in_brackets = || element.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || element.parse().ok().map(|socket: SocketAddr| socket.ip());
    element.parse().ok().or_else(with_port).or_else(in_brackets)
}

/// An element of `Forwarded` (RFC 7239 section 4).
fn forwarded(element: &str) -> Option<IpAddr> {
    let mut nodes = rfc7239::parse(element);
    let node = nodes.next()?.ok()?.forwarded_for?;
    match node.name {
        rfc7239::NodeName::Ip(address) => Some(address),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(client_ip: &str, proxies: &[&str]) -> AddressSource {
        AddressSource {
            header: (client_ip != PEER).then(|| client_ip.to_owned()),
            proxies: proxies.iter().map(|text| parse(text).unwrap()).collect(),
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The client of a request from `10.0.0.1`.
    fn client(source: &AddressSource, fields: &[&str]) -> Option<String> {
        let fields = fields.iter().map(|field| field.as_bytes());
        source.client(ip("10.0.0.1"), fields).ok().map(|address| address.to_string())
    }

    #[test]
    fn t8_addresses_of_one_network_are_one() {
        let of = |text: &str, bits| Network::of(Some(ip(text)), bits).to_string();
        for (text, bits, network) in [
            ("192.0.2.7", 64, "192.0.2.7/32"),
            ("::ffff:192.0.2.7", 64, "192.0.2.7/32"),
            ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::9", 64, "2001:db8:1:2::/64"),
            ("2001:db8:1:2ff::9", 56, "2001:db8:1:200::/56"),
            ("2001:db8::1", 128, "2001:db8::1/128"),
            ("2002:c000:207::1", 64, "192.0.2.7/32"),
            ("2002:c000:207:ffff:1:2:3:4", 128, "192.0.2.7/32"),
            ("2001:0:cb00:7101:8000:63bf:3fff:fdf8", 64, "192.0.2.7/32"),
            ("64:ff9b::192.0.2.7", 64, "192.0.2.7/32"),
            ("64:ff9b::1:192.0.2.7", 64, "64:ff9b::/64"),
            ("64:ff9b:1::192.0.2.7", 64, "64:ff9b:1::/64"),
            ("2001:1::7", 64, "2001:1::/64"),
        ] {
            assert_eq!(of(text, bits), network, "{text}");
        }
        assert_eq!(Network::of(None, 64).to_string(), "unknown");
    }

    #[test]
    fn t8_a_person_has_few_surroundings() {
        for (address, bits, wider) in [
            ("192.0.2.7", 64, "192.0.2.0/24"),
            ("2002:c000:207::1", 64, "192.0.2.0/24"),
            ("2001:db8:1:2::3", 64, "2001:db8:1::/48"),
            ("2001:db8:1:2::3", 128, "2001:db8:1::/48"),
            ("2001:db8:1:2::3", 32, "2001:db8::/32"),
        ] {
            assert_eq!(Network::of(Some(ip(address)), bits).surroundings().to_string(), wider);
        }
        assert_eq!(Network::of(None, 64).surroundings().to_string(), "unknown");
    }

    /// Anyone can have an address that contains the one of a proxy.
    #[test]
    fn t9_an_address_inside_another_one_is_no_proxy() {
        let list = source("x-forwarded-for", &["10.0.0.0/8"]);
        assert_eq!(client(&list, &["192.0.2.7, 2002:a00:2::1"]).as_deref(), Some("2002:a00:2::1"));
        for peer in ["2002:a00:2::1", "64:ff9b::10.0.0.2"] {
            assert_eq!(list.header(ip(peer)), None, "{peer}");
        }
    }

    #[test]
    fn t9_only_what_trusted_proxies_wrote_counts() {
        let list = source("x-forwarded-for", &["10.0.0.0/8", "fd00::/8"]);
        for (fields, expected) in [
            (&["192.0.2.7"][..], Some("192.0.2.7")),
            // The client forged all but the last.
            (&["127.0.0.1, 10.0.0.9, 192.0.2.7"], Some("192.0.2.7")),
            (&["127.0.0.1", "192.0.2.7"], Some("192.0.2.7")),
            (&["garbage, 192.0.2.7"], Some("192.0.2.7")),
            (&["192.0.2.7, 10.0.0.2"], Some("192.0.2.7")),
            (&["192.0.2.7, fd00::2", "10.0.0.2"], Some("192.0.2.7")),
            (&["::ffff:192.0.2.7"], Some("192.0.2.7")),
            (&["192.0.2.7, ::ffff:10.0.0.2"], Some("192.0.2.7")),
            (&["192.0.2.7:50000"], Some("192.0.2.7")),
            (&["[2001:db8::7]:50000"], Some("2001:db8::7")),
            (&["[2001:db8::7]"], Some("2001:db8::7")),
            (&["\t2001:db8::7 "], Some("2001:db8::7")),
            // The request of a proxy itself.
            (&[], Some("10.0.0.1")),
            (&["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
            // What a trusted proxy wrote cannot be read.
            (&[""], None),
            (&["192.0.2.7, "], None),
            (&["192.0.2.7, unknown, 10.0.0.2"], None),
            (&["192.0.2.7.1"], None),
            (&["192.0.2.07"], None),
            (&["2001:db8::7%eth0"], None),
            (&["192.0.2.7\u{a0}"], None),
        ] {
            assert_eq!(client(&list, fields).as_deref(), expected, "{fields:?}");
        }
        let bytes = |field: &'static [u8]| list.client(ip("10.0.0.1"), [field].into_iter());
        assert_eq!(bytes(b"\xff"), Err(Unreadable));
        assert_eq!(bytes(b"192.0.2.7, \xff, 10.0.0.2"), Err(Unreadable));
        assert_eq!(bytes(b"\xff, 192.0.2.7"), Ok(ip("192.0.2.7")));
    }

    #[test]
    fn t9_forwarded_is_read_as_rfc_7239_says() {
        let source = source("forwarded", &["10.0.0.0/8"]);
        for (field, expected) in [
            ("for=192.0.2.7", Some("192.0.2.7")),
            ("for=1.1.1.1, For=\"192.0.2.7:47011\";proto=http;by=10.0.0.1", Some("192.0.2.7")),
            ("proto=https;FOR=\"[2001:db8:cafe::17]:4711\"", Some("2001:db8:cafe::17")),
            ("for=192.0.2.7, for=10.0.0.2", Some("192.0.2.7")),
            // The client forged what is left of it, with a quotation that does not end.
            ("for=\"1.1.1.1, for=192.0.2.7", Some("192.0.2.7")),
            ("for=unknown", None),
            ("for=_hidden", None),
            ("for=192.0.2.7, by=10.0.0.1", None),
            ("192.0.2.7", None),
            ("", None),
        ] {
            assert_eq!(client(&source, &[field]).as_deref(), expected, "{field}");
        }
    }

    #[test]
    fn t9_the_header_of_anyone_else_is_not_read() {
        let list = source("x-forwarded-for", &["10.0.0.0/8"]);
        assert_eq!(list.header(ip("10.9.9.9")), Some("x-forwarded-for"));
        for peer in ["192.0.2.7", "11.0.0.1", "::1"] {
            assert_eq!(list.header(ip(peer)), None, "{peer}");
        }
        assert_eq!(source(PEER, &[]).header(ip("10.0.0.1")), None);
    }
}
