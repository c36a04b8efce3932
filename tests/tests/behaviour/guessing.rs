//! Guessing is reported: at the last attempt of a challenge, and when several challenges for one
//! address are exhausted within a day.

use std::net::SocketAddr;
use std::time::Duration;

use otp_auth::store::Timestamp;
use otp_auth::{config::LocalPartCase, hooks::Suspicion, user::Address};
use otp_auth_tests::{App, Backend, Call, Client, Fault, Mode, Operation, Setup, logs};

use crate::support::{ANN, BOB, COOLDOWN, MILLI, app, every_mode, every_mode_with};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn suspicions(app: &App) -> Vec<Suspicion> {
    let suspicion = |call| if let Call::Suspicious(suspicion) = call { Some(suspicion) } else { None };
    app.hooks.calls().into_iter().filter_map(suspicion).collect()
}

/// How many challenges were exhausted, and how often several were reported.
fn raised(app: &App) -> (usize, usize) {
    let all = suspicions(app);
    let used_up = all.iter().filter(|suspicion| matches!(suspicion, Suspicion::TooManyAttempts { .. })).count();
    let several = all.iter().filter(|suspicion| matches!(suspicion, Suspicion::ChallengesExhausted { .. })).count();
    assert_eq!(used_up + several, all.len());
    (used_up, several)
}

fn address(typed: &str) -> Address {
    Address::parse(typed, LocalPartCase::Lower).unwrap()
}

/// Five wrong attempts on a separate challenge.
async fn use_up(app: &App, email: &str) {
    let mut client = app.client();
    client.request(email).await.ok();
    for _ in 0..5 {
        client.verify_wrong(email).await.problem(401, "invalid_code");
    }
    app.pass(Duration::from_secs(1_300));
}

#[tokio::test]
async fn log_02_the_last_try_that_was_wrong_is_suspicious_and_a_further_one_is_not() {
    for max in [1, 3, 5] {
        for (app, mut client) in every_mode_with(move |settings| settings.max_otp_attempts(max)).await {
            client.request(ANN).await.ok();
            for _ in 1..max {
                client.verify_wrong(ANN).await.problem(401, "invalid_code");
            }
            assert_eq!(suspicions(&app), []);
            client.verify_wrong(ANN).await.problem(401, "invalid_code");
            let found = suspicions(&app);
            let [Suspicion::TooManyAttempts { identity, address: told }] = found.as_slice() else {
                panic!("{found:?}");
            };
            assert!(!identity.is_empty() && !identity.contains("ann"), "{identity}");
            assert!(*told == Some(address(ANN)));
            assert!(!format!("{found:?}").contains("ann"), "{found:?}");
            let (_, context) = app.hooks.contexts().pop().unwrap();
            assert!(context.challenge.is_some());
            for _ in 0..5 {
                client.verify_wrong(ANN).await.problem(429, "too_many_attempts");
            }
            client.verify_right(ANN).await.problem(429, "too_many_attempts");
            assert_eq!(raised(&app), (1, 0));
        }
    }
}

#[tokio::test]
async fn a_last_try_that_is_right_or_not_compared_is_not_suspicious() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        for _ in 0..4 {
            client.verify_wrong(ANN).await.problem(401, "invalid_code");
        }
        client.verify_right(ANN).await.ok();

        // The code was accepted at the first attempt, and is sent again.
        app.pass(COOLDOWN);
        client.request(ANN).await.ok();
        let mut again = client.clone();
        client.verify_right(ANN).await.ok();
        for _ in 0..8 {
            again.verify_right(ANN).await.problem(401, "invalid_code");
        }

        // The challenge expires before the last attempt.
        app.pass(COOLDOWN);
        client.request(ANN).await.ok();
        for _ in 0..4 {
            client.verify_wrong(ANN).await.problem(401, "invalid_code");
        }
        app.pass(Duration::from_secs(600));
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
        assert_eq!(raised(&app), (0, 0));
    }
}

#[tokio::test]
async fn tries_for_another_address_use_a_challenge_up_as_well() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    for _ in 0..5 {
        client.verify(BOB, "123456").await.problem(401, "invalid_code");
    }
    let found = suspicions(&app);
    assert!(matches!(found.as_slice(), [Suspicion::TooManyAttempts { address: None, .. }]), "{found:?}");
}

#[tokio::test]
async fn a_refused_try_beyond_the_limit_is_one_event() {
    logs::capture();
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let from = |client: &Client, peer: &str| {
        let mut client = client.clone();
        client.address = Some(SocketAddr::new(peer.parse().unwrap(), 1));
        client
    };
    for number in 0..7 {
        let peer = format!("192.0.2.{}", 100 + number);
        from(&client, &peer).verify_wrong(ANN).await;
        let said = logs::of_client(&peer);
        // The fifth is the last.
        assert_eq!(said.len(), if number == 4 { 2 } else { 1 }, "{number}: {said:#?}");
        assert!(said.iter().any(|line| line.contains("event=\"authn_login_fail\"")), "{said:#?}");
        assert_eq!(said.iter().any(|line| line.contains("event=\"authn_login_fail_max\"")), number == 4, "{said:#?}");
    }
}

#[tokio::test]
async fn log_02_several_challenges_used_up_in_a_day_are_suspicious_once_a_day() {
    for backend in Backend::ALL {
        let first = Setup::new(Mode::Body).backend(backend).start().await;
        // Another process on the same rows.
        let second = Setup::new(Mode::Both).after(&first).start().await;
        let began = first.clock.now();
        use_up(&first, ANN).await;
        use_up(&first, BOB).await;
        use_up(&second, "ANN@example.com").await;
        assert_eq!(raised(&first), (3, 0));
        use_up(&second, ANN).await;
        assert_eq!(raised(&first), (4, 1));
        let told = suspicions(&first).pop().unwrap();
        let Suspicion::ChallengesExhausted { identity, address: of, count } = &told else { panic!("{told:?}") };
        let all = suspicions(&first);
        assert!(
            all.iter().any(|one| matches!(one, Suspicion::TooManyAttempts { identity: same, .. } if same == identity))
        );
        assert!(*of == Some(address(ANN)));
        assert_eq!(*count, 3);
        assert!(!format!("{told:?}").contains("ann"), "{told:?}");
        use_up(&first, ANN).await;
        assert_eq!(raised(&first), (5, 1));

        // Before the day is over, a further one still belongs to it.
        let passed = |now: Timestamp| began.until(now);
        first.pass(DAY - MILLI - passed(first.clock.now()));
        use_up(&first, ANN).await;
        assert_eq!(raised(&first), (6, 1));
        // A new day starts counting again.
        for expected in [1, 1, 2] {
            first.pass(DAY / 4);
            use_up(&first, ANN).await;
            assert_eq!(raised(&first).1, expected);
        }
    }
}

#[tokio::test]
async fn a_count_that_cannot_be_stored_changes_no_answer_and_hides_no_suspicion() {
    let app = app(Mode::Body).await;
    app.faults.set(Operation::CountExhausted, Fault::Fail);
    for used_up in 1..=3 {
        use_up(&app, ANN).await;
        assert_eq!(raised(&app), (used_up, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_at_the_last_try_is_noticed_too() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    for _ in 0..4 {
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
    }
    app.faults.set(Operation::CountExhausted, Fault::Hang);
    assert!(tokio::time::timeout(Duration::from_secs(1), client.verify_wrong(ANN)).await.is_err());
    assert_eq!(raised(&app), (0, 0));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(raised(&app), (1, 0));
}
