//! The HTTP contract, row by row, in every delivery.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Method, Request};
use otp_auth_tests::app::{AUTH, OPTIONAL, PROTECTED};
use otp_auth_tests::{Answer, App, Fault, Mode, Operation, tokens};
use serde_json::json;

use crate::support::{ANN, every_mode};

/// What every answer of the routes has, in every mode.
fn assert_common(app: &App, answer: &Answer) {
    assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"), "{answer:?}");
    assert_eq!(answer.headers.get_all(CACHE_CONTROL).iter().count(), 1, "{answer:?}");
    assert_eq!(answer.header(X_CONTENT_TYPE_OPTIONS), Some("nosniff"), "{answer:?}");
    let cors = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
    assert!(!cors, "{answer:?}");
    if !app.mode.sets_cookies() {
        assert!(answer.cookies().is_empty(), "{answer:?}");
    }
    if answer.status.is_success() {
        assert_eq!(answer.header(CONTENT_TYPE), Some("application/json"), "{answer:?}");
    } else {
        answer.assert_problem();
        // CK-10: a failure sets no session cookie. It may delete one.
        assert!(answer.cookies().iter().all(|cookie| cookie.attribute("Max-Age") == Some("0")), "{answer:?}");
    }
}

fn names(app: &App, cookies: &[&str]) -> Vec<String> {
    let kept = if app.mode.sets_cookies() { cookies } else { &[] };
    kept.iter().map(ToString::to_string).collect()
}

fn members(app: &App, always: &[&str], in_bodies: &str) -> Vec<String> {
    let mut all: Vec<_> = always.iter().map(ToString::to_string).collect();
    if app.mode.fills_bodies() {
        all.push(in_bodies.to_owned());
    }
    all.sort_unstable();
    all
}

#[tokio::test]
async fn http_11_rt_14_request_otp_answers_what_is_documented() {
    for (app, mut client) in every_mode().await {
        let answer = client.request(ANN).await.ok();
        assert_common(&app, &answer);
        assert_eq!(
            answer.members(),
            members(&app, &["message", "expires_in", "resend_in", "code_length"], "challenge")
        );
        assert_eq!(
            (answer.number("expires_in"), answer.number("resend_in"), answer.number("code_length")),
            (600, 60, 6)
        );
        // ENUM-06
        assert!(answer.member("message").starts_with("If this address can sign in"), "{answer:?}");
        assert_eq!(answer.cookie_names(), names(&app, &["__Host-otp_challenge-users"]));
        if let Some(cookie) = answer.cookie("__Host-otp_challenge-users") {
            assert_eq!(cookie.sorted_attributes(), ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=Lax", "Secure"]);
            // OTP-12: 128 bits, base64url.
            assert_eq!(cookie.value.len(), 22);
        }
        if app.mode == Mode::Both {
            assert_eq!(answer.member("challenge"), answer.cookie("__Host-otp_challenge-users").unwrap().value);
        }
        let messages = app.sender.messages();
        assert_eq!((messages.len(), messages[0].address.as_str()), (1, ANN));
        assert_eq!(messages[0].expires_in, Duration::from_secs(600));
        assert!(!answer.text().contains(&messages[0].code));
    }
}

#[tokio::test]
async fn http_11_rt_14_rt_16_verify_otp_answers_what_is_documented() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        let answer = client.verify_right(ANN).await.ok();
        assert_eq!(answer.members().contains(&"device".to_owned()), app.mode.fills_bodies());
        assert_tokens(&app, &answer, 604_800);
        if app.mode == Mode::Both {
            assert_eq!(answer.member("device"), answer.cookie("__Host-otp_device-users").unwrap().value);
        }
        assert_eq!(
            answer.cookie_names(),
            names(&app, &["__Host-otp_challenge-users", "__Host-otp_device-users", "__Host-refresh_token-users"])
        );
        if app.mode.sets_cookies() {
            let cleared = answer.cookie("__Host-otp_challenge-users").unwrap();
            assert_eq!(cleared.value, "");
            assert_eq!(cleared.sorted_attributes(), ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]);
            let device = answer.cookie("__Host-otp_device-users").unwrap();
            assert_eq!(
                device.sorted_attributes(),
                ["HttpOnly", "Max-Age=15552000", "Path=/", "SameSite=Lax", "Secure"]
            );
        }
    }
}

