//! Limits per network: what one network may ask for, whatever it asks.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use otp_auth::limit::{Charge, Limiter, MemoryLimiter, Rate, Timestamp};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{MemoryStore, OtpAuth, otp_config};
use otp_auth_tests::app::AUTH;
use otp_auth_tests::jar::Jar;
use otp_auth_tests::{
    App, Client, ClientKind, Fault, Mode, Operation, SECRET, Setup, User, at_once, count, logs, tokens,
};
use serde_json::json;
use tower::ServiceExt;

use crate::support::{ANN, BOB, MILLI};

/// The burst of `request_limit`, by default.
const BURST: usize = 20;

async fn limited() -> App {
    Setup::new(Mode::Body).limited().start().await
}

fn from(app: &App, address: &str) -> Client {
    let mut client = app.client();
    client.address = Some(address.parse().unwrap());
    client
}

/// A token with another signature.
fn forged(token: &str) -> String {
    let [head, payload, signature] = tokens::parts(token);
    format!("{head}.{payload}.{}", signature.chars().rev().collect::<String>())
}

/// How many wrong codes this network may present at once.
async fn guesses(client: &mut Client) -> usize {
    for number in 0..100 {
        let answer = client.verify(ANN, "000000").await;
        if answer.code() == "too_many_requests" {
            return number;
        }
        answer.problem(401, "invalid_code");
    }
    panic!("guesses are not limited");
}

#[tokio::test]
async fn rate_09_sends_from_one_network_stop_at_its_limit_and_retry_after_is_true() {
    let app = limited().await;
    let mut client = from(&app, "203.0.113.7:50000");
    for number in 0..60 {
        let answer = client.request(&format!("user{number}@example.com")).await;
        if number < BURST {
            answer.ok();
        } else {
            assert_eq!(answer.problem(429, "too_many_requests").retry_after(), 60);
        }
    }
    assert_eq!(app.mails(), BURST);
    app.pass(Duration::from_secs(60) - MILLI);
    assert_eq!(client.request(ANN).await.problem(429, "too_many_requests").retry_after(), 1);
    app.pass(MILLI);
    client.request(ANN).await.ok();
    client.request(BOB).await.problem(429, "too_many_requests");
    // Nobody else is held up.
    from(&app, "203.0.113.8:50000").request(BOB).await.ok();
}

#[tokio::test]
async fn rate_10_one_wrong_guess_on_each_of_200_accounts_is_throttled_before_the_store_is_asked() {
    let app = Setup::new(Mode::Body).limited().tune(|settings| settings.request_limit(Rate::UNLIMITED)).start().await;
    let mut attacker = from(&app, "203.0.113.7:50000");
    let mut compared = 0;
    for number in 0..200 {
        let email = format!("user{number}@example.com");
        attacker.request(&email).await.ok();
        app.faults.take_calls();
        let answer = attacker.verify_wrong(&email).await;
        let calls = app.faults.take_calls();
        if calls.contains(&Operation::CountAttempt) {
            answer.problem(401, "invalid_code");
            compared += 1;
        } else {
            answer.problem(429, "too_many_requests");
            assert_eq!(calls, []);
        }
    }
    assert_eq!(compared, 20);
}

