//! Whole requests through the real router over the store in memory, in sequences, in which a client
//! can present what it was given before. No limits per network, so a 5xx is a fault.
#![no_main]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::axum::body::{Body as HttpBody, to_bytes};
use otp_auth::axum::extract::ConnectInfo;
use otp_auth::axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN, SET_COOKIE};
use otp_auth::axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use otp_auth::axum::routing::get;
use otp_auth::axum::{Extension, Router};
use otp_auth::delivery::{Body, Both, Cookie, Delivery};
use otp_auth::problem::{Problem, ProblemKind};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{Claims, CurrentUser, MemoryStore, OtpAuth, VerifiedUser, fuzzing};
use otp_auth_fuzz::{Asked, Config, Hooked, User, runtime, settings};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    mode: Mode,
    /// Whether the client has signed in before.
    signed_in: bool,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Mode {
    Cookie,
    Body,
    Both,
}

#[derive(Arbitrary, Debug)]
struct Step<'a> {
    path: Path<'a>,
    method: Verb<'a>,
    headers: Vec<(Field, Text<'a>)>,
    body: Contents<'a>,
    seconds: u16,
}

#[derive(Arbitrary, Debug)]
enum Path<'a> {
    Request,
    Verify,
    Refresh,
    Logout,
    Protected(u8),
    Other(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Verb<'a> {
    Usual,
    Other(&'a str),
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Field {
    Authorization,
    Cookie(CookieName),
    Cookies,
    ContentType,
    ContentLength,
    Host,
    Origin,
    SecFetchSite,
    ForwardedFor,
    UserAgent,
    AcceptLanguage,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum CookieName {
    Refresh,
    Challenge,
    Device,
}

#[derive(Arbitrary, Debug)]
enum Text<'a> {
    Raw(&'a [u8]),
    Ann,
    Bob,
    /// What the client was given last.
    Code,
    Challenge,
    Device,
    Refresh,
    Access,
    Unlock,
    Json,
    Own,
    Same,
    WrongCode,
    Long(u16),
}

#[derive(Arbitrary, Debug)]
enum Contents<'a> {
    Raw(&'a [u8]),
    Members(Vec<(Member, Text<'a>)>),
    Long(u16),
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Member {
    Email,
    Code,
    Challenge,
    Device,
    Proof,
    Unlock,
    RefreshToken,
}

/// What the client was given.
#[derive(Default)]
struct Held(Map<String, Value>);

impl Held {
    fn get(&self, name: &str) -> Vec<u8> {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().as_bytes().to_vec()
    }
}

impl Text<'_> {
    fn bytes(&self, held: &Held) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.to_vec(),
            Self::Ann => b"ann@example.com".to_vec(),
            Self::Bob => b"Bob+1@Example.com ".to_vec(),
            Self::Code => held.get("code"),
            Self::Challenge => held.get("challenge"),
            Self::Device => held.get("device"),
            Self::Refresh => held.get("refresh_token"),
            Self::Access => held.get("access_token"),
            Self::Unlock => held.get("unlock"),
            Self::Json => b"application/json".to_vec(),
            Self::Own => b"https://own.test".to_vec(),
            Self::Same => b"same-origin".to_vec(),
            Self::WrongCode => {
                held.get("code").iter().map(|digit| if *digit == b'9' { b'0' } else { digit + 1 }).collect()
            }
            Self::Long(length) => vec![b'p'; usize::from(*length)],
        }
    }
}

impl Member {
    const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Code => "code",
            Self::Challenge => "challenge",
            Self::Device => "device",
            Self::Proof => "proof",
            Self::Unlock => "unlock",
            Self::RefreshToken => "refresh_token",
        }
    }
}

const ROUTES: [&str; 4] = ["/request-otp", "/verify-otp", "/refresh", "/logout"];
const PROTECTED: [&str; 4] = ["/me", "/claims", "/verified", "/maybe"];
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// An application, and what is around it.
struct App {
    router: Router,
    sender: CapturingSender,
    hooked: Hooked,
    clock: TestClock,
    has_cookies: bool,
}

impl App {
    fn new<D: Delivery>() -> Self {
        let clock = TestClock::default();
        let config = Config::<D>::new(settings().client_ip("x-forwarded-for").trusted_proxy("10.0.0.0/8"));
        let (sender, hooked) = (config.sender.clone(), config.hooks.clone());
        let store = MemoryStore::new(User::first);
        let auth = OtpAuth::with_clock(config, store, clock.clock()).expect("good settings");
        let router = Router::new()
            .route("/me", get(async |user: CurrentUser<Config<D>>| user.claims().token_id().to_string()))
            .route("/claims", get(async |claims: Claims<Config<D>>| claims.token_id().to_string()))
            .route("/verified", get(async |user: VerifiedUser<Config<D>>| user.claims().token_id().to_string()))
            .route(
                "/maybe",
                get(async |user: Option<CurrentUser<Config<D>>>| match user {
                    Some(user) => user.claims().token_id().to_string(),
                    None => String::new(),
                }),
            )
            .merge(auth.router())
            .layer(Extension(ConnectInfo(SocketAddr::new(PEER, 50_000))))
            .with_state(auth);
        Self { router, sender, hooked, clock, has_cookies: D::COOKIES }
    }
}

fuzz_target!(|input: Input<'_>| {
    runtime().block_on(async {
        let app = match input.mode {
            Mode::Cookie => App::new::<Cookie>(),
            Mode::Body => App::new::<Body>(),
            Mode::Both => App::new::<Both>(),
        };
        let (mut held, mut issued) = (Held::default(), BTreeSet::new());
        if input.signed_in {
            for step in sign_in() {
                take(&app, &step, &mut held, &mut issued).await;
            }
            assert!(held.0.contains_key("access_token"));
        }
        for step in input.steps.iter().take(8) {
            app.clock.advance(Duration::from_secs(step.seconds.into()));
            take(&app, step, &mut held, &mut issued).await;
        }
    });
});

