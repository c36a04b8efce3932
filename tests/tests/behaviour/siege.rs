//! A day under attack, with the limits at their defaults: 10,000 requests by 1,000 clients of 300
//! networks, for one mailbox.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use otp_auth::store::Timestamp;
use otp_auth_tests::{App, Backend, Client, Mode, Setup};

use crate::support::{ANN, Random};

const CLIENTS: usize = 1_000;
const NETWORKS: usize = 300;
const REQUESTS: usize = 10_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How often the owner signs in on a new device.
const VISITS: usize = 8;

/// How long the owner may need.
const PATIENCE: Duration = Duration::from_secs(120);

/// What strangers may guess of the codes of one address in 24 hours.
const BOUND: f64 = 1e-4;

/// Spellings of one address, and aliases of its mailbox.
const SPELLINGS: [&str; 6] =
    [ANN, " ANN@Example.com", "ann@EXAMPLE.com", "\u{200b}ann@example.com", "ann+a@example.com", "Ann+b@example.com"];

struct Attacker {
    network: usize,
    client: Client,
    guessing: Option<Guessing>,
}

/// A challenge that an attacker holds.
struct Guessing {
    email: &'static str,
    digits: i32,
    ends_at: Timestamp,
}

/// Half of the networks are IPv6, with a few addresses in each.
fn address(number: usize) -> SocketAddr {
    let network = u16::try_from(number % NETWORKS).unwrap();
    let host = u16::try_from(number / NETWORKS).unwrap();
    let [high, low] = network.to_be_bytes();
    let ip: IpAddr = if network.is_multiple_of(2) {
        Ipv6Addr::new(0x2001, 0xdb8, 0x5e, network, 1, 2, 3, host).into()
    } else {
        Ipv4Addr::new(203, 0, 113 + high, low).into()
    };
    SocketAddr::new(ip, 1_024 + host)
}

impl Attacker {
    fn new(app: &App, number: usize) -> Self {
        let mut client = app.client();
        client.address = Some(address(number));
        Self { network: number % NETWORKS, client, guessing: None }
    }

    /// Requests a code. Returns whether one was sent.
    async fn request(&mut self, app: &App, email: &'static str) -> bool {
        let answer = self.client.request(email).await;
        if answer.status != 200 {
            let code = answer.code();
            answer.problem(429, &code);
            return false;
        }
        let digits = i32::try_from(answer.number("code_length")).unwrap();
        let ends_at = app.clock.now() + Duration::from_secs(answer.number("expires_in"));
        self.guessing = Some(Guessing { email, digits, ends_at });
        true
    }

    /// Presents a wrong code. Returns the chance that it would have been right.
    async fn guess(&mut self, app: &App) -> f64 {
        let Some(Guessing { email, digits, ends_at }) = &self.guessing else { return 0.0 };
        let compared = app.clock.now() < *ends_at;
        let (messages, width) = (app.sender.messages(), usize::try_from(*digits).unwrap());
        let mut codes = (0..).map(|number| format!("{number:0width$}"));
        let code = codes.find(|code| messages.iter().all(|sent| sent.code != *code)).unwrap();
        let chance = 10_f64.powi(-digits);
        let answer = self.client.verify(email, &code).await;
        match (u16::from(answer.status), answer.code().as_str()) {
            (401, "invalid_code") if compared => return chance,
            (401, "invalid_code") | (429, "too_many_attempts" | "too_many_requests") | (403, "address_locked") => {}
            _ => panic!("{answer:?}"),
        }
        self.guessing = None;
        0.0
    }
}

/// The owner signs in on a device that is not known: with the code, or else with the token of the
/// latest message. Returns how long it took.
async fn owner_signs_in(app: &App, visit: usize) -> Duration {
    let mut client = app.client();
    let host = u16::try_from(visit).unwrap();
    client.address = Some(SocketAddr::new(Ipv6Addr::new(0x2001, 0xdb8, 0xa, host, 0, 0, 0, 1).into(), 1));
    let began_at = app.clock.now();
    let spent = || began_at.until(app.clock.now());
    while client.request(ANN).await.status != 200 || client.verify_right(ANN).await.status != 200 {
        assert!(spent() <= PATIENCE, "the owner is kept out at {began_at:?}");
        let messages = app.sender.messages();
        let latest = messages.iter().rev().find(|sent| sent.address.eq_ignore_ascii_case(ANN)).expect("there was one");
        if client.unlock.is_some() {
            app.pass(Duration::from_secs(60));
        }
        client = client.unlocked(&latest.unlock);
    }
    spent()
}

async fn day(backend: Backend, seed: u64) {
    let app = Setup::new(Mode::Body).backend(backend).limited().start().await;
    let mut random = Random(seed);
    let mut attackers: Vec<_> = (0..CLIENTS).map(|number| Attacker::new(&app, number)).collect();
    let (mut guessed, mut compared) = (HashMap::<&str, f64>::new(), 0);
    let mut sent = HashMap::<usize, u32>::new();
    let mut holder = None::<usize>;
    let visits: Vec<_> = (0..VISITS).map(|_| random.below(REQUESTS)).collect();
    let step = DAY / u32::try_from(REQUESTS).unwrap();
    for number in 0..REQUESTS {
        for (visit, _) in visits.iter().enumerate().filter(|(_, at)| **at == number) {
            assert!(owner_signs_in(&app, visit).await <= PATIENCE);
        }
        // Whoever holds a challenge usually goes on with it.
        holder = holder.filter(|at| attackers[*at].guessing.is_some() && random.below(10) > 0);
        let at = holder.unwrap_or_else(|| random.below(CLIENTS));
        let attacker = &mut attackers[at];
        if holder.is_some() {
            let email = attacker.guessing.as_ref().map_or(ANN, |guessing| guessing.email);
            let chance = attacker.guess(&app).await;
            // The spellings of one address are one.
            let tag = email.find('+').map_or("", |at| &email[at..at + 2]);
            *guessed.entry(tag).or_default() += chance;
            compared += usize::from(chance > 0.0);
        } else if attacker.request(&app, random.pick(&SPELLINGS)).await {
            *sent.entry(attacker.network).or_default() += 1;
            holder = Some(at);
        }
        app.pass(step);
    }
    println!("{backend:?}: {compared} codes compared, {guessed:?}");
    assert!(compared > 100, "the attack was none");
    assert!(guessed.values().all(|chance| *chance <= BOUND), "{guessed:?}");
    assert!(sent.values().all(|sent| *sent <= 10), "{sent:?}");
}

#[tokio::test]
async fn rate_10_rate_11_t7_a_day_under_attack_stays_within_the_bound_and_the_owner_gets_in() {
    for (seed, backend) in [(1, Backend::Memory), (2, Backend::Memory), (3, Backend::Sqlite)] {
        day(backend, seed).await;
    }
}
