//! Several cookies with one name in one request, with and without bodies.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE};
use otp_auth::{config::SettingsBuilder, hooks::Suspicion};
use otp_auth_tests::{Answer, App, Call, Client, Fault, Mode, Operation, Reply, Setup};
use serde_json::json;

use crate::support::{ANN, BOB, COOLDOWN, MILLI, app, every_mode};

const NAME: &str = "__Host-refresh_token-users";

fn suspicions(app: &App) -> usize {
    let reused = |call: &&Call| matches!(call, Call::Suspicious(Suspicion::RefreshTokenReused { .. }));
    app.hooks.calls().iter().filter(reused).count()
}

/// Of each report, whether the session was revoked.
fn reported(app: &App) -> Vec<bool> {
    let revoked = |call| match call {
        Call::Suspicious(Suspicion::RefreshTokenReused { revoked, .. }) => Some(revoked),
        _ => None,
    };
    app.hooks.calls().into_iter().filter_map(revoked).collect()
}

/// Sends only these refresh cookies.
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

/// A client with the current token, and a token that was replaced long ago.
async fn rotated(app: &App) -> (Client, String) {
    let (mut client, old) = signed_in(app, ANN).await;
    client.refresh().await.ok();
    client.refresh().await.ok();
    app.pass(Duration::from_secs(60));
    (client, old)
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
            let (client, old) = rotated(&app).await;
            let new = client.held_refresh_token();
            let answer = send(&app, "refresh", &orders(&old, &new)[swapped]).await.ok();
            assert_eq!(suspicions(&app), 0);
            // The new token keeps working, even beside the old one.
            let newer = answer.cookie(NAME).unwrap().value;
            app.pass(Duration::from_secs(60));
            send(&app, "refresh", &orders(&old, &newer)[swapped]).await.ok();
            // Alone, the old one is reuse.
            send(&app, "refresh", &[&old]).await.problem(401, "session_revoked");
            assert_eq!(suspicions(&app), 1);
        }
    }
}

#[tokio::test]
async fn an_invalid_token_hides_no_valid_one() {
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
            // The other session is unaffected.
            send(&app, "refresh", &[&earlier]).await.ok();
        }
    }
}

/// Another host plants its own session, which begins later. The device cookie is bound to this host
/// and identifies the browser's user.
#[tokio::test]
async fn of_two_sessions_that_of_a_user_whom_the_device_knows_is_taken() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (mut owner, own) = signed_in(&app, ANN).await;
            app.pass(COOLDOWN);
            let (_, planted) = signed_in(&app, BOB).await;
            let device = owner.held_device();
            let [one, other] = orders(&own, &planted)[swapped];
            let cookies = format!("__Host-otp_device-users={device}; {NAME}={one}; {NAME}={other}");
            let request = Request::post("/auth/refresh").header(COOKIE, &cookies).body(Body::empty()).unwrap();
            let answer = app.client().send(request).await.ok();
            let me = owner.get_with("/me", &answer.member("access_token")).await.ok();
            assert!(me.text().contains(ANN), "{me:?}");
            // Also in a second tab, when the own token was just replaced, and when that answer was
            // lost.
            for passed in [MILLI, Duration::from_secs(3_600)] {
                app.pass(passed);
                let request = Request::post("/auth/refresh").header(COOKIE, &cookies).body(Body::empty()).unwrap();
                let again = app.client().send(request).await.ok();
                assert_eq!(again.cookie(NAME).unwrap().value, answer.cookie(NAME).unwrap().value);
            }
        }
    }
}

/// An old refresh token beside a correct code: someone has a copy of it, whatever the outcome of
/// the sign-in.
#[tokio::test]
async fn theft_is_found_at_a_sign_in_that_is_refused() {
    for mode in [Mode::Cookie, Mode::Both] {
        let app = app(mode).await;
        let (mut client, old) = rotated(&app).await;
        let mut thief = app.client();
        thief.request(BOB).await.ok();
        thief.put_refresh_token(&old);
        app.hooks.on_create(Reply::Refuse);
        thief.verify_right(BOB).await.problem(403, "sign_in_refused");
        assert_eq!(suspicions(&app), 1);
        client.refresh().await.problem(401, "session_revoked");
    }
}

