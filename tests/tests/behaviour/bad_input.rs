//! Any input gets a 4xx problem with a known code, and none of it comes back.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue};
use axum::http::{Method, Request, StatusCode};
use otp_auth::problem::{Problem, ProblemKind};
use otp_auth_tests::app::{AUTH, OPTIONAL, PROTECTED};
use otp_auth_tests::{Answer, App, Client, Mode, Setup, tokens};

use crate::support::{ANN, BOB, COOLDOWN, Random, every_mode};
use serde_json::json;

/// Part of every input, and of no answer.
const MARKER: &str = "qzMARKERzq";

/// JSON values, as text, that no route accepts as an address or a code. As a token or a challenge,
/// they count as missing.
fn value(random: &mut Random) -> String {
    let digits = random.below(40);
    let long = random.below(15_000);
    match random.below(24) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => "-0".to_owned(),
        3 => "1e999".to_owned(),
        4 => "123456".to_owned(),
        5 => format!("[\"{MARKER}\"]"),
        6 => format!("{{\"$ne\":\"{MARKER}\"}}"),
        7 => format!("\"{MARKER}\\u0000@x.com\""),
        8 => format!("\"{MARKER}\\ud800\""),
        9 => format!("\"\\udc00\\ud800{MARKER}\""),
        10 => "\"１２３４５６\"".to_owned(),
        11 => "\"٣٤٥٦٧٨\"".to_owned(),
        12 => format!("\"{}{MARKER}\"", "a".repeat(long)),
        13 => "\"\"".to_owned(),
        14 => format!("\"{MARKER}@x.com, b@y.com\""),
        15 => format!("\"{MARKER}@x.com\\r\\nBcc: b@y.com\""),
        16 => format!("\"<{MARKER}@x.com>\""),
        17 => format!("\"{MARKER}\u{ff20}x.com\""),
        18 => format!("\"{MARKER}\\ufeff\""),
        19 => format!("\"{}\"", "x".repeat(digits)),
        20 => format!("{}\"{MARKER}\"{}", "[".repeat(200), "]".repeat(200)),
        21 => format!("{}{MARKER}", "[".repeat(long)),
        22 => format!("\"' OR '1'='1 {MARKER}\""),
        _ => format!("\"\\ud83d\\ude00{MARKER}\u{202e}\""),
    }
}

