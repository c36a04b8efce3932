//! In developer mode anyone can sign in as anyone, so it serves only this machine and the
//! developer's `developer_hosts`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::client;
use super::host::{Field, Target};
use super::problem::{Problem, ProblemKind};
use crate::config::Settings;
use crate::origin::is_loopback;

/// Which requests are served.
#[derive(Debug)]
pub(super) struct Served {
    hosts: Vec<String>,
}

/// How a request arrived, as far as it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// From a server.
    Network,
    /// Perhaps made by a test.
    Unknown,
}

impl Arrival {
    /// Over a network, a request must give the length of its body, in HTTP/1.1 with one of these
    /// headers. A request made in a test needs neither.
    fn of(version: Version, headers: &HeaderMap) -> Self {
        let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        if version == Version::HTTP_11 && !framed { Self::Unknown } else { Self::Network }
    }
}

impl Served {
    pub(super) fn of(settings: &Settings) -> Arc<Self> {
        Arc::new(Self { hosts: settings.developer_hosts.clone() })
    }

    fn admits(&self, target: &Target, peer: Option<IpAddr>, arrival: Arrival) -> bool {
        let near = peer.is_none_or(|peer| peer.is_loopback());
        match target {
            // A listed host may be used from elsewhere.
            Target::At(authority) if self.hosts.iter().any(|host| host == authority.host()) => true,
            Target::At(authority) => near && is_loopback(authority.host()),
            // Every client sends a host; leaving it out may be an attempt to get past this.
            Target::Absent => near && arrival == Arrival::Unknown,
            Target::Unreadable => false,
        }
    }
}

/// Rejects requests that are not for this machine.
pub(super) async fn guard(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let target = Target::of(request.uri(), headers);
    let peer = client::peer(request.extensions());
    if served.admits(&target, peer, Arrival::of(request.version(), headers)) {
        return next.run(request).await;
    }
    crate::event::developer_mode_host(Field::of(headers, &HOST).once(), peer);
    Problem::new(ProblemKind::DeveloperModeHost).into_response()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::http::Extensions;

    use super::*;
    use crate::origin::Authority;

    const NEAR: [Option<&str>; 5] = [None, Some("127.0.0.1"), Some("127.9.9.9"), Some("::1"), Some("::ffff:127.0.0.1")];
    const FAR: [Option<&str>; 4] = [Some("192.168.1.7"), Some("172.17.0.1"), Some("::ffff:10.0.0.1"), Some("fe80::1")];

    fn served(host: Option<&str>, peer: Option<&str>, arrival: Arrival) -> bool {
        let served = Served { hosts: vec!["192.168.1.20".to_owned(), "laptop.local".to_owned()] };
        let target = match host {
            None => Target::Absent,
            Some(host) => Authority::parse(host).map_or(Target::Unreadable, Target::At),
        };
        let mut extensions = Extensions::new();
        if let Some(peer) = peer {
            extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        }
        served.admits(&target, client::peer(&extensions), arrival)
    }

    #[test]
    fn otp_13_this_machine_and_named_hosts_are_served() {
        for arrival in [Arrival::Network, Arrival::Unknown] {
            for peer in NEAR {
                for host in ["localhost", "LOCALHOST:8000", "a.localhost:3000", "127.0.0.1:8000", "[::1]:8000"] {
                    assert!(served(Some(host), peer, arrival), "{host} {peer:?}");
                }
            }
            for peer in NEAR.into_iter().chain(FAR) {
                for host in ["192.168.1.20", "192.168.1.20:8000", "Laptop.local:443"] {
                    assert!(served(Some(host), peer, arrival), "{host} {peer:?}");
                }
            }
        }
    }

    #[test]
    fn otp_13_other_hosts_and_peers_are_not_served() {
        for arrival in [Arrival::Network, Arrival::Unknown] {
            for peer in NEAR.into_iter().chain(FAR) {
                for host in [
                    "shop.example",
                    "localhost.shop.example",
                    "192.168.1.21",
                    "0.0.0.0:8000",
                    "x.laptop.local",
                    "",
                    "localhost, shop.example",
                    "localhost@shop.example",
                    "localhost:port",
                ] {
                    assert!(!served(Some(host), peer, arrival), "{host} {peer:?}");
                }
            }
            for peer in FAR {
                assert!(!served(Some("localhost:8000"), peer, arrival), "{peer:?}");
            }
        }
    }

    #[test]
    fn otp_13_without_a_host_only_what_no_network_has_brought_is_served() {
        for peer in NEAR {
            assert!(served(None, peer, Arrival::Unknown));
            assert!(!served(None, peer, Arrival::Network));
        }
        for peer in FAR {
            assert!(!served(None, peer, Arrival::Unknown));
        }
        let mut headers = HeaderMap::new();
        assert_eq!(Arrival::of(Version::HTTP_11, &headers), Arrival::Unknown);
        for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
            assert_eq!(Arrival::of(version, &headers), Arrival::Network);
        }
        headers.append(CONTENT_LENGTH, "2".parse().unwrap());
        assert_eq!(Arrival::of(Version::HTTP_11, &headers), Arrival::Network);
        headers.clear();
        headers.append(TRANSFER_ENCODING, "chunked".parse().unwrap());
        assert_eq!(Arrival::of(Version::HTTP_11, &headers), Arrival::Network);
    }
}
