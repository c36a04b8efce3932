//! Senders and stores that fail or hang: the answer is a 503, and nothing is lost.

use std::time::Duration;

use otp_auth_tests::{Answer, App, Backend, Client, Fault, Mode, Operation, Setup};

use crate::support::{ANN, COOLDOWN, app, every_mode, every_mode_with, settle};

const STORE_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn http_13_a_sender_that_fails_gives_the_cooldown_and_the_budget_back() {
    for (app, mut client) in every_mode().await {
        app.sender.fail();
        for _ in 0..20 {
            client.request(ANN).await.problem(503, "delivery_failed");
        }
        app.sender.take();
        for _ in 0..5 {
            client.request(ANN).await.ok();
            app.pass(COOLDOWN);
        }
        // All five sends of the hour were still available, and no more.
        client.request(ANN).await.problem(429, "resend_too_soon");
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn http_14_a_sender_that_hangs_is_cut_off_at_its_time() {
    let tune = |settings: otp_auth::config::SettingsBuilder| settings.send_timeout(Duration::from_secs(3));
    for (app, mut client) in every_mode_with(tune).await {
        app.sender.hang();
        let before = tokio::time::Instant::now();
        client.request(ANN).await.problem(503, "delivery_failed");
        assert_eq!(before.elapsed(), Duration::from_secs(3));
        app.sender.take();
        client.request(ANN).await.ok();
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn http_13_a_resend_that_fails_loses_no_challenge() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        let challenge = client.held_challenge();
        app.pass(COOLDOWN);
        app.sender.fail();
        client.request(ANN).await.problem(503, "delivery_failed");
        assert_eq!(client.held_challenge(), challenge);
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn until_the_send_is_given_back_the_cooldown_stays() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    app.sender.fail();
    app.faults.set(Operation::RefundSend, Fault::Fail);
    client.request(ANN).await.problem(503, "delivery_failed");
    client.request(ANN).await.problem(429, "resend_too_soon");
}

/// A step of a sign-in, and the store operations that it needs.
#[derive(Debug, Clone, Copy)]
enum Step {
    Request,
    Verify,
    Refresh,
    Me,
    Logout,
}

const STEPS: [(Step, &[Operation]); 5] = [
    (Step::Request, &[Operation::OpenChallenge]),
    (Step::Verify, &[Operation::CountAttempt, Operation::UserByEmail, Operation::SignIn]),
    (Step::Refresh, &[Operation::Session, Operation::UserById, Operation::Advance]),
    (Step::Me, &[Operation::CurrentUser]),
    (Step::Logout, &[Operation::RevokeSession]),
];

async fn take(step: Step, client: &mut Client) -> Answer {
    match step {
        Step::Request => client.request(ANN).await,
        Step::Verify => client.verify_right(ANN).await,
        Step::Refresh => client.refresh().await,
        Step::Me => client.get("/me").await,
        Step::Logout => client.logout().await,
    }
}

/// Makes every operation of every step fail or hang once, and then completes the step.
async fn disturbed_round(app: &App, mut client: Client, fault: Fault) {
    for (step, operations) in STEPS {
        app.faults.take_calls();
        for operation in operations {
            app.faults.set(*operation, fault);
            let before = tokio::time::Instant::now();
            let mut unlucky = client.clone();
            let answer = take(step, &mut unlucky).await.problem(503, "store_unavailable");
            if fault == Fault::Hang {
                assert_eq!(before.elapsed(), STORE_TIMEOUT, "{step:?} {operation:?}");
            }
            // No token, no session, no user, and no cookie except a deleted one.
            assert!(answer.cookies().iter().all(|cookie| cookie.value.is_empty()), "{answer:?}");
            if matches!(step, Step::Request | Step::Verify) {
                assert!(app.users().await.is_empty());
                assert!(app.sessions(1).await.is_empty());
            }
            let cleared = answer.cookie("__Host-refresh_token-users").is_some();
            assert_eq!(cleared, matches!(step, Step::Logout) && app.mode.sets_cookies());
            let calls = without_refunds(&app.faults.take_calls());
            // A sign-in that was not answered may have been stored, so the store is queried once
            // more.
            let asked_again = *operation == Operation::SignIn && fault == Fault::Hang;
            let expected: &[Operation] =
                if asked_again { &[Operation::SignIn, Operation::Session] } else { &[*operation] };
            assert!(calls.ends_with(expected), "{calls:?}");
            app.faults.clear();
        }
        take(step, &mut client).await.ok();
        // The table above is complete. A sign-out reads the session first, and revokes it even if
        // it finds none.
        let looked: &[Operation] = if matches!(step, Step::Logout) { &[Operation::Session] } else { &[] };
        assert_eq!(without_refunds(&app.faults.take_calls()), [looked, operations].concat());
    }
}

/// A send that may have been counted is refunded in the background, at a time that does not matter
/// here.
fn without_refunds(calls: &[Operation]) -> Vec<Operation> {
    calls.iter().copied().filter(|call| *call != Operation::RefundSend).collect()
}

/// The query for the outcome of a sign-in is short, because the store already hangs.
#[tokio::test(start_paused = true)]
async fn a_sign_in_over_a_store_that_hangs_is_answered_soon() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    for operation in [Operation::SignIn, Operation::Session] {
        app.faults.set(operation, Fault::Hang);
    }
    let begun = tokio::time::Instant::now();
    client.verify_right(ANN).await.problem(503, "store_unavailable");
    assert_eq!(begun.elapsed(), STORE_TIMEOUT + Duration::from_secs(1));
}

#[tokio::test]
async fn db_02_a_store_that_fails_anywhere_is_a_503_and_loses_nothing() {
    for (app, client) in every_mode().await {
        disturbed_round(&app, client, Fault::Fail).await;
    }
}

#[tokio::test(start_paused = true)]
async fn db_02_a_store_that_hangs_anywhere_is_a_503_and_loses_nothing() {
    for (app, client) in every_mode().await {
        disturbed_round(&app, client, Fault::Hang).await;
    }
}

#[tokio::test]
async fn out_05_a_sign_out_that_failed_has_not_signed_out_and_can_be_repeated() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.faults.set(Operation::RevokeSession, Fault::Fail);
        let mut leaving = client.clone();
        leaving.logout().await.problem(503, "store_unavailable");
        app.faults.clear();
        assert!(app.hooks.calls().iter().all(|call| !matches!(call, otp_auth_tests::Call::SignedOut(_))));
        client.get("/me").await.ok();
        client.get("/claims").await.ok();
        client.logout().await.ok();
        client.get("/me").await.problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn rt_02_a_reuse_that_could_not_be_stored_is_found_again() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let mut thief = client.clone();
        client.refresh().await.ok();
        client.refresh().await.ok();
        app.pass(Duration::from_secs(10));
        app.faults.set(Operation::RevokeSession, Fault::Fail);
        thief.refresh().await.problem(503, "store_unavailable");
        app.faults.clear();
        thief.refresh().await.problem(401, "session_revoked");
        client.refresh().await.problem(401, "session_revoked");
    }
}

