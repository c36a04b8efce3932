//! The page at `/docs` in a real browser that reaches no other server: a user signs in there and
//! calls a protected route, by clicking and pasting.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use axum::http::Method;
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use otp_auth::openapi;
use otp_auth_tests::config::{BodyAuth, CookieAuth};
use otp_auth_tests::{Api, App, Setup, TestConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use url::{ParseError, Url};
use utoipa::OpenApi;

const ANN: &str = "ann@example.com";

/// The time limit of one step.
const PATIENCE: Duration = Duration::from_secs(30);

/// The operations, by the ids that the page gives them.
const REQUEST_OTP: &str = "#operations-auth-request_otp";
const VERIFY_OTP: &str = "#operations-auth-verify_otp";
const REFRESH: &str = "#operations-auth-refresh";
const LOGOUT: &str = "#operations-auth-logout";
const ME: &str = "#operations-default-me";

/// Browsers accept `Secure` cookies from here without TLS.
const LOCALHOST: &str = "localhost";

/// A name that only our browser resolves. Unlike `localhost`, browsers and Swagger UI treat it like
/// any other site.
const SITE: &str = "app.test";

/// The answer, as the page shows it.
#[derive(Debug)]
struct Shown {
    status: String,
    body: String,
}

impl Shown {
    #[track_caller]
    fn with_status(self, status: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    fn ok(self) -> Value {
        self.with_status("200")
    }
}

/// An application, and a browser that shows its page.
struct Page {
    app: App,
    origin: String,
    browser: Client,
    /// Ends the browser when it is dropped.
    _driver: Driver,
}

impl Page {
    /// Serves an application with its page, and opens the page.
    async fn open<C: TestConfig>(host: &str) -> Self {
        let typed = Setup::new(C::MODE).typed::<C>().await;
        let api = Api::openapi().nest("/auth", typed.auth.openapi());
        let router = typed.app.router.clone().merge(openapi::page(api));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{host}:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let driver = Driver::start().await;
        let browser = driver.browser().await;
        browser.goto(&format!("{origin}/docs")).await.unwrap();
        let page = Self { app: typed.app, origin, browser, _driver: driver };
        for operation in [REQUEST_OTP, VERIFY_OTP, REFRESH, LOGOUT, ME] {
            page.find(operation).await;
        }
        page
    }

    /// Waits for the first such element.
    async fn find(&self, css: &str) -> Element {
        let wait = self.browser.wait().at_most(PATIENCE).every(Duration::from_millis(20));
        match wait.for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("the page does not show {css}: {error}"),
        }
    }

    async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Replaces the content of a field, as if pasted.
    async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        let script = "arguments[0].select(); document.execCommand('insertText', false, arguments[1])";
        self.browser.execute(script, vec![json!(field), json!(text)]).await.unwrap();
        assert_eq!(field.prop("value").await.unwrap().as_deref(), Some(text), "{css}");
    }

    /// Opens an operation. One that is already open discards its last answer.
    async fn turn_to(&self, operation: &str) {
        if self.browser.find(Locator::Css(&format!("{operation}.is-open"))).await.is_ok() {
            self.click(&format!("{operation} .btn-clear")).await;
            self.find(&format!("{operation}:not(:has(.live-responses-table))")).await;
        } else {
            self.click(&format!("{operation} .opblock-summary-control")).await;
        }
    }

    async fn execute(&self, operation: &str) -> Shown {
        self.click(&format!("{operation} button.execute")).await;
        let answer = format!("{operation} .live-responses-table .response");
        let status = self.find(&format!("{answer} .response-col_status")).await.text().await.unwrap();
        let body = self.find(&format!("{answer} .highlight-code code")).await.text().await.unwrap();
        // Below the status, the page lists what is not documented.
        Shown { status: status.lines().next().unwrap_or_default().to_owned(), body }
    }

    async fn send(&self, operation: &str) -> Shown {
        self.turn_to(operation).await;
        self.execute(operation).await
    }

    async fn send_body(&self, operation: &str, body: &Value) -> Shown {
        self.turn_to(operation).await;
        self.fill(&format!("{operation} .body-param__text"), &body.to_string()).await;
        self.execute(operation).await
    }

    /// Enters the access token of an answer in the dialog.
    async fn authorize(&self, tokens: &Value) {
        self.click(".auth-wrapper .btn.authorize").await;
        self.fill("#auth-bearer-value", tokens["access_token"].as_str().unwrap()).await;
        self.click("form:has(#auth-bearer-value) .btn.authorize").await;
        // With a token, the dialog shows asterisks instead of the field.
        self.find(".modal-ux form:has(label[for=auth-bearer-value]):not(:has(input))").await;
        self.click(".modal-ux .btn-done").await;
        self.find("body:not(:has(.modal-ux))").await;
    }

    /// Final checks: everything was loaded from the application, and the console shows only errors
    /// about 401.
    async fn close(self) {
        let script = "return performance.getEntries().filter(entry => entry.entryType == 'navigation' \
                      || entry.entryType == 'resource').map(entry => entry.name)";
        let loaded = self.browser.execute(script, vec![]).await.unwrap();
        let loaded: Vec<String> = serde_json::from_value(loaded).unwrap();
        for file in ["", "swagger-ui.css", "swagger-ui-bundle.js", "openapi.json"] {
            let url = format!("{}/docs/{file}", self.origin);
            assert!(loaded.contains(&url), "{url} is not among {loaded:#?}");
        }
        for url in loaded {
            assert!(url.starts_with(&format!("{}/", self.origin)), "the page asks elsewhere: {url}");
        }
        for entry in self.browser.issue_cmd(ConsoleLog).await.unwrap().as_array().unwrap() {
            let message = entry["message"].as_str().unwrap();
            assert!(message.contains("the server responded with a status of 401"), "{message}");
        }
    }
}

