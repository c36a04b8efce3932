//! Forwarding headers: the client is the first address from the right that is no trusted proxy, or
//! unknown, and never what stands further left.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::axum::extract::ConnectInfo;
use otp_auth::axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use otp_auth::delivery::Body;
use otp_auth::fuzzing::client_address;
use otp_auth::{MemoryStore, OtpAuth};
use otp_auth_fuzz::{Config, User, settings};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    header: Header,
    peer: Address,
    /// The fields of the header, each with its elements.
    fields: Vec<Vec<Element<'a>>>,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum Header {
    Forwarded,
    XForwardedFor,
    XRealIp,
}

#[derive(Arbitrary, Debug)]
enum Element<'a> {
    Of(Address, Spelling),
    Raw(&'a [u8]),
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Address {
    Proxy(u8),
    Proxy6(u8),
    Four([u8; 4]),
    Six([u16; 8]),
    Mapped([u8; 4]),
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Spelling {
    Bare,
    Spaced,
    Port(u16),
}

impl Address {
    fn ip(self) -> IpAddr {
        match self {
            Self::Proxy(last) => Ipv4Addr::new(10, 0, 0, last).into(),
            Self::Proxy6(last) => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
            Self::Four(octets) => octets.into(),
            Self::Six(segments) => segments.into(),
            Self::Mapped(octets) => Ipv4Addr::from(octets).to_ipv6_mapped().into(),
        }
    }

    fn written(self, spelling: Spelling, header: Header) -> String {
        let (ip, v6) = (self.ip(), self.ip().is_ipv6());
        let bare = match spelling {
            Spelling::Port(port) => SocketAddr::new(ip, port).to_string(),
            _ if header == Header::Forwarded && v6 => format!("[{ip}]"),
            _ => ip.to_string(),
        };
        let element = match header {
            Header::Forwarded if v6 || bare.contains(':') => format!("for=\"{bare}\""),
            Header::Forwarded => format!("for={bare}"),
            _ => bare,
        };
        if let Spelling::Spaced = spelling { format!(" {element}\t") } else { element }
    }
}

const HEADERS: [(Header, &str); 3] =
    [(Header::Forwarded, "forwarded"), (Header::XForwardedFor, "x-forwarded-for"), (Header::XRealIp, "x-real-ip")];

static APPS: LazyLock<[OtpAuth<Config<Body>>; 3]> = LazyLock::new(|| {
    HEADERS.map(|(_, name)| {
        let settings = settings().client_ip(name).trusted_proxy("10.0.0.0/8").trusted_proxy("fd00::/8");
        OtpAuth::new(Config::new(settings), MemoryStore::new(User::first)).expect("good settings")
    })
});

fn is_trusted(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address.segments()[0] >> 8 == 0xfd,
    }
}

fuzz_target!(|input: Input<'_>| {
    let peer = input.peer.ip().to_canonical();
    let mut extensions = Extensions::new();
    extensions.insert(ConnectInfo(SocketAddr::new(input.peer.ip(), 50_000)));
    let (at, name) = HEADERS
        .iter()
        .enumerate()
        .find(|(_, (header, _))| *header == input.header)
        .map(|(at, (_, name))| (at, *name))
        .expect("a header");
    let mut headers = HeaderMap::new();
    // From left to right, with what each element can be.
    let mut elements = Vec::new();
    for field in input.fields.iter().take(8) {
        let parts: Vec<_> = field
            .iter()
            .map(|element| match element {
                Element::Of(address, spelling) => address.written(*spelling, input.header).into_bytes(),
                Element::Raw(bytes) => bytes.to_vec(),
            })
            .collect();
        let Ok(value) = HeaderValue::from_bytes(&parts.join(&b","[..])) else { return };
        headers.append(name.parse::<HeaderName>().expect("a name"), value);
        elements.extend(field);
        if field.is_empty() {
            // An empty field is not an address.
            elements.push(&Element::Raw(b""));
        }
    }
    let settings = APPS[at].settings();
    let found = client_address(settings, &extensions, &headers);
    if !is_trusted(peer) {
        assert_eq!(found, Some(peer));
        return;
    }
    let mut possible = vec![peer];
    let mut is_known = true;
    for element in elements.into_iter().rev() {
        match element {
            Element::Of(address, _) => {
                let address = address.ip().to_canonical();
                if is_known {
                    possible.clear();
                }
                possible.push(address);
                if !is_trusted(address) {
                    break;
                }
            }
            Element::Raw(bytes) => {
                is_known = false;
                possible.extend(mentioned(bytes));
            }
        }
    }
    match found {
        Some(address) => assert!(possible.contains(&address), "{address} is none of {possible:?}"),
        None => assert!(!is_known),
    }
    // Nobody else's header is read.
    let stranger = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 7).into(), 50_000);
    extensions.insert(ConnectInfo(stranger));
    assert_eq!(client_address(settings, &extensions, &headers), Some(stranger.ip()));
    assert_eq!(client_address(settings, &Extensions::new(), &headers), None);
});

/// Every address that this text mentions.
fn mentioned(bytes: &[u8]) -> Vec<IpAddr> {
    let text = String::from_utf8_lossy(bytes);
    let is_part = |c: char| c.is_ascii_hexdigit() || ":.".contains(c);
    let mut all = Vec::new();
    for word in text.split(|c| !is_part(c)) {
        let ends = word.match_indices(':').map(|(at, _)| at).chain([word.len()]);
        all.extend(ends.filter_map(|end| word[..end].parse::<IpAddr>().ok()).map(|address| address.to_canonical()));
    }
    all
}
