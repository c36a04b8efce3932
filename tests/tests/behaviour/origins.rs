//! Which pages may call the routes: `Origin` and `trusted_origins` (CSRF requirements).

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{HOST, ORIGIN};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{MemoryStore, OtpAuth, config::SettingsBuilder, otp_config};
use otp_auth_rules::origin::{host_fault, origin_fault};
use otp_auth_tests::config::OTHER_SECRET;
use otp_auth_tests::{Answer, Client, Mode, SECRET, Setup, User};

use crate::support::ANN;
use texts::{BAD_HOSTS, BAD_ORIGINS, GOOD_HOSTS, GOOD_ORIGINS};

/// The texts that the macro tests also use.
#[path = "../../shared/origins.rs"]
mod texts;

fn assert_advice(fault: Option<String>, text: &str, better: Option<&str>) {
    let fault = fault.unwrap_or_else(|| panic!("{text:?} is taken"));
    assert!(!fault.contains("hunter2"), "{fault}");
    assert_eq!(fault.lines().count(), 1, "{fault}");
    match better {
        Some(better) => assert!(fault.ends_with(&format!(": write `{better}`")), "{text:?}: {fault}"),
        None => assert!(fault.contains(": write, for example, `"), "{text:?}: {fault}"),
    }
}

#[test]
fn what_is_refused_says_what_to_write() {
    for text in GOOD_ORIGINS {
        assert_eq!(origin_fault(text), None, "{text:?}");
    }
    for text in GOOD_HOSTS {
        assert_eq!(host_fault(text), None, "{text:?}");
    }
    for (text, better) in BAD_ORIGINS {
        assert_advice(origin_fault(text), text, *better);
    }
    for (text, better) in BAD_HOSTS {
        assert_advice(host_fault(text), text, *better);
    }
}

/// Lists, and their length, that are only known at startup.
#[otp_config(
    user = User,
    secret_key = self.secret,
    previous_secret_keys = self.old,
    trusted_origins = self.origins,
    developer_hosts = self.hosts.split(',').filter(|host| !host.is_empty()),
)]
#[derive(Default)]
struct Lists {
    secret: String,
    old: Vec<String>,
    origins: Vec<String>,
    hosts: String,
    #[otp(sender)]
    sender: CapturingSender,
}

fn started(lists: Lists) -> Result<OtpAuth<Lists>, otp_auth::config::ConfigError> {
    let lists = Lists { secret: SECRET.to_owned(), ..lists };
    OtpAuth::with_clock(lists, MemoryStore::new(User::first), TestClock::default().clock())
}

#[test]
fn every_bad_origin_and_host_stops_the_start_with_its_advice() {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let good =
        started(Lists { origins: texts(GOOD_ORIGINS), hosts: GOOD_HOSTS.join(","), ..Lists::default() }).unwrap();
    assert_eq!(good.settings().trusted_origins, GOOD_ORIGINS);
    assert_eq!(good.settings().developer_hosts, GOOD_HOSTS);
    let none = started(Lists::default()).unwrap();
    assert!(none.settings().trusted_origins.is_empty() && none.settings().developer_hosts.is_empty());

    for (text, _) in BAD_ORIGINS {
        let error = started(Lists { origins: texts(&[GOOD_ORIGINS[0], text]), ..Lists::default() }).unwrap_err();
        let fault = origin_fault(text).unwrap();
        assert_eq!(error.faults().len(), 1, "{error}");
        assert!(error.to_string().ends_with(&format!("`trusted_origins` {fault}")), "{error}");
    }
    for (text, _) in BAD_HOSTS.iter().filter(|(text, _)| !text.is_empty()) {
        let error = started(Lists { hosts: (*text).to_owned(), ..Lists::default() }).unwrap_err();
        let fault = host_fault(text).unwrap();
        assert_eq!(error.faults().len(), 1, "{error}");
        assert!(error.to_string().ends_with(&format!("`developer_hosts` {fault}")), "{error}");
    }
}

#[tokio::test]
async fn previous_secrets_can_be_a_list_that_the_start_of_the_program_knows() {
    let sender = CapturingSender::new();
    let before = started(Lists { sender: sender.clone(), ..Lists::default() }).unwrap();
    let request = otp_auth::auth::CodeRequest::new(ANN);
    let requested = before.request_code(request).await.unwrap();
    let code = sender.code_for(ANN).unwrap();
    let verification = otp_auth::auth::Verification::new(ANN, &code).challenge(requested.challenge.expose());
    let token = before.verify_code(verification).await.unwrap().tokens.access_token;
    let rotated = |old: Vec<String>| {
        let lists = Lists { secret: OTHER_SECRET.to_owned(), old, ..Lists::default() };
        OtpAuth::with_clock(lists, MemoryStore::new(User::first), TestClock::default().clock())
    };
    assert!(rotated(vec![SECRET.to_owned()]).unwrap().claims(token.expose()).await.is_ok());
    assert!(rotated(Vec::new()).unwrap().claims(token.expose()).await.is_err());
    let weak = rotated(vec![SECRET.to_owned(), "short".to_owned()]).unwrap_err();
    assert_eq!((weak.faults().len(), weak.faults()[0].key()), (1, "previous_secret_keys"));
}

/// A signed-in browser that sends no `Sec-Fetch-Site`, at the host `own.test`.
async fn signed_in(mode: Mode, tune: fn(SettingsBuilder) -> SettingsBuilder) -> Client {
    let mut client = Setup::new(mode).tune(tune).start().await.client();
    client.sign_in(ANN).await;
    client.headers = vec![(HOST, "own.test".parse().unwrap())];
    client
}

