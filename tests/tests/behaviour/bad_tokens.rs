//! Access tokens: what every extractor rejects (requirements F and G).

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, WWW_AUTHENTICATE};
use otp_auth_tests::app::{OPTIONAL, PROTECTED};
use otp_auth_tests::{Fault, Mode, OTHER_SECRET, Operation, Setup, tokens};

use crate::support::{ANN, BOB, COOLDOWN, MILLI, app, every_mode};

const INVALID: Option<&str> = Some(r#"Bearer realm="otp-auth", error="invalid_token""#);

fn everywhere() -> impl Iterator<Item = &'static str> {
    PROTECTED.into_iter().chain(OPTIONAL)
}

#[tokio::test]
async fn jwt_01_jwt_02_jwt_07_jwt_25_br_02_br_09_no_extractor_accepts_a_forged_token() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.client().sign_in(BOB).await;
        let token = client.token();
        for (name, forged) in tokens::forgeries(&token) {
            for path in everywhere() {
                let answer = client.get_with(path, &forged).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.code().as_str()),
                    (401, "invalid_token"),
                    "{name} at {path}"
                );
                answer.assert_problem();
                assert_eq!(answer.header(WWW_AUTHENTICATE), INVALID);
            }
        }
        for path in everywhere() {
            client.get_with(path, &token).await.ok();
        }
    }
}

#[tokio::test]
async fn jwt_25_a_token_of_another_secret_is_refused() {
    let ours = app(Mode::Body).await;
    let theirs = Setup::new(Mode::Body).secret(&OTHER_SECRET).start().await;
    let mut forger = theirs.client();
    forger.sign_in(ANN).await;
    ours.client().sign_in(ANN).await;
    for path in everywhere() {
        forger.at(&ours).get(path).await.problem(401, "invalid_token");
    }
    forger.at(&ours).refresh().await.problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn jwt_13_jwt_14_issuer_and_audience_are_written_and_required() {
    let plain = app(Mode::Body).await;
    let strict =
        Setup::new(Mode::Body).after(&plain).tune(|s| s.issuer("https://a.test").audience("api")).start().await;
    let other_issuer =
        Setup::new(Mode::Body).after(&plain).tune(|s| s.issuer("https://a.test/").audience("api")).start().await;
    let other_audience =
        Setup::new(Mode::Body).after(&plain).tune(|s| s.issuer("https://a.test").audience("API")).start().await;
    let mut client = strict.client();
    client.sign_in(ANN).await;
    let claims = tokens::payload(&client.token());
    assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some("https://a.test"), Some("api")));
    client.get("/claims").await.ok();
    for other in [&other_issuer, &other_audience] {
        for path in everywhere() {
            client.at(other).get(path).await.problem(401, "invalid_token");
        }
    }
    // Refresh tokens are rejected as well, but with another audience they can still be signed out.
    for other in [&other_issuer, &other_audience] {
        client.at(other).refresh().await.problem(401, "invalid_refresh_token");
    }
    client.at(&other_issuer).logout().await.ok();
    client.refresh().await.ok();
    plain.pass(COOLDOWN);
    let mut bare = plain.client();
    bare.sign_in(ANN).await;
    for path in everywhere() {
        bare.at(&strict).get(path).await.problem(401, "invalid_token");
    }
    client.at(&other_audience).logout().await.ok();
    client.refresh().await.problem(401, "session_revoked");
    for path in everywhere() {
        client.get(path).await.problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn jwt_09_t23_an_access_token_expires_at_its_millisecond() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.pass(Duration::from_secs(3_600) - MILLI);
        for path in everywhere() {
            client.get(path).await.ok();
        }
        app.pass(MILLI);
        for path in everywhere() {
            let answer = client.get(path).await.problem(401, "invalid_token");
            assert_eq!(answer.header(WWW_AUTHENTICATE), INVALID);
        }
    }
}

#[tokio::test]
async fn jwt_16_refresh_and_access_tokens_do_not_stand_in_for_each_other() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let (access, refresh) = (client.token(), client.held_refresh_token());
        for path in everywhere() {
            client.get_with(path, &refresh).await.problem(401, "invalid_token");
        }
        client.put_refresh_token(&access);
        client.refresh().await.problem(401, "invalid_refresh_token");
        assert_eq!(tokens::header(&access)["typ"], "at+jwt");
        assert_eq!(tokens::header(&refresh)["typ"], "rt+jwt");
    }
}

#[tokio::test]
async fn jwt_17_jwt_19_jwt_21_jwt_22_the_claims_are_the_documented_ones() {
    for (app, mut client) in every_mode().await {
        app.add_user(ANN, true).await;
        client.sign_in(ANN).await;
        let signed_in_at = app.clock.now().as_secs();
        let mut ids = Vec::new();
        for _ in 0..4 {
            let claims = tokens::payload(&client.token());
            let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["amr", "auth_time", "bnd", "exp", "iat", "jti", "sid", "sub", "username"]);
            assert_eq!(claims["sub"], "1");
            assert_eq!(claims["auth_time"], signed_in_at);
            assert_eq!(claims["amr"], serde_json::json!(["otp"]));
            assert!(!claims.to_string().contains("ann@"));
            ids.push(claims["jti"].as_str().unwrap().to_owned());
            app.pass(Duration::from_secs(30));
            client.refresh().await.ok();
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4);
    }
}