/// Asserts an answer of `verify-otp` or `refresh` whose refresh token is valid for `remaining` more
/// seconds.
fn assert_tokens(app: &App, answer: &Answer, remaining: u64) {
    assert_common(app, answer);
    let mut found = answer.members();
    // Only in sign-ins.
    found.retain(|name| name != "device");
    assert_eq!(found, members(app, &["access_token", "token_type", "expires_in"], "refresh_token"));
    assert_eq!((answer.member("token_type").as_str(), answer.number("expires_in")), ("bearer", 3_600));
    let claims = tokens::payload(&answer.member("access_token"));
    assert_eq!(claims["exp"].as_i64().unwrap() - app.clock.now().as_secs(), 3_600);
    if let Some(cookie) = answer.cookie("__Host-refresh_token-users") {
        let age = format!("Max-Age={remaining}");
        assert_eq!(cookie.sorted_attributes(), ["HttpOnly", &age, "Path=/", "SameSite=Lax", "Secure"]);
        // CK-06
        assert!(cookie.name.len() + cookie.value.len() <= 4_096);
        if app.mode == Mode::Both {
            assert_eq!(answer.member("refresh_token"), cookie.value);
        }
    }
}

#[tokio::test]
async fn http_11_rt_01_ck_07_refresh_answers_like_verify_with_the_successor() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let (first_access, first) = (client.token(), client.held_refresh_token());
        app.pass(Duration::from_secs(100));
        let answer = client.refresh().await.ok();
        assert_tokens(&app, &answer, 604_700);
        assert_eq!(answer.cookie_names(), names(&app, &["__Host-refresh_token-users"]));
        assert_ne!(client.held_refresh_token(), first);
        assert_ne!(client.token(), first_access);
        client.get("/me").await.ok();
    }
}

#[tokio::test]
async fn out_03_out_04_logout_answers_what_is_documented() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let answer = client.logout().await.ok();
        assert_common(&app, &answer);
        assert_eq!(answer.members(), ["message"]);
        assert_eq!(answer.cookie_names(), names(&app, &["__Host-refresh_token-users"]));
        if let Some(cookie) = answer.cookie("__Host-refresh_token-users") {
            assert_eq!(cookie.value, "");
            assert_eq!(cookie.sorted_attributes(), ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]);
        }
    }
}

#[tokio::test]
async fn request_otp_fails_as_documented() {
    for (app, mut client) in every_mode().await {
        for email in ["", "ann", "ann@", "a@x.com,b@x.com", "ann@example.com\0"] {
            let answer = client.request(email).await.problem(422, "invalid_email");
            assert_common(&app, &answer);
        }
        assert_eq!(app.mails(), 0);
        client.request(ANN).await.ok();
        let answer = client.request(ANN).await.problem(429, "resend_too_soon");
        assert_common(&app, &answer);
        assert_eq!(answer.retry_after(), 60);

        app.pass(Duration::from_secs(60));
        app.sender.fail();
        let answer = client.request(ANN).await.problem(503, "delivery_failed");
        assert_common(&app, &answer);
        app.sender.take();
        app.faults.set(Operation::OpenChallenge, Fault::Fail);
        let answer = client.request(ANN).await.problem(503, "store_unavailable");
        assert_common(&app, &answer);
    }
}

#[tokio::test]
async fn verify_otp_fails_as_documented() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        let answer = client.verify_wrong(ANN).await.problem(401, "invalid_code");
        assert_common(&app, &answer);
        assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth""#));
        for code in ["", "12345a", "①②③④⑤⑥", "-", "0x1234"] {
            let answer = client.verify(ANN, code).await.problem(422, "malformed_code");
            assert_common(&app, &answer);
        }
        client.verify("no address", "123456").await.problem(422, "invalid_email");
        for _ in 0..4 {
            client.verify_wrong(ANN).await.problem(401, "invalid_code");
        }
        app.pass(Duration::from_secs(90));
        let answer = client.verify_right(ANN).await.problem(429, "too_many_attempts");
        assert_common(&app, &answer);
        assert_eq!(answer.retry_after(), 510);
    }
}

