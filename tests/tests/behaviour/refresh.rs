//! Refresh tokens and sessions (requirements H).

use std::time::Duration;

use otp_auth::hooks::Suspicion;
use otp_auth_tests::{Backend, Call, Client, ClientKind, Fault, Mode, Operation, Setup, tokens};
use serde_json::json;

use crate::support::{ANN, BOB, COOLDOWN, MILLI, app, every_mode, every_mode_with};

const GRACE: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_hours(24);
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A client with an older refresh token.
fn with(client: &Client, token: &str) -> Client {
    let mut older = client.clone();
    older.put_refresh_token(token);
    older
}

#[tokio::test]
async fn rt_01_rt_02_an_old_refresh_token_ends_the_session() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let first = client.held_refresh_token();
        client.refresh().await.ok();
        client.refresh().await.ok();
        app.pass(GRACE);
        let answer = with(&client, &first).refresh().await.problem(401, "session_revoked");
        assert!(answer.cookies().is_empty());
        // The successor and every access token of the session are revoked.
        client.clone().refresh().await.problem(401, "session_revoked");
        for path in ["/me", "/verified", "/claims", "/maybe", "/maybe-claims"] {
            client.get(path).await.problem(401, "invalid_token");
        }
        let user = app.users().await[0].id;
        assert!(app.sessions(user).await.is_empty());
        let session = tokens::payload(&client.token())["sid"].as_str().unwrap().parse().unwrap();
        let raised =
            Call::Suspicious(Suspicion::RefreshTokenReused { session, user_id: user.to_string(), revoked: true });
        assert_eq!(app.hooks.calls().iter().filter(|call| **call == raised).count(), 1);
    }
}

#[tokio::test]
async fn t20_the_last_but_one_has_a_grace_and_older_ones_have_none() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let first = client.held_refresh_token();
        client.refresh().await.ok();
        let second = client.held_refresh_token();
        app.pass(GRACE - MILLI);
        // The same successor, byte for byte.
        let mut twin = with(&client, &first);
        twin.refresh().await.ok();
        assert_eq!(twin.held_refresh_token(), second);
        client.refresh().await.ok();
        with(&client, &first).refresh().await.problem(401, "session_revoked");
        client.refresh().await.problem(401, "session_revoked");
    }
}

/// A database may show a write that is not yet durable, and lose it in a crash. The client with the
/// successor is not a thief.
#[tokio::test]
async fn a_refresh_that_the_store_has_lost_in_a_crash_is_made_up_for() {
    for lost in [1, 2] {
        let app = Setup::new(Mode::Body).backend(Backend::Sqlite).start().await;
        let mut client = app.client();
        client.sign_in(ANN).await;
        let first = client.held_refresh_token();
        client.refresh().await.ok();
        client.refresh().await.ok();
        sqlx::query("UPDATE otp_sessions SET generation = generation - ?1")
            .bind(lost)
            .execute(app.pool())
            .await
            .unwrap();
        if lost == 1 {
            client.refresh().await.ok();
            client.get("/me").await.ok();
            assert_eq!(app.sessions(1).await[0].generation, 3);
            with(&client, &first).refresh().await.problem(401, "session_revoked");
        }
        // A crash cannot lose two: the table was restored from a backup.
        client.refresh().await.problem(401, "session_revoked");
    }
}

/// A valid token never gets a 401, because a client that must sign in again has lost the session.
#[tokio::test]
async fn a_store_that_contradicts_itself_is_a_503() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.faults.set(Operation::Advance, Fault::Contradict);
        client.refresh().await.problem(503, "store_unavailable");
        app.faults.clear();
        client.refresh().await.ok();
    }
}

#[tokio::test]
async fn the_grace_ends_at_its_millisecond() {
    for (within, passed) in [(true, GRACE - MILLI), (false, GRACE)] {
        let app = app(Mode::Body).await;
        let mut client = app.client();
        client.sign_in(ANN).await;
        let mut twin = client.clone();
        client.refresh().await.ok();
        app.pass(passed);
        app.faults.take_calls();
        twin.refresh().await.ok();
        // Within the grace, no use needs to be recorded.
        assert_eq!(app.faults.take_calls().contains(&Operation::Recover), !within);
    }
}