/// chromedriver, with the browsers that it started.
struct Driver {
    child: Child,
    /// It ends if it cannot write.
    _output: Lines<BufReader<ChildStdout>>,
    port: u16,
    /// Contains the profiles of the browsers.
    _directory: TempDir,
}

impl Driver {
    /// Starts it on loopback, on a free port that it chooses.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("TMPDIR", directory.path()).stdout(Stdio::piped()).kill_on_drop(true);
        let spawned = command.spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("chromedriver: {error}"));
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = async {
            while let Some(line) = output.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').parse().unwrap();
                }
            }
            panic!("chromedriver ended early");
        };
        let port = timeout(PATIENCE, port).await.unwrap_or_else(|_| panic!("chromedriver names no port"));
        Self { child, _output: output, port, _directory: directory }
    }

    async fn browser(&self) -> Client {
        let arguments = [
            "--headless",
            "--window-size=1200,1600",
            // Only our own page is opened, and root cannot use the sandbox.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // The browser ends with chromedriver, however that ends.
            "--remote-debugging-pipe",
            // The browser reaches no other server.
            "--no-proxy-server",
            &format!("--host-resolver-rules=MAP {SITE} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE {LOCALHOST}"),
        ];
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        builder.connect(&format!("http://127.0.0.1:{}", self.port)).await.unwrap()
    }
}

impl Drop for Driver {
    /// Even if a test failed, the browser ends before its profile is deleted. If chromedriver is
    /// still running then, it is killed.
    fn drop(&mut self) {
        if let Ok(mut connection) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = connection.set_read_timeout(Some(PATIENCE));
            let _ = connection.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let _ = connection.read(&mut [0; 1024]);
        }
        let _ = self.child.start_kill();
    }
}

/// chromedriver's own command for the page's console log.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

#[tokio::test]
#[ignore = "needs chromedriver: scripts/test runs it"]
async fn browser_with_cookies_one_signs_in_on_the_page_and_calls_a_protected_route() {
    let page = Page::open::<CookieAuth>(LOCALHOST).await;
    page.send(ME).await.with_status("401");
    page.send_body(REQUEST_OTP, &json!({ "email": ANN })).await.ok();
    let code = page.app.code_for(ANN);
    let tokens = page.send_body(VERIFY_OTP, &json!({ "email": ANN, "code": code })).await.ok();
    page.authorize(&tokens).await;
    assert_eq!(page.send(ME).await.ok()["email"], ANN);
    // The refresh token is in a cookie, which the browser sends without help.
    assert!(page.send(REFRESH).await.ok()["access_token"].is_string());
    page.send(LOGOUT).await.ok();
    page.send(ME).await.with_status("401");
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromedriver: scripts/test runs it"]
async fn browser_with_bodies_one_signs_in_on_the_page_and_calls_a_protected_route() {
    let page = Page::open::<BodyAuth>(SITE).await;
    let issued = page.send_body(REQUEST_OTP, &json!({ "email": ANN })).await.ok();
    let body = json!({ "email": ANN, "code": page.app.code_for(ANN), "challenge": issued["challenge"] });
    let tokens = page.send_body(VERIFY_OTP, &body).await.ok();
    page.authorize(&tokens).await;
    assert_eq!(page.send(ME).await.ok()["email"], ANN);
    let renewed = page.send_body(REFRESH, &json!({ "refresh_token": tokens["refresh_token"] })).await.ok();
    page.send_body(LOGOUT, &json!({ "refresh_token": renewed["refresh_token"] })).await.ok();
    page.send(ME).await.with_status("401");
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromedriver: scripts/test runs it"]
async fn browser_a_wrong_code_is_shown_as_a_problem() {
    let page = Page::open::<CookieAuth>(LOCALHOST).await;
    page.send_body(REQUEST_OTP, &json!({ "email": ANN })).await.ok();
    let code = page.app.wrong_code_for(ANN);
    let problem = page.send_body(VERIFY_OTP, &json!({ "email": ANN, "code": code })).await.with_status("401");
    assert_eq!(problem["code"], "invalid_code");
    page.close().await;
}