#[tokio::test]
async fn br_03_several_or_malformed_authorization_fields_are_a_400() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    let token = client.token();
    let good = format!("Bearer {token}");
    for fields in [
        vec![good.clone(), good.clone()],
        vec![good.clone(), "Basic YTpi".to_owned()],
        vec![format!("{good} {token}")],
        vec![format!("{good}, Bearer x")],
        vec!["Bearer".to_owned()],
        vec!["Bearer ".to_owned()],
    ] {
        for path in everywhere() {
            let mut request = Request::get(path);
            for field in &fields {
                request = request.header(AUTHORIZATION, field);
            }
            let answer = client.send(request.body(Body::empty()).unwrap()).await.problem(400, "invalid_request");
            assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth", error="invalid_request""#));
        }
    }
}

#[tokio::test]
async fn br_06_the_scheme_is_read_in_any_case_and_another_scheme_is_no_token() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let token = client.token();
        for path in everywhere() {
            for scheme in ["bearer", "BEARER", "BeArEr"] {
                let request = Request::get(path).header(AUTHORIZATION, format!("{scheme} {token}"));
                let answer = client.send(request.body(Body::empty()).unwrap()).await.ok();
                assert_ne!(answer.json(), serde_json::Value::Null);
            }
        }
        let fields = [
            "Basic YTpi".to_owned(),
            "Digest username=\"a\", realm=\"b\", nonce=\"c\"".to_owned(),
            "Negotiate".to_owned(),
            format!("Token {token}"),
            format!("DPoP {token}"),
            token.clone(),
        ];
        for field in fields {
            for path in PROTECTED {
                let request = Request::get(path).header(AUTHORIZATION, &field);
                let answer = client.send(request.body(Body::empty()).unwrap()).await.problem(401, "missing_token");
                assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="otp-auth""#));
            }
            for path in OPTIONAL {
                let request = Request::get(path).header(AUTHORIZATION, &field);
                let answer = client.send(request.body(Body::empty()).unwrap()).await.ok();
                assert_eq!(answer.json(), serde_json::Value::Null, "{path} {field}");
            }
        }
        for field in ["", "Bearer: x", "\"Bearer\" x"] {
            for path in everywhere() {
                let request = Request::get(path).header(AUTHORIZATION, field);
                client.send(request.body(Body::empty()).unwrap()).await.problem(401, "missing_token");
            }
        }
    }
}

/// As behind a gateway with its own password, which the browser adds to every request.
#[tokio::test]
async fn br_06_the_routes_work_beside_credentials_of_another_scheme() {
    for (app, mut client) in every_mode().await {
        client.headers = vec![(AUTHORIZATION, "Basic YTpi".parse().unwrap())];
        client.sign_in(ANN).await;
        client.refresh().await.ok();
        assert_eq!(app.sessions(1).await.len(), 1);
        client.logout().await.ok();
        assert!(app.sessions(1).await.is_empty());
    }
}

#[tokio::test]
async fn br_07_br_11_a_token_in_a_query_a_form_or_a_cookie_is_no_token() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    let token = client.token();
    for path in PROTECTED {
        let query = Request::get(format!("{path}?access_token={token}")).body(Body::empty()).unwrap();
        client.send(query).await.problem(401, "missing_token");
        let form = Request::get(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("access_token={token}").into())
            .unwrap();
        client.send(form).await.problem(401, "missing_token");
        for name in ["access_token", "Authorization", "__Host-refresh_token-users"] {
            let cookie = Request::get(path).header(COOKIE, format!("{name}={token}")).body(Body::empty()).unwrap();
            client.send(cookie).await.problem(401, "missing_token");
        }
    }
}

#[tokio::test]
async fn br_10_an_optional_extractor_is_never_none_for_a_bad_token_or_a_failing_store() {
    for fault in [None, Some(Fault::Fail)] {
        let app = app(Mode::Cookie).await;
        let mut client = app.client();
        client.sign_in(ANN).await;
        for path in OPTIONAL {
            client.get_with(path, "garbage").await.problem(401, "invalid_token");
        }
        if let Some(fault) = fault {
            app.faults.set(Operation::CurrentUser, fault);
            for path in ["/maybe", "/maybe-verified", "/me", "/verified"] {
                client.get(path).await.problem(503, "store_unavailable");
            }
            // By design, claims need no store.
            client.get("/maybe-claims").await.ok();
        }
    }
}

#[tokio::test]
async fn br_08_texts_are_from_a_fixed_list() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    for (_, forged) in tokens::forgeries(&client.token()) {
        let answer = client.get_with("/me", &forged).await;
        assert_eq!(answer.member("detail"), "The access token is not valid.");
        assert_eq!(answer.member("title"), "Invalid token");
    }
}

#[tokio::test]
async fn the_claims_extractor_asks_no_store_and_the_current_user_asks_once() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    app.faults.take_calls();
    for path in ["/claims", "/maybe-claims"] {
        client.get(path).await.ok();
        assert_eq!(app.faults.take_calls(), []);
    }
    for path in ["/me", "/verified", "/maybe", "/maybe-verified"] {
        client.get(path).await.ok();
        assert_eq!(app.faults.take_calls(), [Operation::CurrentUser]);
    }
}