/// The application hears of the theft, and that the session continues.
#[tokio::test]
async fn theft_is_reported_even_if_the_session_cannot_be_ended() {
    let app = app(Mode::Cookie).await;
    let (mut client, old) = rotated(&app).await;
    app.hooks.on_create(Reply::Refuse);
    let mut thief = app.client();
    thief.request(BOB).await.ok();
    thief.put_refresh_token(&old);
    app.faults.set(Operation::RevokeSession, Fault::Fail);
    thief.verify_right(BOB).await.problem(403, "sign_in_refused");
    assert_eq!(reported(&app), [false]);
    send(&app, "logout", &[&old]).await.problem(503, "store_unavailable");
    assert_eq!(reported(&app), [false; 2]);
    send(&app, "refresh", &[&old]).await.problem(503, "store_unavailable");
    assert_eq!(reported(&app), [false; 3]);
    client.get("/me").await.ok();
    app.faults.clear();
    send(&app, "refresh", &[&old]).await.problem(401, "session_revoked");
    assert_eq!(reported(&app), [false, false, false, true]);
    client.refresh().await.problem(401, "session_revoked");
}

/// However many there are: values that are not our tokens do not count.
#[tokio::test]
async fn nothing_crowds_out_the_good_token() {
    for mode in [Mode::Cookie, Mode::Both] {
        let app = app(mode).await;
        let (mut client, good) = signed_in(&app, ANN).await;
        let junk: Vec<_> = (0..50).map(|number| format!("junk{number}")).collect();
        let mut tokens: Vec<&str> = junk.iter().map(String::as_str).collect();
        tokens.push(&good);
        let answer = send(&app, "refresh", &tokens).await.ok();
        let good = answer.cookie(NAME).unwrap().value;
        *tokens.last_mut().unwrap() = &good;
        send(&app, "logout", &tokens).await.ok();
        client.get_with("/me", &answer.member("access_token")).await.problem(401, "invalid_token");
        send(&app, "refresh", &[&good]).await.problem(401, "session_revoked");
    }
}

/// Up to eight of our tokens are checked.
#[tokio::test]
async fn eight_tokens_are_looked_at() {
    let app = app(Mode::Cookie).await;
    let mut tokens = Vec::new();
    for number in 0..8 {
        let (mut client, token) = signed_in(&app, &format!("user{number}@example.com")).await;
        client.logout().await.ok();
        tokens.push(token);
    }
    let (_, good) = signed_in(&app, ANN).await;
    let of =
        |ended: usize| -> Vec<&str> { tokens[..ended].iter().map(String::as_str).chain([good.as_str()]).collect() };
    send(&app, "refresh", &of(8)).await.problem(401, "session_revoked");
    send(&app, "refresh", &of(7)).await.ok();
}

/// The user of the current token is not admitted now. The older token of the same session is not
/// theft.
#[tokio::test]
async fn an_old_token_beside_the_one_in_use_is_never_judged() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (client, old) = rotated(&app).await;
            let new = client.held_refresh_token();
            app.hooks.bar(1);
            send(&app, "refresh", &orders(&old, &new)[swapped]).await.problem(401, "invalid_refresh_token");
            assert_eq!(suspicions(&app), 0);
            app.hooks.unbar(1);
            send(&app, "refresh", &[&new]).await.ok();
        }
    }
}

/// Bytes that are not text are invalid credentials, not missing ones.
#[tokio::test]
async fn a_cookie_that_is_not_text_is_an_invalid_credential() {
    let app = app(Mode::Cookie).await;
    let value = [NAME.as_bytes(), b"=\xff"].concat();
    let request = || {
        let cookies = axum::http::HeaderValue::from_bytes(&value).unwrap();
        Request::post("/auth/refresh").header(COOKIE, cookies).body(Body::empty()).unwrap()
    };
    let answer = app.client().send(request()).await.problem(401, "invalid_refresh_token");
    assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{answer:?}");
}

#[tokio::test]
async fn theft_is_found_among_several_that_are_no_good() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = app(mode).await;
            let (mut client, old) = rotated(&app).await;
            send(&app, "refresh", &orders(&old, "nonsense")[swapped]).await.problem(401, "session_revoked");
            assert_eq!(suspicions(&app), 1);
            client.refresh().await.problem(401, "session_revoked");
        }
    }
}