/// Requests a code and presents it.
fn sign_in() -> [Step<'static>; 2] {
    let code = [(Member::Email, Text::Ann), (Member::Code, Text::Code), (Member::Challenge, Text::Challenge)];
    let step = |path, headers, members| Step {
        path,
        method: Verb::Usual,
        headers,
        body: Contents::Members(members),
        seconds: 0,
    };
    let cookie = (Field::Cookie(CookieName::Challenge), Text::Challenge);
    [
        step(Path::Request, vec![], vec![(Member::Email, Text::Ann)]),
        step(Path::Verify, vec![cookie], code.into_iter().collect()),
    ]
}

/// Sends a request and judges the response.
async fn take(app: &App, step: &Step<'_>, held: &mut Held, issued: &mut BTreeSet<String>) {
    let Some(request) = request(step, held) else { return };
    let (headers, method, path) =
        (request.headers().clone(), request.method().clone(), request.uri().path().to_owned());
    let (parts, body) = request.into_parts();
    let sent = to_bytes(body, usize::MAX).await.expect("in memory");
    let submitted = serde_json::from_slice::<Value>(&sent).unwrap_or_default();
    let (mails, asked_before) = (app.sender.messages().len(), app.hooked.take());
    assert!(asked_before.is_none());
    let request = Request::from_parts(parts, HttpBody::from(sent.clone()));
    let response = app.router.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("in memory");
    let (status, is_auth) = (parts.status, ROUTES.contains(&path.as_str()));

    assert!(!status.is_server_error(), "{status}");
    assert!(!is_auth || parts.headers[CACHE_CONTROL] == "no-store");
    assert!(!is_auth || method == Method::POST || !status.is_success());
    assert_cookies(app, &parts.headers);
    if !status.is_success() && !body.is_empty() {
        assert_problem(status, &body);
    }
    if is_auth && app.has_cookies && method == Method::POST && status != StatusCode::FORBIDDEN {
        assert_own_origin(&headers);
    }
    let sends = app.sender.messages().len() - mails;
    assert!(sends == 0 || (sends == 1 && path == ROUTES[0] && status.is_success()));
    if let Some(asked) = app.hooked.take() {
        assert_eq!(path, ROUTES[0]);
        assert_asked(&asked, &headers, &submitted);
    }
    if PROTECTED.contains(&path.as_str()) && status.is_success() && !body.is_empty() {
        let field = headers[AUTHORIZATION].to_str().expect("a token is text");
        assert!(issued.contains(field[7..].trim()), "{path} let {field} in");
    }
    if path == ROUTES[1] && status.is_success() {
        let (email, code) = (submitted["email"].as_str().expect("read"), submitted["code"].as_str().expect("read"));
        let digits = fuzzing::code(code).expect("read");
        let email = otp_auth::user::Address::parse(email, otp_auth::config::LocalPartCase::Lower).expect("read");
        let is_sent =
            app.sender.messages().iter().any(|message| {
                message.code == digits.expose() && message.address.eq_ignore_ascii_case(email.deliver_to())
            });
        assert!(is_sent, "signed in with a code that was not sent");
    }
    if status.is_success() {
        keep(app, &parts.headers, &body, held);
        issued.insert(String::from_utf8(held.get("access_token")).expect("text"));
    }
}

