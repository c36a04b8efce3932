//! What `Claims` sees of the blacklist: everything, without I/O. And what it does if it cannot
//! follow the blacklist.

use std::time::Duration;

use otp_auth::testing::TestClock;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Backend, Fault, Mode, Operation, Setup, logs};

use crate::support::{ANN, BOB, COOLDOWN};

/// Waits until the application sees something, by the runtime's clock.
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
        // Immediately, even before the blacklist has been read.
        ann.at(&restarted).get("/claims").await.problem(401, "invalid_token");
    }
}

/// A request normally makes no query.
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

/// If the store cannot be followed for ten seconds, it is queried for each request. If it does not
/// answer, the request is rejected.
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
    // Not yet known, and the mirror is still trusted.
    tokio::time::sleep(Duration::from_secs(5)).await;
    there.get("/claims").await.ok();
    tokio::time::sleep(Duration::from_secs(6)).await;
    there.get("/claims").await.problem(401, "invalid_token");
    bob.get("/claims").await.ok();
    other.faults.set(Operation::IsBlacklisted, Fault::Fail);
    bob.get("/claims").await.problem(503, "store_unavailable");
    bob.get("/maybe-claims").await.problem(503, "store_unavailable");
    // It resumes without help.
    other.faults.clear();
    tokio::time::sleep(Duration::from_secs(2)).await;
    other.faults.take_calls();
    bob.get("/claims").await.ok();
    assert!(other.faults.take_calls().is_empty());
    there.get("/claims").await.problem(401, "invalid_token");
}

/// Each second, only what is new is read: except at the start, after a failure, because another
/// server may number its changes differently, and after a clock that was ahead. A failure is logged
/// once, not each second.
#[tokio::test(start_paused = true)]
async fn the_whole_blacklist_is_read_again_only_when_it_must() {
    let second = Duration::from_secs(1);
    let app = Setup::new(Mode::Body).start().await;
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    let (_guard, lines) = logs::on_this_thread();
    let failures = || lines.text().matches("sys_store_failed").count();
    // Between two reads.
    tokio::time::sleep(second / 2).await;
    let reads = async |count: u32| {
        app.faults.take_reads();
        for _ in 0..count {
            app.pass(second);
            tokio::time::sleep(second).await;
        }
        let reads = app.faults.take_reads();
        reads.iter().map(Option::is_none).collect::<Vec<_>>()
    };
    assert_eq!(reads(4).await, [false; 4]);
    app.faults.set(Operation::Revocations, Fault::Fail);
    assert_eq!(reads(3).await, [false; 3]);
    assert_eq!(failures(), 1);
    app.faults.clear();
    assert_eq!(reads(4).await, [false, true, false, false]);
    app.faults.set(Operation::Revocations, Fault::Fail);
    assert_eq!(reads(2).await, [false; 2]);
    assert_eq!(failures(), 2);
    app.faults.clear();
    assert_eq!(reads(3).await, [false, true, false]);
    app.clock.set(app.clock.now() - Duration::from_secs(3_600));
    assert_eq!(reads(3).await, [true, false, false]);
}

/// A runtime that ends takes its tasks with it, but this value may live on in another one.
#[test]
fn out_02_another_runtime_follows_when_the_first_has_ended() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (app, mut ann) = runtime().block_on(async {
        let app = Setup::new(Mode::Body).start().await;
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        ann.get("/claims").await.ok();
        (app, ann)
    });
    runtime().block_on(async {
        ann.get("/claims").await.ok();
        tokio::time::sleep(Duration::from_secs(2)).await;
        app.faults.take_calls();
        ann.get("/claims").await.ok();
        assert_eq!(app.faults.take_calls(), []);
    });
}

/// A machine that was suspended: the runtime's clock stood still.
#[tokio::test(start_paused = true)]
async fn out_02_a_mirror_is_old_by_either_clock() {
    let (one, other) = pair(Backend::Memory).await;
    let mut ann = one.client();
    ann.sign_in(ANN).await;
    let mut there = ann.at(&other);
    tokio::time::sleep(Duration::from_secs(2)).await;
    other.faults.take_calls();
    there.get("/claims").await.ok();
    assert_eq!(other.faults.take_calls(), []);
    ann.logout().await.ok();
    other.pass(Duration::from_secs(10));
    there.get("/claims").await.problem(401, "invalid_token");
    assert!(other.faults.take_calls().contains(&Operation::IsBlacklisted));
}

/// A machine that starts with a wrong clock, which is corrected later: nothing had expired, and
/// nothing is missed.
#[tokio::test(start_paused = true)]
async fn out_02_claims_see_everything_after_a_clock_that_was_ahead() {
    let one = Setup::new(Mode::Body).start().await;
    let mut ann = one.client();
    ann.sign_in(ANN).await;
    let mut second = one.client();
    one.pass(COOLDOWN);
    second.sign_in(ANN).await;
    ann.logout().await.ok();
    let now = one.clock.now();
    let clock = TestClock::at(now + Duration::from_secs(30 * 24 * 3_600));
    let other = Setup::new(Mode::Body).after(&one).clock(&clock).start().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    clock.set(now);
    let mut there = ann.at(&other);
    there.get("/claims").await.problem(401, "invalid_token");
    // Nor after the store is no longer queried.
    tokio::time::sleep(Duration::from_secs(2)).await;
    other.faults.take_calls();
    there.get("/claims").await.problem(401, "invalid_token");
    second.at(&other).get("/claims").await.ok();
    assert_eq!(other.faults.take_calls(), []);
}

/// Two configurations of one user type: what one revokes is revoked for the other, whose tokens
/// live longer.
#[tokio::test]
async fn out_02_a_sign_out_holds_for_tokens_of_a_longer_lifetime() {
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    for backend in Backend::ALL {
        let short = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let long = Setup::new(Mode::Body)
            .after(&short.app)
            .tune(move |settings| settings.access_token_lifetime(hours(24)))
            .start()
            .await;
        let (mut ann, mut bob) = (long.client(), long.client());
        ann.sign_in(ANN).await;
        bob.sign_in(BOB).await;
        // With a refresh token, and with only an access token.
        short.auth.sign_out(&[&ann.held_refresh_token()], None).await.unwrap();
        short.auth.sign_out(&[], Some(&bob.token())).await.unwrap();
        for passed in [1, 2, 20] {
            short.app.pass(hours(passed));
            short.auth.cleanup().await.unwrap();
            let restarted = Setup::new(Mode::Body)
                .after(&long)
                .tune(move |settings| settings.access_token_lifetime(hours(24)))
                .start()
                .await;
            for client in [&ann, &bob] {
                for path in ["/claims", "/me"] {
                    client.at(&restarted).get(path).await.problem(401, "invalid_token");
                    client.at(&long).get(path).await.problem(401, "invalid_token");
                }
            }
        }
    }
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
        // A user who receives the id is someone else.
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
        // Also if the code is correct in another process.
        let mut there = ann.at(&other);
        within_two_seconds(async || there.get("/claims").await.status == 401).await;
        again.at(&other).verify_right(ANN).await.problem(403, "sign_in_refused");
        app.pass(day);
        let mut later = app.client();
        later.sign_in(ANN).await;
        later.get("/claims").await.ok();
    }
}