/// A slow store does not shorten the grace for other tabs.
#[tokio::test]
async fn the_grace_begins_with_the_replacement() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let mut twin = client.clone();
        app.faults.take_calls();
        app.faults.set(Operation::UserById, Fault::Wait);
        let slow = async { client.refresh().await.ok() };
        let meanwhile = async {
            app.faults.called(Operation::UserById).await;
            app.pass(GRACE);
            app.faults.clear();
        };
        tokio::join!(slow, meanwhile);
        app.pass(GRACE - MILLI);
        app.faults.take_calls();
        twin.refresh().await.ok();
        assert!(!app.faults.take_calls().contains(&Operation::Recover));
    }
}

/// The session expires while the store is slow.
#[tokio::test]
async fn a_session_that_ends_during_a_refresh_is_over() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.pass(LIFETIME - MILLI);
        app.faults.take_calls();
        app.faults.set(Operation::UserById, Fault::Wait);
        let refresh = async { client.refresh().await.problem(401, "invalid_refresh_token") };
        let meanwhile = async {
            app.faults.called(Operation::UserById).await;
            app.pass(MILLI);
            app.faults.clear();
        };
        tokio::join!(refresh, meanwhile);
    }
}

/// A client sleeps overnight during a refresh, so the answer is lost. It retries with the old
/// token, from several tabs at once, and stays signed in.
#[tokio::test]
async fn a_lost_answer_signs_nobody_out() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        for _ in 0..3 {
            let asleep = client.clone();
            client.refresh().await.ok();
            let successor = client.held_refresh_token();
            app.pass(DAY - MILLI);
            let mut tabs = [asleep.clone(), asleep.clone(), asleep];
            for tab in &mut tabs {
                tab.refresh().await.ok();
                assert_eq!(tab.held_refresh_token(), successor, "the same successor, byte for byte");
            }
            let [mut tab, ..] = tabs;
            tab.refresh().await.ok();
            client = tab;
            client.get("/me").await.ok();
        }
        assert!(app.hooks.calls().iter().all(|call| !matches!(call, Call::Suspicious(_))));
    }
}

/// After a day, no client still waits for an answer.
#[tokio::test]
async fn a_lost_answer_is_made_up_for_within_a_day() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let mut late = client.clone();
        client.refresh().await.ok();
        app.pass(DAY);
        late.refresh().await.problem(401, "session_revoked");
        client.refresh().await.problem(401, "session_revoked");
    }
}

/// A thief and the owner, each with the token that the other has replaced: the reuse is detected
/// when each has used it twice, whoever comes first.
#[tokio::test]
async fn rt_01_a_copy_is_found_when_owner_and_thief_take_turns() {
    for thief_first in [true, false] {
        for (app, mut owner) in every_mode().await {
            owner.sign_in(ANN).await;
            let mut thief = owner.clone();
            let (first, second) = if thief_first { (&mut thief, &mut owner) } else { (&mut owner, &mut thief) };
            first.refresh().await.ok();
            app.pass(GRACE);
            second.refresh().await.ok();
            app.pass(GRACE);
            first.refresh().await.ok();
            app.pass(GRACE);
            second.refresh().await.problem(401, "session_revoked");
            first.refresh().await.problem(401, "session_revoked");
            let suspicions = app.hooks.calls();
            assert_eq!(suspicions.iter().filter(|call| matches!(call, Call::Suspicious(_))).count(), 1);
        }
    }
}

#[tokio::test]
async fn t21_after_a_benign_race_both_tabs_stay_signed_in() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let mut tab = client.clone();
        let winner = client.refresh().await.ok();
        let loser = tab.refresh().await.ok();
        assert_eq!(winner.cookie_names(), loser.cookie_names());
        assert_eq!(client.held_refresh_token(), tab.held_refresh_token());
        app.pass(GRACE);
        client.get("/me").await.ok();
        tab.get("/me").await.ok();
        tab.refresh().await.ok();
        app.pass(GRACE);
        tab.refresh().await.ok();
    }
}

/// A lost answer is then replaced immediately, and once.
#[tokio::test]
async fn a_grace_of_zero_is_none() {
    for (app, mut client) in every_mode_with(|settings| settings.refresh_grace(Duration::ZERO)).await {
        client.sign_in(ANN).await;
        let (mut twin, mut third) = (client.clone(), client.clone());
        client.refresh().await.ok();
        twin.refresh().await.ok();
        assert_eq!(client.held_refresh_token(), twin.held_refresh_token());
        app.pass(MILLI);
        third.refresh().await.problem(401, "session_revoked");
    }
}

