//! Aliases of one mailbox share what strangers may send to it, and nothing else.

use std::time::Duration;

use otp_auth::hooks::Suspicion;
use otp_auth_tests::{Call, Mode, Setup};

use crate::support::{COOLDOWN, app, every_mode};

#[tokio::test]
async fn rate_12_t33_200_aliases_at_once_are_one_mail_and_in_an_hour_five() {
    for (app, client) in every_mode().await {
        let ask_with_200_aliases = async || {
            for number in 0..200 {
                client.clone().request(&format!("ann+{number}@example.com")).await;
            }
        };
        ask_with_200_aliases().await;
        assert_eq!(app.mails(), 1, "{:?}", app.mode);
        for _ in 0..8 {
            app.pass(COOLDOWN);
            ask_with_200_aliases().await;
        }
        assert_eq!(app.mails(), 5, "{:?}", app.mode);
        // And the address itself.
        client.clone().request("ann@example.com").await.problem(429, "resend_too_soon");
        client.clone().request("bob@example.com").await.ok();
    }
}

#[tokio::test]
async fn rate_12_t33_at_gmail_dots_and_the_second_domain_are_aliases() {
    let app = app(Mode::Body).await;
    app.client().request("a.n.n@gmail.com").await.ok();
    for alias in ["ann@gmail.com", "ANN@googlemail.com", "an.n+shop@gmail.com"] {
        app.client().request(alias).await.problem(429, "resend_too_soon");
    }
    for other in ["a.n.n@example.com", "ann@example.com"] {
        app.client().request(other).await.ok();
    }
}

#[tokio::test]
async fn otp_12_t33_the_code_of_an_alias_opens_no_other_address() {
    for (app, mut client) in every_mode().await {
        client.request("ann+1@example.com").await.ok();
        let code = app.code_for("ann+1@example.com");
        client.clone().verify("ann@example.com", &code).await.problem(401, "invalid_code");
        client.verify("ann+1@example.com", &code).await.ok();
    }
}

#[tokio::test]
async fn rate_13_a_known_device_is_not_slowed_down_by_aliases() {
    for (app, mut client) in every_mode().await {
        client.sign_in("ann+shop@example.com").await;
        app.pass(COOLDOWN);
        app.client().request("ann+1@example.com").await.ok();
        app.client().request("ann+shop@example.com").await.problem(429, "resend_too_soon");
        client.request("ann+shop@example.com").await.ok();
    }
}

#[tokio::test]
async fn log_02_challenges_used_up_through_aliases_are_counted_together() {
    let app = Setup::new(Mode::Body).start().await;
    for number in 0..3 {
        let email = format!("ann+{number}@example.com");
        let mut client = app.client();
        client.request(&email).await.ok();
        for _ in 0..5 {
            client.verify_wrong(&email).await.problem(401, "invalid_code");
        }
        app.pass(Duration::from_secs(1_300));
    }
    let several = |call: &Call| matches!(call, Call::Suspicious(Suspicion::ChallengesExhausted { count: 3, .. }));
    assert_eq!(app.hooks.calls().iter().filter(|call| several(call)).count(), 1);
}