#[tokio::test]
async fn refresh_fails_as_documented() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let good = client.held_refresh_token();
        client.put_refresh_token("garbage");
        let answer = client.refresh().await.problem(401, "invalid_refresh_token");
        assert_common(&app, &answer);
        assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth", error="invalid_token""#));
        // T21: an invalid token must not delete anyone's cookie.
        assert!(answer.cookies().is_empty(), "{answer:?}");

        client.put_refresh_token(&good);
        client.logout().await.ok();
        client.put_refresh_token(&good);
        let answer = client.refresh().await.problem(401, "session_revoked");
        assert_common(&app, &answer);
        assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth", error="invalid_token""#));
    }
}

/// Section 5 of the contract: `error="invalid_token"` if an invalid token was sent. Here, none was
/// (RFC 6750 section 3.1).
#[tokio::test]
async fn refresh_without_any_token_is_a_401_without_a_reason() {
    for (app, mut client) in every_mode().await {
        let answer = client.refresh().await.problem(401, "invalid_refresh_token");
        assert_common(&app, &answer);
        assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth""#));
    }
}

#[tokio::test]
async fn out_05_logout_fails_only_when_the_revocation_could_not_be_stored() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.faults.set(Operation::RevokeSession, Fault::Fail);
        let answer = client.clone().logout().await.problem(503, "store_unavailable");
        assert_common(&app, &answer);
        assert_eq!(answer.cookie_names(), names(&app, &["__Host-refresh_token-users"]));
        // Without a token, there is nothing to store.
        app.client().logout().await.ok();
    }
}

#[tokio::test]
async fn csrf_08_mail_15_every_other_method_is_a_405_with_allow_and_changes_nothing() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.faults.take_calls();
        for path in AUTH {
            for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
                let answer = client.ask(method.clone(), path).await;
                assert_eq!(answer.status.as_u16(), 405, "{method} {path}: {answer:?}");
                assert_eq!(answer.header(ALLOW), Some("POST"), "{method} {path}");
                if method == Method::HEAD {
                    assert!(answer.body.is_empty());
                    assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"));
                } else {
                    assert_common(&app, &answer.problem(405, "method_not_allowed"));
                }
            }
        }
        assert_eq!(app.faults.take_calls(), []);
        client.refresh().await.ok();
    }
}

#[tokio::test]
async fn http_07_a_body_of_more_than_16_kib_is_a_413() {
    for (app, mut client) in every_mode().await {
        for path in AUTH.into_iter().filter(|path| app.mode.reads_body(path)) {
            for (length, fits) in [(16 * 1024, true), (16 * 1024 + 1, false), (1024 * 1024, false)] {
                let body = format!("{{}}{}", " ".repeat(length - 2));
                let request = Request::post(path).header(CONTENT_TYPE, "application/json");
                let answer = client.send(request.body(Body::from(body)).unwrap()).await;
                assert_common(&app, &answer);
                assert_eq!(answer.status.as_u16() != 413, fits, "{path}: {answer:?}");
                if !fits {
                    answer.problem(413, "body_too_large");
                }
            }
        }
    }
}

