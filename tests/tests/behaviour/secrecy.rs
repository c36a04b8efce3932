//! No secret reaches the log, at any level, or `Debug` output.

use std::fmt::Debug;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::Request;
use otp_auth::auth::{CodeRequest, Verification};
use otp_auth::store::Detached;
use otp_auth::{Claims, CurrentUser, MemoryStore, VerifiedUser};
use otp_auth_tests::config::{BothAuth, Tuned};
use otp_auth_tests::{Backend, Client, Fault, Mode, Operation, SECRET, Setup, User, logs, tokens};
use serde_json::json;

use crate::support::COOLDOWN;

/// Everything secret that a client has held.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn note(&mut self, client: &Client) {
        for name in ["__Host-refresh_token-users", "__Host-otp_challenge-users", "__Host-otp_device-users"] {
            self.0.extend(client.jar.get(name).map(str::to_owned));
        }
        self.0.extend(client.challenge.clone());
        for token in client.access_token.iter().chain(&client.refresh_token) {
            let [_, payload, signature] = tokens::parts(token);
            self.0.extend([token.clone(), payload.to_owned(), signature.to_owned()]);
        }
    }
}

/// Sends every kind of request, valid and invalid, and notes every secret.
async fn whole_story(mode: Mode, backend: Backend, secrets: &mut Secrets) {
    // No log contains these ten digits by chance.
    let app = Setup::new(mode).backend(backend).tune(|settings| settings.otp_length(10)).start().await;
    let email = format!("quentin.{mode:?}.{backend:?}@logs.example.com");
    let mut client = app.client();
    client.request(&email).await.ok();
    secrets.note(&client);
    client.request(&email).await.problem(429, "resend_too_soon");
    client.verify_wrong(&email).await.problem(401, "invalid_code");
    client.verify(&email, "quentins typo").await.problem(422, "malformed_code");
    client.post("/auth/verify-otp", &json!({ "email": email, "code": 1 })).await.problem(422, "malformed");
    app.faults.set(Operation::SignIn, Fault::Fail);
    client.verify_right(&email).await.problem(503, "store_unavailable");
    app.faults.clear();
    client.verify_right(&email).await.ok();
    secrets.note(&client);
    let mut thief = client.clone();
    client.get("/me").await.ok();
    client.get("/claims").await.ok();
    for (_, forged) in tokens::forgeries(&client.token()) {
        client.get_with("/me", &forged).await.problem(401, "invalid_token");
    }
    for _ in 0..2 {
        client.refresh().await.ok();
        secrets.note(&client);
    }
    app.pass(Duration::from_secs(10));
    thief.refresh().await.problem(401, "session_revoked");
    client.refresh().await.problem(401, "session_revoked");
    client.logout().await.ok();

    app.pass(COOLDOWN);
    app.sender.fail();
    client.request(&email).await.problem(503, "delivery_failed");
    app.sender.take();
    app.faults.set(Operation::OpenChallenge, Fault::Fail);
    client.request(&email).await.problem(503, "store_unavailable");
    app.faults.clear();
    client.unlock = app.sender.messages().pop().map(|message| message.unlock);
    client.request(&email).await.ok();
    secrets.note(&client);
    for _ in 0..6 {
        client.verify_wrong(&email).await;
    }
    if mode.sets_cookies() {
        client.headers.push(("sec-fetch-site".parse().unwrap(), "cross-site".parse().unwrap()));
        client.refresh().await.problem(403, "cross_origin");
    }
    secrets.0.extend(app.sender.messages().into_iter().flat_map(|message| {
        [otp_auth_tests::app::wrong(&message.code), message.code, message.address, message.unlock]
    }));
}

