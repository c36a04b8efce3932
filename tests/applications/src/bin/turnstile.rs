//! Asks strangers for a proof with the hook that the documentation shows.

use std::time::Duration;

use otp_auth::hooks::SendAnswer;
use otp_auth::user::Address;
use otp_auth::{Hooks, RequestContext};
use serde::Deserialize;
use serde_json::json;

const SITEVERIFY: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// Asks strangers for a token of Cloudflare Turnstile.
struct Turnstile {
    http: reqwest::Client,
    siteverify: String,
    secret: String,
    hostname: String,
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    hostname: Option<String>,
    action: Option<String>,
}

impl Turnstile {
    fn new(secret: String, hostname: &str) -> reqwest::Result<Self> {
        // Shorter than the time that a hook has.
        let http = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
        Ok(Self { http, siteverify: SITEVERIFY.to_owned(), secret, hostname: hostname.to_owned() })
    }

    async fn accepts(&self, token: &str, context: &RequestContext) -> reqwest::Result<bool> {
        let mut question = json!({ "secret": self.secret, "response": token });
        if let Some(ip) = context.client_ip {
            question["remoteip"] = ip.to_string().into();
        }
        let answer = self.http.post(&self.siteverify).json(&question).send().await?;
        let verdict: Verdict = answer.error_for_status()?.json().await?;
        // A token from another page or for another purpose proves nothing here.
        Ok(verdict.success
            && verdict.hostname.as_ref() == Some(&self.hostname)
            && verdict.action.as_deref() == Some("request-otp"))
    }
}

impl Hooks<User> for Turnstile {
    async fn before_send(&self, _: &Address, context: &RequestContext, proof: Option<&str>) -> SendAnswer {
        if context.known_device {
            return SendAnswer::SendAndWait;
        }
        match proof {
            // No token is longer.
            Some(token) if token.len() <= 2_048 => match self.accepts(token, context).await {
                Ok(true) => SendAnswer::SendAndWait,
                Ok(false) => SendAnswer::RequireProof,
                Err(error) => {
                    eprintln!("Turnstile does not answer: {error}");
                    SendAnswer::RequireProof
                }
            },
            _ => SendAnswer::RequireProof,
        }
    }
}

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use otp_auth::auth::{CodeRequest, CodeRequested, Verification};
use otp_auth::session::Client;
use otp_auth::{AuthError, MemoryStore, OtpAuth, OtpMessage, OtpUser, SendError, SendOtp, otp_config};
use serde_json::Value;
use tokio::net::TcpListener;

#[derive(Clone, OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"))]
struct Auth {
    #[otp(sender)]
    sender: Last,
    #[otp(hooks)]
    turnstile: Turnstile,
}

/// Keeps the last code.
#[derive(Clone, Default)]
struct Last(Arc<Mutex<String>>);

impl SendOtp for Last {
    async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
        message.code.clone_into(&mut self.0.lock().unwrap());
        Ok(())
    }
}

/// A stand-in for siteverify: what it was asked, and the tokens that were used.
#[derive(Clone, Default)]
struct Stub(Arc<Mutex<(Vec<Value>, HashSet<String>)>>);

/// Answers as the documentation of Turnstile says: a token is valid once.
async fn siteverify(State(stub): State<Stub>, Json(question): Json<Value>) -> Result<Json<Value>, StatusCode> {
    let mut stub = stub.0.lock().unwrap();
    stub.0.push(question.clone());
    let token = question["response"].as_str().unwrap();
    let error = if question["secret"] != "the secret of the widget" {
        "invalid-input-secret"
    } else if token == "outage" {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    } else if !token.starts_with("solved ") {
        "invalid-input-response"
    } else if !stub.1.insert(token.to_owned()) {
        "timeout-or-duplicate"
    } else {
        let hostname = if token.contains("elsewhere") { "elsewhere.example" } else { "shop.example" };
        let action = if token.contains("comment") { "comment" } else { "request-otp" };
        return Ok(Json(json!({
            "success": true, "challenge_ts": "2026-01-01T00:00:00.000Z", "error-codes": [],
            "hostname": hostname, "action": action, "cdata": "",
        })));
    };
    Ok(Json(json!({ "success": false, "error-codes": [error] })))
}

struct Shop {
    auth: OtpAuth<Auth>,
    stub: Stub,
}

impl Shop {
    /// Requests a code on behalf of a client at this address.
    async fn request(
        &self,
        email: &str,
        proof: Option<&str>,
        device: Option<&str>,
    ) -> Result<CodeRequested, AuthError> {
        let address: IpAddr = "203.0.113.7".parse().unwrap();
        let auth = self.auth.for_request(Client::new(None, Some(address)), None);
        auth.request_code(CodeRequest::new(email).proof(proof).device(device)).await
    }

    /// How often the service was asked.
    fn asked(&self) -> usize {
        self.stub.0.lock().unwrap().0.len()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let stub = Stub::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/turnstile/v0/siteverify", listener.local_addr().unwrap());
    let service = Router::new().route("/turnstile/v0/siteverify", post(siteverify)).with_state(stub.clone());
    let server = tokio::spawn(async move { axum::serve(listener, service).await });

    let turnstile = Turnstile::new("the secret of the widget".to_owned(), "shop.example").unwrap();
    assert_eq!(turnstile.siteverify, SITEVERIFY);
    let turnstile = Turnstile { siteverify: url, ..turnstile };
    let sender = Last::default();
    let store = MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned() });
    let auth = OtpAuth::new(Auth { sender: sender.clone(), turnstile }, store).unwrap();
    let shop = Shop { auth, stub };

    // Without a token the service is not asked.
    let long = format!("solved {}", "x".repeat(2_048));
    for proof in [None, Some(long.as_str())] {
        let refused = shop.request("ann@example.com", proof, None).await;
        assert!(matches!(refused, Err(AuthError::ProofRequired)));
    }
    assert_eq!(shop.asked(), 0);
    for proof in ["guessed", "solved elsewhere", "solved for a comment", "outage"] {
        let refused = shop.request("ann@example.com", Some(proof), None).await;
        assert!(matches!(refused, Err(AuthError::ProofRequired)), "{proof}");
    }
    assert!(sender.0.lock().unwrap().is_empty());

    shop.request("ann@example.com", Some("solved 1"), None).await.unwrap();
    assert_eq!(shop.stub.0.lock().unwrap().0.last().unwrap()["remoteip"], "203.0.113.7");
    // A token is valid once.
    let again = shop.request("bob@example.com", Some("solved 1"), None).await;
    assert!(matches!(again, Err(AuthError::ProofRequired)));
    shop.request("bob@example.com", Some("solved 2"), None).await.unwrap();

    // A known device needs none.
    let requested = shop.request("cleo@example.com", Some("solved 3"), None).await.unwrap();
    let code = sender.0.lock().unwrap().clone();
    let verification = Verification::new("cleo@example.com", &code).challenge(requested.challenge.expose());
    let device = shop.auth.verify_code(verification).await.unwrap().device.unwrap();
    let asked = shop.asked();
    shop.request("cleo@example.com", None, Some(device.token.expose())).await.unwrap();
    assert_eq!(shop.asked(), asked);

    // Without the service nobody gets a code.
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    let refused = shop.request("dora@example.com", Some("solved 4"), None).await;
    assert!(matches!(refused, Err(AuthError::ProofRequired)));
}