/// A lost answer is replaced once, and a failed attempt does not use that up.
#[tokio::test]
async fn a_lost_answer_is_not_made_up_for_by_a_failure() {
    for operation in [Operation::Session, Operation::UserById, Operation::Recover] {
        for (app, mut client) in every_mode().await {
            client.sign_in(ANN).await;
            let mut asleep = client.clone();
            client.refresh().await.ok();
            app.pass(GRACE);
            app.faults.set(operation, Fault::Fail);
            asleep.refresh().await.problem(503, "store_unavailable");
            app.faults.clear();
            app.pass(GRACE);
            asleep.refresh().await.ok();
            assert_eq!(client.held_refresh_token(), asleep.held_refresh_token());
        }
    }
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let mut asleep = client.clone();
        client.refresh().await.ok();
        app.pass(GRACE);
        app.hooks.bar(1);
        asleep.refresh().await.problem(401, "invalid_refresh_token");
        app.hooks.unbar(1);
        app.pass(GRACE);
        asleep.refresh().await.ok();
    }
}

/// Several tabs wake up at once, and the store takes longer than the grace, or there is none.
#[tokio::test]
async fn a_lost_answer_is_made_up_for_in_several_tabs_over_a_slow_store() {
    let mut apps = Vec::new();
    for grace in [Duration::ZERO, Duration::from_secs(1)] {
        let all = every_mode_with(move |settings| settings.refresh_grace(grace)).await;
        apps.extend(all.into_iter().map(|(app, client)| (grace, app, client)));
    }
    for (grace, app, mut client) in apps {
        client.sign_in(ANN).await;
        let asleep = client.clone();
        client.refresh().await.ok();
        app.pass(grace);
        app.faults.set(Operation::Recover, Fault::Wait);
        app.faults.take_calls();
        let (mut first, mut second) = (asleep.clone(), asleep);
        let slowly = async {
            app.faults.called(Operation::Recover).await;
            app.faults.take_calls();
            app.pass(grace);
            let release = async {
                app.faults.called(Operation::Recover).await;
                app.pass(grace);
                app.faults.clear();
            };
            tokio::join!(second.refresh(), release).0.ok()
        };
        tokio::join!(async { first.refresh().await.ok() }, slowly);
        assert_eq!(first.held_refresh_token(), client.held_refresh_token());
        assert_eq!(second.held_refresh_token(), client.held_refresh_token());
        second.refresh().await.ok();
        assert!(app.hooks.calls().iter().all(|call| !matches!(call, Call::Suspicious(_))));
    }
}

#[tokio::test]
async fn rt_04_ck_07_daily_refreshes_cannot_pass_the_end_of_the_session() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        for day in 1..7u64 {
            app.pass(Duration::from_secs(24 * 3_600));
            let answer = client.refresh().await.ok();
            if let Some(cookie) = answer.cookie("__Host-refresh_token-users") {
                assert_eq!(cookie.attribute("Max-Age"), Some(((7 - day) * 24 * 3_600).to_string().as_str()));
            }
        }
        app.pass(Duration::from_secs(24 * 3_600) - MILLI);
        // The last access token does not outlive the session.
        let last = client.held_refresh_token();
        let answer = client.refresh().await.ok();
        assert_eq!(answer.number("expires_in"), 1);
        client.get("/me").await.ok();
        app.pass(MILLI);
        client.get("/me").await.problem(401, "invalid_token");
        client.get("/claims").await.problem(401, "invalid_token");
        // RT-07: also for a client that ignores `Max-Age`.
        with(&client, &last).refresh().await.problem(401, "invalid_refresh_token");
        client.refresh().await.problem(401, "invalid_refresh_token");
    }
}

#[tokio::test]
async fn rt_05_rt_07_an_unused_refresh_token_ends_at_its_millisecond() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let token = client.held_refresh_token();
        app.pass(LIFETIME - MILLI);
        let mut early = with(&client, &token);
        let mut late = early.clone();
        early.refresh().await.ok();
        app.pass(MILLI);
        late.put_refresh_token(&token);
        late.refresh().await.problem(401, "invalid_refresh_token");
    }
}

