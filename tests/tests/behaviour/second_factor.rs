//! `before_sign_in`: it is called for exactly the user who signs in, can bind a second factor to
//! the client, and adds to `amr`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use axum::routing::post;
use otp_auth::store::{ChallengeKey, Timestamp};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{
    Hooks, MemoryStore, OtpAuth, OtpConfig, RequestContext, hooks::SignInAnswer, otp_config, session::AuthMethods,
};
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Backend, Call, Client, ClientKind, Mode, Reply, SECRET, Setup, Target, User, tokens};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{ANN, BOB, COOLDOWN};

fn amr(client: &Client) -> Value {
    tokens::payload(&client.token())["amr"].clone()
}

#[tokio::test]
async fn what_before_sign_in_adds_to_amr_lasts_as_long_as_the_session() {
    for backend in Backend::ALL {
        for mode in Mode::ALL {
            let app = Setup::new(mode).backend(backend).start().await;
            let mut client = app.client();
            client.sign_in(ANN).await;
            assert_eq!(amr(&client), json!(["otp"]));
            app.pass(COOLDOWN);
            app.hooks.admit_with(AuthMethods::new(["hwk", "otp", "mfa", "hwk"]).unwrap());
            client.sign_in(ANN).await;
            app.hooks.admit_with(AuthMethods::OTP);
            for _ in 0..3 {
                assert_eq!(amr(&client), json!(["otp", "hwk", "mfa"]));
                client.get("/me").await.ok();
                client.get("/claims").await.ok();
                app.pass(Duration::from_secs(3_000));
                client.refresh().await.ok();
            }
            // No longer than that, and in no other session.
            client.sign_in(ANN).await;
            assert_eq!(amr(&client), json!(["otp"]));
            client.refresh().await.ok();
            assert_eq!(amr(&client), json!(["otp"]));
        }
    }
}

#[tokio::test]
async fn an_application_reads_the_methods_of_a_token_and_of_a_session() {
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    typed.app.add_user(ANN, true).await;
    let methods = AuthMethods::new(["pin"]).unwrap();
    typed.app.hooks.admit_with(methods.clone());
    let mut client = typed.app.client();
    client.sign_in(ANN).await;
    for _ in 0..2 {
        let claims = typed.auth.claims(&client.token()).await.unwrap();
        assert_eq!(*claims.methods(), methods);
        assert!(claims.methods().contains("pin") && !claims.methods().contains("mfa"));
        client.refresh().await.ok();
    }
    assert_eq!(typed.auth.sessions(&1).await.unwrap()[0].methods, methods);
}

/// Verifies the correct code, and runs `doing` while a hook is held.
async fn meanwhile(app: &App, client: &Client, hook: fn(&Call) -> bool, doing: impl AsyncFnOnce()) -> Client {
    let mut verifying = client.clone();
    let task = tokio::spawn(async move {
        let answer = verifying.verify_right(ANN).await;
        (verifying, answer)
    });
    while !app.hooks.calls().iter().any(hook) {
        tokio::task::yield_now().await;
    }
    app.hooks.on_create(Reply::Admit);
    doing().await;
    app.hooks.release();
    let (client, answer) = task.await.unwrap();
    if app.hooks.calls().iter().any(|call| matches!(call, Call::SignedIn(..))) {
        answer.ok();
    } else {
        answer.problem(403, "sign_in_refused");
    }
    client
}

