//! The `OpenAPI` document describes exactly what the routes do.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use otp_auth::config::SettingsBuilder;
use otp_auth::limit::Rate;
use otp_auth::openapi;
use otp_auth_tests::app::AUTH;
use otp_auth_tests::config::{BodyAuth, BothAuth, CookieAuth};
use otp_auth_tests::{Answer, App, Client, Fault, Mode, Operation, Reply, SendReply, Setup, TestConfig, Typed};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{ANN, BOB, COOLDOWN, fail, in_network};

/// The document of one delivery.
struct Document {
    json: Value,
    /// What the answers have shown: path, status, `code` of a problem.
    seen: BTreeSet<(String, u16, String)>,
}

impl Document {
    fn of<C: TestConfig>(typed: &Typed<C>) -> Self {
        Self { json: serde_json::to_value(typed.auth.openapi()).unwrap(), seen: BTreeSet::new() }
    }

    fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"))
    }

    fn operation(&self, path: &str) -> &Value {
        let path = path.strip_prefix("/auth").unwrap().replace('/', "~1");
        self.at(&format!("/paths/{path}/post"))
    }

    /// Resolves a reference.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.at(reference.strip_prefix('#').unwrap()),
            None => schema,
        }
    }

    /// Asserts that a value has exactly the members of a schema, with their types.
    fn assert_fits(&self, schema: &Value, value: &Value) {
        let schema = self.resolved(schema);
        if let Some(all) = schema["allOf"].as_array() {
            // The first lists the members, the others narrow them.
            self.assert_fits(&all[0], value);
            for narrowed in &all[1..] {
                for (name, member) in narrowed["properties"].as_object().unwrap() {
                    self.assert_member(member, &value[name.as_str()], name);
                }
            }
            return;
        }
        let members = schema["properties"].as_object().unwrap();
        for (name, member) in value.as_object().unwrap() {
            let schema = members.get(name).unwrap_or_else(|| panic!("{name} is not documented: {value}"));
            self.assert_member(schema, member, name);
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(value.get(name.as_str().unwrap()).is_some(), "{name} is missing: {value}");
        }
    }

    fn assert_member(&self, schema: &Value, value: &Value, name: &str) {
        let schema = self.resolved(schema);
        let kind = match value {
            Value::String(_) => "string",
            Value::Number(_) => "integer",
            other => panic!("{name}: {other}"),
        };
        assert!(schema["type"] == kind || schema["type"].as_array().is_some_and(|all| all.contains(&json!(kind))));
        if let Some(allowed) = schema["enum"].as_array() {
            assert!(allowed.contains(value), "{name}: {value} is not among {allowed:?}");
        }
    }

    /// Compares an answer with the document, and records it.
    fn hold(&mut self, path: &str, answer: &Answer) {
        let status = answer.status.as_u16();
        let response = &self.operation(path)["responses"][status.to_string()];
        assert!(response.is_object(), "{path}: {status} is not documented");
        let media_type = answer.header("content-type").unwrap();
        let content = &response["content"][media_type];
        assert!(content.is_object(), "{path} {status}: {media_type} is not documented");
        self.assert_fits(&content["schema"], &answer.json());
        if status != 200 {
            let mut example = content["examples"][answer.code()]["value"].clone();
            if let Some(seconds) = answer.json().get("retry_after") {
                assert!(example["retry_after"].is_u64(), "{path} {status}");
                example["retry_after"] = seconds.clone();
            }
            assert_eq!(example, answer.json(), "{path} {status}: the example is another one");
        }
        for header in ["set-cookie", "retry-after", "www-authenticate", "cache-control"] {
            let documented = response["headers"]
                .as_object()
                .is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case(header)));
            // A failed sign-out deletes the cookie anyway.
            let cleared = path == "/auth/logout" && status == 503 && header == "set-cookie";
            assert!(answer.header(header).is_none() || documented || cleared, "{path} {status}: {header}");
        }
        let code = if status == 200 { String::new() } else { answer.code() };
        self.seen.insert((path.to_owned(), status, code));
    }

    /// Everything that the document promises: path, status, `code`.
    fn promised(&self) -> BTreeSet<(String, u16, String)> {
        let mut promised = BTreeSet::new();
        for (path, item) in self.at("/paths").as_object().unwrap() {
            for (status, response) in item["post"]["responses"].as_object().unwrap() {
                let status: u16 = status.parse().unwrap();
                let narrowed = &response["content"]["application/problem+json"]["schema"]["allOf"][1];
                let codes = narrowed["properties"]["code"]["enum"].as_array();
                let codes = codes.map_or(vec![String::new()], |codes| {
                    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
                });
                promised.extend(codes.into_iter().map(|code| (format!("/auth{path}"), status, code)));
            }
        }
        promised
    }
}