fn request(step: &Step<'_>, held: &Held) -> Option<Request<HttpBody>> {
    let path = match &step.path {
        Path::Request => ROUTES[0],
        Path::Verify => ROUTES[1],
        Path::Refresh => ROUTES[2],
        Path::Logout => ROUTES[3],
        Path::Protected(number) => PROTECTED[usize::from(*number) % 4],
        Path::Other(path) => path,
    };
    let method = match &step.method {
        Verb::Usual if matches!(step.path, Path::Protected(_)) => Method::GET,
        Verb::Usual => Method::POST,
        Verb::Other(method) => method.parse().ok()?,
    };
    let mut request = Request::builder().method(method).uri(path);
    let body = match &step.body {
        Contents::Raw(bytes) => bytes.to_vec(),
        Contents::Long(length) => {
            [br#"{"email":"ann@example.com"}"#.to_vec(), vec![b' '; usize::from(*length)]].concat()
        }
        Contents::Members(members) => {
            let written = members.iter().map(|(member, text)| {
                let text = String::from_utf8_lossy(&text.bytes(held)).into_owned();
                format!("{}:{}", json!(member.name()), json!(text))
            });
            format!("{{{}}}", written.collect::<Vec<_>>().join(",")).into_bytes()
        }
    };
    if !matches!(step.body, Contents::Raw(_)) {
        request = request.header("content-type", "application/json");
    }
    for (field, text) in &step.headers {
        let bytes = text.bytes(held);
        let (name, bytes) = match field {
            Field::Authorization => ("authorization", [b"Bearer ", &bytes[..]].concat()),
            Field::Cookie(name) => ("cookie", [name.text(), b"=", &bytes[..]].concat()),
            Field::Cookies => ("cookie", bytes),
            Field::ContentType => ("content-type", bytes),
            Field::ContentLength => ("content-length", bytes),
            Field::Host => ("host", bytes),
            Field::Origin => ("origin", bytes),
            Field::SecFetchSite => ("sec-fetch-site", bytes),
            Field::ForwardedFor => ("x-forwarded-for", bytes),
            Field::UserAgent => ("user-agent", bytes),
            Field::AcceptLanguage => ("accept-language", bytes),
        };
        request = request.header(HeaderName::from_static(name), HeaderValue::from_bytes(&bytes).ok()?);
    }
    request.body(HttpBody::from(body)).ok()
}

impl CookieName {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Refresh => b"__Host-refresh_token-users",
            Self::Challenge => b"__Host-otp_challenge-users",
            Self::Device => b"__Host-otp_device-users",
        }
    }
}

