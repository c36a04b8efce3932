//! Developer mode: anyone can sign in as anyone, so it serves only the developer's machine
//! (requirement OTP-13).

use std::net::SocketAddr;
use std::process::{Command, Output};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use otp_auth::testing::CapturingSender;
use otp_auth::{MemoryStore, OtpAuth, config::SettingsBuilder, otp_config};
use otp_auth_tests::app::AUTH;
use otp_auth_tests::config::CookieAuth;
use otp_auth_tests::{Answer, App, Mode, Setup, User, logs};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use crate::support::{ANN, COOLDOWN};

async fn developing(mode: Mode, tune: fn(SettingsBuilder) -> SettingsBuilder) -> App {
    Setup::new(mode).tune(move |settings| tune(settings.developer_mode(true))).start().await
}

/// Requests a code with these header fields, over a connection from this peer.
async fn ask(app: &App, route: &str, fields: &[(&str, &str)], peer: Option<&str>) -> Answer {
    let mut request = Request::post(route).header(CONTENT_TYPE, "application/json");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    if let Some(peer) = peer {
        request = request.extension(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
    }
    let request = request.body(Body::from(json!({ "email": ANN }).to_string())).unwrap();
    Answer::read(app.router.clone().oneshot(request).await.unwrap()).await
}

const REQUEST: &str = "/auth/request-otp";
const HERE: &str = "127.0.0.1:50000";
const ELSEWHERE: &str = "192.168.1.7:50000";

#[tokio::test]
async fn otp_13_developer_mode_serves_this_machine_alone() {
    for mode in Mode::ALL {
        let app = developing(mode, |settings| settings).await;
        for host in ["localhost", "localhost:8000", "app.localhost", "127.0.0.1:8000", "[::1]:8000"] {
            for peer in [None, Some(HERE), Some("[::1]:50000"), Some("[::ffff:127.0.0.1]:50000")] {
                ask(&app, REQUEST, &[("host", host)], peer).await.ok();
            }
            ask(&app, REQUEST, &[("host", host)], Some(ELSEWHERE)).await.problem(403, "developer_mode_host");
        }
        let sent = app.mails();
        for route in AUTH {
            for host in ["shop.example", "192.168.1.20:8000", "0.0.0.0:8000", "localhost.shop.example", "", "a b"] {
                for peer in [None, Some(HERE), Some(ELSEWHERE)] {
                    let answer = ask(&app, route, &[("host", host)], peer).await.problem(403, "developer_mode_host");
                    assert!(answer.text().contains("developer_hosts"), "{answer:?}");
                    assert_eq!(answer.header("cache-control"), Some("no-store"));
                    assert!(answer.cookies().is_empty());
                }
            }
            let twice = [("host", "localhost"), ("host", "shop.example")];
            ask(&app, route, &twice, None).await.problem(403, "developer_mode_host");
        }
        assert_eq!(app.mails(), sent);
    }
}

#[tokio::test]
async fn otp_13_without_developer_mode_any_host_and_peer_is_served() {
    let app = Setup::new(Mode::Body).start().await;
    ask(&app, REQUEST, &[("host", "shop.example")], Some(ELSEWHERE)).await.ok();
}

#[tokio::test]
async fn a_named_host_is_served_from_wherever_it_is_asked_for() {
    let app = developing(Mode::Cookie, |s| s.developer_hosts(["192.168.1.20", "laptop.local"])).await;
    for host in ["192.168.1.20:8000", "laptop.local", "LAPTOP.local:80"] {
        for peer in [None, Some(HERE), Some(ELSEWHERE)] {
            ask(&app, REQUEST, &[("host", host)], peer).await.ok();
        }
    }
    ask(&app, REQUEST, &[("host", "localhost")], Some(HERE)).await.ok();
    for (host, peer) in [("localhost", ELSEWHERE), ("192.168.1.21", ELSEWHERE), ("x.laptop.local", HERE)] {
        ask(&app, REQUEST, &[("host", host)], Some(peer)).await.problem(403, "developer_mode_host");
    }
    // A container with a forwarded port is `localhost` to its clients.
    let app = developing(Mode::Cookie, |s| s.developer_host("localhost")).await;
    ask(&app, REQUEST, &[("host", "localhost:8000")], Some("172.17.0.1:50000")).await.ok();
}

#[tokio::test]
async fn otp_13_a_missing_host_gets_nobody_in_over_a_network() {
    let app = developing(Mode::Both, |settings| settings).await;
    // Tests in process send such requests.
    ask(&app, REQUEST, &[], None).await.ok();
    ask(&app, REQUEST, &[], Some(HERE)).await.ok();
    ask(&app, REQUEST, &[], Some(ELSEWHERE)).await.problem(403, "developer_mode_host");
    for framing in [(CONTENT_LENGTH.as_str(), "27"), ("transfer-encoding", "chunked")] {
        ask(&app, REQUEST, &[framing], None).await.problem(403, "developer_mode_host");
    }

    // Over a real connection, and the server does not provide the peer address.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = app.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let body = json!({ "email": ANN }).to_string();
    for (start, host, status) in [
        ("HTTP/1.1", "host: localhost\r\n", "200"),
        ("HTTP/1.0", "host: localhost\r\n", "200"),
        ("HTTP/1.1", "", "403"),
        ("HTTP/1.0", "", "403"),
        ("HTTP/1.1", "host: shop.example\r\n", "403"),
        ("HTTP/1.1", "host:\r\n", "403"),
    ] {
        let request = format!(
            "POST {REQUEST} {start}\r\n{host}connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{start} {host:?}: {answer}");
    }
    server.abort();
}

#[tokio::test]
async fn a_developer_signs_in_as_often_as_they_like() {
    for mode in Mode::ALL {
        let app = developing(mode, |settings| settings).await;
        for _ in 0..15 {
            let mut client = app.client();
            let asked = client.request(ANN).await.ok();
            assert_eq!(asked.number("resend_in"), 0);
            assert_eq!(asked.number("expires_in"), 600);
            client.verify(ANN, "000000").await.ok();
        }
        let mut client = app.client();
        for _ in 0..15 {
            client.request(ANN).await.ok();
        }
        client.verify(ANN, "000000").await.ok();
        // Attempts are limited here, too.
        client.request(ANN).await.ok();
        for _ in 0..5 {
            client.verify(ANN, "111111").await.problem(401, "invalid_code");
        }
        client.verify(ANN, "111111").await.problem(429, "too_many_attempts");
        client.request(ANN).await.ok();
        client.verify(ANN, "000000").await.ok();
    }
    let app = Setup::new(Mode::Cookie).start().await;
    app.client().request(ANN).await.ok();
    app.client().request(ANN).await.problem(429, "resend_too_soon");
    app.pass(COOLDOWN);
    app.client().request(ANN).await.ok();
}

#[tokio::test]
async fn guesses_are_bounded_by_the_settings_in_developer_mode_too() {
    let setup = Setup::new(Mode::Cookie).tune(|s| s.developer_mode(true).max_sends_per_day_total(1_000));
    let error = setup.attempt::<CookieAuth>().await.err().unwrap();
    assert_eq!(error.faults()[0].key(), "max_sends_per_day_total");
}

#[otp_config(user = User, realm = "developers", developer_mode = true)]
struct WithoutSecret {
    #[otp(sender)]
    sender: CapturingSender,
}

/// Runs a test of this module alone, in a separate process.
fn alone(name: &str, variable: &str, value: &str) -> Output {
    let name = format!("developer_mode::{name}");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(variable, value)
        .output()
        .unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && printed.contains("1 passed"), "{printed}{errors}");
    child
}