#[tokio::test]
async fn log_06_log_07_otp_16_nothing_secret_is_logged_at_any_level() {
    logs::capture();
    let mut secrets = Secrets(vec![SECRET.clone(), "quentin".to_owned(), "logs.example.com".to_owned()]);
    for mode in Mode::ALL {
        for backend in Backend::ALL {
            whole_story(mode, backend, &mut secrets).await;
        }
    }
    let log = logs::captured();
    // The capture works, even for database statements.
    for event in [
        "authn_code_sent",
        "authn_login_success",
        "authn_login_fail",
        "authn_login_fail_max",
        "authn_token_invalid",
        "authn_token_reuse",
        "excess_rate_limit_exceeded",
        "session_renewed",
        "sys_delivery_failed",
        "sys_store_failed",
        "input_cross_origin",
        "INSERT INTO otp_challenges",
    ] {
        assert!(log.contains(event), "nothing was logged about {event}");
    }
    assert!(secrets.0.len() > 100);
    let log = log.to_lowercase();
    for secret in &secrets.0 {
        if let Some(at) = log.find(&secret.to_lowercase()) {
            let line = log[..at].lines().count();
            panic!("{secret} is in the log: {}", log.lines().nth(line.saturating_sub(1)).unwrap_or_default());
        }
    }
}

#[tokio::test]
async fn log_08_a_client_cannot_forge_a_line_of_the_log() {
    logs::capture();
    let app = Setup::new(Mode::Body).start().await;
    let mut client = app.client();
    // The first is rejected, the second is the most that a header allows.
    client.request("a@x.com\r\nWARN forged-line").await.problem(422, "invalid_email");
    client.headers = vec![("user-agent".parse().unwrap(), "x\tforged-line".parse().unwrap())];
    client.sign_in("ann@example.com").await;
    assert!(!logs::captured().contains("forged-line"));
}

#[tokio::test]
async fn otp_16_key_04_no_public_type_prints_a_secret() {
    let typed = Setup::new(Mode::Both).tune(|settings| settings.otp_length(10)).typed::<BothAuth>().await;
    let (app, auth) = (&typed.app, &typed.auth);
    let email = "quentin@debug.example.com";
    let mut secrets = vec![SECRET.clone(), "quentin".to_owned()];
    let mut printed = Vec::new();
    let mut print =
        |name: &str, value: &dyn std::fmt::Debug| printed.push((name.to_owned(), format!("{value:?} {value:#?}")));

    let requested = auth.request_code(CodeRequest::new(email)).await.unwrap();
    let challenge = requested.challenge.expose().to_owned();
    let code = app.code_for(email);
    let signed_in = auth.verify_code(Verification::new(email, &code).challenge(challenge.as_str())).await.unwrap();
    let access = signed_in.tokens.access_token.expose().to_owned();
    let refresh = signed_in.tokens.refresh_token.expose().to_owned();
    let device = signed_in.device.as_ref().unwrap().token.expose().to_owned();
    secrets.extend([challenge.clone(), code.clone(), access.clone(), refresh.clone(), device.clone()]);

    print("CodeRequested", &requested);
    print("TokenPair", &signed_in.tokens);
    print("Session", &signed_in.session);
    print("device", &signed_in.device);
    print("OtpAuth", auth);
    print("Settings", auth.settings());
    print(
        "SettingsBuilder",
        &otp_auth::config::SettingsBuilder::new().secret_key(otp_auth::config::SecretSource::value(SECRET.as_str())),
    );
    print("SecretSource", &otp_auth::config::SecretSource::value(SECRET.as_str()));
    print("Claims", &auth.claims(&access).await.unwrap());
    print("Authenticated", &auth.authenticate(&access).await.unwrap());
    print("Address", &otp_auth::user::Address::parse(email, otp_auth::config::LocalPartCase::Lower));
    for error in [
        auth.request_code(CodeRequest::new(email)).await.err(),
        auth.refresh(&access).await.err(),
        auth.claims(&refresh).await.err(),
    ] {
        print("AuthError", &error.unwrap());
    }
    macro_rules! bodies {
        ($($type:ident $json:tt;)*) => {$(
            print(stringify!($type), &serde_json::from_value::<otp_auth::wire::$type>(json!($json)).unwrap());
        )*};
    }
    bodies! {
        RequestOtpBody { "email": email, "proof": device, "unlock": refresh };
        RequestOtpBodyWithDevice { "email": email, "device": device, "proof": device, "unlock": refresh };
        VerifyBody { "email": email, "code": code };
        VerifyBodyWithChallenge { "email": email, "code": code, "challenge": challenge, "device": device };
        RefreshBody { "refresh_token": refresh };
        ChallengeIssuedInBody { "message": "", "expires_in": 1, "resend_in": 1, "code_length": 6, "challenge": challenge };
        TokensIssued { "access_token": access, "token_type": "bearer", "expires_in": 1 };
        TokensIssuedInBody { "access_token": access, "token_type": "bearer", "expires_in": 1, "refresh_token": refresh, "device": device };
    }
    assert_prints_nothing(&printed, &secrets);
}