/// Sends one request and compares the answer with the document.
async fn held(document: &mut Document, client: &mut Client, path: &str, body: Value) {
    let answer = client.post(path, &body).await;
    document.hold(path, &answer);
}

/// Causes every answer of the routes.
async fn everything(document: &mut Document, app: &App) {
    let (request, verify, refresh, logout) = ("/auth/request-otp", "/auth/verify-otp", "/auth/refresh", "/auth/logout");
    let mut client = app.client();
    let code_of = |client: &Client, code: &str| {
        let mut body = json!({ "email": ANN, "code": code });
        if let Some(challenge) = &client.challenge {
            body["challenge"] = challenge.as_str().into();
        }
        body
    };
    let token_of = |client: &Client| match &client.refresh_token {
        Some(token) => json!({ "refresh_token": token }),
        None => json!({}),
    };

    held(document, &mut client, request, json!({ "email": ANN })).await;
    held(document, &mut client, request, json!({ "email": ANN })).await;
    held(document, &mut client, request, json!({ "email": "nobody" })).await;
    app.hooks.on_send(SendReply::AskStrangers);
    held(document, &mut client, request, json!({ "email": BOB, "proof": "none" })).await;
    app.hooks.on_send(SendReply::Default);
    held(document, &mut client, verify, json!({ "email": "nobody", "code": "000000" })).await;
    let malformed = code_of(&client, "none");
    held(document, &mut client, verify, malformed).await;
    let wrong = code_of(&client, &app.wrong_code_for(ANN));
    for _ in 0..6 {
        held(document, &mut client, verify, wrong.clone()).await;
    }
    app.pass(COOLDOWN);
    held(document, &mut client, request, json!({ "email": ANN })).await;
    let right = code_of(&client, &app.code_for(ANN));
    app.hooks.on_create(Reply::Refuse);
    held(document, &mut client, verify, right.clone()).await;
    app.hooks.on_create(Reply::Admit);
    app.faults.set(Operation::CountAttempt, Fault::Fail);
    held(document, &mut client, verify, right.clone()).await;
    app.faults.clear();
    held(document, &mut client, verify, right).await;

    let token = token_of(&client);
    app.faults.set(Operation::Session, Fault::Fail);
    held(document, &mut client, refresh, token.clone()).await;
    app.faults.clear();
    held(document, &mut client, refresh, token).await;
    let token = token_of(&client);
    app.faults.set(Operation::RevokeSession, Fault::Fail);
    held(document, &mut client.clone(), logout, token.clone()).await;
    app.faults.clear();
    held(document, &mut client.clone(), logout, token.clone()).await;
    held(document, &mut client, refresh, token).await;
    held(document, &mut app.client(), refresh, json!({})).await;

    let locked = "locked@example.com";
    fail(&app.client(), app, locked, 100).await;
    let mut late = in_network(&app.client(), 99);
    late.request(locked).await.ok();
    let answer = late.verify_right(locked).await;
    document.hold(verify, &answer);

    app.faults.set(Operation::OpenChallenge, Fault::Fail);
    held(document, &mut client, request, json!({ "email": BOB })).await;
    app.faults.clear();
    app.sender.fail();
    held(document, &mut client, request, json!({ "email": BOB })).await;
    app.sender.refuse();
    held(document, &mut client, request, json!({ "email": BOB })).await;
    app.sender.take();

    if app.mode == Mode::Both {
        let (mut one, mut two) = (app.client(), app.client());
        one.sign_in("one@example.com").await;
        two.sign_in("two@example.com").await;
        held(document, &mut one, refresh, json!({ "refresh_token": two.held_refresh_token() })).await;
    }

    let read: Vec<_> = AUTH.into_iter().filter(|path| app.mode.reads_body(path)).collect();
    slow_bodies(document, app, &read).await;

    let mut foreign = app.client();
    foreign.headers.push((axum::http::header::ORIGIN, "https://elsewhere.example".parse().unwrap()));
    for path in [request, verify, refresh, logout] {
        held(document, &mut client, path, json!([])).await;
        held(document, &mut client, path, json!("x".repeat(17 * 1024))).await;
        let text = Request::post(path).header(CONTENT_TYPE, "text/plain").body(Body::from("text")).unwrap();
        let answer = client.send(text).await;
        document.hold(path, &answer);
        if app.mode.sets_cookies() {
            held(document, &mut foreign, path, json!({})).await;
        }
    }
}

