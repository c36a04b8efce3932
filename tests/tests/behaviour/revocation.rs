//! What `Claims` sees of the blacklist: everything, without I/O; and what it
//! does when it cannot follow.

use std::time::Duration;

use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Backend, Fault, Mode, Operation, Setup};

use crate::support::{ANN, BOB, COOLDOWN};

/// Waits until the application sees something, on the clock of the runtime.
async fn within_two_seconds(mut seen: impl AsyncFnMut() -> bool) {
    let begun = tokio::time::Instant::now();
    while !seen().await {
        assert!(begun.elapsed() < Duration::from_secs(2), "not seen within two seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn pair(backend: Backend) -> (App, App) {
    let one = Setup::new(Mode::Body).backend(backend).start().await;
    let other = Setup::new(Mode::Body).after(&one).start().await;
    (one, other)
}

#[tokio::test]
async fn out_02_claims_see_a_sign_out_in_another_process_within_two_seconds() {
    for backend in Backend::ALL {
        let (one, other) = pair(backend).await;
        let mut ann = one.client();
        ann.sign_in(ANN).await;
        let mut there = ann.at(&other);
        there.get("/claims").await.ok();
        ann.logout().await.ok();
        within_two_seconds(async || there.get("/claims").await.status == 401).await;
    }
}

#[tokio::test]
async fn out_02_claims_see_sign_outs_of_before_a_restart() {
    for backend in Backend::ALL {
        let app = Setup::new(Mode::Body).backend(backend).start().await;
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        ann.logout().await.ok();
        let restarted = Setup::new(Mode::Body).after(&app).start().await;
        // At once, also before anything was read.
        ann.at(&restarted).get("/claims").await.problem(401, "invalid_token");
    }
}

/// As a rule nothing is asked for a request.
#[tokio::test]
async fn claims_do_no_io() {
    for backend in Backend::ALL {
        let app = Setup::new(Mode::Body).backend(backend).start().await;
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        within_two_seconds(async || {
            app.faults.take_calls();
            ann.get("/claims").await.ok();
            app.faults.take_calls().is_empty()
        })
        .await;
        for operation in [Operation::IsBlacklisted, Operation::CurrentUser] {
            app.faults.set(operation, Fault::Fail);
        }
        for _ in 0..10 {
            ann.get("/claims").await.ok();
        }
    }
}

/// When the store cannot be followed for ten seconds, it is asked for each
/// request; and where it does not answer, nobody gets in.
#[tokio::test(start_paused = true)]
async fn claims_fail_closed_when_the_blacklist_cannot_be_followed() {
    let (one, other) = pair(Backend::Memory).await;
    let (mut ann, mut bob) = (one.client(), one.client());
    ann.sign_in(ANN).await;
    bob.sign_in(BOB).await;
    let (mut there, mut bob) = (ann.at(&other), bob.at(&other));
    tokio::time::sleep(Duration::from_secs(2)).await;
    other.faults.set(Operation::Revocations, Fault::Fail);
    ann.logout().await.ok();
    // Not yet known, and the mirror is still believed.
    tokio::time::sleep(Duration::from_secs(5)).await;
    there.get("/claims").await.ok();
    tokio::time::sleep(Duration::from_secs(6)).await;
    there.get("/claims").await.problem(401, "invalid_token");
    bob.get("/claims").await.ok();
    other.faults.set(Operation::IsBlacklisted, Fault::Fail);
    bob.get("/claims").await.problem(503, "store_unavailable");
    bob.get("/maybe-claims").await.problem(503, "store_unavailable");
    // It goes on by itself.
    other.faults.clear();
    tokio::time::sleep(Duration::from_secs(2)).await;
    other.faults.take_calls();
    bob.get("/claims").await.ok();
    assert!(other.faults.take_calls().is_empty());
    there.get("/claims").await.problem(401, "invalid_token");
}

#[tokio::test]
async fn a_forgotten_user_is_out_everywhere_and_their_sessions_are_gone() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let app = typed.app.clone();
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        app.pass(COOLDOWN);
        let mut second = app.client();
        second.sign_in(ANN).await;
        let id = app.users().await[0].id;
        app.remove_user(id).await;
        assert_eq!(typed.auth.forget_user(&id).await.unwrap(), 2);
        assert_eq!(typed.auth.forget_user(&id).await.unwrap(), 0);
        for client in [&mut ann, &mut second] {
            for path in ["/claims", "/me", "/verified"] {
                client.get(path).await.problem(401, "invalid_token");
            }
            client.refresh().await.problem(401, "invalid_refresh_token");
        }
        // Somebody who is given the id is somebody else.
        let bob = app.add_user(BOB, true).await;
        assert_eq!(bob.id, id);
        let mut bobs = app.client();
        bobs.sign_in(BOB).await;
        for path in ["/claims", "/me", "/verified"] {
            bobs.get(path).await.ok();
            ann.get(path).await.problem(401, "invalid_token");
        }
    }
}

#[tokio::test]
async fn a_barred_user_is_out_until_the_time_is_over() {
    for backend in Backend::ALL {
        let typed = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let app = typed.app.clone();
        let other = Setup::new(Mode::Body).after(&app).start().await;
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        let id = app.users().await[0].id;
        let day = Duration::from_hours(24);
        assert_eq!(typed.auth.bar_user(&id, day).await.unwrap(), 1);
        for path in ["/claims", "/me", "/verified"] {
            ann.get(path).await.problem(401, "invalid_token");
        }
        ann.refresh().await.problem(401, "session_revoked");
        app.pass(COOLDOWN);
        let mut again = app.client();
        again.request(ANN).await.ok();
        again.verify_right(ANN).await.problem(403, "sign_in_refused");
        // Also where the code is right in another process.
        let mut there = ann.at(&other);
        within_two_seconds(async || there.get("/claims").await.status == 401).await;
        again.at(&other).verify_right(ANN).await.problem(403, "sign_in_refused");
        app.pass(day);
        let mut later = app.client();
        later.sign_in(ANN).await;
        later.get("/claims").await.ok();
    }
}
