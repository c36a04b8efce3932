//! Clients: a browser, which keeps cookies, and a native application, which keeps what bodies
//! contain.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName};
use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use otp_auth::store::Timestamp;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::app::{App, wrong};
use crate::jar::Jar;
use crate::trickle::Trickle;

/// An application as its clients reach it. A clone is the same application.
pub trait Target: Clone + Send + Sync {
    /// Answers a request.
    fn answer(&self, request: Request<Body>) -> impl Future<Output = Response> + Send;

    /// The latest code sent to this address.
    fn sent_code(&self, email: &str) -> impl Future<Output = String> + Send;

    /// The time of its clock.
    fn now(&self) -> Timestamp;
}

/// The kind of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Keeps cookies. Its scripts ignore tokens in bodies.
    Browser,
    /// Ignores cookies.
    Native,
}

/// A client of an application. A clone is another client with the same memory.
#[derive(Debug, Clone)]
pub struct Client<A = App> {
    app: A,
    kind: ClientKind,
    /// The cookies of a browser.
    pub jar: Jar,
    /// The challenge of a native application.
    pub challenge: Option<String>,
    /// The refresh token of a native application.
    pub refresh_token: Option<String>,
    /// The device token of a native application.
    pub device: Option<String>,
    /// Sent with every request for a code.
    pub proof: Option<String>,
    /// The token of a message, likewise.
    pub unlock: Option<String>,
    /// The access token.
    pub access_token: Option<String>,
    /// Sent with every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The peer address that the server reports.
    pub address: Option<SocketAddr>,
}

impl<A: Target> Client<A> {
    /// A client that holds nothing yet.
    pub fn new(app: A, kind: ClientKind) -> Self {
        Self {
            app,
            kind,
            jar: Jar::default(),
            challenge: None,
            refresh_token: None,
            device: None,
            proof: None,
            unlock: None,
            access_token: None,
            headers: Vec::new(),
            address: None,
        }
    }

    /// The same client, talking to another application.
    #[must_use]
    pub fn at(&self, app: &A) -> Self {
        Self { app: app.clone(), ..self.clone() }
    }

    /// The same client, with the token of a message.
    #[must_use]
    pub fn unlocked(&self, token: &str) -> Self {
        Self { unlock: Some(token.to_owned()), ..self.clone() }
    }

    /// Sends a request, with cookies if this is a browser, and keeps what the response hands out.
    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        if self.kind == ClientKind::Browser
            && let Some(cookies) = self.jar.header(&path, self.app.now())
        {
            request.headers_mut().insert(COOKIE, cookies.parse().unwrap());
        }
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if let Some(address) = self.address {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        let answer = Answer::read(self.app.answer(request).await).await;
        if self.kind == ClientKind::Browser {
            for cookie in answer.cookies() {
                self.jar.store(cookie, self.app.now());
            }
        }
        self.remember(&answer);
        answer
    }

    /// Keeps what the body of a success hands out.
    pub fn remember(&mut self, answer: &Answer) {
        if answer.status.is_success()
            && let Ok(body) = serde_json::from_slice::<Value>(&answer.body)
        {
            let text = |name: &str| body.get(name)?.as_str().map(str::to_owned);
            self.access_token = text("access_token").or(self.access_token.take());
            if self.kind == ClientKind::Native {
                self.challenge = text("challenge").or(self.challenge.take());
                self.refresh_token = text("refresh_token").or(self.refresh_token.take());
                self.device = text("device").or(self.device.take());
            }
        }
    }