#[tokio::test]
async fn log_02_developer_mode_and_a_random_secret_are_events() {
    const CHILD: &str = "OTP_AUTH_TEST_STARTS_WITHOUT_SECRET";
    if std::env::var(CHILD).is_err() {
        alone("log_02_developer_mode_and_a_random_secret_are_events", CHILD, "yes");
        return;
    }
    logs::capture();
    let _auth = OtpAuth::new(WithoutSecret { sender: CapturingSender::new() }, MemoryStore::new(User::first)).unwrap();
    let log = logs::captured();
    let raised = |event: &str| log.lines().filter(|line| line.contains(event)).collect::<Vec<_>>();
    let [developing] = raised("sys_developer_mode")[..] else { panic!("{log}") };
    assert!(developing.contains("WARN") && developing.contains("WithoutSecret"), "{developing}");
    let [random] = raised("sys_random_secret")[..] else { panic!("{log}") };
    assert!(random.contains("WARN"), "{random}");
    // With a secret, and outside developer mode, neither is logged.
    let before = log.len();
    Setup::new(Mode::Body).start().await;
    assert!(!logs::captured()[before..].contains("sys_"));
}

/// Without a subscriber.
#[tokio::test]
async fn otp_13_developer_mode_warns_on_standard_error_and_names_the_configuration() {
    const CHILD: &str = "OTP_AUTH_TEST_STARTS_IN_DEVELOPER_MODE";
    if let Ok(mode) = std::env::var(CHILD) {
        let setup = Setup::new(Mode::Cookie).tune(move |settings| settings.developer_mode(mode == "on"));
        let typed = setup.typed::<CookieAuth>().await;
        let _ = (typed.auth.clone(), typed.auth.router::<()>());
        return;
    }
    for (mode, warnings) in [("on", 1), ("off", 0)] {
        let child = alone("otp_13_developer_mode_warns_on_standard_error_and_names_the_configuration", CHILD, mode);
        let errors = String::from_utf8_lossy(&child.stderr);
        let lines: Vec<_> = errors.lines().filter(|line| line.contains("developer mode is on")).collect();
        assert_eq!(lines.len(), warnings, "{errors}");
        assert!(lines.iter().all(|line| line.starts_with("otp-auth: warning: ") && line.contains("CookieAuth")));
    }
}

#[tokio::test]
async fn log_08_the_host_that_was_refused_is_logged_on_one_line() {
    logs::capture();
    let app = developing(Mode::Cookie, |settings| settings).await;
    let host = format!("refused-host-{}\t", "x".repeat(300));
    let request = Request::post(REQUEST).header(HOST, host).body(Body::empty()).unwrap();
    let answer = Answer::read(app.router.clone().oneshot(request).await.unwrap()).await;
    answer.problem(403, "developer_mode_host");
    let log = logs::captured();
    let line = log.lines().find(|line| line.contains("refused-host-")).expect("it is logged");
    assert!(line.contains("input_developer_mode_host") && !line.contains('\t') && line.len() < 400, "{line}");
}