/// On each path, a body that does not arrive, and one that gives way to newer ones.
async fn slow_bodies(document: &mut Document, app: &App, paths: &[&'static str]) {
    let post = |path: &'static str| {
        let mut client = app.client();
        tokio::spawn(async move { client.post_slowly(path, Duration::from_secs(3_600)).await })
    };
    tokio::time::pause();
    for path in paths {
        document.hold(path, &post(path).await.unwrap());
    }
    let oldest: Vec<_> = paths.iter().map(|path| post(path)).collect();
    tokio::task::yield_now().await;
    let newer: Vec<_> = (0..4_096).map(|_| post(AUTH[0])).collect();
    for (path, answer) in paths.iter().zip(oldest) {
        document.hold(path, &answer.await.unwrap());
    }
    newer.iter().for_each(tokio::task::JoinHandle::abort);
    tokio::time::resume();
}

async fn document_and_routes_agree<C: TestConfig>() {
    let typed = Setup::new(C::MODE).typed::<C>().await;
    assert!(!serde_json::to_string(&typed.auth.openapi()).unwrap().contains("developer_mode"));
    let mut document = Document::of(&typed);
    everything(&mut document, &typed.app).await;
    let one = Rate::per_hour(1);
    let all_one = move |s: SettingsBuilder| s.request_limit(one).verify_limit(one).refresh_limit(one).logout_limit(one);
    let limited = Setup::new(C::MODE).tune(all_one).typed::<C>().await;
    for path in ["/auth/request-otp", "/auth/verify-otp", "/auth/refresh", "/auth/logout"] {
        for _ in 0..2 {
            let mut client = limited.app.client();
            client.put_refresh_token("forged");
            held(&mut document, &mut client, path, json!({ "refresh_token": "forged" })).await;
        }
    }
    // A fault of the application cannot be caused from outside.
    let reachable: BTreeSet<_> = document.promised().into_iter().filter(|(_, status, _)| *status != 500).collect();
    let missing: Vec<_> = reachable.difference(&document.seen).collect();
    assert!(missing.is_empty(), "{:?}: documented but never answered: {missing:?}", C::MODE);
    let extra: Vec<_> = document.seen.difference(&reachable).collect();
    assert!(extra.is_empty(), "{:?}: answered but not documented: {extra:?}", C::MODE);
}