async fn refresh_from(client: &mut Client, origin: &str) -> Answer {
    let mut asking = client.clone();
    asking.headers.push((ORIGIN, origin.parse().unwrap()));
    let answer = asking.refresh().await;
    client.jar = asking.jar;
    client.refresh_token = asking.refresh_token;
    answer
}

#[tokio::test]
async fn csrf_04_a_page_over_plain_http_is_another_origin_than_the_same_host_over_https() {
    for mode in [Mode::Cookie, Mode::Both] {
        let mut client = signed_in(mode, |settings| settings).await;
        for origin in [
            "http://own.test",
            "http://own.test:443",
            "HTTP://own.test",
            "http://own.test:80",
            "https://own.test:8443",
            "https://own.test.evil.test",
            "null",
        ] {
            refresh_from(&mut client, origin).await.problem(403, "cross_origin");
        }
        for origin in ["https://own.test", "https://own.test:443", "https://OWN.test"] {
            refresh_from(&mut client, origin).await.ok();
        }
        // If cookies need no HTTPS, neither do pages.
        let mut client = signed_in(mode, |settings| settings.cookie_secure(false)).await;
        for origin in ["http://own.test", "https://own.test", "http://own.test:80"] {
            refresh_from(&mut client, origin).await.ok();
        }
        for origin in ["http://own.test:8000", "http://other.test"] {
            refresh_from(&mut client, origin).await.problem(403, "cross_origin");
        }
    }
}

#[tokio::test]
async fn csrf_02_the_authority_of_http_2_counts_like_host() {
    let mut client = Setup::new(Mode::Cookie).start().await.client();
    client.sign_in(ANN).await;
    for (uri, host, origin, taken) in [
        ("https://own.test/auth/refresh", None, "https://own.test", true),
        ("https://own.test/auth/refresh", Some("own.test"), "https://own.test", true),
        ("https://own.test/auth/refresh", None, "https://other.test", false),
        ("https://own.test/auth/refresh", Some("other.test"), "https://other.test", false),
        ("https://own.test/auth/refresh", Some("other.test"), "https://own.test", false),
        ("/auth/refresh", None, "https://own.test", false),
    ] {
        let mut request = Request::post(uri).header(ORIGIN, origin);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let answer = client.send(request.body(Body::empty()).unwrap()).await;
        if taken {
            answer.ok();
        } else {
            answer.problem(403, "cross_origin");
        }
    }
}

#[tokio::test]
async fn csrf_02_what_cannot_be_read_is_another_origin() {
    for mode in [Mode::Cookie, Mode::Both] {
        let mut client = signed_in(mode, |settings| settings).await;
        let host = client.headers.clone();
        let own = (ORIGIN, "https://own.test".parse().unwrap());
        for fields in [
            vec![own.clone(), own.clone()],
            vec![own.clone(), (ORIGIN, "null".parse().unwrap())],
            vec![(ORIGIN, "".parse().unwrap())],
            vec![(ORIGIN, "https://own.test/".parse().unwrap())],
            vec![(ORIGIN, axum::http::HeaderValue::from_bytes(b"https://own.test\xff").unwrap())],
            vec![own.clone(), (HOST, "own.test".parse().unwrap())],
        ] {
            client.headers = [host.clone(), fields].concat();
            client.refresh().await.problem(403, "cross_origin");
        }
        client.headers = host;
        refresh_from(&mut client, "https://own.test").await.ok();
    }
}

#[tokio::test]
async fn csrf_02_csrf_09_a_trusted_origin_may_call_and_its_neighbours_may_not() {
    let origins = [
        "https://app.example.com",
        "http://localhost:3000",
        "capacitor://localhost",
        "tauri://localhost",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
        "safari-web-extension://0B4C1E8F-A96D-4725-8B4C-1E8FA96D3726",
    ];
    for mode in [Mode::Cookie, Mode::Both] {
        let mut client = Setup::new(mode).tune(move |s| s.trusted_origins(origins)).start().await.client();
        client.sign_in(ANN).await;
        for site in [None, Some("same-site"), Some("cross-site")] {
            client.headers = vec![(HOST, "api.example.com".parse().unwrap())];
            client.headers.extend(site.map(|site| ("sec-fetch-site".parse().unwrap(), site.parse().unwrap())));
            for origin in origins {
                let answer = refresh_from(&mut client, origin).await.ok();
                // CORS is the application's responsibility.
                assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
            }
            for origin in [
                "http://app.example.com",
                "https://app.example.com:8443",
                "https://app.example.com:443",
                "https://APP.example.com",
                "https://x.app.example.com",
                "https://app.example.com.evil.test",
                "https://example.com",
                "http://localhost",
                "http://localhost:3001",
                "https://localhost:3000",
                "http://127.0.0.1:3000",
                "ionic://localhost",
                "capacitor://localhost.evil.test",
                "CAPACITOR://localhost",
                "chrome-extension://bapbdbdomjkkjkaonfhkkikfgjllcleb",
                "safari-web-extension://0b4c1e8f-a96d-4725-8b4c-1e8fa96d3726",
                "null",
            ] {
                refresh_from(&mut client, origin).await.problem(403, "cross_origin");
            }
        }
    }
}

#[tokio::test]
async fn csrf_02_every_accepted_form_of_origin_may_call_and_no_other() {
    let mut client = Setup::new(Mode::Cookie).tune(|s| s.trusted_origins(GOOD_ORIGINS.to_vec())).start().await.client();
    client.sign_in(ANN).await;
    client.headers = vec![(HOST, "api.example.com".parse().unwrap())];
    for origin in GOOD_ORIGINS {
        refresh_from(&mut client, origin).await.ok();
    }
    for (origin, _) in BAD_ORIGINS {
        // Some are not even valid in a header.
        if axum::http::HeaderValue::from_str(origin).is_ok() {
            refresh_from(&mut client, origin).await.problem(403, "cross_origin");
        }
    }
}