#[tokio::test]
async fn rt_08_a_changed_refresh_token_is_refused_and_harms_nobody() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let token = client.held_refresh_token();
        for (name, forged) in tokens::forgeries(&token) {
            let answer = with(&client, &forged).refresh().await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "invalid_refresh_token"), "{name}");
        }
        client.refresh().await.ok();
    }
}

#[tokio::test]
async fn rt_10_a_refresh_token_names_no_user() {
    for (app, mut client) in every_mode().await {
        app.add_user(ANN, true).await;
        client.sign_in(ANN).await;
        let claims = tokens::payload(&client.held_refresh_token());
        let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["exp", "gen", "iat", "sid"]);
    }
}

#[tokio::test]
async fn rt_12_t25_signing_in_ends_the_older_session_of_this_browser() {
    for mode in [Mode::Cookie, Mode::Both] {
        for email in [ANN, BOB] {
            let app = app(mode).await;
            let mut client = app.client();
            client.sign_in(ANN).await;
            let mut older = client.clone();
            let mut elsewhere = app.client();
            app.pass(COOLDOWN);
            elsewhere.sign_in(ANN).await;
            app.pass(COOLDOWN);
            client.sign_in(email).await;

            older.refresh().await.problem(401, "session_revoked");
            for path in ["/me", "/claims"] {
                older.get(path).await.problem(401, "invalid_token");
            }
            // The new session belongs to the code's user, and other devices are unaffected.
            assert_eq!(client.get("/me").await.ok().json()["email"], email);
            client.refresh().await.ok();
            elsewhere.refresh().await.ok();
            elsewhere.get("/me").await.ok();
        }
    }
}

#[tokio::test]
async fn a_failed_sign_in_leaves_the_older_session_alone() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    app.pass(COOLDOWN);
    client.request(BOB).await.ok();
    client.verify_wrong(BOB).await.problem(401, "invalid_code");
    client.refresh().await.ok();
    client.get("/me").await.ok();
}

/// An attacker who can plant cookies shares at most a challenge with the victim, if it is for the
/// same address, and never a session.
#[tokio::test]
async fn rt_13_a_planted_session_ends_and_a_planted_challenge_is_shared_at_most() {
    const INVENTED: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    for mode in [Mode::Cookie, Mode::Both] {
        for (planted_for, is_shared) in [(None, false), (Some(BOB), false), (Some(ANN), true)] {
            let app = app(mode).await;
            let mut attacker = app.client();
            attacker.sign_in(BOB).await;
            app.pass(COOLDOWN);
            let planted = match planted_for {
                Some(email) => {
                    attacker.request(email).await.ok();
                    attacker.held_challenge()
                }
                None => INVENTED.to_owned(),
            };
            app.pass(COOLDOWN);
            let mut victim = app.client();
            victim.put_refresh_token(&attacker.held_refresh_token());
            victim.put_challenge(&planted);
            victim.request(ANN).await.ok();
            assert_eq!(victim.held_challenge() == planted, is_shared, "{planted_for:?}");
            victim.verify_right(ANN).await.ok();
            let (theirs, ours) = (tokens::payload(&attacker.token()), tokens::payload(&victim.token()));
            assert_ne!(theirs["sid"], ours["sid"]);
            assert_ne!(theirs["sub"], ours["sub"]);
            // The code is used, and the planted session is revoked.
            attacker.verify_right(ANN).await.problem(401, "invalid_code");
            attacker.refresh().await.problem(401, "session_revoked");
            victim.refresh().await.ok();
        }
    }
}

