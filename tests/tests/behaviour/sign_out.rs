//! Signing out (requirements I).

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use otp_auth_tests::trickle::Trickle;
use otp_auth_tests::{Fault, Mode, Operation, tokens};
use serde_json::json;

use crate::support::{ANN, BOB, app, every_mode};

#[tokio::test]
async fn out_01_out_02_t22_after_sign_out_no_token_of_the_session_works() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let (first_access, first) = (client.token(), client.held_refresh_token());
        client.refresh().await.ok();
        let (access, refresh) = (client.token(), client.held_refresh_token());
        client.logout().await.ok();
        for token in [&first, &refresh] {
            let mut copy = client.clone();
            copy.put_refresh_token(token);
            copy.refresh().await.problem(401, "session_revoked");
        }
        for token in [&first_access, &access] {
            for path in ["/me", "/verified", "/claims", "/maybe", "/maybe-verified", "/maybe-claims"] {
                client.get_with(path, token).await.problem(401, "invalid_token");
            }
        }
        // Also at the end of its lifetime: the blacklist forgets nothing early.
        app.pass(Duration::from_millis(3_599_999));
        for path in ["/me", "/claims"] {
            client.get_with(path, &access).await.problem(401, "invalid_token");
        }
    }
}

#[tokio::test]
async fn out_02_the_access_token_alone_signs_out() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let refresh = client.held_refresh_token();
        let mut bare = client.clone();
        bare.jar.clear();
        bare.refresh_token = None;
        bare.logout_with_access_token().await.ok();
        client.put_refresh_token(&refresh);
        client.refresh().await.problem(401, "session_revoked");
        client.get("/me").await.problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn out_02_both_sessions_end_when_two_tokens_are_sent() {
    for (app, mut ann) in every_mode().await {
        ann.sign_in(ANN).await;
        let mut bob = app.client();
        bob.sign_in(BOB).await;
        let request = Request::post("/auth/logout")
            .header(AUTHORIZATION, format!("Bearer {}", bob.token()))
            .header(CONTENT_TYPE, "application/json");
        let body = ann.refresh_token.as_ref().map(|token| json!({ "refresh_token": token }).to_string());
        ann.send(request.body(Body::from(body.unwrap_or_default())).unwrap()).await.ok();
        ann.get("/me").await.problem(401, "invalid_token");
        bob.get("/me").await.problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn out_03_signing_out_without_a_usable_token_succeeds_and_clears_the_cookie() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let (access, refresh) = (client.token(), client.held_refresh_token());
        let mut unusable = vec![String::new(), "garbage".to_owned(), access.clone()];
        unusable.extend(tokens::forgeries(&refresh).into_iter().map(|(_, token)| token));
        for token in unusable {
            let mut copy = client.clone();
            copy.put_refresh_token(&token);
            let answer = copy.logout().await.ok();
            assert_eq!(answer.cookie("__Host-refresh_token-users").is_some(), app.mode.sets_cookies());
        }
        for field in ["Bearer garbage", "Basic YTpi", "Negotiate", "Token abc", "Bearer", "Bearer a b", ""] {
            let request = Request::post("/auth/logout").header(AUTHORIZATION, field);
            let mut copy = client.clone();
            copy.jar.clear();
            copy.send(request.body(Body::empty()).unwrap()).await.ok();
        }
        client.get("/me").await.ok();
        // Twice, and after the session has ended.
        let mut again = client.clone();
        client.logout().await.ok();
        again.logout().await.ok();
        app.pass(Duration::from_secs(8 * 24 * 3_600));
        again.put_refresh_token(&refresh);
        again.logout().await.ok();
    }
}

/// A body that never ends keeps no one signed in.
#[tokio::test(start_paused = true)]
async fn out_03_a_body_that_does_not_end_is_not_waited_for() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let mut after = client.clone();
        let request = Request::post("/auth/logout")
            .header(AUTHORIZATION, format!("Bearer {}", client.token()))
            .body(Trickle::body(Duration::from_secs(3_600)))
            .unwrap();
        client.send(request).await.ok();
        after.get("/me").await.problem(401, "invalid_token");
        after.refresh().await.problem(401, "session_revoked");
    }
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    client.send(Request::post("/auth/refresh").body(Trickle::body(Duration::from_secs(3_600))).unwrap()).await.ok();
}

#[tokio::test]
async fn an_old_refresh_token_is_good_enough_to_sign_out() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let first = client.held_refresh_token();
        client.refresh().await.ok();
        app.pass(Duration::from_secs(60));
        let mut older = client.clone();
        older.put_refresh_token(&first);
        older.logout().await.ok();
        client.refresh().await.problem(401, "session_revoked");
    }
}

#[tokio::test]
async fn signing_out_ends_one_session_only() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.pass(Duration::from_secs(60));
        let mut elsewhere = app.client();
        elsewhere.sign_in(ANN).await;
        client.logout().await.ok();
        elsewhere.get("/me").await.ok();
        elsewhere.get("/claims").await.ok();
        elsewhere.refresh().await.ok();
    }
}

#[tokio::test]
async fn out_06_when_the_blacklist_cannot_be_read_nobody_gets_in() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    app.faults.set(Operation::CurrentUser, Fault::Fail);
    for path in ["/me", "/verified", "/maybe", "/maybe-verified"] {
        client.get(path).await.problem(503, "store_unavailable");
    }
}

#[tokio::test]
async fn out_07_no_other_encoding_of_a_revoked_token_is_accepted() {
    for (_, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let token = client.token();
        client.logout().await.ok();
        let [head, body, signature] = tokens::parts(&token);
        let typ = tokens::header(&token).to_string();
        for forged in [
            format!("{token}="),
            format!("{token}=="),
            format!("{}.{body}.{signature}", tokens::encode(typ)),
            format!("{head}.{body}.{signature} "),
            token.replace('-', "+").replace('_', "/"),
            token.clone(),
        ] {
            for path in ["/me", "/claims"] {
                client.get_with(path, &forged).await.problem(401, "invalid_token");
            }
        }
    }
}