#[tokio::test]
async fn an_account_that_somebody_makes_meanwhile_is_asked_about() {
    for backend in Backend::ALL {
        for reply in [Reply::Admit, Reply::Refuse] {
            let app = Setup::new(Mode::Body).backend(backend).start().await;
            let mut client = app.client();
            client.request(ANN).await.ok();
            app.hooks.on_create(Reply::Hold);
            app.hooks.on_sign_in(reply);
            app.hooks.admit_with(AuthMethods::new(["mfa"]).unwrap());
            let asked = |call: &Call| matches!(call, Call::BeforeCreate(_));
            let mut client = meanwhile(&app, &client, asked, async || {
                app.add_user(ANN, true).await;
            })
            .await;
            let calls = app.hooks.calls();
            assert_eq!(calls[..2], [Call::BeforeCreate(ANN.to_owned()), Call::BeforeSignIn(1, true)]);
            let contexts = app.hooks.contexts();
            assert_eq!(contexts[0].1, contexts[1].1);
            if reply == Reply::Admit {
                assert!(matches!(calls[2..], [Call::SignedIn(1, _)]), "{calls:?}");
                assert_eq!(amr(&client), json!(["otp", "mfa"]));
            } else {
                assert_eq!(calls.len(), 2, "{calls:?}");
                assert!(app.sessions(1).await.is_empty());
                // The code still works.
                app.hooks.on_sign_in(Reply::Admit);
                client.verify_right(ANN).await.ok();
            }
            assert_eq!(app.users().await.len(), 1);
        }
    }
}

#[tokio::test]
async fn an_account_that_becomes_another_is_asked_about_again() {
    for backend in Backend::ALL {
        let app = Setup::new(Mode::Body).backend(backend).start().await;
        app.add_user(ANN, true).await;
        app.add_user(BOB, true).await;
        let mut client = app.client();
        client.request(ANN).await.ok();
        app.hooks.on_sign_in(Reply::Hold);
        let asked = |call: &Call| matches!(call, Call::BeforeSignIn(..));
        meanwhile(&app, &client, asked, async || {
            app.remove_user(1).await;
            app.add_user(ANN, false).await;
            app.hooks.on_sign_in(Reply::Refuse);
        })
        .await;
        assert_eq!(app.hooks.calls(), [Call::BeforeSignIn(1, true), Call::BeforeSignIn(3, false)]);
        assert!(app.sessions(3).await.is_empty());
        assert!(!app.users().await[1].is_verified);
        app.hooks.on_sign_in(Reply::Admit);
        client.verify_right(ANN).await.ok();
        assert_eq!(app.sessions(3).await.len(), 1);
    }
}

