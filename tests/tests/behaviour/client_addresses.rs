//! Whose address a request has, behind proxies and without.

use otp_auth::config::SettingsBuilder;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{Client, ClientKind, Mode, Setup, logs};

use crate::support::{ANN, every_mode_with};

/// The proxy.
const PROXY: &str = "10.1.2.3:44000";

fn behind_a_proxy(settings: SettingsBuilder) -> SettingsBuilder {
    settings.client_ip("X-Forwarded-For").trusted_proxies(["10.0.0.0/8"])
}

/// The client, through the proxy, which sends these fields.
fn through(client: &Client, peer: &str, fields: &[&str]) -> Client {
    let mut client = client.clone();
    client.address = Some(peer.parse().unwrap());
    client.headers = fields.iter().map(|field| ("x-forwarded-for".parse().unwrap(), field.parse().unwrap())).collect();
    client
}

#[tokio::test]
async fn rate_16_t9_sessions_events_and_hooks_have_the_address_that_the_proxy_saw() {
    logs::capture();
    for (number, (app, client)) in every_mode_with(behind_a_proxy).await.into_iter().enumerate() {
        let address = format!("198.51.101.{number}");
        let mut client = through(&client, PROXY, &["203.0.113.66", &format!("10.7.7.7, {address}, 10.9.9.9")]);
        client.sign_in(ANN).await;
        assert!(app.hooks.contexts().iter().all(|(_, context)| context.client_ip == address.parse().ok()));
        client.get_with("/claims", "garbage").await.problem(401, "invalid_token");
        client.post("/auth/request-otp", &serde_json::json!([])).await.problem(422, "malformed");
        let events = logs::of_client(&address).join("\n");
        for event in ["authn_code_sent", "authn_login_success", "authn_token_invalid", "input_validation_fail"] {
            assert!(events.contains(event), "{event}: {events}");
        }
    }
    let typed = Setup::new(Mode::Body).tune(behind_a_proxy).typed::<BodyAuth>().await;
    let mut client = through(&typed.app.client(), PROXY, &["198.51.101.77"]);
    client.sign_in(ANN).await;
    let sessions = typed.auth.sessions(&1).await.unwrap();
    assert_eq!(sessions[0].client.address, "198.51.101.77".parse().ok());
}

#[tokio::test]
async fn rate_16_t9_a_header_of_anyone_else_changes_nothing() {
    let trusting = Setup::new(Mode::Body).tune(behind_a_proxy);
    for (setup, peer) in [(trusting, "192.0.2.9:50000"), (Setup::new(Mode::Body), PROXY)] {
        let app = setup.start().await;
        let mut client = through(&app.client_of(ClientKind::Native), peer, &["203.0.113.66"]);
        client.sign_in(ANN).await;
        for (_, context) in app.hooks.contexts() {
            assert_eq!(context.client_ip, client.address.map(|address| address.ip()));
        }
    }
}

#[tokio::test]
async fn t9_what_cannot_be_read_is_no_address() {
    logs::capture();
    for fields in [&["garbage"][..], &["203.0.113.66, "], &["203.0.113.66", "unknown"]] {
        let app = Setup::new(Mode::Body).tune(behind_a_proxy).start().await;
        let mut client = through(&app.client(), PROXY, fields);
        client.sign_in(ANN).await;
        assert!(app.hooks.contexts().iter().all(|(_, context)| context.client_ip.is_none()));
    }
    let events = logs::of_client("10.1.2.3").join("\n");
    assert!(events.contains("input_validation_fail") && events.contains("client_ip"), "{events}");
}

#[tokio::test]
async fn the_log_says_once_what_to_write_for_addresses() {
    logs::capture();
    let warnings = || logs::captured().matches("sys_no_client_address").count();
    let app = Setup::new(Mode::Body).start().await;
    let mut client = app.client();
    client.address = Some("192.0.2.9:50000".parse().unwrap());
    client.sign_in(ANN).await;
    assert!(!logs::of_client("192.0.2.9").is_empty());
    client.address = None;
    client.refresh().await.ok();
    client.refresh().await.ok();
    // Other tests run at the same time.
    assert!(warnings() >= 1 && logs::captured().contains("into_make_service_with_connect_info::<SocketAddr>()"));
}
