//! HTTP semantics that are not a row of the contract (requirements L, and those of N that requests
//! can observe).

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use otp_auth::send::Purpose;
use otp_auth::testing::CapturedOtp;
use otp_auth_tests::{Backend, Fault, Mode, Operation, Setup};
use serde_json::{Value, json};

use crate::support::{ANN, COOLDOWN, every_mode};

#[tokio::test]
async fn http_10_extra_members_change_nothing() {
    for (app, mut client) in every_mode().await {
        let extra = json!({
            "is_verified": false, "id": 99, "role": "admin", "username": "root", "email_verified": true,
            "sub": "99", "exp": 1, "claims": { "username": "root" }
        });
        let merge = |mut body: Value| {
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            body
        };
        let answer = client.post("/auth/request-otp", &merge(json!({ "email": ANN }))).await.ok();
        let challenge = answer.json().get("challenge").cloned().unwrap_or(Value::Null);
        let body = merge(json!({ "email": ANN, "code": app.code_for(ANN), "challenge": challenge }));
        client.post("/auth/verify-otp", &body).await.ok();
        let users = app.users().await;
        assert_eq!((users.len(), users[0].id, users[0].is_verified), (1, 1, true));
        assert_eq!(users[0].username, None);
    }
}

#[tokio::test]
async fn http_12_nothing_is_read_from_a_query() {
    for (app, mut client) in every_mode().await {
        let query = Request::post("/auth/request-otp?email=ann%40example.com")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .unwrap();
        client.send(query).await.problem(422, "malformed");
        assert_eq!(app.mails(), 0);
        client.sign_in(ANN).await;
        let token = client.held_refresh_token();
        client.jar.clear();
        let query = Request::post(format!("/auth/refresh?refresh_token={token}")).body(Body::empty()).unwrap();
        client.send(query).await.problem(401, "invalid_refresh_token");
    }
}

#[tokio::test]
async fn http_03_the_cause_of_a_failure_stays_inside() {
    for (app, mut client) in every_mode().await {
        app.faults.set(Operation::OpenChallenge, Fault::Fail);
        let answer = client.request(ANN).await.problem(503, "store_unavailable");
        assert!(!answer.text().contains("db.internal"), "{answer:?}");
        app.faults.clear();
        app.sender.fail();
        let answer = client.request(ANN).await.problem(503, "delivery_failed");
        assert!(!answer.text().contains("told to fail"), "{answer:?}");
    }
}

#[tokio::test]
async fn db_04_sql_in_an_address_or_a_code_is_plain_text() {
    for backend in Backend::ALL {
        let app = Setup::new(Mode::Body).backend(backend).start().await;
        for email in ["a'--@x.com", "a'/**/or/**/1=1@x.com", "x'||'y@x.com", "%@x.com", "_@x.com"] {
            let mut client = app.client();
            client.sign_in(email).await;
            assert_eq!(client.get("/me").await.ok().json()["email"], email);
            client.verify(email, "' OR 1=1 --").await.problem(422, "malformed_code");
        }
        assert_eq!(app.users().await.len(), 5);
    }
}

#[tokio::test]
async fn db_05_an_object_where_text_belongs_is_refused() {
    for (app, mut client) in every_mode().await {
        for value in [json!({ "$ne": null }), json!({ "$gt": "" }), json!([ANN]), json!(1), json!(true), Value::Null] {
            client.post("/auth/request-otp", &json!({ "email": value })).await.problem(422, "malformed");
            for body in [json!({ "email": value, "code": "123456" }), json!({ "email": ANN, "code": value })] {
                client.post("/auth/verify-otp", &body).await.problem(422, "malformed");
            }
            if value != Value::Null && app.mode.fills_bodies() {
                client.post("/auth/refresh", &json!({ "refresh_token": value })).await.problem(422, "malformed");
            }
        }
    }
}

