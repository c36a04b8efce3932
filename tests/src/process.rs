//! Applications in separate processes, reached over HTTP.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::uri::{Scheme, Uri};
use axum::response::Response;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use otp_auth::store::Timestamp;
use otp_auth::testing::TestClock;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use crate::answer::Answer;
use crate::client::{Client, ClientKind, Target};

/// A running program of `tests/src/bin/application.rs`. It ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    child: Mutex<Child>,
    authority: String,
    http: HttpClient<HttpConnector, Body>,
    /// Shows the same time as the clock of the process.
    clock: TestClock,
    log: Log,
}

/// What a process writes to standard error.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Process {
    /// Starts the program over this database, in this time zone.
    pub async fn start(program: &Path, backend: &str, url: &str, time_zone: &str) -> Self {
        let mut child = Command::new(program)
            .args([backend, url])
            .env("TZ", time_zone)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Log::default();
        let reading = tokio::spawn(log.clone().read(child.stderr.take().unwrap()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(port) = lines.next_line().await.unwrap() else {
            reading.await.unwrap();
            panic!("the application on {backend} did not start:\n{}", log.text());
        };
        Self(Arc::new(Inner {
            child: Mutex::new(child),
            authority: format!("127.0.0.1:{port}"),
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
            clock: TestClock::default(),
            log,
        }))
    }

    /// A client that ignores cookies, as the program requires.
    pub fn client(&self) -> Client<Self> {
        Client::new(self.clone(), ClientKind::Native)
    }

    /// Advances the clock.
    pub async fn pass(&self, span: Duration) {
        self.ask(Request::post(format!("/test/pass/{}", span.as_millis()))).await.ok();
        self.0.clock.advance(span);
    }

    /// Bars the user with this id for an hour. Returns whether that was stored.
    pub async fn bar(&self, id: &str) -> bool {
        self.told(Request::post(format!("/test/bar/{id}"))).await
    }

    /// Forgets the user with this id. Returns whether that was stored.
    pub async fn forget(&self, id: &str) -> bool {
        self.told(Request::post(format!("/test/forget/{id}"))).await
    }

    /// Revokes all sessions of the user with this id. Returns whether that was stored.
    pub async fn revoke_all(&self, id: &str) -> bool {
        self.told(Request::post(format!("/test/revoke/{id}"))).await
    }

    /// Gives the row of an address, and its id, to another one, as an application
    /// would; how many rows that were.
    pub async fn hand_over(&self, from: &str, to: &str) -> u64 {
        self.told(Request::post(format!("/test/hand-over/{from}/{to}"))).await
    }

    /// Cleans up, and returns how many rows of each kind it deleted.
    pub async fn cleanup(&self) -> Removed {
        self.told(Request::post("/test/cleanup")).await
    }

    /// How many messages this process has sent.
    pub async fn mails(&self) -> usize {
        self.told(Request::get("/test/mails")).await
    }

    /// How many database connections are in use.
    pub async fn connections_in_use(&self) -> usize {
        self.told(Request::get("/test/connections")).await
    }

    /// How many users have this address.
    pub async fn count_users(&self, email: &str) -> u64 {
        self.told(Request::get(format!("/test/users/{email}"))).await
    }

    /// The latest code that this process sent to this address.
    pub async fn code_for(&self, email: &str) -> Option<String> {
        self.told(Request::get(format!("/test/code/{email}"))).await
    }

    /// Asserts that it is running and that nothing in it has panicked.
    pub fn assert_sound(&self) {
        let ended = self.0.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().unwrap();
        let log = self.0.log.text();
        assert!(ended.is_none() && !log.contains("panicked at"), "{ended:?}\n{log}");
    }

    async fn told<T: DeserializeOwned>(&self, request: axum::http::request::Builder) -> T {
        let answer = self.ask(request).await.ok();
        serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    async fn ask(&self, request: axum::http::request::Builder) -> Answer {
        Answer::read(self.answer(request.body(Body::empty()).unwrap()).await).await
    }
}

impl Target for Process {
    async fn answer(&self, mut request: Request<Body>) -> Response {
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.0.authority.parse().unwrap());
        *request.uri_mut() = Uri::from_parts(parts).unwrap();
        let response = self.0.http.request(request).await;
        let response = response.unwrap_or_else(|error| panic!("no answer: {error:?}\n{}", self.0.log.text()));
        response.map(Body::new)
    }

    async fn sent_code(&self, email: &str) -> String {
        self.code_for(email).await.expect("a code was sent")
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// What a cleanup deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Removed {
    /// Rows of `otp_challenges`.
    pub challenges: u64,
    /// Rows of `otp_budgets`.
    pub budgets: u64,
    /// Rows of `otp_sessions`.
    pub sessions: u64,
    /// Rows of `token_blacklist`.
    pub blacklisted: u64,
}

impl std::ops::Add for Removed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            challenges: self.challenges + other.challenges,
            budgets: self.budgets + other.budgets,
            sessions: self.sessions + other.sessions,
            blacklisted: self.blacklisted + other.blacklisted,
        }
    }
}

impl Log {
    async fn read(self, stderr: ChildStderr) {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
        }
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Two processes on one database.
#[derive(Debug, Clone)]
pub struct Pair {
    /// One of them.
    pub first: Process,
    /// The other one.
    pub second: Process,
    started: (PathBuf, String, String),
    requests: Arc<AtomicUsize>,
}

impl Pair {
    /// Starts both concurrently, in different time zones.
    pub async fn start(program: &Path, backend: &str, url: &str) -> Self {
        let (first, second) = tokio::join!(
            Process::start(program, backend, url, "EAST-13:45"),
            Process::start(program, backend, url, "WEST+09:30"),
        );
        let started = (program.to_owned(), backend.to_owned(), url.to_owned());
        Self { first, second, started, requests: Arc::default() }
    }

    /// Starts a third one on the same database.
    pub async fn later(&self) -> Process {
        let (program, backend, url) = &self.started;
        Process::start(program, backend, url, "UTC").await
    }

    /// A client whose requests alternate between the processes.
    pub fn client(&self) -> Client<Self> {
        Client::new(self.clone(), ClientKind::Native)
    }

    /// The first process for even numbers, the second for odd ones.
    pub fn either(&self, number: usize) -> &Process {
        if number.is_multiple_of(2) { &self.first } else { &self.second }
    }

    /// Advances both clocks.
    pub async fn pass(&self, span: Duration) {
        tokio::join!(self.first.pass(span), self.second.pass(span));
    }

    /// How many messages both have sent.
    pub async fn mails(&self) -> usize {
        self.first.mails().await + self.second.mails().await
    }

    /// Asks both concurrently.
    pub async fn both<T, F: Future<Output = T>>(&self, ask: impl Fn(Process) -> F) -> (T, T) {
        tokio::join!(ask(self.first.clone()), ask(self.second.clone()))
    }

    /// Asserts that both are running and that nothing in them has panicked.
    pub fn assert_sound(&self) {
        self.first.assert_sound();
        self.second.assert_sound();
    }
}

impl Target for Pair {
    async fn answer(&self, request: Request<Body>) -> Response {
        self.either(self.requests.fetch_add(1, Ordering::Relaxed)).answer(request).await
    }

    async fn sent_code(&self, email: &str) -> String {
        match self.first.code_for(email).await {
            Some(code) => code,
            None => self.second.sent_code(email).await,
        }
    }

    fn now(&self) -> Timestamp {
        self.first.now()
    }
}
