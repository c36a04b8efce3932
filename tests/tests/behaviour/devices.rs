//! Known devices: how a device becomes known, what it may do, and how it is revoked.

use std::time::Duration;

use otp_auth::{OtpAuth, config::SettingsBuilder};
use otp_auth_tests::config::{BodyAuth, BothAuth, CookieAuth};
use otp_auth_tests::{App, Client, Fault, Mode, Operation, Setup, TestConfig, Tuned, Typed};

use crate::support::{ANN, BOB, COOLDOWN, MILLI, app, every_mode, every_mode_with};

const COOKIE: &str = "__Host-otp_device-users";

/// Enough sends to request codes often.
fn many_mails(settings: SettingsBuilder) -> SettingsBuilder {
    settings.otp_length(8).max_sends_per_hour(900).max_sends_per_day(900)
}

/// Whether a client is a known device of an address. Strangers cannot request a code at this time,
/// because one of them just has.
async fn is_known(app: &App, client: &mut Client, email: &str) -> bool {
    app.pass(COOLDOWN);
    app.client().request(email).await.ok();
    app.client().request(email).await.problem(429, "resend_too_soon");
    client.request(email).await.status == 200
}

#[tokio::test]
async fn t7_a_device_is_known_to_the_last_five_addresses() {
    for (app, mut client) in every_mode().await {
        let emails: Vec<_> = (0..6).map(|number| format!("user{number}@example.com")).collect();
        for email in &emails {
            client.sign_in(email).await;
        }
        // Signing in to the first again makes it the latest, and the second is dropped.
        app.pass(COOLDOWN);
        client.sign_in(&emails[0]).await;
        let mut known = Vec::new();
        for email in &emails {
            known.push(is_known(&app, &mut client, email).await);
        }
        assert_eq!(known, [true, false, true, true, true, true], "{:?}", app.mode);
        assert!(client.held_device().len() < 400);
    }
}

#[tokio::test]
async fn t7_every_device_has_a_budget_of_its_own() {
    for (app, mut one) in every_mode().await {
        let mut other = one.clone();
        one.sign_in(ANN).await;
        app.pass(COOLDOWN);
        other.sign_in(ANN).await;
        // One device uses up its day. So do strangers.
        loop {
            app.pass(COOLDOWN);
            app.client().request(ANN).await;
            let answer = one.request(ANN).await;
            if answer.code() == "resend_too_soon" && answer.retry_after() > 12 * 3_600 {
                break;
            }
        }
        app.client().request(ANN).await.problem(429, "resend_too_soon");
        one.request(ANN).await.problem(429, "resend_too_soon");
        for _ in 0..5 {
            other.request(ANN).await.ok();
            other.request(ANN).await.problem(429, "resend_too_soon");
            app.pass(COOLDOWN);
        }
        other.verify_right(ANN).await.ok();
    }
}

/// Each sign-in creates a device and costs a send. A sign-in that a device paid for must not create
/// another one, or each device could create ten more per day.
#[tokio::test]
async fn t7_what_a_device_has_paid_for_makes_no_second_one() {
    for (app, mut client) in every_mode_with(many_mails).await {
        client.sign_in(ANN).await;
        let mut held = client.clone();
        client.request(ANN).await.ok();
        client.forget_device();
        client.verify_right(ANN).await.ok();
        // Both are the same device, which is in its cooldown.
        client.request(ANN).await.problem(429, "resend_too_soon");
        held.request(ANN).await.problem(429, "resend_too_soon");
        app.pass(COOLDOWN);
        app.client().request(ANN).await.ok();
        client.request(ANN).await.ok();
        held.request(ANN).await.problem(429, "resend_too_soon");
        // Nor does the token of another device that comes with the code.
        app.pass(COOLDOWN);
        let mut stranger = client.clone();
        stranger.forget_device();
        stranger.sign_in(BOB).await;
        client.request(ANN).await.ok();
        client.put_device(&stranger.held_device());
        client.verify_right(ANN).await.ok();
        client.request(ANN).await.problem(429, "resend_too_soon");
        // What the other device knows stays with it.
        assert!(!is_known(&app, &mut client, BOB).await);
        assert!(is_known(&app, &mut stranger, BOB).await);
    }
}

#[tokio::test]
async fn a_malformed_device_token_is_a_stranger_not_an_error() {
    for (app, mut client) in every_mode_with(many_mails).await {
        client.sign_in(ANN).await;
        let device = client.held_device();
        for bad in ["x", "AAAA", &device[1..], &format!("{device}A"), &"A".repeat(4_000), &device.to_lowercase()] {
            client.put_device(bad);
            assert!(!is_known(&app, &mut client, ANN).await, "{bad}");
            app.pass(COOLDOWN);
            client.sign_in(ANN).await;
            assert!(is_known(&app, &mut client, ANN).await);
        }
    }
}

/// Every way to revoke all sessions of a user.
#[derive(Debug, Clone, Copy)]
enum End {
    RevokeAll,
    Bar,
    Forget,
}

async fn end<C: TestConfig>(auth: &OtpAuth<Tuned<C>>, user: i64, how: End) {
    match how {
        End::RevokeAll => auth.revoke_all_sessions(&user).await.map(drop).unwrap(),
        End::Bar => auth.bar_user(&user, MILLI).await.map(drop).unwrap(),
        End::Forget => auth.forget_user(&user).await.map(drop).unwrap(),
    }
}

