//! Several cookies of one name in one request, and bodies beside them.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE};
use otp_auth::Suspicion;
use otp_auth_tests::{Answer, App, Call, Client, Mode, Setup};

use crate::support::{ANN, BOB, COOLDOWN, app, every_mode};

const NAME: &str = "__Host-refresh_token-users";

fn suspicions(app: &App) -> usize {
    let reused = |call: &&Call| matches!(call, Call::Suspicious(Suspicion::RefreshTokenReused { .. }));
    app.hooks.calls().iter().filter(reused).count()
}

/// Sends these refresh cookies and no others.
async fn send(app: &App, route: &str, tokens: &[&str]) -> Answer {
    let cookies: Vec<_> = tokens.iter().map(|token| format!("{NAME}={token}")).collect();
    let request = Request::post(format!("/auth/{route}")).header(COOKIE, cookies.join("; "));
    app.client().send(request.body(Body::empty()).unwrap()).await
}

async fn signed_in(app: &App, email: &str) -> (Client, String) {
    let mut client = app.client();
    client.sign_in(email).await;
    let token = client.held_refresh_token();
    (client, token)
}

/// Both orders of two values.
fn orders<'a>(a: &'a str, b: &'a str) -> [[&'a str; 2]; 2] {
    [[a, b], [b, a]]
}

#[tokio::test]
async fn the_token_in_use_is_taken_whichever_cookie_comes_first() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (mut client, old) = signed_in(&app, ANN).await;
            client.refresh().await.ok();
            client.refresh().await.ok();
            app.pass(Duration::from_secs(60));
            let new = client.held_refresh_token();
            let answer = send(&app, "refresh", &orders(&old, &new)[swapped]).await.ok();
            assert_eq!(suspicions(&app), 0);
            // What was handed out goes on, also beside the old one, for good.
            let newer = answer.cookie(NAME).unwrap().value;
            app.pass(Duration::from_secs(60));
            send(&app, "refresh", &orders(&old, &newer)[swapped]).await.ok();
            // Alone the old one is what it is.
            send(&app, "refresh", &[&old]).await.problem(401, "session_revoked");
            assert_eq!(suspicions(&app), 1);
        }
    }
}

#[tokio::test]
async fn a_token_that_is_no_good_hides_none_that_is() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (mut gone, revoked) = signed_in(&app, BOB).await;
            gone.logout().await.ok();
            let (_, mut good) = signed_in(&app, ANN).await;
            for bad in [revoked.as_str(), "nonsense", "a.b.c"] {
                let answer = send(&app, "refresh", &orders(bad, &good)[swapped]).await.ok();
                good = answer.cookie(NAME).unwrap().value;
            }
        }
    }
}

#[tokio::test]
async fn of_two_sessions_the_later_one_is_taken() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (_, earlier) = signed_in(&app, ANN).await;
            app.pass(COOLDOWN);
            let (later_client, later) = signed_in(&app, BOB).await;
            let answer = send(&app, "refresh", &orders(&earlier, &later)[swapped]).await.ok();
            let mut client = later_client;
            let me = client.get_with("/me", &answer.member("access_token")).await.ok();
            assert!(me.text().contains(BOB), "{me:?}");
            // Nothing happened to the other one.
            send(&app, "refresh", &[&earlier]).await.ok();
        }
    }
}

#[tokio::test]
async fn theft_is_found_among_several_that_are_no_good() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (mut client, old) = signed_in(&app, ANN).await;
            client.refresh().await.ok();
            client.refresh().await.ok();
            app.pass(Duration::from_secs(60));
            send(&app, "refresh", &orders(&old, "nonsense")[swapped]).await.problem(401, "session_revoked");
            assert_eq!(suspicions(&app), 1);
            client.refresh().await.problem(401, "session_revoked");
        }
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_of_every_cookie() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (_, ann) = signed_in(&app, ANN).await;
            let (_, bob) = signed_in(&app, BOB).await;
            send(&app, "logout", &orders(&ann, &bob)[swapped]).await.ok();
            for token in [&ann, &bob] {
                send(&app, "refresh", &[token]).await.problem(401, "session_revoked");
            }
        }
    }
}

