//! Administration by the application: sessions, single tokens, cleanup.

use std::time::Duration;

use otp_auth::store::{CLOCK_MARGIN, Removed, StoreError};
use otp_auth::{AuthError, OtpAuth, OtpConfig};
use otp_auth_tests::config::{BodyAuth, CookieAuth};
use otp_auth_tests::{App, Backend, Client, Fault, Mode, Operation, Setup, User};

use crate::support::{ANN, BOB, COOLDOWN, MILLI};

/// Two sessions of Ann and one of Bob.
async fn three_sessions(app: &App) -> (Client, Client, Client) {
    let (mut first, mut second, mut bob) = (app.client(), app.client(), app.client());
    first.sign_in(ANN).await;
    app.pass(COOLDOWN);
    second.sign_in(ANN).await;
    bob.sign_in(BOB).await;
    (first, second, bob)
}

async fn assert_over(client: &mut Client) {
    for path in ["/me", "/claims"] {
        client.get(path).await.problem(401, "invalid_token");
    }
    client.clone().refresh().await.problem(401, "session_revoked");
}

async fn assert_alive(client: &mut Client) {
    for path in ["/me", "/claims"] {
        client.get(path).await.ok();
    }
    client.refresh().await.ok();
}

#[tokio::test]
async fn rt_18_a_user_sees_their_sessions_and_ends_one() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let (mut first, mut second, mut bob) = three_sessions(&typed.app).await;
        let auth = &typed.auth;
        let sessions = auth.sessions(&1).await.unwrap();
        assert_eq!(sessions.len(), 2);
        // The latest first.
        assert!(sessions[0].created_at > sessions[1].created_at);
        let bobs = auth.sessions(&2).await.unwrap();
        assert_eq!(bobs.len(), 1);

        // Another user's session, and one that is already revoked.
        assert!(!auth.revoke_session(&1, bobs[0].id).await.unwrap());
        assert!(auth.revoke_session(&1, sessions[1].id).await.unwrap());
        assert!(!auth.revoke_session(&1, sessions[1].id).await.unwrap());
        assert_over(&mut first).await;
        assert_alive(&mut second).await;
        assert_alive(&mut bob).await;
        let left: Vec<_> = auth.sessions(&1).await.unwrap().into_iter().map(|session| session.id).collect();
        assert_eq!(left, [sessions[0].id]);
        // And one that has expired.
        typed.app.pass(typed.app.clock.now().until(sessions[0].expires_at));
        assert!(!auth.revoke_session(&1, sessions[0].id).await.unwrap());
    }
}

#[tokio::test]
async fn rt_19_ending_every_session_of_a_user_leaves_others_alone() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let (mut first, mut second, mut bob) = three_sessions(&typed.app).await;
        assert_eq!(typed.auth.revoke_all_sessions(&1).await.unwrap(), 2);
        assert_eq!(typed.auth.revoke_all_sessions(&1).await.unwrap(), 0);
        assert_over(&mut first).await;
        assert_over(&mut second).await;
        assert_alive(&mut bob).await;
        assert!(typed.auth.sessions(&1).await.unwrap().is_empty());
        typed.app.pass(COOLDOWN);
        assert_eq!(first.sign_in(ANN).await.status, 200);
        assert_alive(&mut first).await;
    }
}

#[tokio::test]
async fn a_revoked_access_token_is_rejected_and_its_session_continues() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let mut client = typed.app.client();
        client.sign_in(ANN).await;
        let claims = typed.auth.claims(&client.token()).await.unwrap();
        typed.auth.revoke_access_token(&claims).await.unwrap();
        typed.auth.revoke_access_token(&claims).await.unwrap();
        for path in ["/me", "/claims", "/maybe"] {
            client.get(path).await.problem(401, "invalid_token");
        }
        // Also in another process, if a store is queried.
        let other = Setup::new(Mode::Body).after(&typed.app).start().await;
        client.at(&other).get("/me").await.problem(401, "invalid_token");
        assert_eq!(typed.auth.sessions(&1).await.unwrap().len(), 1);
        client.refresh().await.ok();
        assert_alive(&mut client).await;
    }
}

#[tokio::test]
async fn out_05_what_could_not_be_stored_is_an_error() {
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let mut client = typed.app.client();
    client.sign_in(ANN).await;
    let claims = typed.auth.claims(&client.token()).await.unwrap();
    for operation in [
        Operation::RevokeSession,
        Operation::RevokeUserSessions,
        Operation::UserSessions,
        Operation::Blacklist,
        Operation::Cleanup,
    ] {
        typed.app.faults.set(operation, Fault::Fail);
    }
    let is_store = |error: AuthError| matches!(error, AuthError::Store(StoreError { .. }));
    assert!(typed.auth.sessions(&1).await.is_err_and(is_store));
    assert!(typed.auth.revoke_session(&1, claims.session_id()).await.is_err_and(is_store));
    assert!(typed.auth.revoke_all_sessions(&1).await.is_err_and(is_store));
    assert!(typed.auth.revoke_access_token(&claims).await.is_err_and(is_store));
    assert!(typed.auth.cleanup().await.is_err_and(is_store));
    typed.app.faults.clear();
    assert_alive(&mut client).await;
}