/// The owner may hold both: a former path had a cookie of its own.
#[tokio::test]
async fn a_replaced_token_beside_its_successor_is_no_theft_at_a_sign_out() {
    for swapped in [0, 1] {
        let app = app(Mode::Cookie).await;
        let (client, old) = rotated(&app).await;
        let new = client.held_refresh_token();
        send(&app, "logout", &orders(&old, &new)[swapped]).await.ok();
        assert_eq!(suspicions(&app), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_hides_no_theft_at_a_sign_out() {
    for (seconds, expected) in [(0.9, 1), (1.1, 0)] {
        let app = app(Mode::Cookie).await;
        let (_, old) = rotated(&app).await;
        app.faults.set(Operation::Session, Fault::Wait);
        let slowly = async {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            app.faults.clear();
        };
        tokio::join!(async { send(&app, "logout", &[&old]).await.ok() }, slowly);
        assert_eq!(suspicions(&app), expected, "{seconds}");
    }
}

#[tokio::test]
async fn theft_is_reported_once_for_each_session() {
    for at_a_sign_in in [false, true] {
        let app = app(Mode::Cookie).await;
        let mut tokens = Vec::new();
        for email in [ANN, BOB] {
            let (mut client, oldest) = signed_in(&app, email).await;
            tokens.push(oldest);
            client.refresh().await.ok();
            tokens.push(client.held_refresh_token());
            client.refresh().await.ok();
            client.refresh().await.ok();
        }
        app.pass(Duration::from_secs(60));
        let (name, carl) = ("__Host-otp_challenge-users", "carl@example.com");
        let asked = post(&app, "request-otp", &json!({ "email": carl }), &[]).await.ok();
        let challenge = asked.cookie(name).unwrap().value;
        let mut cookies: Vec<_> = tokens.iter().map(|token| (NAME, token.as_str())).collect();
        cookies.push((name, &challenge));
        let (route, body) = if at_a_sign_in {
            ("verify-otp", json!({ "email": carl, "code": app.code_for(carl) }))
        } else {
            ("logout", json!({}))
        };
        post(&app, route, &body, &cookies).await.ok();
        assert_eq!(reported(&app), [true; 2], "{route}");
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
async fn with_a_domain_the_host_only_cookie_is_removed() {
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
            let mut thief = app.client_of(otp_auth_tests::ClientKind::Browser);
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
async fn a_token_whose_successor_may_be_lost_is_not_reported_as_theft_at_sign_out() {
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
async fn no_body_prevents_a_sign_out_or_a_refresh_with_cookies() {
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

/// Where an answer sets or deletes the refresh cookie: name, path, domain, and whether it is set.
fn places(answer: &Answer) -> Vec<(String, String, Option<String>, bool)> {
    let cookies = answer.cookies().into_iter().filter(|cookie| !cookie.name.contains("otp_"));
    cookies
        .map(|cookie| {
            assert_eq!(cookie.value.is_empty(), cookie.attribute("Max-Age") == Some("0"), "{cookie:?}");
            assert!(cookie.has("HttpOnly") && cookie.has("Secure"), "{cookie:?}");
            let path = cookie.attribute("Path").unwrap().to_owned();
            (cookie.name.clone(), path, cookie.attribute("Domain").map(str::to_owned), !cookie.value.is_empty())
        })
        .collect()
}

/// The same application after a change of its cookie settings.
async fn changed(app: &App, tune: impl Fn(SettingsBuilder) -> SettingsBuilder + Send + Sync + 'static) -> App {
    Setup::new(app.mode).after(app).tune(tune).start().await
}

#[tokio::test]
async fn after_a_change_of_the_path_the_cookie_at_the_previous_one_is_removed() {
    for mode in [Mode::Cookie, Mode::Both] {
        for (before, after) in [("/auth", "/"), ("/", "/auth"), ("/auth/refresh", "/auth")] {
            let old = Setup::new(mode).tune(move |s| s.cookie_name("rt").cookie_path(before)).start().await;
            let mut client = old.client();
            client.sign_in(ANN).await;
            let new =
                changed(&old, move |s| s.cookie_name("rt").cookie_path(after).previous_cookie_paths([before, after]))
                    .await;
            let mut client = client.at(&new);
            let moved = client.refresh().await.ok();
            let mut found = places(&moved);
            found.sort();
            let mut expected =
                [(before, false), (after, true)].map(|(path, set)| ("rt".to_owned(), path.to_owned(), None, set));
            expected.sort();
            assert_eq!(found, expected);
            // One cookie remains, and it keeps working.
            for _ in 0..3 {
                new.pass(Duration::from_secs(60));
                client.refresh().await.ok();
                assert_eq!(client.jar.header("/auth/refresh", new.clock.now()).unwrap().matches("rt=").count(), 1);
            }
            assert_eq!(suspicions(&new), 0);
            let mut left = places(&client.logout().await.ok());
            left.sort();
            assert_eq!(left, expected.map(|(name, path, domain, _)| (name, path, domain, false)));
            assert_eq!(client.jar.get("rt"), None);
        }
    }
}

/// Browsers ignore the case of a prefix, so a cookie of that name was never at another path.
#[tokio::test]
async fn a_prefix_in_lower_case_is_a_prefix() {
    let setup = Setup::new(Mode::Cookie);
    let app = setup.tune(|s| s.cookie_name("__host-rt").previous_cookie_path("/auth")).start().await;
    let mut client = app.client();
    client.sign_in(ANN).await;
    let mut found = places(&client.refresh().await.ok());
    found.sort();
    let expected = [("__Secure-rt", "/auth", false), ("__host-rt", "/", true)];
    assert_eq!(found, expected.map(|(name, path, set)| (name.to_owned(), path.to_owned(), None, set)));
}

/// The default name changes with the path.
#[tokio::test]
async fn after_a_change_of_the_path_the_cookie_of_the_other_prefix_goes_too() {
    let (host, secure) = ("__Host-refresh_token-users", "__Secure-refresh_token-users");
    for mode in [Mode::Cookie, Mode::Both] {
        for (before, old_name, after, new_name) in [("/auth", secure, "/", host), ("/", host, "/auth", secure)] {
            for signs_out in [true, false] {
                let old = Setup::new(mode).tune(move |s| s.cookie_path(before)).start().await;
                let mut client = old.client();
                client.sign_in(ANN).await;
                let (token, access) = (client.jar.get(old_name).unwrap().to_owned(), client.token());
                let new = changed(&old, move |s| s.cookie_path(after).previous_cookie_path(before)).await;
                let mut client = client.at(&new);
                // Another host may have set it, so it signs no one in.
                client.refresh().await.problem(401, "invalid_refresh_token");
                if signs_out {
                    client.logout().await.ok();
                } else {
                    new.pass(COOLDOWN);
                    client.sign_in(ANN).await;
                    assert!(client.jar.get(new_name).is_some());
                }
                assert_eq!(client.jar.get(old_name), None, "{before} {signs_out}");
                // Its session has been revoked.
                client.get_with("/me", &access).await.problem(401, "invalid_token");
                let mut thief = old.client();
                thief.jar.plant(old_name, &token);
                thief.refresh().await.problem(401, "session_revoked");
            }
        }
    }
}

#[tokio::test]
async fn with_previous_paths_and_a_domain_every_place_is_cleared_once() {
    let app = Setup::new(Mode::Cookie)
        .tune(|s| s.cookie_domain("example.com").cookie_path("/a").previous_cookie_paths(["/", "/b", "/a", "/b"]))
        .start()
        .await;
    let answer = app.client().logout().await.ok();
    let name = |prefix: &str| format!("{prefix}refresh_token-users");
    let domain = Some("example.com".to_owned());
    let mut expected = vec![(name("__Host-"), "/".to_owned(), None, false)];
    for path in ["/", "/a", "/b"] {
        expected.push((name("__Secure-"), path.to_owned(), None, false));
        expected.push((name("__Secure-"), path.to_owned(), domain.clone(), false));
    }
    let mut found = places(&answer);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// Posts JSON with only these cookies.
async fn post(app: &App, route: &str, body: &serde_json::Value, cookies: &[(&str, &str)]) -> Answer {
    let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::post(format!("/auth/{route}"))
        .header(CONTENT_TYPE, "application/json")
        .header(COOKIE, cookies.join("; "));
    app.client().send(request.body(body.to_string().into()).unwrap()).await
}

const CHALLENGE: &str = "otp_challenge-users";
const DEVICE: &str = "otp_device-users";

/// Insecure cookies have no name prefix, so a browser may hold several.
async fn insecure(mode: Mode) -> App {
    Setup::new(mode).tune(|settings| settings.cookie_secure(false)).start().await
}

/// Requests a code from another client. Returns the challenge and the code.
async fn challenge(app: &App, email: &str) -> (String, String) {
    let answer = post(app, "request-otp", &json!({ "email": email }), &[]).await.ok();
    (answer.cookie(CHALLENGE).unwrap().value, app.code_for(email))
}

#[tokio::test]
async fn the_right_challenge_is_found_whichever_cookie_comes_first() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            for other in ["nonsense", "unknown", "of somebody else", "another one"] {
                let app = insecure(mode).await;
                let other = match other {
                    "nonsense" => "a.b.c".to_owned(),
                    "unknown" => "A".repeat(22),
                    "of somebody else" => challenge(&app, BOB).await.0,
                    _ => challenge(&app, ANN).await.0,
                };
                app.pass(COOLDOWN);
                let (own, code) = challenge(&app, ANN).await;
                let both = orders(&other, &own)[swapped].map(|value| (CHALLENGE, value));
                let wrong = json!({ "email": ANN, "code": otp_auth_tests::app::wrong(&code) });
                post(&app, "verify-otp", &wrong, &both).await.problem(401, "invalid_code");
                let right = json!({ "email": ANN, "code": code });
                post(&app, "verify-otp", &right, &both).await.ok();
            }
        }
    }
}

#[tokio::test]
async fn a_used_up_or_expired_challenge_hides_no_valid_one() {
    for swapped in [0, 1] {
        for expired in [false, true] {
            let app = insecure(Mode::Cookie).await;
            let (other, code) = challenge(&app, ANN).await;
            if expired {
                app.pass(Duration::from_secs(590));
            } else {
                let wrong = json!({ "email": ANN, "code": otp_auth_tests::app::wrong(&code) });
                for _ in 0..6 {
                    post(&app, "verify-otp", &wrong, &[(CHALLENGE, &other)]).await;
                }
                app.pass(COOLDOWN);
            }
            let (own, code) = challenge(&app, ANN).await;
            app.pass(Duration::from_secs(30));
            let both = orders(&other, &own)[swapped].map(|value| (CHALLENGE, value));
            post(&app, "verify-otp", &json!({ "email": ANN, "code": code }), &both).await.ok();
        }
    }
}

/// Each challenge has its own attempts, whether sent together or one by one.
#[tokio::test]
async fn several_challenges_at_once_give_no_more_guesses() {
    for swapped in [0, 1] {
        let app = insecure(Mode::Cookie).await;
        let (first, first_code) = challenge(&app, ANN).await;
        app.pass(COOLDOWN);
        let (second, second_code) = challenge(&app, ANN).await;
        let both = orders(&first, &second)[swapped].map(|value| (CHALLENGE, value));
        let wrong = (0..1_000_000)
            .map(|number| format!("{number:06}"))
            .find(|code| *code != first_code && *code != second_code);
        let wrong = json!({ "email": ANN, "code": wrong });
        for _ in 0..5 {
            post(&app, "verify-otp", &wrong, &both).await.problem(401, "invalid_code");
        }
        post(&app, "verify-otp", &wrong, &both).await.problem(429, "too_many_attempts");
        for (challenge, code) in [(&first, &first_code), (&second, &second_code)] {
            let right = json!({ "email": ANN, "code": code });
            post(&app, "verify-otp", &right, &both).await.problem(429, "too_many_attempts");
            post(&app, "verify-otp", &right, &[(CHALLENGE, challenge)]).await.problem(429, "too_many_attempts");
        }
    }
}

/// A browser holds only one cookie with a given `__Host-` name.
#[tokio::test]
async fn of_challenges_that_are_bound_to_the_host_one_counts() {
    let app = app(Mode::Cookie).await;
    let name = "__Host-otp_challenge-users";
    let mut client = app.client();
    client.request(ANN).await.ok();
    let own = client.held_challenge();
    let right = json!({ "email": ANN, "code": app.code_for(ANN) });
    let unknown = "A".repeat(22);
    post(&app, "verify-otp", &right, &[(name, &unknown), (name, &own)]).await.problem(401, "invalid_code");
    post(&app, "verify-otp", &right, &[(name, &own), (name, &unknown)]).await.ok();
}

#[tokio::test]
async fn in_both_modes_the_challenge_of_the_body_counts_beside_that_of_the_cookie() {
    let app = app(Mode::Both).await;
    let mut client = app.client();
    client.request(BOB).await.ok();
    let stale = client.held_challenge();
    let mut own = app.client();
    own.request(ANN).await.ok();
    let right = json!({ "email": ANN, "code": app.code_for(ANN), "challenge": own.held_challenge() });
    post(&app, "verify-otp", &right, &[("__Host-otp_challenge-users", &stale)]).await.ok();
}

#[tokio::test]
async fn of_device_cookies_that_are_bound_to_the_host_the_first_of_ours_counts() {
    for swapped in [0, 1] {
        let app = app(Mode::Cookie).await;
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        app.pass(COOLDOWN);
        app.client().request(ANN).await.ok();
        // Strangers are in their cooldown.
        let own = ann.held_device();
        let both = orders("nonsense", &own)[swapped].map(|value| ("__Host-otp_device-users", value));
        post(&app, "request-otp", &json!({ "email": ANN }), &both).await.ok();
    }
}

/// If none knows the address, the device goes on that signed in last.
#[tokio::test]
async fn of_devices_that_do_not_know_the_address_the_latest_is_taken() {
    for swapped in [0, 1] {
        let app = insecure(Mode::Cookie).await;
        let earlier = app.client().sign_in(BOB).await.cookie(DEVICE).unwrap().value;
        app.pass(COOLDOWN);
        let later = app.client().sign_in(ANN).await.cookie(DEVICE).unwrap().value;
        let mut cookies = orders(&earlier, &later)[swapped].map(|value| (DEVICE, value)).to_vec();
        let (challenge, code) = challenge(&app, "carl@example.com").await;
        cookies.push((CHALLENGE, &challenge));
        let right = json!({ "email": "carl@example.com", "code": code });
        let next = post(&app, "verify-otp", &right, &cookies).await.ok().cookie(DEVICE).unwrap().value;
        app.pass(COOLDOWN);
        for (email, status) in [(ANN, 200), (BOB, 429)] {
            app.client().request(email).await.ok();
            let answer = post(&app, "request-otp", &json!({ "email": email }), &[(DEVICE, &next)]).await;
            assert_eq!(answer.status, status, "{email}");
        }
    }
}

#[tokio::test]
async fn the_device_that_knows_the_address_is_taken_whichever_cookie_comes_first() {
    for mode in [Mode::Cookie, Mode::Both] {
        for swapped in [0, 1] {
            let app = insecure(mode).await;
            let sign_in = async |email: &str, cookies: &[(&str, &str)]| {
                let asked = post(&app, "request-otp", &json!({ "email": email }), cookies).await.ok();
                let challenge = asked.cookie(CHALLENGE).unwrap().value;
                let mut cookies = cookies.to_vec();
                cookies.push((CHALLENGE, &challenge));
                let right = json!({ "email": email, "code": app.code_for(email) });
                post(&app, "verify-otp", &right, &cookies).await.ok().cookie(DEVICE).unwrap().value
            };
            let own = sign_in(ANN, &[]).await;
            let planted = sign_in(BOB, &[]).await;
            let nonsense = "nonsense".to_owned();
            for other in [&planted, &nonsense] {
                app.pass(COOLDOWN);
                post(&app, "request-otp", &json!({ "email": ANN }), &[]).await.ok();
                let both = orders(other, &own)[swapped].map(|value| (DEVICE, value));
                // Strangers are in their cooldown, but this device is known, and stays known.
                let next = sign_in(ANN, &both).await;
                app.pass(COOLDOWN);
                post(&app, "request-otp", &json!({ "email": ANN }), &[]).await.ok();
                post(&app, "request-otp", &json!({ "email": ANN }), &[(DEVICE, &next)]).await.ok();
                // Only the own device has paid.
                let waits = post(&app, "request-otp", &json!({ "email": ANN }), &[(DEVICE, &own)]).await;
                waits.problem(429, "resend_too_soon");
            }
        }
    }
}
