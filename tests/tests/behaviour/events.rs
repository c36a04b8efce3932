//! Which events are logged, and with which client address.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use otp_auth::hooks::SendAnswer;
use otp_auth::session::SessionId;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{Call, Client, Fault, Mode, Operation, SendReply, Setup, logs, tokens};
use serde_json::json;

use crate::support::{ANN, BOB, COOLDOWN, app, every_mode, settle};

/// A client with a separate address, because other tests log concurrently.
fn at(client: &Client, address: &str) -> Client {
    let mut client = client.clone();
    client.address = Some(SocketAddr::new(address.parse().unwrap(), 40_000));
    client
}

/// How often this event was logged for requests from this address.
fn count(event: &str, address: &str) -> usize {
    let name = format!("event=\"{event}\"");
    logs::of_client(address).iter().filter(|line| line.split_whitespace().any(|word| word == name)).count()
}

fn session_of(client: &Client) -> SessionId {
    tokens::payload(&client.token())["sid"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn log_01_every_event_of_a_request_has_the_address_of_its_client() {
    logs::capture();
    for (number, (app, client)) in every_mode().await.into_iter().enumerate() {
        let address = format!("198.51.100.{}", 10 + number);
        // As a dual-stack socket reports it.
        let mut client = at(&client, &format!("::ffff:{address}"));
        client.request("no address").await.problem(422, "invalid_email");
        app.sender.fail();
        client.request(ANN).await.problem(503, "delivery_failed");
        app.sender.refuse();
        client.request(ANN).await.problem(422, "address_refused");
        app.sender.take();
        client.request(ANN).await.ok();
        client.request(ANN).await.problem(429, "resend_too_soon");
        for _ in 0..6 {
            client.verify_wrong(ANN).await;
        }
        app.pass(COOLDOWN);
        client.sign_in(ANN).await;
        let first = client.clone();
        client.refresh().await.ok();
        client.get_with("/claims", "garbage").await.problem(401, "invalid_token");
        client.get_with("/me", "garbage").await.problem(401, "invalid_token");
        app.pass(Duration::from_secs(60));
        first.clone().refresh().await.ok();
        app.pass(Duration::from_secs(60));
        client.refresh().await.ok();
        app.pass(Duration::from_secs(60));
        first.clone().refresh().await.problem(401, "session_revoked");
        app.pass(COOLDOWN);
        client.sign_in(ANN).await;
        client.logout().await.ok();
        for event in [
            "authn_address_refused",
            "authn_code_sent",
            "authn_login_fail",
            "authn_login_fail_max",
            "authn_login_success",
            "authn_token_invalid",
            "authn_token_reuse",
            "excess_rate_limit_exceeded",
            "input_validation_fail",
            "session_ended",
            "session_logout",
            "session_renewed",
            "session_renewed_again",
            "sys_delivery_failed",
        ] {
            assert!(
                count(event, &address) > 0,
                "{:?}: {event} of {address}: {:#?}",
                app.mode,
                logs::of_client(&address)
            );
        }
        assert_eq!(count("authn_token_invalid", &address), 2);
        if app.mode.sets_cookies() {
            client.headers.push(("sec-fetch-site".parse().unwrap(), "cross-site".parse().unwrap()));
            client.refresh().await.problem(403, "cross_origin");
            assert_eq!(count("input_cross_origin", &address), 1);
        }
    }
}

#[tokio::test]
async fn log_01_every_attempt_is_one_event() {
    logs::capture();
    for (number, (app, client)) in every_mode().await.into_iter().enumerate() {
        let address = format!("198.51.104.{}", 10 + number);
        let mut client = at(&client, &address);
        client.request(ANN).await.ok();
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
        client.verify_right(ANN).await.ok();
        let attempts: Vec<_> =
            logs::of_client(&address).into_iter().filter(|line| line.contains("\"authn_login_")).collect();
        let [failure, success] = &attempts[..] else { panic!("{:?}: {attempts:#?}", app.mode) };
        assert!(failure.contains("WARN") && failure.contains("\"authn_login_fail\"") && failure.contains(" cause="));
        assert!(success.contains("\"authn_login_success\"") && success.contains(" session="), "{success}");
        for line in attempts {
            assert!(line.contains("method=\"email_otp\"") && line.contains(" identity="), "{line}");
        }
    }
}

#[tokio::test]
async fn log_04_a_reused_refresh_token_is_an_error_that_names_the_session() {
    logs::capture();
    for (number, (app, client)) in every_mode().await.into_iter().enumerate() {
        let address = format!("198.51.104.{}", 20 + number);
        let mut owner = at(&client, &address);
        owner.sign_in(ANN).await;
        let mut thief = owner.clone();
        owner.refresh().await.ok();
        owner.refresh().await.ok();
        app.pass(Duration::from_secs(10));
        thief.refresh().await.problem(401, "session_revoked");
        let lines = logs::of_client(&address);
        let reuses: Vec<_> = lines.iter().filter(|line| line.contains("\"authn_token_reuse\"")).collect();
        let [reuse] = reuses[..] else { panic!("{:?}: {lines:#?}", app.mode) };
        assert!(reuse.contains("ERROR") && reuse.contains(&format!(" session={}", session_of(&owner))), "{reuse}");
    }
}

#[tokio::test]
async fn log_09_failures_are_logged_with_their_cause() {
    logs::capture();
    for (number, (app, client)) in every_mode().await.into_iter().enumerate() {
        let address = format!("198.51.104.{}", 30 + number);
        let mut client = at(&client, &address);
        app.sender.fail();
        client.request(ANN).await.problem(503, "delivery_failed");
        app.sender.take();
        let lines = logs::of_client(&address);
        let is_sender = |line: &String| line.contains("sys_delivery_failed") && line.contains("told to fail");
        assert!(lines.iter().any(|line| line.contains("ERROR") && is_sender(line)), "{lines:#?}");

        client.sign_in(ANN).await;
        app.faults.set(Operation::Session, Fault::Fail);
        let (answer, log) = logs::of(client.refresh()).await;
        answer.problem(503, "store_unavailable");
        let is_store = |line: &str| line.contains("sys_store_failed") && line.contains("db.internal");
        assert!(log.lines().any(|line| line.contains("ERROR") && is_store(line)), "{log}");
    }
}

#[tokio::test]
async fn log_02_unreadable_input_raises_one_event() {
    logs::capture();
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(17 * 1024));
    let json = "application/json";
    let bodies = [
        (json, "{"),
        (json, "[]"),
        (json, ""),
        (json, "{\"email\":1}"),
        (json, large.as_str()),
        ("text/plain", "{\"email\":\"ann@example.com\"}"),
        ("", "{\"email\":\"ann@example.com\"}"),
        (json, "{\"email\":\"ann\",\"code\":\"000000\"}"),
    ];
    let mut number = 0;
    let mut next = || {
        number += 1;
        format!("100.64.7.{number}")
    };
    for mode in Mode::ALL {
        let app = app(mode).await;
        let mut requests = Vec::new();
        for path in ["/auth/request-otp", "/auth/verify-otp"] {
            requests.extend(bodies.map(|(media_type, body)| (path, media_type, body)));
        }
        requests.push(("/auth/verify-otp", json, "{\"email\":\"ann@example.com\",\"code\":\"no code\"}"));
        // A logout ignores an unreadable body, and logs it here.
        for path in ["/auth/refresh", "/auth/logout"].into_iter().filter(|_| mode != Mode::Cookie) {
            for (media_type, body) in [(json, "{"), (json, "[]"), (json, large.as_str()), ("text/plain", "bye")] {
                requests.push((path, media_type, body));
            }
            requests.push((path, json, "{\"refresh_token\":1}"));
        }
        for (path, media_type, body) in requests {
            let address = next();
            let mut request = Request::post(path);
            if !media_type.is_empty() {
                request = request.header(CONTENT_TYPE, media_type);
            }
            let answer = at(&app.client(), &address).send(request.body(Body::from(body.to_owned())).unwrap()).await;
            assert_eq!(answer.status.is_success(), path.ends_with("logout"), "{path} {body:.40}");
            let said = logs::of_client(&address);
            assert_eq!(said.len(), 1, "{mode:?} {path} {media_type} {body:.40}: {said:#?}");
            assert_eq!(count("input_validation_fail", &address), 1, "{said:#?}");
        }
        for (path, field) in
            [("/me", "Bearer a b"), ("/maybe-claims", "Bearer"), ("/claims", ""), ("/verified", "Bearer: a")]
        {
            let address = next();
            let request = Request::get(path).header(AUTHORIZATION, field).body(Body::empty()).unwrap();
            at(&app.client(), &address).send(request).await;
            assert_eq!(count("input_validation_fail", &address), 1, "{path} {field}");
        }
        let address = next();
        let request = Request::post("/auth/logout").header(AUTHORIZATION, "Bearer a b").body(Body::empty()).unwrap();
        at(&app.client(), &address).send(request).await.ok();
        assert_eq!(count("input_validation_fail", &address), 1);
        // A missing token is not a mistake.
        let address = next();
        let mut client = at(&app.client(), &address);
        client.post_nothing("/auth/refresh").await.problem(401, "invalid_refresh_token");
        client.post_nothing("/auth/logout").await.ok();
        client.get("/me").await.problem(401, "missing_token");
        assert_eq!(logs::of_client(&address), [""; 0]);
    }
}

/// The reasons in the events that ended this session.
fn endings(session: SessionId) -> Vec<String> {
    let session = format!("session={session}");
    let ended = |line: &&str| line.contains("event=\"session_logout\"") || line.contains("event=\"session_ended\"");
    let is_of = |line: &&str| line.split_whitespace().any(|word| word == session);
    let reason = |line: &str| {
        line.split_once("reason=\"").map_or("logout", |(_, rest)| rest.split('"').next().unwrap()).to_owned()
    };
    logs::captured().lines().filter(ended).filter(is_of).map(reason).collect()
}

#[tokio::test]
async fn log_02_every_way_to_end_a_session_raises_one_event() {
    logs::capture();
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let (app, auth) = (&typed.app, &typed.auth);
    let mut client = app.client();

    client.sign_in(ANN).await;
    let signed_out = session_of(&client);
    client.logout().await.ok();
    client.logout().await.ok();
    assert_eq!(endings(signed_out), ["logout"]);

    app.pass(COOLDOWN);
    client.sign_in(ANN).await;
    let stolen = session_of(&client);
    let mut thief = client.clone();
    client.refresh().await.ok();
    client.refresh().await.ok();
    app.pass(COOLDOWN);
    thief.refresh().await.problem(401, "session_revoked");
    client.refresh().await.problem(401, "session_revoked");
    assert_eq!(endings(stolen), ["token_reused"]);

    client.sign_in(ANN).await;
    let revoked = session_of(&client);
    assert!(auth.revoke_session(&1, revoked).await.unwrap());
    assert!(!auth.revoke_session(&1, revoked).await.unwrap());
    assert_eq!(endings(revoked), ["logout"]);

    let mut several = Vec::new();
    for _ in 0..2 {
        app.pass(COOLDOWN);
        client.sign_in(ANN).await;
        several.push(session_of(&client));
    }
    auth.revoke_all_sessions(&1).await.unwrap();
    for session in several {
        assert_eq!(endings(session), ["logout"]);
    }

    app.pass(Duration::from_secs(24 * 3_600));
    client.sign_in(ANN).await;
    let planted = session_of(&client);
    let user = app.users().await[0].clone();
    app.unverify(&user).await;
    app.pass(COOLDOWN);
    client.sign_in(ANN).await;
    assert_eq!(endings(planted), ["not_proven"]);

    let elsewhere = session_of(&client);
    app.pass(COOLDOWN);
    client.sign_in(ANN).await;
    let user = app.change_address(&app.users().await[0], BOB).await;
    let claims = auth.claims(&client.token()).await.unwrap();
    auth.rebind_session(&claims, user).await.unwrap();
    assert_eq!(endings(elsewhere), ["logout"]);
    assert_eq!(endings(session_of(&client)), [""; 0]);

    auth.bar_user(&1, Duration::from_secs(1)).await.unwrap();
    assert_eq!(endings(session_of(&client)), ["logout"]);

    app.pass(COOLDOWN);
    client.sign_in(BOB).await;
    app.remove_user(1).await;
    auth.forget_user(&1).await.unwrap();
    assert_eq!(endings(session_of(&client)), ["user_forgotten"]);
}

#[tokio::test]
async fn log_02_a_session_that_is_replaced_raises_one_event() {
    logs::capture();
    for mode in [Mode::Cookie, Mode::Both] {
        let app = app(mode).await;
        let mut client = app.client();
        client.sign_in(ANN).await;
        let replaced = session_of(&client);
        app.pass(COOLDOWN);
        client.sign_in(ANN).await;
        assert_eq!(endings(replaced), ["replaced"]);
        let replaced = session_of(&client);
        client.sign_in(BOB).await;
        assert_eq!(endings(replaced), ["replaced"]);
        assert_eq!(endings(session_of(&client)), [""; 0]);
    }
}

#[tokio::test]
async fn what_the_application_does_to_an_account_raises_one_event() {
    logs::capture();
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let (app, auth) = (&typed.app, &typed.auth);
    let mut client = app.client();
    client.sign_in(ANN).await;
    let claims = auth.claims(&client.token()).await.unwrap();
    let user = app.change_address(&app.users().await[0], BOB).await;
    let session = format!(" session={}", session_of(&client));
    for (event, of, ((), log)) in [
        ("authn_login_unlock", " identity=", logs::of(async { auth.unlock(ANN).await.unwrap() }).await),
        (
            "session_rebound",
            &session,
            logs::of(async { auth.rebind_session(&claims, user).await.map(drop).unwrap() }).await,
        ),
        ("authn_token_revoked", &session, logs::of(async { auth.revoke_access_token(&claims).await.unwrap() }).await),
        ("authz_user_barred", " user=", logs::of(async { auth.bar_user(&1, COOLDOWN).await.map(drop).unwrap() }).await),
        ("session_user_forgotten", " user=", logs::of(async { auth.forget_user(&1).await.map(drop).unwrap() }).await),
    ] {
        let event = format!("event=\"{event}\"");
        let of_event: Vec<_> = log.lines().filter(|line| line.contains(&event)).collect();
        assert!(matches!(of_event[..], [line] if line.contains(of)), "{event}: {log}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_suppressed_code_raises_one_event() {
    logs::capture();
    let app = app(Mode::Body).await;
    app.hooks.on_send(SendReply::Answer(SendAnswer::Suppress));
    let address = "198.51.100.71";
    at(&app.client(), address).request(ANN).await.ok();
    settle().await;
    assert_eq!(count("authn_code_suppressed", address), 1);
}

/// Signing out always succeeds, and forged tokens are still logged.
#[tokio::test]
async fn log_01_forged_tokens_at_a_sign_out_raise_an_event() {
    logs::capture();
    for (number, (app, client)) in every_mode().await.into_iter().enumerate() {
        let address = format!("198.51.100.{}", 60 + number);
        let mut client = at(&client, &address);
        client.put_refresh_token("a.b.c");
        client.logout().await.ok();
        assert_eq!(count("authn_token_invalid", &address), 1);
        let request = Request::post("/auth/logout").header(AUTHORIZATION, "Bearer a.b.c").body(Body::empty()).unwrap();
        at(&app.client(), &address).send(request).await.ok();
        assert_eq!(count("authn_token_invalid", &address), 2);
    }
}

/// Two device tokens, and no address to choose one by: one mistake.
#[tokio::test]
async fn log_01_an_invalid_address_raises_one_event() {
    logs::capture();
    let app = app(Mode::Both).await;
    let address = "198.51.100.70";
    let mut client = at(&app.client(), address);
    client.jar.plant("__Host-otp_device-users", "a");
    client.post("/auth/request-otp", &json!({ "email": "nope", "device": "b" })).await.problem(422, "invalid_email");
    assert_eq!(count("input_validation_fail", address), 1);
}

/// The store does it, but answers too late.
#[tokio::test(start_paused = true)]
async fn log_02_a_sign_in_that_is_answered_too_late_is_told_like_any_other() {
    logs::capture();
    for mode in [Mode::Cookie, Mode::Both] {
        let app = app(mode).await;
        let mut client = app.client();
        client.sign_in(ANN).await;
        let replaced = session_of(&client);
        let before = app.hooks.calls().len();
        app.faults.set(Operation::SignIn, Fault::Unanswered);
        client.sign_in(BOB).await;
        assert_eq!(endings(replaced), ["replaced"]);
        // The second time, no user is created.
        app.pass(COOLDOWN);
        client.sign_in(BOB).await;
        let told = app.hooks.calls().split_off(before);
        let [Call::BeforeCreate(_), Call::UserCreated(2), Call::SignedIn(2, _), again @ ..] = &told[..] else {
            panic!("{told:?}");
        };
        assert!(matches!(again, [Call::BeforeSignIn(2, true), Call::SignedIn(2, _)]), "{told:?}");
    }
}