#[tokio::test]
async fn every_answer_is_documented_and_every_documented_answer_exists() {
    document_and_routes_agree::<CookieAuth>().await;
    document_and_routes_agree::<BodyAuth>().await;
    document_and_routes_agree::<BothAuth>().await;
}

#[tokio::test]
async fn in_developer_mode_the_refusal_of_other_hosts_is_documented() {
    let typed = Setup::new(Mode::Body).tune(|settings| settings.developer_mode(true)).typed::<BodyAuth>().await;
    let mut document = Document::of(&typed);
    let mut elsewhere = typed.app.client();
    elsewhere.headers.push((axum::http::header::HOST, "shop.example".parse().unwrap()));
    for path in otp_auth_tests::app::AUTH {
        held(&mut document, &mut elsewhere, path, json!({})).await;
        assert!(document.seen.contains(&(path.to_owned(), 403, "developer_mode_host".to_owned())), "{path}");
    }
}

/// Bodies and security schemes match the delivery.
#[tokio::test]
async fn the_document_is_that_of_the_delivery() {
    let cookie = Document::of(&Setup::new(Mode::Cookie).typed::<CookieAuth>().await);
    let body = Document::of(&Setup::new(Mode::Body).typed::<BodyAuth>().await);
    let both = Document::of(&Setup::new(Mode::Both).typed::<BothAuth>().await);
    for document in [&cookie, &body, &both] {
        assert!(document.at("/openapi").as_str().unwrap().starts_with("3.1"));
        let paths: Vec<_> = document.at("/paths").as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(paths, ["/logout", "/refresh", "/request-otp", "/verify-otp"]);
    }
    let schemes = |document: &Document| {
        document.at("/components/securitySchemes").as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(schemes(&cookie), ["bearer", "challenge_cookie", "refresh_cookie"]);
    assert_eq!(schemes(&body), ["bearer"]);
    assert_eq!(schemes(&both), ["bearer", "challenge_cookie", "refresh_cookie"]);
    assert!(!cookie.json.to_string().contains("\"refresh_token\""));
    assert!(!cookie.json.to_string().contains("\"challenge\""));
    assert!(!body.json.to_string().contains("Set-Cookie"));
    for document in [&body, &both] {
        assert!(document.json.to_string().contains("\"refresh_token\""));
    }
}

async fn described<C: TestConfig>(forget: bool) -> Document {
    let setup = Setup::new(C::MODE).tune(move |settings| settings.forget_device_at_logout(forget));
    Document::of(&setup.typed::<C>().await)
}

#[tokio::test]
async fn each_route_documents_its_credentials_and_headers() {
    let [challenge, refresh, bearer] =
        ["challenge_cookie", "refresh_cookie", "bearer"].map(|scheme| json!({ scheme: [] }));
    let header = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
    for forget in [false, true] {
        for (document, in_verify, in_refresh, in_logout) in [
            (described::<CookieAuth>(forget).await, json!([challenge]), json!([refresh]), json!([refresh, bearer, {}])),
            (described::<BodyAuth>(forget).await, Value::Null, Value::Null, json!([bearer, {}])),
            (
                described::<BothAuth>(forget).await,
                json!([challenge, {}]),
                json!([refresh, {}]),
                json!([refresh, bearer, {}]),
            ),
        ] {
            let [of_challenge, of_refresh, of_device] = ["otp_challenge", "refresh_token", "otp_device"];
            let of_logout = [of_refresh, of_device];
            let has_cookies = in_verify != Value::Null;
            for (path, id, security, cookies) in [
                ("/auth/request-otp", "request_otp", Value::Null, &[of_challenge][..]),
                ("/auth/verify-otp", "verify_otp", in_verify, &[of_refresh, of_device, of_challenge]),
                ("/auth/refresh", "refresh", in_refresh, &[of_refresh]),
                ("/auth/logout", "logout", in_logout, if forget { &of_logout } else { &of_logout[..1] }),
            ] {
                let operation = document.operation(path);
                assert_eq!(operation["operationId"], id);
                assert_eq!(operation["security"], security, "{path}");
                let mut headers = json!({ "Cache-Control": header("Always `no-store`.") });
                if has_cookies {
                    let names: Vec<_> = cookies.iter().map(|name| format!("`__Host-{name}-users`")).collect();
                    headers["Set-Cookie"] = header(&format!("Sets or clears {}.", names.join(", ")));
                }
                assert_eq!(operation["responses"]["200"]["headers"], headers, "{path}");
            }
        }
    }
}

/// Everything that a document refers to is in it.
#[tokio::test]
async fn every_reference_and_requirement_leads_somewhere() {
    fn walk(document: &Document, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref") {
                    document.at(reference.as_str().unwrap().strip_prefix('#').unwrap());
                }
                for requirement in members.get("security").and_then(Value::as_array).into_iter().flatten() {
                    for scheme in requirement.as_object().unwrap().keys() {
                        document.at(&format!("/components/securitySchemes/{scheme}"));
                    }
                }
                members.values().for_each(|member| walk(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(document, item)),
            _ => {}
        }
    }
    for document in [
        Document::of(&Setup::new(Mode::Cookie).typed::<CookieAuth>().await),
        Document::of(&Setup::new(Mode::Body).typed::<BodyAuth>().await),
        Document::of(&Setup::new(Mode::Both).typed::<BothAuth>().await),
    ] {
        walk(&document, &document.json);
    }
}