/// The contract requires objects, but `serde` also reads structs from arrays.
#[tokio::test]
async fn http_09_an_array_in_place_of_the_object_is_malformed() {
    for (app, mut client) in every_mode().await {
        client.post("/auth/request-otp", &json!([ANN])).await.problem(422, "malformed");
        client.post("/auth/verify-otp", &json!([ANN, "123456", null])).await.problem(422, "malformed");
        if app.mode.reads_body("/auth/refresh") {
            client.post("/auth/refresh", &json!([])).await.problem(422, "malformed");
        }
        assert_eq!(app.mails(), 0);
    }
}

#[tokio::test]
async fn mail_07_mail_08_mail_09_t12_t13_t14_odd_addresses_never_reach_the_sender() {
    for (app, mut client) in every_mode().await {
        let too_long = format!("{}@x.com", "a".repeat(65));
        for email in [
            "a@x.com,b@y.com",
            "a@x.com;b@y.com",
            "a@x.com\r\nBcc: b@y.com",
            "a\r\nBcc:b@y.com@x.com",
            "a\0@x.com",
            "Bob <bob@x.com>",
            "\"e@attacker\"@x.com",
            "a\u{ff20}x.com",
            "\u{ff41}dmin@x.com",
            "ad\u{200b}min@x.com",
            "ad\u{200c}min@x.com",
            "ad\u{200d}min@x.com",
            "\u{202e}a\u{202c}b@x.com",
            too_long.as_str(),
        ] {
            client.request(email).await.problem(422, "invalid_email");
            client.verify(email, "123456").await.problem(422, "invalid_email");
        }
        assert_eq!(app.mails(), 0);
        assert_eq!(app.faults.take_calls(), []);
    }
}

/// One account, one budget and one mailbox, however the address was pasted or its accents were
/// typed.
#[tokio::test]
async fn mail_01_mail_05_t26_what_looks_the_same_is_one_account() {
    for (spellings, form) in [
        (
            &["ann@x.com", "\u{a0}ann@x.com\u{200e}", "\u{200b}ann@x.com.\u{3000}", "\u{202a}Ann@x.com\u{202c}"][..],
            "ann@x.com",
        ),
        (
            &["น\u{e49}\u{e33}@x.com", "น\u{e4d}\u{e49}\u{e32}@x.com", "น\u{e49}\u{e4d}\u{e32}@x.com"],
            "น\u{e49}\u{e33}@x.com",
        ),
        (&["ຄ\u{eb3}@x.com", "ຄ\u{ecd}\u{eb2}@x.com"], "ຄ\u{eb3}@x.com"),
        (&["می\u{200c}خواهم@x.com"], "می\u{200c}خواهم@x.com"),
        (&["क्\u{200d}ष@x.com"], "क्\u{200d}ष@x.com"),
    ] {
        for (app, mut client) in every_mode().await {
            for typed in spellings {
                client.request(typed).await.ok();
                let message = app.sender.messages().pop().unwrap();
                assert_eq!(message.address.to_lowercase(), form, "{typed:?}");
                client.verify(spellings[0], &message.code).await.ok();
                assert_eq!(client.get("/me").await.ok().json()["email"], form, "{typed:?}");
                app.pass(COOLDOWN);
            }
            assert_eq!(app.users().await.len(), 1);
        }
    }
}

#[tokio::test]
async fn mail_12_t16_a_forged_host_changes_nothing_in_the_message() {
    let app = Setup::new(Mode::Body).start().await;
    let mut client = app.client();
    for host in ["evil.test", "example.com:8443@evil.test"] {
        client.headers = vec![
            ("host".parse().unwrap(), host.parse().unwrap()),
            ("x-forwarded-host".parse().unwrap(), host.parse().unwrap()),
        ];
        client.request(ANN).await.ok();
        app.pass(COOLDOWN);
    }
    // T15: the message contains nothing from a stranger except the address.
    let messages = app.sender.messages();
    assert_eq!(messages.len(), 2);
    for message in messages {
        let CapturedOtp { address, code, expires_in, purpose, unlock } = message;
        assert_eq!((address.as_str(), purpose), (ANN, Purpose::SignIn));
        assert_eq!((code.len(), expires_in), (6, Duration::from_mins(10)));
        assert!(code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
        assert!(unlock.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)), "{unlock}");
    }
}
