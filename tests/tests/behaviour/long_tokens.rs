//! A token that no extractor would accept is never handed out.

use otp_auth::AuthError;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Backend, Fault, Mode, Operation, Setup, logs, tokens};

use crate::support::{ANN, COOLDOWN};

async fn name(app: &App, length: usize) {
    sqlx::query("UPDATE users SET username = ?1").bind("x".repeat(length)).execute(app.pool()).await.unwrap();
}

async fn start(verified: bool) -> App {
    let app = Setup::new(Mode::Body).backend(Backend::Sqlite).start().await;
    app.add_user(ANN, verified).await;
    app
}

#[tokio::test]
async fn a_token_that_is_too_long_is_refused_before_the_code_is_spent() {
    logs::capture();
    for verified in [true, false] {
        for length in [9_130, 10_000, 1_000_000] {
            let app = start(verified).await;
            name(&app, length).await;
            let mut client = app.client();
            client.request(ANN).await.ok();
            client.verify_right(ANN).await.problem(500, "internal_error");
            assert!(app.sessions(1).await.is_empty());
            name(&app, 10).await;
            client.verify_right(ANN).await.ok();
            client.get("/me").await.ok();
        }
    }
    let said = |line: &str| line.contains("sys_internal_error") && line.contains("an access token of 1333");
    assert!(logs::captured().lines().any(said));
}

/// Every token that is handed out is accepted, and a long one is logged.
/// The tokens of a verified user are made before the code is spent, those of an unverified one from
/// the row that the sign-in has verified.
#[tokio::test]
async fn a_row_that_changes_during_a_sign_in_wastes_no_code() {
    for (verified, length) in [(true, 10_000), (false, 20)] {
        let app = start(verified).await;
        name(&app, 10).await;
        let mut client = app.client();
        client.request(ANN).await.ok();
        app.faults.set(Operation::SignIn, Fault::Wait);
        let change = async {
            app.faults.called(Operation::SignIn).await;
            name(&app, length).await;
            app.faults.clear();
        };
        let (answer, ()) = tokio::join!(client.verify_right(ANN), change);
        answer.ok();
        let claimed = tokens::payload(&client.token())["username"].as_str().map(str::len);
        assert_eq!(claimed, Some(if verified { 10 } else { length }));
    }
}

#[tokio::test]
async fn a_token_that_is_handed_out_is_accepted_however_long() {
    logs::capture();
    let mut refused = 0;
    for length in (8_830..9_130).step_by(10) {
        let app = start(true).await;
        name(&app, length).await;
        let mut client = app.client();
        client.request(ANN).await.ok();
        let answer = client.verify_right(ANN).await;
        if answer.status == 500 {
            refused += 1;
        } else {
            client.get("/me").await.ok();
            client.get("/claims").await.ok();
        }
    }
    assert!((1..30).contains(&refused), "{refused}");
    assert!(logs::captured().lines().any(|line| line.contains("sys_long_token") && line.contains("bytes=12")));
}

/// Nor does rebinding a session hand one out, and nothing is revoked by the attempt.
#[tokio::test]
async fn a_rebound_session_hands_out_no_token_that_is_too_long() {
    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    let app = &typed.app;
    let (mut client, mut other) = (app.client(), app.client());
    client.sign_in(ANN).await;
    app.pass(COOLDOWN);
    other.sign_in(ANN).await;
    let claims = typed.auth.claims(&client.token()).await.unwrap();
    name(app, 10_000).await;
    let user = app.users().await.remove(0);
    let error = typed.auth.rebind_session(&claims, user).await.unwrap_err();
    assert!(matches!(error, AuthError::TokenTooLong { .. }), "{error}");
    name(app, 10).await;
    for client in [&mut client, &mut other] {
        client.refresh().await.ok();
        client.get("/me").await.ok();
    }
}

#[tokio::test]
async fn a_refresh_hands_out_no_token_that_is_too_long() {
    let app = start(true).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    name(&app, 10_000).await;
    client.refresh().await.problem(500, "internal_error");
    // Nothing was replaced.
    assert_eq!(app.sessions(1).await[0].generation, 0);
    name(&app, 10).await;
    client.refresh().await.ok();
    client.get("/me").await.ok();
}