#[tokio::test]
async fn an_account_that_goes_meanwhile_is_a_new_one() {
    for backend in Backend::ALL {
        let app = Setup::new(Mode::Body).backend(backend).start().await;
        app.add_user(ANN, true).await;
        let mut client = app.client();
        client.request(ANN).await.ok();
        app.hooks.on_sign_in(Reply::Hold);
        let asked = |call: &Call| matches!(call, Call::BeforeSignIn(..));
        meanwhile(&app, &client, asked, async || app.remove_user(1).await).await;
        let calls = app.hooks.calls();
        assert_eq!(calls[..2], [Call::BeforeSignIn(1, true), Call::BeforeCreate(ANN.to_owned())]);
        assert!(matches!(calls[2..], [Call::UserCreated(_), Call::SignedIn(..)]), "{calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_question_without_an_answer_also_fails_closed() {
    let app = Setup::new(Mode::Body).start().await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    app.hooks.on_create(Reply::Hold);
    app.hooks.on_sign_in(Reply::Hang);
    meanwhile(
        &app,
        &client,
        |call| matches!(call, Call::BeforeCreate(_)),
        async || {
            app.add_user(ANN, true).await;
        },
    )
    .await;
    assert!(app.sessions(1).await.is_empty());
}

/// The challenges that passed the second factor. Each counts once.
#[derive(Debug, Clone, Default)]
struct Factors(Arc<Mutex<HashSet<ChallengeKey>>>);

impl Hooks<User> for Factors {
    async fn before_sign_in(&self, _: &User, context: &RequestContext) -> SignInAnswer {
        let passed = context.challenge.is_some_and(|challenge| self.0.lock().unwrap().remove(&challenge));
        let methods = AuthMethods::new(["pin", "mfa"]).unwrap();
        if passed { SignInAnswer::AdmitWith(methods) } else { SignInAnswer::Refuse }
    }
}

macro_rules! config {
    ($name:ident, $delivery:literal) => {
        #[otp_config(user = User, secret_key = SECRET.as_str(), refresh_token_delivery = $delivery)]
        struct $name {
            #[otp(sender)]
            sender: CapturingSender,
            #[otp(hooks)]
            factors: Factors,
        }

        impl $name {
            fn with(sender: CapturingSender, factors: Factors) -> Self {
                Self { sender, factors }
            }
        }
    };
}

config!(InCookies, "cookie");
config!(InBodies, "body");
config!(InBoth, "both");

/// An application with its own second factor.
#[derive(Debug, Clone)]
struct Bank {
    router: Router,
    sender: CapturingSender,
    clock: TestClock,
}

impl Target for Bank {
    async fn answer(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn sent_code(&self, email: &str) -> String {
        self.sender.code_for(email).expect("a code was sent")
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// `POST /pin`: the PIN, and the challenge if there are no cookies.
async fn pin<C: OtpConfig>(
    State((auth, factors)): State<(OtpAuth<C>, Factors)>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let body: Value = serde_json::from_str(&body).unwrap();
    let held = auth.held_challenge(&headers).or_else(|| body["challenge"].as_str().and_then(ChallengeKey::of));
    match held {
        Some(challenge) if body["pin"] == "4711" => {
            factors.0.lock().unwrap().insert(challenge);
            StatusCode::NO_CONTENT
        }
        _ => StatusCode::FORBIDDEN,
    }
}

fn bank<C>(config: impl FnOnce(CapturingSender, Factors) -> C) -> Bank
where
    C: OtpConfig<User = User>,
{
    let (sender, clock, factors) = (CapturingSender::new(), TestClock::default(), Factors::default());
    let store = MemoryStore::new(User::first);
    store.insert_user(User { id: 1, email: ANN.to_owned(), is_verified: true, username: None });
    let auth = OtpAuth::with_clock(config(sender.clone(), factors.clone()), store, clock.clock()).unwrap();
    let router =
        Router::new().route("/pin", post(pin::<C>)).with_state((auth.clone(), factors)).nest("/auth", auth.router());
    Bank { router, sender, clock }
}

/// An attacker who reads the owner's mail requests a code at the same time. The owner's second
/// factor does not help them.
#[tokio::test]
async fn a_second_factor_is_bound_to_the_client_that_asked_for_the_code() {
    let banks = [
        (bank(InCookies::with), ClientKind::Browser),
        (bank(InBodies::with), ClientKind::Native),
        (bank(InBoth::with), ClientKind::Browser),
        (bank(InBoth::with), ClientKind::Native),
    ];
    for (bank, kind) in banks {
        let (mut owner, mut thief) = (Client::new(bank.clone(), kind), Client::new(bank.clone(), kind));
        owner.request(ANN).await.ok();
        let code = bank.sent_code(ANN).await;
        bank.clock.advance(COOLDOWN);
        thief.request(ANN).await.ok();
        let stolen = bank.sent_code(ANN).await;

        owner.verify(ANN, &code).await.problem(403, "sign_in_refused");
        let with_pin = |client: &Client<Bank>| json!({ "pin": "4711", "challenge": client.challenge });
        let passing = with_pin(&owner);
        assert_eq!(owner.post("/pin", &passing).await.status, 204);

        // With the thief's own challenge, and with none.
        thief.verify(ANN, &stolen).await.problem(403, "sign_in_refused");
        thief.verify(ANN, &code).await.problem(401, "invalid_code");
        let mut bare = Client::new(bank.clone(), kind);
        bare.verify(ANN, &code).await.problem(401, "invalid_code");

        owner.verify(ANN, &code).await.ok();
        assert_eq!(tokens::payload(&owner.token())["amr"], json!(["otp", "pin", "mfa"]));
        thief.verify(ANN, &stolen).await.problem(403, "sign_in_refused");
        // A client without a challenge has not passed the second factor.
        assert_eq!(bare.post("/pin", &json!({ "pin": "4711" })).await.status, 403);
    }
}