#[tokio::test]
async fn signing_in_ends_the_session_of_every_older_cookie() {
    for mode in [Mode::Cookie, Mode::Both] {
        let app = app(mode).await;
        let (_, first) = signed_in(&app, ANN).await;
        app.pass(COOLDOWN);
        let (_, second) = signed_in(&app, ANN).await;
        let mut client = app.client();
        client.request(BOB).await.ok();
        let cookies =
            format!("__Host-otp_challenge-users={}; {NAME}={first}; {NAME}={second}", client.held_challenge());
        client.jar.clear();
        let body = serde_json::json!({ "email": BOB, "code": app.code_for(BOB) });
        let request =
            Request::post("/auth/verify-otp").header(CONTENT_TYPE, "application/json").header(COOKIE, cookies);
        client.send(request.body(body.to_string().into()).unwrap()).await.ok();
        for token in [&first, &second] {
            send(&app, "refresh", &[token]).await.problem(401, "session_revoked");
        }
        assert_eq!(suspicions(&app), 0);
        client.refresh().await.ok();
    }
}

#[tokio::test]
async fn with_a_domain_the_cookie_of_the_host_alone_is_removed() {
    for mode in [Mode::Cookie, Mode::Both] {
        let app = Setup::new(mode).tune(|settings| settings.cookie_domain("example.com")).start().await;
        let mut client = app.client();
        let answer = client.sign_in(ANN).await;
        let name = "__Secure-refresh_token-users";
        let both = |answer: &Answer| {
            let cookies = answer.cookies().into_iter().filter(|cookie| cookie.name == name);
            cookies
                .map(|cookie| (cookie.attribute("Domain").map(str::to_owned), cookie.value.is_empty()))
                .collect::<Vec<_>>()
        };
        let domain = Some("example.com".to_owned());
        assert_eq!(both(&answer), [(None, true), (domain.clone(), false)]);
        assert_eq!(both(&client.logout().await.ok()), [(None, true), (domain, true)]);
    }
}

#[tokio::test]
async fn a_replaced_token_at_a_sign_out_is_reported() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let first = client.held_refresh_token();
        client.refresh().await.ok();
        client.refresh().await.ok();
        app.pass(Duration::from_secs(60));
        let mut thief = client.clone();
        thief.put_refresh_token(&first);
        thief.logout().await.ok();
        assert_eq!(suspicions(&app), 1);
        client.refresh().await.problem(401, "session_revoked");
    }
}

#[tokio::test]
async fn a_replaced_token_beside_the_code_of_somebody_else_is_reported() {
    for mode in [Mode::Cookie, Mode::Both] {
        for email in [ANN, BOB] {
            let app = app(mode).await;
            let (mut owner, first) = signed_in(&app, ANN).await;
            owner.refresh().await.ok();
            owner.refresh().await.ok();
            app.pass(COOLDOWN);
            let mut thief = app.client_of(otp_auth_tests::Kind::Browser);
            thief.put_refresh_token(&first);
            thief.sign_in(email).await;
            assert_eq!(suspicions(&app), 1, "{mode:?} {email}");
            owner.get("/me").await.problem(401, "invalid_token");
            owner.refresh().await.problem(401, "session_revoked");
            thief.get("/me").await.ok();
            thief.refresh().await.ok();
            assert_eq!(suspicions(&app), 1, "{mode:?} {email}");
        }
    }
}

#[tokio::test]
async fn a_token_whose_successor_may_be_lost_is_no_theft_at_a_sign_out() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        let first = client.held_refresh_token();
        client.refresh().await.ok();
        app.pass(Duration::from_secs(60));
        client.put_refresh_token(&first);
        client.logout().await.ok();
        assert_eq!(suspicions(&app), 0);
    }
}

#[tokio::test]
async fn no_body_keeps_anybody_signed_in_or_from_a_refresh() {
    let large = "x".repeat(1024 * 1024);
    let bodies = [
        ("application/json", "null"),
        ("application/json", "\"\""),
        ("application/json", "[]"),
        ("application/json", "\u{feff}{}"),
        ("application/json", "undefined"),
        ("application/x-www-form-urlencoded", "a=b"),
        ("text/plain", "bye"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("application/json", large.as_str()),
        ("text/plain", large.as_str()),
    ];
    for mode in [Mode::Cookie, Mode::Both] {
        for (media_type, body) in bodies {
            let app = app(mode).await;
            let (mut client, _) = signed_in(&app, ANN).await;
            let request = |route: &str| {
                let request = Request::post(format!("/auth/{route}")).header(CONTENT_TYPE, media_type);
                request.body(Body::from(body.to_owned())).unwrap()
            };
            let refreshed = client.send(request("refresh")).await;
            assert_eq!(refreshed.status == 200, mode == Mode::Cookie, "{media_type} {refreshed:?}");
            let token = client.held_refresh_token();
            client.send(request("logout")).await.ok();
            send(&app, "refresh", &[&token]).await.problem(401, "session_revoked");
        }
    }
}