#[tokio::test]
async fn rt_14_rt_15_a_source_that_the_mode_does_not_use_is_ignored() {
    // A body in cookie mode.
    let cookie = app(Mode::Cookie).await;
    let mut client = cookie.client();
    client.sign_in(ANN).await;
    let token = client.held_refresh_token();
    client.jar.clear();
    let body = json!({ "refresh_token": token });
    client.post("/auth/refresh", &body).await.problem(401, "invalid_refresh_token");
    client.post("/auth/logout", &body).await.ok();
    client.get("/me").await.ok();
    // A challenge in the body of cookie mode.
    cookie.pass(COOLDOWN);
    client.request(ANN).await.ok();
    let challenge = client.held_challenge();
    client.jar.clear();
    let body = json!({ "email": ANN, "code": cookie.code_for(ANN), "challenge": challenge });
    client.post("/auth/verify-otp", &body).await.problem(401, "invalid_code");

    // Cookies in body mode.
    let native = app(Mode::Body).await;
    let mut client = native.client();
    client.sign_in(ANN).await;
    let mut browser = native.client_of(ClientKind::Browser);
    browser.jar.plant("__Host-refresh_token-users", &client.held_refresh_token());
    browser.refresh().await.problem(401, "invalid_refresh_token");
    browser.logout().await.ok();
    client.refresh().await.ok();
    native.pass(COOLDOWN);
    client.request(ANN).await.ok();
    browser.jar.plant("__Host-otp_challenge-users", &client.held_challenge());
    browser.verify_right(ANN).await.problem(401, "invalid_code");
}

#[tokio::test]
async fn rt_15_in_both_modes_cookie_and_body_of_different_sessions_are_refused() {
    let app = app(Mode::Both).await;
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    let mut bob = app.client();
    bob.sign_in(BOB).await;
    app.pass(COOLDOWN);
    let mut ann_elsewhere = app.client();
    ann_elsewhere.sign_in(ANN).await;
    for other in [&bob, &ann_elsewhere] {
        let body = json!({ "refresh_token": other.held_refresh_token() });
        let refused = ann.post("/auth/refresh", &body).await.problem(400, "ambiguous_credentials");
        assert!(refused.cookies().is_empty());
    }
    // Nothing has changed: each is still the first of its session.
    for client in [&mut ann, &mut bob, &mut ann_elsewhere] {
        let before = client.held_refresh_token();
        client.refresh().await.ok();
        let after = client.held_refresh_token();
        assert_eq!(tokens::payload(&before)["gen"], 0);
        assert_eq!(tokens::payload(&after)["gen"], 1);
    }
    // The same for a session that has ended.
    let body = json!({ "refresh_token": bob.held_refresh_token() });
    bob.logout().await.ok();
    ann.post("/auth/refresh", &body).await.problem(400, "ambiguous_credentials");
    // An invalid token names no session.
    for odd in ["", "garbage", "a.b.c", &ann.token()] {
        ann.post("/auth/refresh", &json!({ "refresh_token": odd })).await.ok();
    }
    app.pass(Duration::from_secs(7 * 86_400));
    let mut later = app.client();
    later.sign_in(ANN).await;
    later.post("/auth/refresh", &body).await.problem(400, "ambiguous_credentials");
}

#[tokio::test]
async fn rt_15_in_both_modes_cookie_and_body_of_one_session_are_fine() {
    for older_in_cookie in [false, true] {
        let app = app(Mode::Both).await;
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        let first = ann.held_refresh_token();
        ann.post("/auth/refresh", &json!({ "refresh_token": first })).await.ok();
        ann.refresh().await.ok();
        app.pass(COOLDOWN);
        // Alone it would be reuse, but not beside the current one.
        let newest = ann.held_refresh_token();
        let (cookie, body) = if older_in_cookie { (&first, &newest) } else { (&newest, &first) };
        ann.put_refresh_token(cookie);
        ann.post("/auth/refresh", &json!({ "refresh_token": body })).await.ok();
        assert!(app.hooks.calls().iter().all(|call| !matches!(call, Call::Suspicious(_))));
        ann.get("/me").await.ok();
    }
}

/// Another host can set such a cookie at any time.
#[tokio::test]
async fn rt_15_in_both_modes_a_cookie_that_is_not_a_token_is_ignored() {
    let app = app(Mode::Both).await;
    let mut bob = app.client();
    bob.sign_in(BOB).await;
    for cookie in ["garbage", "a.b.c", &bob.token()] {
        let mut odd = app.client();
        odd.put_refresh_token(cookie);
        let body = json!({ "refresh_token": bob.held_refresh_token() });
        odd.post("/auth/refresh", &body).await.ok();
        // Without a body, these are invalid credentials.
        odd.put_refresh_token(cookie);
        odd.post_nothing("/auth/refresh").await.problem(401, "invalid_refresh_token");
    }
}