/// A problem has nothing but its fixed texts, so it echoes nothing of the request.
fn assert_problem(status: StatusCode, body: &[u8]) {
    let said: Value = serde_json::from_slice(body).expect("a problem");
    let code = said["code"].as_str().expect("a code");
    let kind = *ProblemKind::ALL.iter().find(|kind| kind.code() == code).expect("a kind");
    let mut expected = serde_json::to_value(Problem::new(kind)).expect("a problem");
    if let Some(seconds) = said.get("retry_after") {
        assert!(seconds.is_u64() && kind.status() == StatusCode::TOO_MANY_REQUESTS);
        expected["retry_after"] = seconds.clone();
    }
    assert_eq!(said, expected);
    assert_eq!(status, kind.status());
}

fn assert_cookies(app: &App, headers: &HeaderMap) {
    for cookie in headers.get_all(SET_COOKIE) {
        assert!(app.has_cookies);
        let cookie = cookie.to_str().expect("text");
        assert!(cookie.starts_with("__Host-") && cookie.contains("-users="));
        for attribute in ["; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/;", "; Max-Age="] {
            assert!(format!("{cookie};").contains(attribute), "{cookie}");
        }
    }
}

/// What was admitted was not sent by a page of another origin.
fn assert_own_origin(headers: &HeaderMap) {
    let all = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap_or_default();
    let origins = all(ORIGIN.as_str());
    assert!(origins.len() <= 1);
    match all("sec-fetch-site")[..] {
        [] => {
            if let [origin] = origins[..] {
                let [host] = all(HOST.as_str())[..] else { panic!("an origin without a host was admitted") };
                assert!(fuzzing::is_at(&text(origin), &text(host)));
                assert!(text(origin).to_ascii_lowercase().starts_with("https://"));
            }
        }
        [site] => assert!(matches!(site, b"same-origin" | b"none")),
        _ => panic!("two fields were admitted"),
    }
}

/// The application sees what the client sent: one plain address, the proof, and a clean context.
fn assert_asked(asked: &Asked, headers: &HeaderMap, submitted: &Value) {
    let Asked { address, context, proof } = asked;
    assert!(!address.deliver_to().contains(|c: char| c.is_control() || c.is_whitespace() || c == ','));
    let sent = submitted["proof"].as_str().filter(|proof| proof.len() <= 8_192);
    assert_eq!(proof.as_deref(), sent);
    if let Some(agent) = &context.user_agent {
        assert!(agent.len() <= 256 && !agent.contains(char::is_control));
    }
    if let Some(language) = &context.language {
        let accepted = headers["accept-language"].to_str().expect("text");
        assert!(accepted.contains(language.as_str()) && language.len() <= 35);
        assert!(language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
    if headers.get("x-forwarded-for").is_none() {
        assert_eq!(context.client_ip, Some(PEER));
    }
}

/// Remembers what a success hands out.
fn keep(app: &App, headers: &HeaderMap, body: &[u8], held: &mut Held) {
    if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
        held.0.extend(members);
    }
    for cookie in headers.get_all(SET_COOKIE) {
        let (name, rest) = cookie.to_str().expect("text").split_once('=').expect("a value");
        let value = rest.split(';').next().unwrap_or_default();
        let member = match name {
            "__Host-refresh_token-users" => "refresh_token",
            "__Host-otp_challenge-users" => "challenge",
            _ => "device",
        };
        held.0.insert(member.to_owned(), value.into());
    }
    if let Some(message) = app.sender.messages().last() {
        held.0.insert("code".to_owned(), message.code.as_str().into());
        held.0.insert("unlock".to_owned(), message.unlock.as_str().into());
    }
}