async fn signing_out_everywhere_ends_devices<C: TestConfig>() {
    for how in [End::RevokeAll, End::Bar, End::Forget] {
        let Typed { app, auth, .. } = Setup::new(C::MODE).tune(many_mails).typed::<C>().await;
        let [mut ann, mut second, mut bob] = [(); 3].map(|()| app.client());
        ann.sign_in(ANN).await;
        ann.sign_in(BOB).await;
        app.pass(COOLDOWN);
        bob.sign_in(BOB).await;
        second.sign_in(ANN).await;
        // Including those of the same millisecond.
        let user = app.users().await.into_iter().find(|user| user.email == ANN).unwrap();
        end(&auth, user.id, how).await;
        for client in [&mut ann, &mut second] {
            assert!(!is_known(&app, client, ANN).await, "{how:?}");
        }
        // Those of other users stay known, even in the same browser.
        assert!(is_known(&app, &mut bob, BOB).await);
        assert!(is_known(&app, &mut ann, BOB).await);
        // Signing in again makes the device known again.
        app.pass(COOLDOWN);
        ann.sign_in(ANN).await;
        assert!(is_known(&app, &mut ann, ANN).await, "{how:?}");
        assert!(!is_known(&app, &mut second, ANN).await);
        // Permanently: the revocation is kept for as long as the device could be known.
        app.pass(Duration::from_secs(179 * 86_400));
        auth.cleanup().await.unwrap();
        assert!(!is_known(&app, &mut second, ANN).await);
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_the_devices_of_the_user() {
    signing_out_everywhere_ends_devices::<CookieAuth>().await;
    signing_out_everywhere_ends_devices::<BodyAuth>().await;
    signing_out_everywhere_ends_devices::<BothAuth>().await;
}

#[tokio::test]
async fn a_sign_in_directly_after_signing_out_everywhere_makes_a_known_device() {
    let Typed { app, auth, .. } = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    client.request(ANN).await.ok();
    let user = app.users().await[0].id;
    auth.revoke_all_sessions(&user).await.unwrap();
    // In the same millisecond.
    client.verify_right(ANN).await.ok();
    client.get("/me").await.ok();
    client.get("/claims").await.ok();
    assert!(is_known(&app, &mut client, ANN).await);
}

#[tokio::test]
async fn signing_out_everywhere_is_seen_by_every_process_and_after_a_restart() {
    let Typed { app, auth, .. } = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let other = Setup::new(Mode::Body).after(&app).start().await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    let user = app.users().await[0].id;
    auth.revoke_all_sessions(&user).await.unwrap();
    // Immediately, before the blacklist has been read.
    let restarted = Setup::new(Mode::Body).after(&app).start().await;
    assert!(!is_known(&restarted, &mut client.at(&restarted), ANN).await);
    let begun = tokio::time::Instant::now();
    while is_known(&other, &mut client.at(&other), ANN).await {
        assert!(begun.elapsed() < Duration::from_secs(2), "not seen within two seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
        other.pass(Duration::from_secs(86_400));
    }
}

/// The earlier sessions were not verified to be the owner's. A device was, because only a code for
/// this very address makes it known.
#[tokio::test]
async fn a_first_proof_ends_sessions_and_no_device() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.unverify(&app.users().await[0]).await;
        app.pass(COOLDOWN);
        app.client().sign_in(ANN).await;
        client.clone().refresh().await.problem(401, "session_revoked");
        assert!(is_known(&app, &mut client, ANN).await, "{:?}", app.mode);
    }
}

#[tokio::test]
async fn signing_out_here_leaves_the_device_known() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let answer = client.logout().await.ok();
        assert!(answer.cookie(COOKIE).is_none());
        assert!(is_known(&app, &mut client, ANN).await);
    }
}

#[tokio::test]
async fn signing_out_removes_the_device_cookie_where_that_is_set() {
    for (app, mut client) in every_mode_with(|settings| settings.forget_device_at_logout(true)).await {
        client.sign_in(ANN).await;
        assert!(client.refresh().await.ok().cookie(COOKIE).is_none());
        app.faults.set(Operation::RevokeSession, Fault::Fail);
        let failed = client.clone().logout().await.problem(503, "store_unavailable");
        app.faults.clear();
        let done = client.logout().await.ok();
        for answer in [failed, done] {
            let cleared = answer.cookie(COOKIE).map(|cookie| {
                let attributes = cookie.sorted_attributes().join("; ");
                (cookie.value, attributes)
            });
            let expected = (String::new(), "HttpOnly; Max-Age=0; Path=/; SameSite=Lax; Secure".to_owned());
            assert_eq!(cleared, app.mode.sets_cookies().then_some(expected), "{:?}", app.mode);
        }
        if app.mode.sets_cookies() {
            assert_eq!(client.jar.get(COOKIE), None);
        }
    }
}

/// While the store cannot tell whether a device was revoked, no device is known.
#[tokio::test(start_paused = true)]
async fn a_device_is_not_known_while_the_store_cannot_say_so() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    app.faults.set(Operation::Revocations, Fault::Fail);
    app.faults.set(Operation::IsBlacklisted, Fault::Fail);
    tokio::time::sleep(Duration::from_secs(12)).await;
    client.request(ANN).await.problem(503, "store_unavailable");
    app.faults.clear();
    client.request(ANN).await.ok();
}
