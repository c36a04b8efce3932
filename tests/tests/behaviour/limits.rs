//! Limits per network: what one network may ask for, whatever it asks.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use otp_auth::limit::{MemoryLimiter, Rate};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{MemoryStore, OtpAuth, otp_config};
use otp_auth_tests::{App, Client, Fault, Mode, Operation, SECRET, Setup, User, at_once, count, logs};
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
        (["192.0.2.9:1", "[2002:c000:209:1::9]:2"], "[2002:c000:20a::1]:1"),
        (["192.0.2.11:1", "[64:ff9b::192.0.2.11]:2"], "[64:ff9b::192.0.2.12]:1"),
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
async fn every_route_has_its_own_limit_and_rejects_before_it_reads_anything() {
    logs::capture();
    let one = Rate::per_hour(1);
    let app = Setup::new(Mode::Body)
        .tune(move |s| s.request_limit(one).verify_limit(one).refresh_limit(one).logout_limit(one))
        .start()
        .await;
    let mut client = from(&app, "198.51.102.7:50000");
    let routes = ["request-otp", "verify-otp", "refresh", "logout"];
    for route in routes {
        let answer = client.post(&format!("/auth/{route}"), &json!([])).await;
        assert_ne!(answer.code(), "too_many_requests", "{route}");
    }
    app.faults.take_calls();
    for route in routes {
        let answer = client.post(&format!("/auth/{route}"), &json!([])).await;
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