#[tokio::test(start_paused = true)]
async fn rate_03_off_the_request_path_no_send_is_given_back() {
    let app = Setup::new(Mode::Body).tune(|settings| settings.auto_create_user(false)).start().await;
    app.add_user(ANN, true).await;
    app.faults.set(Operation::UserByEmail, Fault::Fail);
    let mut client = app.client();
    client.request(ANN).await.ok();
    settle().await;
    assert_eq!(app.mails(), 0);
    // The client holds a challenge. With refunds, it could collect many.
    assert_eq!(app.faults.take_calls(), [Operation::OpenChallenge, Operation::UserByEmail]);
    client.request(ANN).await.problem(429, "resend_too_soon");
}

#[tokio::test]
async fn db_02_a_transaction_that_breaks_in_its_middle_leaves_a_code_that_works() {
    for (broken, whole) in [
        ("ALTER TABLE otp_sessions RENAME TO hidden", "ALTER TABLE hidden RENAME TO otp_sessions"),
        (
            "CREATE TRIGGER broken BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no new users'); END",
            "DROP TRIGGER broken",
        ),
        (
            "CREATE TRIGGER broken BEFORE INSERT ON otp_sessions BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP TRIGGER broken",
        ),
    ] {
        let app = Setup::new(Mode::Body).backend(Backend::Sqlite).start().await;
        let mut client = app.client();
        client.request(ANN).await.ok();
        sqlx::raw_sql(broken).execute(app.pool()).await.unwrap();
        for _ in 0..3 {
            client.verify_right(ANN).await.problem(503, "store_unavailable");
        }
        assert!(app.users().await.is_empty());
        sqlx::raw_sql(whole).execute(app.pool()).await.unwrap();
        // T5: the attempts were counted anyway. This is the fourth.
        client.verify_right(ANN).await.ok();
        assert_eq!(app.users().await.len(), 1);
    }
}

#[tokio::test]
async fn t5_tries_are_counted_when_the_store_fails_afterwards() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    app.faults.set(Operation::SignIn, Fault::Fail);
    for _ in 0..5 {
        client.verify_right(ANN).await.problem(503, "store_unavailable");
    }
    app.faults.clear();
    client.verify_right(ANN).await.problem(429, "too_many_attempts");
}

#[tokio::test]
async fn http_13_an_outage_of_the_store_ends_without_a_restart() {
    let app = Setup::new(Mode::Cookie).backend(Backend::Sqlite).start().await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    sqlx::raw_sql("ALTER TABLE users RENAME TO hidden").execute(app.pool()).await.unwrap();
    client.get("/me").await.problem(503, "store_unavailable");
    client.refresh().await.problem(503, "store_unavailable");
    client.get("/claims").await.ok();
    sqlx::raw_sql("ALTER TABLE hidden RENAME TO users").execute(app.pool()).await.unwrap();
    client.get("/me").await.ok();
    client.refresh().await.ok();
}
