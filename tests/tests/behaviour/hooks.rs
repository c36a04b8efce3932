//! Hooks are called as their documentation says.

use std::time::Duration;

use otp_auth::{
    RequestContext,
    session::{Client as Sender, SessionId},
};
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{Call, Client, Mode, Operation, Reply, Setup, tokens};

use crate::support::{ANN, COOLDOWN, app, every_mode};

fn session_of(client: &Client) -> SessionId {
    tokens::payload(&client.token())["sid"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_first_sign_in_asks_before_and_tells_after() {
    for (app, mut client) in every_mode().await {
        // The canonical form, whatever was typed.
        client.request("Ann@Example.com").await.ok();
        assert_eq!(app.hooks.calls(), []);
        client.verify_wrong("Ann@Example.com").await.problem(401, "invalid_code");
        assert_eq!(app.hooks.calls(), []);
        client.verify_right("Ann@Example.com").await.ok();
        let session = session_of(&client);
        assert_eq!(
            app.hooks.calls(),
            [Call::BeforeCreate(ANN.to_owned()), Call::UserCreated(1), Call::SignedIn(1, session)]
        );
    }
}

#[tokio::test]
async fn a_later_sign_in_asks_about_the_user_and_tells_after() {
    for (app, mut client) in every_mode().await {
        let user = app.add_user(ANN, false).await;
        client.sign_in(ANN).await;
        let session = session_of(&client);
        assert_eq!(app.hooks.calls(), [Call::BeforeSignIn(user.id, false), Call::SignedIn(user.id, session)]);
        client.refresh().await.ok();
        client.get("/me").await.ok();
        client.logout().await.ok();
        assert_eq!(app.hooks.calls()[2..], [Call::SignedOut(session)]);
    }
}

#[tokio::test]
async fn before_create_may_refuse_and_then_the_code_still_works() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        app.hooks.on_create(Reply::Refuse);
        let answer = client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert!(answer.cookies().is_empty());
        assert!(app.users().await.is_empty());
        app.hooks.on_create(Reply::Admit);
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn doc_04_before_sign_in_may_refuse_and_then_no_token_is_issued() {
    for (app, mut client) in every_mode().await {
        let user = app.add_user(ANN, false).await;
        client.request(ANN).await.ok();
        app.hooks.on_sign_in(Reply::Refuse);
        let answer = client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert!(answer.cookies().is_empty());
        assert!(app.sessions(user.id).await.is_empty());
        assert!(!app.users().await[0].is_verified);
        app.hooks.on_sign_in(Reply::Admit);
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn t19_a_user_who_is_not_admitted_is_out_everywhere_at_once() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.hooks.bar(1);
        for path in ["/me", "/verified", "/maybe", "/maybe-verified"] {
            client.get(path).await.problem(401, "invalid_token");
        }
        client.refresh().await.problem(401, "invalid_refresh_token");
        app.pass(COOLDOWN);
        client.request(ANN).await.ok();
        client.verify_right(ANN).await.problem(403, "sign_in_refused");
        // Anyone may sign out.
        client.logout().await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn questions_that_are_not_answered_fail_closed() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        app.hooks.on_create(Reply::Hang);
        let before = tokio::time::Instant::now();
        client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert_eq!(before.elapsed(), Duration::from_secs(5));
        assert!(app.users().await.is_empty());
        app.hooks.on_create(Reply::Admit);
        client.verify_right(ANN).await.ok();

        app.pass(COOLDOWN);
        client.request(ANN).await.ok();
        app.hooks.on_sign_in(Reply::Hang);
        let before = tokio::time::Instant::now();
        client.verify_right(ANN).await.problem(403, "sign_in_refused");
        assert_eq!(before.elapsed(), Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn notices_that_hang_are_cut_off_and_change_nothing() {
    for (app, mut client) in every_mode().await {
        app.hooks.hang_on_notices();
        let before = tokio::time::Instant::now();
        client.sign_in(ANN).await;
        assert_eq!(before.elapsed(), Duration::from_secs(10));
        client.get("/me").await.ok();
        client.logout().await.ok();
        client.get("/me").await.problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_sign_out_of_nobody_tells_nobody() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.refresh_token = Some("garbage".to_owned());
    client.logout().await.ok();
    assert_eq!(app.hooks.calls(), []);
    assert!(!app.faults.take_calls().contains(&Operation::RevokeSession));
}

#[tokio::test]
async fn a_notice_that_panics_takes_nothing_back() {
    for (app, mut client) in every_mode().await {
        app.hooks.panic_on_notices();
        client.sign_in(ANN).await;
        client.get("/me").await.ok();
        client.logout().await.ok();
        client.get("/me").await.problem(401, "invalid_token");
    }
}

/// Asserts what every hook learns about a request of this client.
fn told(client: &Client, context: &RequestContext) {
    assert_eq!(context.client_ip, client.address.map(|address| address.ip()));
    assert_eq!(context.user_agent.as_deref(), Some("Agent/1"));
    assert_eq!(context.language.as_deref(), Some("fr-CH"));
}

#[tokio::test]
async fn every_hook_is_told_who_asks() {
    for (app, mut client) in every_mode().await {
        client.address = Some("203.0.113.7:50000".parse().unwrap());
        let header = |name: &str, value: &str| (name.parse().unwrap(), value.parse().unwrap());
        client.headers = vec![header("user-agent", "Agent/1"), header("accept-language", "en;q=0.5, fr-CH, *;q=0.1")];
        client.sign_in(ANN).await;
        app.pass(COOLDOWN);
        client.sign_in(ANN).await;
        let mut thief = client.clone();
        client.refresh().await.ok();
        client.refresh().await.ok();
        app.pass(COOLDOWN);
        thief.refresh().await.problem(401, "session_revoked");
        app.pass(COOLDOWN);
        client.sign_in(ANN).await;
        client.logout().await.ok();
        let calls = app.hooks.contexts();
        let of = |wanted: fn(&Call) -> bool| -> Vec<&RequestContext> {
            calls.iter().filter(|(call, _)| wanted(call)).map(|(_, context)| context).collect()
        };
        for (_, context) in &calls {
            told(&client, context);
            assert!(context.time <= app.clock.now());
        }
        let asked = of(|call| matches!(call, Call::BeforeCreate(_) | Call::BeforeSignIn(..)));
        let signed_in = of(|call| matches!(call, Call::SignedIn(..)));
        assert_eq!((asked.len(), signed_in.len()), (3, 3));
        for (asked, signed_in) in asked.iter().zip(&signed_in) {
            // One request, one context.
            assert_eq!(asked, signed_in);
            assert!(asked.challenge.is_some());
        }
        assert_ne!(asked[0].challenge, asked[1].challenge);
        // The client shows that it has signed in before.
        let known: Vec<_> = asked.iter().map(|context| context.known_device).collect();
        assert_eq!(known, [false, true, true]);
        assert_eq!(asked[2].time, app.clock.now());
        for others in of(|call| matches!(call, Call::SignedOut(_) | Call::Suspicious(_))) {
            assert_eq!((others.challenge, others.known_device), (None, false));
        }
        assert_eq!(of(|call| matches!(call, Call::Suspicious(_))).len(), 1);
        assert_eq!(of(|call| matches!(call, Call::SignedOut(_))).len(), 1);
        assert_eq!(of(|call| matches!(call, Call::UserCreated(_))), [asked[0]]);
    }
}

#[tokio::test]
async fn without_a_request_hooks_are_told_the_time() {
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let (app, auth) = (&typed.app, &typed.auth);
    let mut client = app.client();
    client.sign_in(ANN).await;
    app.pass(COOLDOWN);
    client.sign_in(ANN).await;
    let sessions = auth.sessions(&1).await.unwrap();
    app.pass(COOLDOWN);
    auth.revoke_session(&1, sessions[0].id).await.unwrap();
    let (_, context) = app.hooks.contexts().pop().unwrap();
    assert_eq!(context, RequestContext::at(app.clock.now()));

    let sender = Sender::new(Some("cli\u{7}/1"), "::ffff:203.0.113.9".parse().ok());
    auth.for_request(sender, ["de", "en"]).revoke_all_sessions(&1).await.unwrap();
    let (call, context) = app.hooks.contexts().pop().unwrap();
    assert_eq!(call, Call::SignedOut(sessions[1].id));
    assert_eq!(context.client_ip, "203.0.113.9".parse().ok());
    assert_eq!(context.user_agent.as_deref(), Some("cli/1"));
    assert_eq!(context.language.as_deref(), Some("de"));
}