fn assert_prints_nothing(printed: &[(String, String)], secrets: &[String]) {
    for (name, text) in printed {
        for secret in secrets {
            assert!(!text.contains(secret.as_str()), "{name} prints {secret}: {text}");
        }
    }
}

/// The arguments of the use cases: applications that instrument their calls print them.
#[test]
fn otp_16_the_requests_of_the_use_cases_print_no_secret() {
    let secrets =
        ["quentin", "4938170000", "the-challenge", "the-device", "the-proof", "the-token", "the-refresh-token"]
            .map(str::to_owned);
    let [email, code, challenge, device, proof, unlock, refresh] = &secrets;
    let request = CodeRequest::new(email)
        .challenge(challenge.as_str())
        .device(device.as_str())
        .proof(proof.as_str())
        .unlock(unlock.as_str());
    let older = [refresh.as_str()];
    let verification = Verification::new(email, code)
        .challenge(challenge.as_str())
        .device(device.as_str())
        .older_refresh_tokens(&older);
    let printed =
        [("CodeRequest".to_owned(), format!("{request:?}")), ("Verification".to_owned(), format!("{verification:?}"))];
    assert_prints_nothing(&printed, &secrets);
}

/// What `Debug` shows instead is enough to recognize a value.
#[tokio::test]
async fn what_identifies_a_value_is_printed() {
    let typed = Setup::new(Mode::Both).typed::<BothAuth>().await;
    let (app, auth) = (&typed.app, &typed.auth);
    let requested = auth.request_code(CodeRequest::new("ann@example.com")).await.unwrap();
    let code = app.code_for("ann@example.com");
    let verification = Verification::new("ann@example.com", &code).challenge(requested.challenge.expose());
    let signed_in = auth.verify_code(verification).await.unwrap();
    let token = signed_in.tokens.access_token.expose();
    let authorization = format!("Bearer {token}");
    let (mut parts, ()) = Request::get("/").header("authorization", authorization).body(()).unwrap().into_parts();
    let claims = Claims::<Tuned<BothAuth>>::from_request_parts(&mut parts, auth).await.unwrap();
    let of_claims =
        format!("Claims {{ session_id: {:?}, expires_at: {:?}, .. }}", signed_in.session.id, claims.expires_at());
    let user = CurrentUser::<Tuned<BothAuth>>::from_request_parts(&mut parts, auth).await.unwrap();
    let verified = VerifiedUser::<Tuned<BothAuth>>::from_request_parts(&mut parts, auth).await.unwrap();
    for (value, printed) in [
        (&claims as &dyn Debug, of_claims.as_str()),
        (&user, &format!("CurrentUser({of_claims})")),
        (&verified, &format!("VerifiedUser({of_claims})")),
        (&auth.authenticate(token).await.unwrap(), &format!("Authenticated {{ claims: {of_claims}, .. }}")),
        (&signed_in, &format!("SignedIn {{ session: {:?}, .. }}", signed_in.session)),
        (auth, &format!("OtpAuth {{ settings: {:?}, .. }}", auth.settings())),
        (&auth.require_user(), "Require { .. }"),
        (&MemoryStore::new(User::first), "MemoryStore { .. }"),
        (&Detached::new(MemoryStore::new(User::first)), "Detached { .. }"),
    ] {
        assert_eq!(format!("{value:?}"), printed);
    }
}

/// The arguments of stores: applications that instrument their store print them.
#[test]
fn log_07_the_arguments_of_a_store_print_no_address() {
    use otp_auth::store::Account;
    let secrets = ["quentin".to_owned()];
    let printed = [("Account".to_owned(), format!("{:?}", Account::<User>::New("quentin@example.com".to_owned())))];
    assert_prints_nothing(&printed, &secrets);
}