/// The page's example values work as they are if every code is 000000.
#[tokio::test]
async fn the_examples_are_a_sign_in_in_developer_mode() {
    let setup = Setup::new(Mode::Cookie).tune(|settings| settings.developer_mode(true));
    let typed = setup.typed::<CookieAuth>().await;
    let document = Document::of(&typed);
    let example = |schema: &str| {
        let members = document.at(&format!("/components/schemas/{schema}/properties")).as_object().unwrap();
        members.iter().map(|(name, member)| (name.clone(), member["examples"][0].clone())).collect::<Value>()
    };
    let mut client = typed.app.client();
    client.post("/auth/request-otp", &example("RequestOtpBody")).await.ok();
    client.post("/auth/verify-otp", &example("VerifyBody")).await.ok();
}

async fn get(page: &axum::Router, path: &str) -> Answer {
    let request = Request::get(path).body(Body::empty()).unwrap();
    Answer::read(page.clone().oneshot(request).await.unwrap()).await
}

/// Resolves an address on a page as a browser does.
fn resolved(from: &str, address: &str) -> String {
    let base = url::Url::parse(&format!("http://host.test{from}")).unwrap();
    let url = base.join(address).unwrap();
    assert_eq!(url.host_str(), Some("host.test"), "{address}");
    url.path().to_owned()
}