    /// Posts JSON.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    /// Posts JSON that arrives byte by byte, one per period, and never ends.
    pub async fn post_slowly(&mut self, path: &str, period: Duration) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(Trickle::body(period)).unwrap()).await
    }

    /// Posts without a body.
    pub async fn post_nothing(&mut self, path: &str) -> Answer {
        self.send(Request::post(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a request with this method and nothing else.
    pub async fn ask(&mut self, method: Method, path: &str) -> Answer {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    /// Gets, with the access token if there is one.
    pub async fn get(&mut self, path: &str) -> Answer {
        match self.access_token.clone() {
            Some(token) => self.get_with(path, &token).await,
            None => self.ask(Method::GET, path).await,
        }
    }

    /// Gets with this access token.
    pub async fn get_with(&mut self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Requests a code.
    pub async fn request(&mut self, email: &str) -> Answer {
        let mut body = json!({ "email": email });
        if let Some(device) = &self.device {
            body["device"] = device.as_str().into();
        }
        if let Some(proof) = &self.proof {
            body["proof"] = proof.as_str().into();
        }
        if let Some(unlock) = &self.unlock {
            body["unlock"] = unlock.as_str().into();
        }
        self.post("/auth/request-otp", &body).await
    }

    /// Verifies a code, with the challenge.
    pub async fn verify(&mut self, email: &str, code: &str) -> Answer {
        let mut body = json!({ "email": email, "code": code });
        if let Some(challenge) = &self.challenge {
            body["challenge"] = challenge.as_str().into();
        }
        if let Some(device) = &self.device {
            body["device"] = device.as_str().into();
        }
        self.post("/auth/verify-otp", &body).await
    }

    /// Verifies the code that was sent.
    pub async fn verify_right(&mut self, email: &str) -> Answer {
        let code = self.app.sent_code(email).await;
        self.verify(email, &code).await
    }

    /// Verifies a wrong code.
    pub async fn verify_wrong(&mut self, email: &str) -> Answer {
        let code = self.app.sent_code(email).await;
        self.verify(email, &wrong(&code)).await
    }

    /// Requests a code and verifies it.
    pub async fn sign_in(&mut self, email: &str) -> Answer {
        self.request(email).await.ok();
        self.verify_right(email).await.ok()
    }

    /// Exchanges the refresh token.
    pub async fn refresh(&mut self) -> Answer {
        self.with_refresh_token("/auth/refresh").await
    }

    /// Signs out with the refresh token.
    pub async fn logout(&mut self) -> Answer {
        self.with_refresh_token("/auth/logout").await
    }

    async fn with_refresh_token(&mut self, path: &str) -> Answer {
        match self.refresh_token.clone() {
            Some(token) => self.post(path, &json!({ "refresh_token": token })).await,
            None => self.post_nothing(path).await,
        }
    }

    /// Signs out with only the access token.
    pub async fn logout_with_access_token(&mut self) -> Answer {
        let token = self.access_token.clone().expect("signed in");
        let request = Request::post("/auth/logout").header(AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The challenge, from the cookie or the body.
    pub fn held_challenge(&self) -> String {
        let cookie = self.jar.get("__Host-otp_challenge-users").map(str::to_owned);
        cookie.or(self.challenge.clone()).expect("a challenge")
    }

    /// The refresh token, from the cookie or the body.
    pub fn held_refresh_token(&self) -> String {
        let cookie = self.jar.get("__Host-refresh_token-users").map(str::to_owned);
        cookie.or(self.refresh_token.clone()).expect("a refresh token")
    }

    /// Stores a refresh token where this client keeps it.
    pub fn put_refresh_token(&mut self, token: &str) {
        match self.kind {
            ClientKind::Browser => self.jar.plant("__Host-refresh_token-users", token),
            ClientKind::Native => self.refresh_token = Some(token.to_owned()),
        }
    }

    /// Stores a challenge where this client keeps it.
    pub fn put_challenge(&mut self, challenge: &str) {
        match self.kind {
            ClientKind::Browser => self.jar.plant("__Host-otp_challenge-users", challenge),
            ClientKind::Native => self.challenge = Some(challenge.to_owned()),
        }
    }

    /// The device token, from the cookie or the body.
    pub fn held_device(&self) -> String {
        let cookie = self.jar.get("__Host-otp_device-users").map(str::to_owned);
        cookie.or(self.device.clone()).expect("a known device")
    }

    /// Stores a device token where this client keeps it.
    pub fn put_device(&mut self, device: &str) {
        match self.kind {
            ClientKind::Browser => self.jar.plant("__Host-otp_device-users", device),
            ClientKind::Native => self.device = Some(device.to_owned()),
        }
    }

    /// Forgets the device token.
    pub fn forget_device(&mut self) {
        self.jar.forget("__Host-otp_device-users");
        self.device = None;
    }

    /// The access token.
    pub fn token(&self) -> String {
        self.access_token.clone().expect("signed in")
    }
}
