//! More at the same time than the application can handle: what exceeds a limit gets a 503 at once,
//! and honest clients are answered.

use std::time::Duration;

use otp_auth_tests::app::AUTH;
use otp_auth_tests::{Answer, App, Fault, Mode, Operation, SendReply, Setup};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{self, ANN, BOB, every_mode};

const SECOND: Duration = Duration::from_secs(1);

/// Longer than any request takes.
const NEVER: Duration = Duration::from_secs(3_600);

/// The number of bodies that are waited for at the same time.
const BODIES: usize = 4_096;

/// Lets all tasks run until they wait.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Requests whose bodies do not arrive.
async fn slow(app: &App, count: usize) -> JoinSet<Answer> {
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let mut client = app.client();
        requests.spawn(async move { client.post_slowly(AUTH[0], NEVER).await });
    }
    settle().await;
    requests
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_in_ten_seconds_is_a_408() {
    for (app, client) in every_mode().await {
        app.faults.take_calls();
        for path in AUTH {
            for period in [SECOND, NEVER] {
                let begun = Instant::now();
                let answer = client.clone().post_slowly(path, period).await;
                assert!(begun.elapsed() <= 10 * SECOND, "{path}");
                if app.mode.reads_body(path) {
                    answer.problem(408, "request_timeout");
                    assert_eq!(begun.elapsed(), 10 * SECOND);
                }
            }
        }
        assert_eq!(app.faults.take_calls(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_bodies_keep_nobody_out() {
    for mode in Mode::ALL {
        let app = Setup::new(mode).start().await;
        let mut requests = slow(&app, BODIES).await;
        let begun = Instant::now();
        let mut client = app.client();
        client.sign_in(ANN).await;
        client.get("/me").await.ok();
        client.refresh().await.ok();
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // Those that were waited for longest have made room.
        let gone = requests.join_next().await.unwrap().unwrap();
        gone.problem(503, "overloaded");
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let rest = requests.join_all().await;
        assert!(rest.iter().filter(|answer| answer.code() == "request_timeout").count() > BODIES - 10);
    }
}

#[tokio::test(start_paused = true)]
async fn open_bodies_of_one_network_make_no_other_network_give_way() {
    let app = Setup::new(Mode::Body).start().await;
    let from = |address: &str| {
        let mut client = app.client();
        client.address = Some(address.parse().unwrap());
        client
    };
    let begun = Instant::now();
    let mut ann = from("203.0.113.8:1");
    let ann = tokio::spawn(async move { ann.post_slowly(AUTH[0], NEVER).await });
    settle().await;
    let mut flood = JoinSet::new();
    for _ in 0..BODIES + 500 {
        let mut client = from("203.0.113.7:1");
        flood.spawn(async move { client.post_slowly(AUTH[0], NEVER).await });
    }
    settle().await;
    ann.await.unwrap().problem(408, "request_timeout");
    assert_eq!(begun.elapsed(), 10 * SECOND);
    let flood = flood.join_all().await;
    assert_eq!(flood.iter().filter(|answer| answer.code() == "overloaded").count(), 501);
}

/// A store that hangs keeps 64 calls, and lets 2,048 wait for three seconds.
#[tokio::test(start_paused = true)]
async fn beyond_what_may_wait_for_the_store_a_request_fails_at_once() {
    let app = Setup::new(Mode::Body).start().await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    app.faults.set(Operation::CurrentUser, Fault::Hang);
    let begun = Instant::now();
    let mut requests = JoinSet::new();
    for _ in 0..64 + 2_048 {
        let mut client = client.clone();
        requests.spawn(async move { (client.get("/me").await.problem(503, "store_unavailable"), Instant::now()) });
    }
    settle().await;
    client.get("/me").await.problem(503, "store_unavailable");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let ended: Vec<_> = requests.join_all().await.into_iter().map(|(_, ended)| ended - begun).collect();
    let within = |limit| ended.iter().filter(|ended| **ended <= limit).count();
    assert_eq!((within(3 * SECOND), within(5 * SECOND)), (2_048, 64 + 2_048));
}

/// Whoever has a token or a code does not wait for those who request codes.
#[tokio::test(start_paused = true)]
async fn a_flood_of_requests_for_codes_holds_up_nobody_else() {
    let app = Setup::new(Mode::Body).start().await;
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    let mut bob = app.client();
    bob.request(BOB).await.ok();
    app.faults.set(Operation::OpenChallenge, Fault::Hang);
    let mut flood = JoinSet::new();
    for number in 0..600 {
        let mut client = app.client();
        flood.spawn(async move { client.request(&format!("user{number}@example.com")).await });
    }
    settle().await;
    let begun = Instant::now();
    ann.get("/me").await.ok();
    ann.refresh().await.ok();
    bob.verify_right(BOB).await.ok();
    ann.logout().await.ok();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(flood.join_all().await.iter().all(|answer| answer.status == 503));
}

/// Nor does a flood of wrong codes.
#[tokio::test(start_paused = true)]
async fn a_flood_of_attempts_holds_up_nobody_else() {
    let app = Setup::new(Mode::Body).start().await;
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    app.faults.set(Operation::CountAttempt, Fault::Hang);
    let mut flood = JoinSet::new();
    for _ in 0..600 {
        let mut client = app.client();
        client.put_challenge(&"A".repeat(22));
        flood.spawn(async move { client.verify(BOB, "123456").await });
    }
    settle().await;
    let begun = Instant::now();
    ann.get("/me").await.ok();
    ann.refresh().await.ok();
    app.client().request(BOB).await.ok();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(flood.join_all().await.iter().all(|answer| answer.code() == "store_unavailable"));
}

#[tokio::test(start_paused = true)]
async fn nobody_who_has_hung_up_waits_for_the_store() {
    let app = Setup::new(Mode::Body).start().await;
    app.faults.take_calls();
    app.faults.set(Operation::OpenChallenge, Fault::Wait);
    let mut requests = JoinSet::new();
    for number in 0..500 {
        let mut client = app.client();
        requests.spawn(async move { client.request(&format!("user{number}@example.com")).await });
    }
    settle().await;
    requests.shutdown().await;
    app.faults.clear();
    settle().await;
    // Only those whose calls had begun by then, and they get their e-mails.
    assert_eq!(app.faults.take_calls(), [Operation::OpenChallenge; 16]);
    assert_eq!(app.mails(), 16);
}

/// Nor do those who have signed in to the address before, or read its e-mails.
#[tokio::test(start_paused = true)]
async fn rate_13_a_flood_of_strangers_keeps_no_known_device_from_its_code() {
    for mode in Mode::ALL {
        let app = Setup::new(mode).start().await;
        let mut known = app.client();
        known.sign_in(ANN).await;
        let token = app.sender.messages()[0].unlock.clone();
        app.pass(60 * SECOND);
        app.faults.take_calls();
        app.faults.set(Operation::OpenChallenge, Fault::Wait);
        let mut flood = JoinSet::new();
        for number in 0..600 {
            let mut client = app.client();
            flood.spawn(async move { client.request(&format!("user{number}@example.com")).await });
        }
        settle().await;
        assert_eq!(app.faults.take_calls(), [Operation::OpenChallenge; 16]);
        let mut owners = JoinSet::new();
        for mut client in [known, app.client().unlocked(&token)] {
            owners.spawn(async move { client.request(ANN).await });
        }
        settle().await;
        let calls = app.faults.take_calls().into_iter().filter(|call| *call == Operation::OpenChallenge);
        assert_eq!(calls.count(), 2);
        app.faults.clear();
        for answer in owners.join_all().await {
            answer.ok();
        }
        assert!(flood.join_all().await.iter().any(|answer| answer.code() == "delivery_failed"));
    }
}

/// A send that is on its way keeps its place, but a question to the application does not.
#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_keeps_nobody_from_a_code() {
    let app = Setup::new(Mode::Body).start().await;
    app.hooks.on_send(SendReply::Hang);
    let mut flood = JoinSet::new();
    for number in 0..600 {
        let mut client = app.client();
        flood.spawn(async move { client.request(&format!("user{number}@example.com")).await });
    }
    settle().await;
    app.hooks.on_send(SendReply::Default);
    app.client().request(ANN).await.ok();
    assert!(flood.join_all().await.iter().all(|answer| answer.code() == "delivery_failed"));
    assert_eq!(app.mails(), 1);
}

/// What a request for a code does in the background waits with other requests for codes.
#[tokio::test(start_paused = true)]
async fn looking_up_recipients_and_refunding_hold_up_nobody_else() {
    let app = Setup::new(Mode::Body).tune(|settings| settings.auto_create_user(false)).start().await;
    for user in [ANN, BOB] {
        app.add_user(user, true).await;
    }
    let mut ann = app.client();
    ann.request(ANN).await.ok();
    support::settle().await;
    ann.verify_right(ANN).await.ok();
    app.faults.set(Operation::UserByEmail, Fault::Hang);
    for number in 0..200 {
        app.client().request(&format!("user{number}@example.com")).await.ok();
    }
    tokio::time::sleep(SECOND / 10).await;
    let begun = Instant::now();
    ann.get("/me").await.ok();
    ann.refresh().await.ok();
    assert_eq!(begun.elapsed(), Duration::ZERO);

    app.faults.clear();
    tokio::time::sleep(10 * SECOND).await;
    let mut bob = app.client();
    bob.request(BOB).await.ok();
    support::settle().await;
    app.faults.set(Operation::OpenChallenge, Fault::Fail);
    app.faults.set(Operation::RefundSend, Fault::Hang);
    for number in 0..16 {
        app.client().request(&format!("user{number}@example.com")).await.problem(503, "store_unavailable");
    }
    tokio::time::sleep(SECOND / 10).await;
    let begun = Instant::now();
    bob.verify_right(BOB).await.ok();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
