//! Cookies under every setting (requirements J).

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{COOKIE, HeaderValue};
use otp_auth::config::{SameSite, SettingsBuilder};
use otp_auth_tests::{Answer, Client, ClientKind, Mode, Setup};

use crate::support::{ANN, COOLDOWN, app};

/// Every cookie of a whole round: request, sign-in, refresh, sign-out.
async fn round(tune: impl Fn(SettingsBuilder) -> SettingsBuilder + Send + Sync + 'static) -> (Client, [Answer; 4]) {
    let app = Setup::new(Mode::Cookie).tune(tune).start().await;
    let mut client = app.client();
    let asked = client.request(ANN).await.ok();
    let signed_in = client.verify_right(ANN).await.ok();
    let refreshed = client.refresh().await.ok();
    let signed_out = client.logout().await.ok();
    (client, [asked, signed_in, refreshed, signed_out])
}

#[tokio::test]
async fn ck_01_ck_02_ck_03_ck_05_every_cookie_is_secure_http_only_host_bound_and_has_same_site() {
    let (_, answers) = round(|settings| settings).await;
    let mut seen = 0;
    for cookie in answers.iter().flat_map(Answer::cookies) {
        assert!(cookie.name.starts_with("__Host-"), "{cookie:?}");
        assert!(cookie.has("Secure") && cookie.has("HttpOnly"), "{cookie:?}");
        assert_eq!(cookie.attribute("SameSite"), Some("Lax"), "{cookie:?}");
        assert_eq!((cookie.attribute("Path"), cookie.attribute("Domain")), (Some("/"), None), "{cookie:?}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[tokio::test]
async fn without_cookie_secure_the_names_have_no_prefix() {
    let (_, answers) = round(|settings| settings.cookie_secure(false)).await;
    let names: Vec<_> = answers.iter().map(Answer::cookie_names).collect();
    assert_eq!(
        names,
        [
            vec!["otp_challenge-users"],
            vec!["otp_challenge-users", "otp_device-users", "refresh_token-users"],
            vec!["refresh_token-users"],
            vec!["refresh_token-users"]
        ]
    );
    assert!(answers.iter().flat_map(Answer::cookies).all(|cookie| !cookie.has("Secure") && cookie.has("HttpOnly")));
}

#[tokio::test]
async fn same_site_is_that_of_the_setting_on_every_cookie() {
    for (setting, text) in [(SameSite::Strict, "Strict"), (SameSite::Lax, "Lax"), (SameSite::None, "None")] {
        let (_, answers) = round(move |settings| settings.cookie_same_site(setting)).await;
        for cookie in answers.iter().flat_map(Answer::cookies) {
            assert_eq!(cookie.attribute("SameSite"), Some(text), "{cookie:?}");
        }
    }
}

#[tokio::test]
async fn out_04_ck_04_name_path_and_domain_are_those_of_the_setting_also_when_cleared() {
    let (client, answers) =
        round(|settings| settings.cookie_name("__Secure-session").cookie_path("/auth").cookie_domain("example.com"))
            .await;
    for answer in &answers[1..] {
        // The host-only cookie is deleted along the way.
        let mut cookies = answer.cookies().into_iter().filter(|cookie| cookie.name == "__Secure-session");
        let host_only = cookies.next().expect("the name of the setting");
        assert_eq!((host_only.attribute("Domain"), host_only.attribute("Max-Age")), (None, Some("0")));
        assert_eq!((host_only.value.as_str(), host_only.attribute("Path")), ("", Some("/auth")));
        let cookie = cookies.next().expect("the one of the setting");
        assert_eq!((cookie.attribute("Path"), cookie.attribute("Domain")), (Some("/auth"), Some("example.com")));
        assert!(cookie.has("Secure") && cookie.has("HttpOnly"));
        assert!(answer.cookie("__Host-refresh_token-users").is_none());
    }
    assert_eq!(client.jar.get("__Secure-session"), None);
    // The other two stay bound to the host.
    for name in ["__Host-otp_challenge-users", "__Host-otp_device-users"] {
        let cookie = answers[1].cookie(name).unwrap();
        assert_eq!((cookie.attribute("Path"), cookie.attribute("Domain")), (Some("/"), None));
    }
}

#[tokio::test]
async fn with_another_path_or_a_domain_the_default_name_has_the_prefix_that_allows_it() {
    let (_, answers) = round(|settings| settings.cookie_path("/auth")).await;
    assert!(answers[1].cookie("__Secure-refresh_token-users").is_some());
    let (_, answers) = round(|settings| settings.cookie_domain("example.com")).await;
    assert!(answers[1].cookie("__Secure-refresh_token-users").is_some());
    let (_, answers) = round(|settings| settings.cookie_path("/auth").cookie_secure(false)).await;
    assert!(answers[1].cookie("refresh_token-users").is_some());
}

#[tokio::test]
async fn ck_07_no_cookie_outlives_what_it_holds() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    app.pass(COOLDOWN);
    let again = client.request(ANN).await.ok();
    assert_eq!(again.cookie("__Host-otp_challenge-users").unwrap().attribute("Max-Age"), Some("540"));

    let long = Setup::new(Mode::Cookie)
        .tune(|settings| settings.refresh_token_lifetime(Duration::from_secs(400 * 86_400)))
        .start()
        .await;
    let answer = long.client().sign_in(ANN).await;
    assert_eq!(answer.cookie("__Host-refresh_token-users").unwrap().attribute("Max-Age"), Some("34560000"));
}

#[tokio::test]
async fn ck_10_no_failure_sets_a_cookie() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let failures = [
        client.clone().request(ANN).await.problem(429, "resend_too_soon"),
        client.clone().request("x").await.problem(422, "invalid_email"),
        client.clone().verify_wrong(ANN).await.problem(401, "invalid_code"),
        client.clone().verify(ANN, "x").await.problem(422, "malformed_code"),
        client.clone().refresh().await.problem(401, "invalid_refresh_token"),
    ];
    for failure in failures {
        assert!(failure.cookies().is_empty(), "{failure:?}");
    }
}

/// A refresh with this whole `Cookie` field.
async fn refresh_with(client: &mut Client, cookies: HeaderValue) -> Answer {
    client.jar.clear();
    let request = Request::post("/auth/refresh").header(COOKIE, cookies);
    client.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn cookies_are_read_among_others_in_one_field_or_in_several() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    let token = client.held_refresh_token();
    let field = format!("a=b;__Host-refresh_token-users={token} ; x__Host-refresh_token-users=1; flag; c=d=e");
    refresh_with(&mut client, field.parse().unwrap()).await.ok();
    let mut client = client.clone();
    client.jar.clear();
    let request = Request::post("/auth/refresh")
        .header(COOKIE, "a=b")
        .header(COOKIE, format!("__Host-refresh_token-users={token}"))
        .body(Body::empty())
        .unwrap();
    client.send(request).await.ok();
}

/// Browsers send cookies as scripts set them, including non-ASCII bytes (RFC 6265bis section 5.6).
#[tokio::test]
async fn a_cookie_of_somebody_else_with_other_bytes_does_not_hide_ours() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    let token = client.held_refresh_token();
    for other in ["city=münchen", "city=m\u{fc}nchen; x=\u{1f600}"] {
        let field = format!("{other}; __Host-refresh_token-users={token}");
        refresh_with(&mut client, HeaderValue::from_bytes(field.as_bytes()).unwrap()).await.ok();
    }
}

#[tokio::test]
async fn a_cookie_in_other_characters_does_not_hide_ours() {
    let app = app(Mode::Cookie).await;
    let mut browser = app.client();
    browser.sign_in(ANN).await;
    let cookies = format!("name=Jos\u{e9}; __Host-refresh_token-users={}", browser.held_refresh_token());
    let mut odd = app.client_of(ClientKind::Native);
    odd.headers.push((COOKIE, HeaderValue::from_bytes(cookies.as_bytes()).unwrap()));
    odd.post_nothing("/auth/refresh").await.ok();
    odd.post_nothing("/auth/logout").await.ok();
    browser.get("/me").await.problem(401, "invalid_token");
}
