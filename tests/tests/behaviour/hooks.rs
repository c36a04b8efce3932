//! Hooks are called as their documentation says.

use std::time::Duration;

use otp_auth::{SessionId, Suspicion};
use otp_auth_tests::{Call, Client, Mode, Operation, Reply, tokens};

use crate::support::{ANN, COOLDOWN, app, every_mode};

fn session_of(client: &Client) -> SessionId {
    tokens::payload(&client.token())["sid"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_first_sign_in_asks_before_and_tells_after() {
    for (app, mut client) in every_mode().await {
        // The canonical form, whatever was typed.
        client.request("Ann@Example.com").await.ok();
        assert_eq!(app.hooks.calls(), []);
        client.verify_wrong("Ann@Example.com").await.problem(401, "invalid_code");
        assert_eq!(app.hooks.calls(), []);
        client.verify_right("Ann@Example.com").await.ok();
        let session = session_of(&client);
        assert_eq!(
            app.hooks.calls(),
            [Call::BeforeCreate(ANN.to_owned()), Call::UserCreated(1), Call::SignedIn(1, session)]
        );
    }
}

#[tokio::test]
async fn a_later_sign_in_asks_about_the_user_and_tells_after() {
    for (app, mut client) in every_mode().await {
        let user = app.add_user(ANN, false).await;
        client.sign_in(ANN).await;
        let session = session_of(&client);
        assert_eq!(app.hooks.calls(), [Call::BeforeSignIn(user.id, false), Call::SignedIn(user.id, session)]);
        client.refresh().await.ok();
        client.get("/me").await.ok();
        client.logout().await.ok();
        assert_eq!(app.hooks.calls()[2..], [Call::SignedOut(session)]);
    }
}

#[tokio::test]
async fn before_create_may_refuse_and_then_the_code_still_works() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        app.hooks.on_create(Reply::Refuse);
        let answer = client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert!(answer.cookies().is_empty());
        assert!(app.users().await.is_empty());
        app.hooks.on_create(Reply::Admit);
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn doc_04_before_sign_in_may_refuse_and_then_no_token_is_issued() {
    for (app, mut client) in every_mode().await {
        let user = app.add_user(ANN, false).await;
        client.request(ANN).await.ok();
        app.hooks.on_sign_in(Reply::Refuse);
        let answer = client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert!(answer.cookies().is_empty());
        assert!(app.sessions(user.id).await.is_empty());
        assert!(!app.users().await[0].is_verified);
        app.hooks.on_sign_in(Reply::Admit);
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn t19_a_user_who_is_not_admitted_is_out_everywhere_at_once() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.hooks.bar(1);
        for path in ["/me", "/verified", "/maybe", "/maybe-verified"] {
            client.get(path).await.problem(401, "invalid_token");
        }
        client.refresh().await.problem(401, "invalid_refresh_token");
        app.pass(COOLDOWN);
        client.request(ANN).await.ok();
        client.verify_right(ANN).await.problem(403, "sign_in_refused");
        // Signing out is open to everybody.
        client.logout().await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn questions_that_are_not_answered_fail_closed() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        app.hooks.on_create(Reply::Hang);
        let before = tokio::time::Instant::now();
        client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert_eq!(before.elapsed(), Duration::from_secs(5));
        assert!(app.users().await.is_empty());
        app.hooks.on_create(Reply::Admit);
        client.verify_right(ANN).await.ok();

        app.pass(COOLDOWN);
        client.request(ANN).await.ok();
        app.hooks.on_sign_in(Reply::Hang);
        let before = tokio::time::Instant::now();
        client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert_eq!(before.elapsed(), Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn notices_that_hang_are_cut_off_and_change_nothing() {
    for (app, mut client) in every_mode().await {
        app.hooks.hang_on_notices();
        let before = tokio::time::Instant::now();
        client.sign_in(ANN).await;
        assert_eq!(before.elapsed(), Duration::from_secs(10));
        client.get("/me").await.ok();
        client.logout().await.ok();
        client.get("/me").await.problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn log_02_using_up_the_tries_is_suspicious_once() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    for _ in 0..5 {
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
    }
    assert_eq!(app.hooks.calls(), []);
    for _ in 0..5 {
        client.verify_wrong(ANN).await.problem(429, "too_many_attempts");
    }
    let calls = app.hooks.calls();
    let [Call::Suspicious(Suspicion::TooManyAttempts { identity })] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    assert!(!identity.is_empty() && !identity.contains("ann"), "{identity}");
}

#[tokio::test]
async fn a_sign_out_of_nobody_tells_nobody() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.refresh_token = Some("garbage".to_owned());
    client.logout().await.ok();
    assert_eq!(app.hooks.calls(), []);
    assert!(!app.faults.take_calls().contains(&Operation::RevokeSession));
}

#[tokio::test]
async fn a_notice_that_panics_takes_nothing_back() {
    for (app, mut client) in every_mode().await {
        app.hooks.panic_on_notices();
        client.sign_in(ANN).await;
        client.get("/me").await.ok();
        client.logout().await.ok();
        client.get("/me").await.problem(401, "invalid_token");
    }
}