fn body(random: &mut Random) -> Vec<u8> {
    let (a, b, c, d) = (value(random), value(random), value(random), value(random));
    let whole = format!(r#"{{"email":{a},"code":{b},"challenge":{c},"refresh_token":{d}}}"#);
    match random.below(12) {
        0 => whole[..whole.char_indices().nth(random.below(20)).map_or(0, |(at, _)| at)].into(),
        1 => {
            let length = random.below(300);
            let mut bytes = random.bytes(length);
            bytes.extend(MARKER.bytes());
            bytes
        }
        2 => format!(r#"{{"email":{a},"email":{b},"code":{c},"code":{d},"refresh_token":1,"refresh_token":2}}"#).into(),
        3 => format!("{whole}{whole}").into(),
        4 => format!("\u{feff}{whole}").into(),
        5 => {
            let mut bytes = whole.into_bytes();
            let at = random.below(bytes.len());
            bytes[at] = 0xff;
            bytes
        }
        6 => format!("{}{a}{}", "{\"email\":".repeat(2_000), "}".repeat(2_000)).into(),
        7 => a.into(),
        8 => format!(r#"{{"EMAIL":{a},"Code":{b},"{MARKER}":{c}}}"#).into(),
        9 => format!("email={MARKER}&code=123456").into(),
        _ => whole.into(),
    }
}

fn media_type(random: &mut Random) -> HeaderValue {
    let text = random.pick::<str>(&[
        "application/json",
        "application/json",
        "application/json",
        "application/json; charset=utf-16",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json, text/plain",
        "qzMARKERzq/json",
        "",
    ]);
    HeaderValue::from_static(text)
}

/// Text like a token. None is valid.
fn token(random: &mut Random, real: &str) -> Vec<u8> {
    let length = random.below(200);
    let at = random.below(real.len() - 1);
    match random.below(10) {
        0 => random.bytes(length).into_iter().filter(|byte| (0x20..0x7f).contains(byte) || *byte > 0x7f).collect(),
        1 => real[..at].into(),
        2 => format!("{MARKER}{real}").into(),
        3 => format!("{real}{}", "=".repeat(1 + length % 3)).into(),
        4 => format!(
            "{}.{}.{MARKER}",
            tokens::encode(format!(r#"{{"alg":"none","kid":"{MARKER}"}}"#)),
            tokens::encode("{}")
        )
        .into(),
        5 => tokens::encode(MARKER.repeat(1 + length * 8)).into(),
        6 => ".".repeat(length).into(),
        7 => {
            let mut bytes = real.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            bytes
        }
        8 => format!("{} {MARKER}", &real[..at]).into(),
        _ => "\u{e9}\u{e8}".repeat(1 + length).into(),
    }
}

fn field(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static(MARKER))
}

fn authorizations(random: &mut Random, real: &str) -> Vec<HeaderValue> {
    let count = [0, 1, 1, 1, 2, 5][random.below(6)];
    (0..count)
        .map(|_| {
            let mut bytes =
                random.pick::<str>(&["Bearer ", "bearer ", "Bearer", "Basic ", "", "Bearer  "]).as_bytes().to_vec();
            bytes.extend(token(random, real));
            field(&bytes)
        })
        .collect()
}

fn cookies(random: &mut Random, real: &str) -> Vec<HeaderValue> {
    let count = [0, 1, 1, 2][random.below(4)];
    (0..count)
        .map(|_| {
            let mut bytes = Vec::new();
            for _ in 0..=random.below(4) {
                let name = random.pick::<str>(&[
                    "__Host-refresh_token-users",
                    "__Host-otp_challenge-users",
                    "__Host-otp_device-users",
                    "x",
                    "",
                ]);
                bytes.extend(name.bytes());
                bytes.extend(random.pick::<str>(&["=", " = ", "==", "", "=\""]).bytes());
                bytes.extend(token(random, real));
                bytes.extend(random.pick::<str>(&[";", "; ", ";;", " "]).bytes());
            }
            field(&bytes)
        })
        .collect()
}

fn request(random: &mut Random, access: &str, refresh: &str) -> (Request<Body>, bool) {
    let on_our_routes = random.below(4) != 0;
    let path = if on_our_routes { random.pick(&AUTH) } else { random.pick(&[&PROTECTED[..], &OPTIONAL[..]].concat()) };
    let mut request = Request::builder().uri(path).method(if on_our_routes { Method::POST } else { Method::GET });
    let headers = request.headers_mut().unwrap();
    for value in authorizations(random, access) {
        headers.append(AUTHORIZATION, value);
    }
    for value in cookies(random, refresh) {
        headers.append(COOKIE, value);
    }
    headers.append(CONTENT_TYPE, media_type(random));
    let body = if on_our_routes { body(random) } else { Vec::new() };
    // Signing out without a usable token succeeds, and an optional extractor accepts a request
    // whose credentials have another scheme.
    let is_bearer = |field: &HeaderValue| {
        field.as_bytes().split(|byte| *byte == b' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    let may_succeed =
        path == "/auth/logout" || (path.starts_with("/maybe") && !headers.get_all(AUTHORIZATION).iter().any(is_bearer));
    (request.body(body.into()).unwrap(), may_succeed)
}

fn assert_harmless(answer: &Answer, may_succeed: bool, what: &str) {
    let known = || ProblemKind::ALL.iter().any(|kind| kind.code() == answer.code() && kind.status() == answer.status);
    if answer.status.is_client_error() {
        answer.assert_problem();
        assert!(known(), "{what}: {answer:?}");
    } else {
        assert!(may_succeed && answer.status == StatusCode::OK, "{what}: {answer:?}");
    }
    assert!(!String::from_utf8_lossy(&answer.body).contains(MARKER), "{what}: {answer:?}");
    for value in answer.headers.values() {
        assert!(!String::from_utf8_lossy(value.as_bytes()).contains(MARKER), "{what}: {answer:?}");
    }
}

async fn assert_unharmed(app: &App, client: &mut Client) {
    assert_eq!((app.mails(), app.users().await.len()), (1, 1));
    client.get("/me").await.ok();
    client.refresh().await.ok();
    app.client().sign_in(BOB).await;
}

#[tokio::test]
async fn http_09_enum_07_ten_thousand_bad_requests_are_refused_and_not_echoed() {
    let mut sent = 0;
    for (seed, (app, mut client)) in every_mode().await.into_iter().enumerate() {
        client.sign_in(ANN).await;
        let (access, refresh) = (client.token(), client.held_refresh_token());
        let mut random = Random(seed as u64);
        let mut refused = std::collections::BTreeSet::new();
        for number in 0..3_000 {
            let (request, may_succeed) = request(&mut random, &access, &refresh);
            let what = format!("request {number} of mode {:?}: {:?} {}", app.mode, request, MARKER);
            // Sent directly, not through a client that adds what it holds.
            let answer = Answer::read(tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap()).await;
            assert_harmless(&answer, may_succeed, &what);
            refused.insert(answer.code());
            sent += 1;
        }
        for code in [
            "malformed",
            "invalid_email",
            "unsupported_media_type",
            "invalid_request",
            "invalid_token",
            "missing_token",
            "invalid_refresh_token",
        ] {
            assert!(refused.contains(code), "never met {code}: {refused:?}");
        }
        assert_unharmed(&app, &mut client).await;
    }
    assert!(sent >= 10_000);
}

#[tokio::test]
async fn http_09_each_kind_of_bad_body_has_its_code() {
    for (app, mut client) in every_mode().await {
        for (body, code) in [
            ("", "malformed"),
            ("{", "malformed"),
            ("null", "malformed"),
            ("\"ann@example.com\"", "malformed"),
            ("{}", "malformed"),
            (r#"{"email":null}"#, "malformed"),
            (r#"{"email":["ann@example.com"]}"#, "malformed"),
            (r#"{"email":"ann@example.com","email":"bob@example.com"}"#, "malformed"),
            (r#"{"email":"ann\ud800@example.com"}"#, "malformed"),
            (r#"{"email":"ann@example.com"} {"#, "malformed"),
            (r#"{"email":"ann\u0000@example.com"}"#, "invalid_email"),
            (r#"{"email":""}"#, "invalid_email"),
            (r#"{"email":"ann@example.com, bob@example.com"}"#, "invalid_email"),
        ] {
            let request = Request::post("/auth/request-otp").header(CONTENT_TYPE, "application/json");
            client.send(request.body(body.into()).unwrap()).await.problem(422, code);
        }
        let deep = format!("{{\"email\":{}{}}}", "[".repeat(8_000), "]".repeat(8_000));
        let request = Request::post("/auth/request-otp").header(CONTENT_TYPE, "application/json");
        client.send(request.body(deep.into()).unwrap()).await.problem(422, "malformed");
        let long = "1".repeat(65);
        for code in ["", " ", "\u{200b}", "12 34 5x", "\u{0}123456", "12345²", "Your code is 123456", &long] {
            let answer = client.verify(ANN, code).await.problem(422, "malformed_code");
            assert!(answer.member("detail").contains("digits only"), "{answer:?}");
        }
        // The maximum number of digits, and digits of other scripts, but not the correct ones.
        for code in [&"1".repeat(64), "１２３４５６", "٣٤٥٦٧٨", "12345６"] {
            client.verify(ANN, code).await.problem(401, "invalid_code");
        }
        for body in [json!({ "email": ANN }), json!({ "email": ANN, "code": 123_456 })] {
            client.post("/auth/verify-otp", &body).await.problem(422, "malformed");
        }
        assert_eq!(app.mails(), 0);
    }
}

#[tokio::test]
async fn http_09_a_huge_token_is_refused_like_any_other() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let [head, body, signature] = tokens::parts(&client.token()).map(str::to_owned);
        for huge in [
            format!("{head}.{}.{signature}", body.repeat(200)),
            format!("{head}.{body}.{}", signature.repeat(500)),
            format!("{}.{body}.{signature}", head.repeat(500)),
            "a".repeat(100_000),
        ] {
            client.get_with("/me", &huge).await.problem(401, "invalid_token");
            let mut other = client.clone();
            other.put_refresh_token(&huge[..15_000.min(huge.len())]);
            other.refresh().await.problem(401, "invalid_refresh_token");
        }
        client.refresh().await.ok();
    }
}

#[tokio::test]
async fn http_09_a_list_is_not_a_request() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        for (path, body) in [
            ("/auth/request-otp", json!([BOB])),
            ("/auth/verify-otp", json!([ANN, app.code_for(ANN), client.challenge])),
        ] {
            client.post(path, &body).await.problem(422, "malformed");
        }
        // A body that does not matter is not read.
        if app.mode.reads_body("/auth/refresh") {
            client.post("/auth/refresh", &json!(["token"])).await.problem(422, "malformed");
        }
        assert_eq!(app.mails(), 1);
    }
}

/// A Rust client reads an error as the type that the server sent.
#[tokio::test]
async fn a_client_reads_a_problem_back() {
    let app = Setup::new(Mode::Body).start().await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let answer = client.request(ANN).await;
    let problem: Problem = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((problem.kind(), problem.retry_after()), (ProblemKind::ResendTooSoon, Some(COOLDOWN)));
    assert_eq!(problem.detail(), answer.json()["detail"]);
    assert_eq!(serde_json::to_value(&problem).unwrap(), answer.json());
}