#[tokio::test]
async fn out_02_in_both_modes_a_sign_out_ends_the_sessions_of_cookie_and_body() {
    let app = app(Mode::Both).await;
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    let mut bob = app.client();
    bob.sign_in(BOB).await;
    let body = json!({ "refresh_token": bob.held_refresh_token() });
    // Also if the cookie is invalid: never a false success.
    let mut odd = app.client();
    odd.put_refresh_token("garbage");
    odd.post("/auth/logout", &body).await.ok();
    bob.get("/me").await.problem(401, "invalid_token");
    app.pass(COOLDOWN);
    bob.sign_in(BOB).await;
    let body = json!({ "refresh_token": bob.held_refresh_token() });
    ann.post("/auth/logout", &body).await.ok();
    ann.get("/me").await.problem(401, "invalid_token");
    bob.get("/me").await.problem(401, "invalid_token");
}

#[tokio::test]
async fn t11_the_first_proof_ends_older_sessions_of_an_unverified_user() {
    for (app, mut older) in every_mode().await {
        older.sign_in(ANN).await;
        let user = app.users().await[0].clone();
        // As after the application changed the address.
        app.unverify(&user).await;
        older.get("/me").await.ok();
        app.pass(COOLDOWN);
        let mut owner = app.client();
        owner.sign_in(ANN).await;
        older.get("/me").await.problem(401, "invalid_token");
        older.refresh().await.problem(401, "session_revoked");
        owner.get("/verified").await.ok();
        owner.refresh().await.ok();
        assert_eq!(app.sessions(user.id).await.len(), 1);
    }
}

/// `Claims` promises to see sessions that this process itself has revoked.
#[tokio::test]
async fn t11_br_09_the_claims_extractor_sees_sessions_that_a_first_proof_ended() {
    let app = app(Mode::Body).await;
    let mut older = app.client();
    older.sign_in(ANN).await;
    let user = app.users().await[0].clone();
    app.unverify(&user).await;
    app.pass(COOLDOWN);
    app.client().sign_in(ANN).await;
    older.get("/claims").await.problem(401, "invalid_token");
}

#[tokio::test]
async fn rt_18_rate_16_t9_a_session_keeps_what_its_user_would_recognise_it_by() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.headers = vec![
        ("user-agent".parse().unwrap(), "Agent/1.0 (test)".parse().unwrap()),
        // Any client can write forwarding fields.
        ("x-forwarded-for".parse().unwrap(), "203.0.113.7".parse().unwrap()),
        ("forwarded".parse().unwrap(), "for=203.0.113.7".parse().unwrap()),
    ];
    client.sign_in(ANN).await;
    app.pass(Duration::from_secs(100));
    client.refresh().await.ok();
    let sessions = app.sessions(1).await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].client.user_agent.as_deref(), Some("Agent/1.0 (test)"));
    assert_eq!(sessions[0].client.address, None);
    assert_eq!(sessions[0].generation, 1);
    assert_eq!(sessions[0].created_at.until(sessions[0].refreshed_at), Duration::from_secs(100));
    assert_eq!(sessions[0].created_at.until(sessions[0].expires_at), LIFETIME);
}

#[tokio::test]
async fn lifetimes_follow_the_settings() {
    let app = Setup::new(Mode::Cookie)
        .tune(|settings| {
            settings
                .access_token_lifetime(Duration::from_secs(90))
                .refresh_token_lifetime(Duration::from_secs(100))
                .otp_expiry(Duration::from_secs(120))
                .otp_rate_limit(Duration::from_secs(7))
                .send_timeout(Duration::from_secs(7))
        })
        .start()
        .await;
    let mut client = app.client();
    let answer = client.request(ANN).await.ok();
    assert_eq!((answer.number("expires_in"), answer.number("resend_in")), (120, 7));
    let answer = client.verify_right(ANN).await.ok();
    assert_eq!(answer.number("expires_in"), 90);
    assert_eq!(answer.cookie("__Host-refresh_token-users").unwrap().attribute("Max-Age"), Some("100"));
    app.pass(Duration::from_secs(50));
    assert_eq!(client.refresh().await.ok().number("expires_in"), 50);
}

#[tokio::test]
async fn br_01_a_refresh_without_any_token_gets_a_challenge_without_a_reason() {
    for (_, mut client) in every_mode().await {
        let answer = client.post_nothing("/auth/refresh").await.problem(401, "invalid_refresh_token");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="otp-auth""#));
    }
}