/// The quoted texts that follow a word.
fn quoted<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The page answers at its path, wherever it is nested, and so does everything it refers to.
#[tokio::test]
async fn the_page_needs_no_other_server() {
    let typed = Setup::new(Mode::Cookie).typed::<CookieAuth>().await;
    let api = || typed.auth.openapi();
    let nested = |prefix: &str, page| axum::Router::new().nest(prefix, page);
    for (path, page) in [
        ("/docs", openapi::page(api())),
        ("/admin/docs", nested("/admin", openapi::page(api()))),
        ("/a/b/docs", nested("/a", nested("/b", openapi::page(api())))),
        ("/admin/docs", openapi::page_at("/admin/docs", api())),
        ("/admin/api/v1", nested("/admin", openapi::page_at("api/v1/", api()))),
        ("/", openapi::page_at("/", api())),
    ] {
        let mut base = path.to_owned();
        if path != "/" {
            let redirect = get(&page, path).await;
            assert_eq!(redirect.status, 303, "{path}");
            base = resolved(path, redirect.headers["location"].to_str().unwrap());
            assert_eq!(base, format!("{path}/"));
        }
        let html = get(&page, &base).await;
        assert_eq!(html.status, 200);
        assert!(html.text().contains("swagger-ui"));
        for address in ["http://", "https://", "src=\"//", "href=\"//"] {
            assert!(!html.text().contains(address), "the page asks elsewhere: {address}");
        }
        let text = html.text();
        let mut assets = quoted(text, " src=\"");
        assets.extend(quoted(text, " href=\""));
        assert!(assets.len() >= 4, "{assets:?}");
        for asset in assets {
            assert_eq!(get(&page, &resolved(&base, asset)).await.status, 200, "{asset} of {path}");
        }
        let script = get(&page, &resolved(&base, "swagger-initializer.js")).await.text().to_owned();
        // By default, Swagger UI would send the document's URL to a validator.
        assert!(script.contains(r#""validatorUrl": "none""#));
        let named = quoted(&script, "\"url\": \"");
        assert_eq!(named.len(), 1, "{script}");
        let document = get(&page, &resolved(&base, named[0])).await;
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        assert_eq!(document, serde_json::to_value(api()).unwrap());
    }
}

/// An application route with an extractor documents the extractor's rejections.
#[tokio::test]
async fn a_guarded_route_documents_what_its_extractor_answers() {
    use utoipa::OpenApi;

    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    let api = otp_auth_tests::Api::openapi().nest("/auth", typed.auth.openapi());
    let api = serde_json::to_value(api).unwrap();
    assert!(api.pointer("/components/schemas/Problem").is_some());
    let mut client = typed.app.client();
    client.sign_in(ANN).await;
    let token = client.token();
    let ask = async |fields: &[&str]| {
        let request = fields.iter().fold(Request::get("/me"), |request, field| request.header("authorization", *field));
        typed.app.client().send(request.body(Body::empty()).unwrap()).await
    };
    let bearer = format!("Bearer {token}");
    let mut answers =
        vec![ask(&[]).await, ask(&["Bearer x"]).await, ask(&["Basic x"]).await, ask(&[&bearer, &bearer]).await];
    typed.app.faults.set(Operation::CurrentUser, Fault::Fail);
    answers.push(ask(&[&bearer]).await);
    let mut statuses = BTreeSet::new();
    for answer in answers {
        let status = answer.status.as_u16();
        let of_status = &api["paths"]["/me"]["get"]["responses"][status.to_string()];
        let content = &of_status["content"]["application/problem+json"];
        let codes = content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array().unwrap();
        assert!(codes.contains(&answer.code().into()), "{status} {codes:?}");
        statuses.insert(status);
    }
    assert_eq!(statuses, BTreeSet::from([400, 401, 503]));
}

/// A code that the document does not allow is not a code. The document cannot be stricter, because
/// digits of any script are accepted.
#[tokio::test]
async fn the_document_says_what_an_address_and_a_code_look_like() {
    let typed = Setup::new(Mode::Cookie).typed::<CookieAuth>().await;
    let document = Document::of(&typed);
    for schema in ["RequestOtpBody", "VerifyBody"] {
        assert_eq!(document.at(&format!("/components/schemas/{schema}/properties/email/format")), "email");
    }
    let code = document.at("/components/schemas/VerifyBody/properties/code");
    assert_eq!(code["pattern"], "^[^A-Za-z]+$");
    let longest = usize::try_from(code["maxLength"].as_u64().unwrap()).unwrap();
    let mut client = typed.app.client();
    for good in ["1", " 12-34\t56\r\n", "-1", "\u{661}\u{ff12}", &format!("{}1", " ".repeat(longest - 1))] {
        client.verify(ANN, good).await.problem(401, "invalid_code");
    }
    for bad in ["", " ", "--", "12a", "12.3", &format!("{}1", " ".repeat(longest))] {
        client.verify(ANN, bad).await.problem(422, "malformed_code");
    }
}