#[tokio::test]
async fn http_08_csrf_05_other_media_types_are_a_415_and_are_not_read() {
    for (app, mut client) in every_mode().await {
        let body = json!({ "email": ANN, "code": "123456", "refresh_token": "x" }).to_string();
        for path in AUTH.into_iter().filter(|path| app.mode.reads_body(path)) {
            for media_type in [
                None,
                Some("text/plain"),
                Some("application/x-www-form-urlencoded"),
                Some("multipart/form-data; boundary=x"),
                Some("application/jsonp"),
                Some("application/json-patch+json"),
                Some("text/json"),
                Some(""),
            ] {
                let mut request = Request::post(path);
                if let Some(media_type) = media_type {
                    request = request.header(CONTENT_TYPE, media_type);
                }
                let answer = client.send(request.body(Body::from(body.clone())).unwrap()).await;
                assert_common(&app, &answer.problem(415, "unsupported_media_type"));
            }
            let twice = Request::post(path).header(CONTENT_TYPE, "application/json");
            let twice = twice.header(CONTENT_TYPE, "text/plain").body(Body::from(body.clone())).unwrap();
            client.send(twice).await.problem(415, "unsupported_media_type");
        }
        assert_eq!(app.mails(), 0);
        // Parameters and case are ignored.
        for media_type in ["application/json; charset=utf-8", "Application/JSON"] {
            let request = Request::post("/auth/request-otp").header(CONTENT_TYPE, media_type);
            client.send(request.body(Body::from(body.clone())).unwrap()).await.ok();
            app.pass(Duration::from_secs(60));
        }
    }
}

#[tokio::test]
async fn br_01_without_a_token_the_challenge_has_no_reason() {
    for (_, mut client) in every_mode().await {
        for path in PROTECTED {
            let answer = client.get(path).await.problem(401, "missing_token");
            assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth""#));
        }
        for path in OPTIONAL {
            assert_eq!(client.get(path).await.ok().text(), "null");
        }
    }
}

#[tokio::test]
async fn every_extractor_gives_what_the_token_names() {
    for (app, mut client) in every_mode().await {
        let user = app.add_user(ANN, true).await;
        client.sign_in(ANN).await;
        for path in ["/me", "/verified"] {
            assert_eq!(client.get(path).await.ok().json(), serde_json::to_value(&user).unwrap());
        }
        for path in OPTIONAL {
            assert_eq!(client.get(path).await.ok().text(), user.id.to_string());
        }
        let claims = client.get("/claims").await.ok().json();
        let now = app.clock.now().as_millis();
        assert_eq!(claims["user_id"], user.id);
        assert_eq!(claims["username"].as_str(), user.username.as_deref());
        assert_eq!(claims["session"], app.sessions(user.id).await[0].id.to_string());
        for (name, millis) in [("issued_at", now), ("authenticated_at", now), ("expires_at", now + 3_600_000)] {
            assert_eq!(claims[name], millis, "{name}");
        }
    }
}

#[tokio::test]
async fn br_04_an_unverified_user_is_a_403_for_verified_user_only() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let user = app.users().await[0].clone();
        app.unverify(&user).await;
        client.get("/me").await.ok();
        for path in ["/verified", "/maybe-verified"] {
            let answer = client.get(path).await.problem(403, "not_verified");
            assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth", error="insufficient_scope""#));
        }
    }
}

#[tokio::test]
async fn csrf_01_csrf_02_with_cookies_other_origins_are_refused() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.faults.take_calls();
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.test"),
            ("origin", "null"),
        ] {
            for path in AUTH {
                client.headers = vec![("host".parse().unwrap(), "host.test".parse().unwrap())];
                client.headers.push((name.parse().unwrap(), value.parse().unwrap()));
                let answer = client.clone().post(path, &json!({})).await;
                if app.mode.sets_cookies() {
                    assert_common(&app, &answer.problem(403, "cross_origin"));
                } else {
                    assert_ne!(answer.code(), "cross_origin");
                }
            }
        }
        if app.mode.sets_cookies() {
            assert_eq!(app.faults.take_calls(), []);
        }
        client.headers.clear();
        client.refresh().await.ok();
    }
}

#[tokio::test]
async fn csrf_02_requests_from_the_own_origin_and_from_no_browser_are_accepted() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        for fields in [
            vec![("sec-fetch-site", "same-origin"), ("origin", "https://host.test")],
            vec![("sec-fetch-site", "none")],
            vec![("origin", "https://host.test")],
            vec![],
        ] {
            client.headers = vec![("host".parse().unwrap(), "host.test".parse().unwrap())];
            client.headers.extend(fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())));
            client.refresh().await.ok();
        }
    }
}
