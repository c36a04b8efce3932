//! Helpers for several modules.

use std::net::SocketAddr;
use std::time::Duration;

use otp_auth::config::SettingsBuilder;
use otp_auth_tests::{App, Client, ClientKind, Mode, Setup};

/// An address.
pub(crate) const ANN: &str = "ann@example.com";

/// Another address.
pub(crate) const BOB: &str = "bob@example.com";

/// The minimum time between two sends, with default settings.
pub(crate) const COOLDOWN: Duration = Duration::from_secs(60);

/// The smallest step of the clock.
pub(crate) const MILLI: Duration = Duration::from_millis(1);

/// The same client in another network.
pub(crate) fn in_network(client: &Client, number: usize) -> Client {
    let mut client = client.clone();
    client.address = Some(SocketAddr::new([198, 51, 103, u8::try_from(number).unwrap()].into(), 50_000));
    client
}

/// Strangers of as many networks as they need fail so often for an address. Each challenge is used
/// up, but for the last one, which is returned.
pub(crate) async fn fail(stranger: &Client, app: &App, email: &str, failures: usize) -> Client {
    let mut client = stranger.clone();
    for number in 0..failures {
        if number % 5 == 0 {
            app.pass(COOLDOWN);
            client = in_network(stranger, 100 + number / 5);
            client.request(email).await.ok();
        }
        client.verify_wrong(email).await.problem(401, "invalid_code");
    }
    client
}

/// Waits until all sends in the background have finished. The runtime's time must be paused.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Numbers that look random and are always the same (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.next() & 0xff).unwrap()).collect()
    }
}

/// Every delivery, with each kind of client that it supports.
pub(crate) async fn every_mode() -> Vec<(App, Client)> {
    every_mode_with(|settings| settings).await
}

/// The same, with other settings.
pub(crate) async fn every_mode_with(
    tune: impl Fn(SettingsBuilder) -> SettingsBuilder + Clone + Send + Sync + 'static,
) -> Vec<(App, Client)> {
    let mut all = Vec::new();
    for (mode, kind) in [
        (Mode::Cookie, ClientKind::Browser),
        (Mode::Body, ClientKind::Native),
        (Mode::Both, ClientKind::Browser),
        (Mode::Both, ClientKind::Native),
    ] {
        let app = Setup::new(mode).tune(tune.clone()).start().await;
        let client = app.client_of(kind);
        all.push((app, client));
    }
    all
}

/// An application of one delivery with default settings.
pub(crate) async fn app(mode: Mode) -> App {
    Setup::new(mode).start().await
}