fn removed(challenges: u64, budgets: u64, sessions: u64, blacklisted: u64) -> Removed {
    let mut removed = Removed::default();
    (removed.challenges, removed.budgets, removed.sessions, removed.blacklisted) =
        (challenges, budgets, sessions, blacklisted);
    removed
}

/// Cleans up one millisecond before `at`, and at `at`. The clock is at `*passed` before.
async fn boundary<C: OtpConfig<User = User>>(
    auth: &OtpAuth<C>,
    app: &App,
    passed: &mut Duration,
    at: Duration,
) -> Removed {
    app.pass(at - MILLI - *passed);
    assert_eq!(auth.cleanup().await.unwrap(), removed(0, 0, 0, 0), "nothing is over before {at:?}");
    app.pass(MILLI);
    *passed = at;
    let removed = auth.cleanup().await.unwrap();
    assert_eq!(auth.cleanup().await.unwrap().total(), 0, "a second time there is nothing left");
    removed
}

#[tokio::test]
async fn db_08_out_08_otp_14_a_cleanup_removes_what_is_over_and_counts_it() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Cookie).backend(backend).typed::<CookieAuth>().await;
        let (app, auth) = (&typed.app, &typed.auth);
        let mut client = app.client();
        client.sign_in(ANN).await;
        client.logout().await.ok();
        let token = client.token();
        let mut at = Duration::ZERO;
        let expiry = Duration::from_secs(600);
        assert_eq!(boundary(auth, app, &mut at, expiry).await, removed(1, 0, 0, 0));
        // The access token has expired at 3600 s. The entry outlives it.
        let other = Setup::new(Mode::Cookie).after(app).start().await;
        app.pass(Duration::from_millis(3_599_999) - at);
        at = Duration::from_millis(3_599_999);
        assert_eq!(auth.cleanup().await.unwrap().total(), 0);
        client.at(&other).get_with("/me", &token).await.problem(401, "invalid_token");
        assert_eq!(boundary(auth, app, &mut at, Duration::from_hours(24)).await, removed(0, 2, 0, 0));
        // Another configuration may have issued it for a day, and another process's clock may be a
        // day behind.
        let end = Duration::from_secs(24 * 3_600 + 60) + CLOCK_MARGIN;
        assert_eq!(boundary(auth, app, &mut at, end).await, removed(0, 0, 0, 1));
        let end = Duration::from_hours(7 * 24) + CLOCK_MARGIN;
        assert_eq!(boundary(auth, app, &mut at, end).await, removed(0, 0, 1, 0));
    }
}

#[tokio::test]
async fn a_cleanup_continues_until_nothing_is_left() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        for number in 0..1_100 {
            typed.app.client().request(&format!("user{number}@example.com")).await.ok();
        }
        typed.app.pass(Duration::from_secs(24 * 3_600));
        typed.app.faults.take_calls();
        assert_eq!(typed.auth.cleanup().await.unwrap(), removed(1_100, 2_200, 0, 0));
        assert_eq!(typed.app.faults.take_calls().len(), 5);
    }
}

#[tokio::test]
async fn a_cleanup_harms_nothing_that_is_alive() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let mut client = typed.app.client();
        client.sign_in(ANN).await;
        let mut waiting = typed.app.client();
        waiting.request(BOB).await.ok();
        assert_eq!(typed.auth.cleanup().await.unwrap().total(), 0);
        waiting.clone().request(BOB).await.problem(429, "resend_too_soon");
        waiting.verify_right(BOB).await.ok();
        assert_alive(&mut client).await;
    }
}

#[tokio::test(start_paused = true)]
async fn out_09_the_background_cleanup_runs_at_every_interval_and_survives_failures() {
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let faults = typed.app.faults.clone();
    let task = typed.auth.spawn_cleanup(Duration::from_secs(600));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(faults.take_calls(), [Operation::Cleanup]);
    faults.set(Operation::Cleanup, Fault::Fail);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(faults.take_calls(), [Operation::Cleanup]);
    faults.set(Operation::Cleanup, Fault::Hang);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(faults.take_calls(), [Operation::Cleanup]);
    faults.clear();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(faults.take_calls(), [Operation::Cleanup]);
    // It ends with the last clone of the `OtpAuth` it cleans.
    assert!(!task.is_finished());
    drop(typed);
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(faults.take_calls(), []);
    task.await.unwrap();
}