#[tokio::test]
async fn t8_spellings_of_one_network_share_a_limit() {
    let app = limited().await;
    for (spellings, other) in [
        (["[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:2"], "[2001:db8:1:3::1]:1"),
        (["192.0.2.7:1", "[::ffff:192.0.2.7]:2"], "192.0.2.8:1"),
        (["192.0.2.9:1", "[2002:c000:209:1::9]:2"], "[2002:c000:20a::1]:1"),
        (["192.0.2.11:1", "[64:ff9b::192.0.2.11]:2"], "[64:ff9b::192.0.2.12]:1"),
    ] {
        let mut clients = spellings.map(|address| from(&app, address));
        let mut sent = 0;
        for number in 0..60 {
            sent +=
                usize::from(clients[number % 2].request(&format!("{number}@{}.com", other.len())).await.status == 200);
        }
        assert_eq!(sent, BURST, "{spellings:?}");
        assert_eq!(from(&app, other).request(ANN).await.status, 200);
        app.pass(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn t9_a_forged_header_does_not_change_the_limit() {
    let app = limited().await;
    let mut client = from(&app, "203.0.113.7:50000");
    let mut sent = 0;
    for number in 0..60 {
        client.headers = ["x-forwarded-for", "forwarded", "x-real-ip"]
            .map(|name| (name.parse().unwrap(), format!("198.51.100.{number}").parse().unwrap()))
            .into();
        sent += usize::from(client.request(&format!("{number}@example.com")).await.status == 200);
    }
    assert_eq!(sent, BURST);
}

#[tokio::test]
async fn t10_a_success_counts_once_and_leaves_the_other_requests_of_its_network_counted() {
    let app = limited().await;
    assert_eq!(guesses(&mut from(&app, "203.0.113.7:1")).await, 20);

    let mut client = from(&app, "203.0.113.8:1");
    for _ in 0..10 {
        client.verify(ANN, "000000").await.problem(401, "invalid_code");
    }
    // It counts as one, a failure as four, of a burst of 80.
    from(&app, "203.0.113.8:2").sign_in(BOB).await.ok();
    assert_eq!(guesses(&mut client).await, 9);
}

#[tokio::test]
async fn a_failure_of_the_server_is_not_a_guess() {
    let app = limited().await;
    let mut client = app.client();
    app.faults.set(Operation::CountAttempt, Fault::Fail);
    client.request(ANN).await.ok();
    for _ in 0..60 {
        client.verify_wrong(ANN).await.problem(503, "store_unavailable");
    }
    app.faults.clear();
    assert_eq!(guesses(&mut client).await, 5);
}

/// Otherwise, whoever can make the store fail could guess at the price of a success.
#[tokio::test]
async fn rate_10_a_compared_code_keeps_its_price_when_the_store_fails_afterwards() {
    let address = "203.0.113.7:50000";
    // A wrong code, and then the store fails for the next challenge.
    let app = Setup::new(Mode::Both).limited().start().await;
    let mut client = from(&app, address);
    client.request(ANN).await.ok();
    client.challenge = Some("A".repeat(22));
    for _ in 0..5 {
        app.faults.set(Operation::CountAttempt, Fault::Wait);
        app.faults.take_calls();
        let mut guesser = client.clone();
        let guess = tokio::spawn(async move { guesser.verify_wrong(ANN).await });
        app.faults.called(Operation::CountAttempt).await;
        app.faults.clear();
        app.faults.set(Operation::CountAttempt, Fault::Fail);
        guess.await.unwrap().problem(503, "store_unavailable");
        app.faults.clear();
    }
    assert_eq!(guesses(&mut from(&app, address)).await, 15);

    // The right code.
    let app = Setup::new(Mode::Both).limited().start().await;
    let mut client = from(&app, address);
    client.request(ANN).await.ok();
    app.faults.set(Operation::SignIn, Fault::Fail);
    for _ in 0..5 {
        client.verify_right(ANN).await.problem(503, "store_unavailable");
    }
    assert_eq!(guesses(&mut from(&app, address)).await, 15);
}

#[tokio::test]
async fn a_family_that_signs_in_at_once_on_several_devices_is_not_limited() {
    let app = limited().await;
    for number in 0..12 {
        let mut client = from(&app, "203.0.113.7:50000");
        let email = format!("user{number}@example.com");
        client.request(&email).await.ok();
        client.verify_wrong(&email).await.problem(401, "invalid_code");
        client.verify_right(&email).await.ok();
        for _ in 0..10 {
            client.refresh().await.ok();
        }
        client.logout().await.ok();
    }
}

#[tokio::test]
async fn every_route_has_its_own_limit_and_rejects_before_it_asks_the_store() {
    logs::capture();
    let one = Rate::per_hour(1);
    let app = Setup::new(Mode::Body)
        .tune(move |s| s.request_limit(one).verify_limit(one).refresh_limit(one).logout_limit(one))
        .start()
        .await;
    let mut client = from(&app, "198.51.102.7:50000");
    let forged = json!({ "refresh_token": "forged" });
    let routes =
        [("request-otp", json!([])), ("verify-otp", json!([])), ("refresh", forged.clone()), ("logout", forged)];
    for (route, body) in &routes {
        let answer = client.post(&format!("/auth/{route}"), body).await;
        assert_ne!(answer.code(), "too_many_requests", "{route}");
    }
    app.faults.take_calls();
    for (route, body) in &routes {
        let answer = client.post(&format!("/auth/{route}"), body).await;
        assert_eq!(answer.problem(429, "too_many_requests").retry_after(), 3_600, "{route}");
    }
    assert_eq!(app.faults.take_calls(), []);
    let events = logs::of_client("198.51.102.7");
    for route in ["request", "verify", "refresh", "logout"] {
        let is_event = |line: &&String| {
            line.contains("event=\"excess_rate_limit_exceeded\"") && line.contains(&format!("route=\"{route}\""))
        };
        assert_eq!(events.iter().filter(is_event).count(), 1, "{route}: {events:?}");
    }
    // Other methods and your own routes are not limited.
    client.get("/me").await.problem(401, "missing_token");
    client.ask(axum::http::Method::GET, "/auth/refresh").await.problem(405, "method_not_allowed");
}

/// A page of another origin cannot use up the limits of its visitors, nor can anything else that
/// never reaches the store.
#[tokio::test]
async fn csrf_05_what_is_no_request_counts_towards_no_limit() {
    let one = Rate::per_hour(1);
    for mode in Mode::ALL {
        let app = Setup::new(mode)
            .tune(move |s| s.request_limit(one).verify_limit(one).refresh_limit(one).logout_limit(one))
            .start()
            .await;
        let mut client = from(&app, "203.0.113.7:50000");
        app.faults.take_calls();
        let body = json!({ "email": ANN, "code": "123456", "refresh_token": "forged" }).to_string();
        let large = format!("{}{body}", " ".repeat(20_000));
        for path in AUTH {
            for (types, body) in [
                (&["text/plain"][..], &body),
                (&["application/x-www-form-urlencoded"], &body),
                (&["multipart/form-data; boundary=x"], &body),
                (&["text/plain; application/json"], &body),
                (&["application/json", "text/plain"], &body),
                (&[], &body),
                (&[], &String::new()),
                (&["application/json"], &large),
            ] {
                let mut request = Request::post(path);
                for value in types {
                    request = request.header("content-type", *value);
                }
                let answer = client.send(request.body(body.clone().into()).unwrap()).await;
                assert_ne!(answer.code(), "too_many_requests", "{mode:?} {path} {types:?}");
            }
            for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
                client.ask(method, path).await;
            }
            client.post_nothing(&format!("{path}/")).await;
            if mode.sets_cookies() {
                let mut page = client.clone();
                page.headers = vec![("sec-fetch-site".parse().unwrap(), "cross-site".parse().unwrap())];
                page.put_refresh_token("forged");
                page.post(path, &json!({ "email": ANN, "code": "123456" })).await.problem(403, "cross_origin");
            }
        }
        assert_eq!(app.faults.take_calls(), []);
        client.put_refresh_token("forged");
        client.request(ANN).await.ok();
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
        client.refresh().await.problem(401, "invalid_refresh_token");
        client.logout().await.ok();
        // Only these have counted.
        client.request(BOB).await.problem(429, "too_many_requests");
        client.verify_wrong(ANN).await.problem(429, "too_many_requests");
        client.put_refresh_token("forged");
        client.refresh().await.problem(429, "too_many_requests");
        client.logout().await.problem(429, "too_many_requests");
    }
}

#[tokio::test]
async fn rate_13_strangers_in_ones_own_network_hold_up_no_refresh_and_no_sign_out() {
    for mode in Mode::ALL {
        let app = Setup::new(mode).limited().start().await;
        let address = "203.0.113.7:50000";
        let [mut ann, mut bob] = [(); 2].map(|()| from(&app, address));
        ann.sign_in(ANN).await;
        bob.sign_in(BOB).await;
        let mut stranger = from(&app, address);
        for token in ["forged".to_owned(), forged(&ann.held_refresh_token())] {
            for _ in 0..150 {
                stranger.put_refresh_token(&token);
                stranger.refresh().await;
                stranger.logout().await;
            }
        }
        app.faults.take_calls();
        stranger.refresh().await.problem(429, "too_many_requests");
        stranger.logout().await.problem(429, "too_many_requests");
        stranger.access_token = Some(forged(&ann.token()));
        stranger.logout_with_access_token().await.problem(429, "too_many_requests");
        assert_eq!(app.faults.take_calls(), []);

        // Whoever has a session has a limit of their own.
        for number in 0..300 {
            let answer = ann.refresh().await;
            if number < 200 {
                answer.ok();
            } else {
                assert_eq!(answer.problem(429, "too_many_requests").retry_after(), 3);
            }
        }
        bob.refresh().await.ok();
        let mut other_device = bob.clone();
        bob.logout().await.ok();
        other_device.refresh().await.problem(401, "session_revoked");
        app.pass(Duration::from_secs(3));
        ann.refresh().await.ok();
        ann.jar = Jar::default();
        ann.refresh_token = None;
        ann.logout_with_access_token().await.ok();
        ann.get("/me").await.problem(401, "invalid_token");
    }
}

/// Another host may have planted it, and its owner can use up its limit.
#[tokio::test]
async fn of_several_sessions_one_with_requests_left_is_enough() {
    let app = Setup::new(Mode::Cookie).tune(|s| s.refresh_limit(Rate::per_hour(2))).start().await;
    let [mut owner, mut attacker] = [(); 2].map(|()| app.client());
    owner.sign_in(ANN).await;
    attacker.sign_in(BOB).await;
    attacker.refresh().await.ok();
    attacker.refresh().await.ok();
    attacker.refresh().await.problem(429, "too_many_requests");
    let name = "__Host-refresh_token-users";
    for cookies in [
        [attacker.held_refresh_token(), owner.held_refresh_token()],
        [owner.held_refresh_token(), attacker.held_refresh_token()],
    ] {
        let cookies = cookies.map(|token| format!("{name}={token}")).join("; ");
        let request = Request::post("/auth/refresh").header("cookie", cookies);
        app.client_of(ClientKind::Native).send(request.body(Body::empty()).unwrap()).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rate_09_simultaneous_requests_are_admitted_up_to_the_burst() {
    let app = limited().await;
    let answers = at_once(100, |number| {
        let mut client = from(&app, "203.0.113.7:50000");
        async move { client.request(&format!("user{number}@example.com")).await }
    })
    .await;
    assert_eq!((count(&answers, 200, ""), count(&answers, 429, "too_many_requests")), (BURST, 100 - BURST));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rate_10_simultaneous_guesses_are_compared_up_to_the_burst() {
    let app = limited().await;
    let answers = at_once(100, |_| {
        let mut client = from(&app, "203.0.113.7:50000");
        async move { client.verify(ANN, "000000").await }
    })
    .await;
    assert_eq!((count(&answers, 401, "invalid_code"), count(&answers, 429, "too_many_requests")), (20, 80));
}

#[tokio::test]
async fn developer_mode_has_no_limits() {
    let app = Setup::new(Mode::Body).limited().tune(|settings| settings.developer_mode(true)).start().await;
    let mut client = app.client();
    for _ in 0..100 {
        client.request(ANN).await.ok();
    }
}

/// A configuration with a limiter of its own.
#[otp_config(user = User, secret_key = SECRET.as_str(), realm = self.realm, refresh_token_delivery = "body")]
struct Counted {
    realm: &'static str,
    #[otp(sender)]
    sender: CapturingSender,
    #[otp(limiter)]
    limiter: MemoryLimiter,
}

#[tokio::test]
async fn configurations_share_a_limiter_but_only_those_of_one_realm_share_limits() {
    let limiter = MemoryLimiter::new();
    let clock = TestClock::default();
    let application = |realm| {
        let config = Counted { realm, sender: CapturingSender::new(), limiter: limiter.clone() };
        let auth = OtpAuth::with_clock(config, MemoryStore::new(User::first), clock.clock()).unwrap();
        Router::new().nest("/auth", auth.router())
    };
    let ask = async |router: &Router, number: usize| {
        let body = json!({ "email": format!("user{number}@example.com") }).to_string();
        let request = Request::post("/auth/request-otp").header("content-type", "application/json");
        router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status()
    };
    let processes = [application("limits a"), application("limits a")];
    let mut admitted = 0;
    for number in 0..60 {
        admitted += usize::from(ask(&processes[number % 2], number).await == StatusCode::OK);
    }
    assert_eq!(admitted, BURST);
    assert_eq!(ask(&application("limits b"), 0).await, StatusCode::OK);
}

/// Records what it counts, and admits everything.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Charge>>>);

impl Limiter for Recorder {
    type Receipt = ();

    async fn charge(&self, charge: Charge) -> Result<(), Duration> {
        self.0.lock().unwrap().push(charge);
        Ok(())
    }

    async fn refund(&self, (): (), _: u32, _: Timestamp) {}
}

#[otp_config(user = User, secret_key = SECRET.as_str(), realm = "limits c", refresh_token_delivery = "body")]
struct Recorded {
    #[otp(sender)]
    sender: CapturingSender,
    #[otp(limiter)]
    limiter: Recorder,
}

#[tokio::test]
async fn t8_a_person_with_very_many_networks_has_few_groups() {
    let limiter = Recorder::default();
    let config = Recorded { sender: CapturingSender::new(), limiter: limiter.clone() };
    let auth = OtpAuth::new(config, MemoryStore::new(User::first)).unwrap();
    let router: Router = auth.router();
    let ask = async |path: &str, address: &str| {
        let address: SocketAddr = address.parse().unwrap();
        let body = json!({ "email": ANN, "code": "123456", "refresh_token": "forged" }).to_string();
        let request = Request::post(path).header("content-type", "application/json");
        let request = request.extension(ConnectInfo(address)).body(Body::from(body)).unwrap();
        router.clone().oneshot(request).await.unwrap();
        limiter.0.lock().unwrap().pop().unwrap()
    };
    let mut seen = HashSet::new();
    for path in ["/request-otp", "/verify-otp", "/refresh", "/logout"] {
        for (addresses, other) in [
            (["[2001:db8:1:2::3]:1", "[2001:db8:1:ffff::3]:1"], "[2001:db8:2:2::3]:1"),
            (["192.0.2.7:1", "192.0.2.8:1"], "192.0.3.7:1"),
        ] {
            let [one, two] = [ask(path, addresses[0]).await, ask(path, addresses[1]).await];
            let other = ask(path, other).await;
            assert!(one.key != two.key && one.group == two.group && one.group != other.group, "{path}");
            for key in [one.key, one.group, other.group] {
                assert!(seen.insert(key), "{path}: each route has its own");
            }
        }
    }
}

#[tokio::test]
async fn rate_13_beyond_the_limit_of_all_strangers_known_devices_go_on() {
    logs::capture();
    for mode in Mode::ALL {
        let two = Rate::per_hour(2);
        let app = Setup::new(mode).tune(move |s| s.strangers_limit(two)).start().await;
        let mut owner = from(&app, "198.51.102.71:50000");
        owner.sign_in(ANN).await;
        from(&app, "198.51.102.72:50000").request(BOB).await.ok();
        for number in 0..5 {
            let mut stranger = from(&app, "198.51.102.3:50000");
            let refused = stranger.request(&format!("user{number}@example.com")).await;
            assert_eq!(refused.problem(429, "too_many_requests").retry_after(), 1_800);
        }
        assert_eq!(app.mails(), 2);
        app.pass(Duration::from_secs(60));
        owner.request(ANN).await.ok();
        owner.verify(ANN, &app.code_for(ANN)).await.ok();
        app.pass(Duration::from_secs(1_740));
        from(&app, "198.51.102.4:50000").request(BOB).await.ok();
    }
    let refused = logs::of_client("198.51.102.3");
    assert!(
        refused.iter().any(|line| line.contains("ERROR") && line.contains("sys_too_many_strangers")),
        "{refused:?}"
    );
}
