//! What strangers may have sent to an address: counted by network, and in all.

use std::time::Duration;

use otp_auth::config::SettingsBuilder;
use otp_auth_tests::{Fault, Mode, Operation, Setup};

use crate::support::{ANN, COOLDOWN, every_mode, every_mode_with, in_network, settle};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[tokio::test]
async fn rate_07_another_network_is_not_held_up() {
    for (app, client) in every_mode().await {
        let (mut owner, mut stranger) = (in_network(&client, 1), in_network(&client, 2));
        for _ in 0..5 {
            owner.request(ANN).await.ok();
            owner.request(ANN).await.problem(429, "resend_too_soon");
            app.pass(COOLDOWN);
        }
        owner.request(ANN).await.problem(429, "resend_too_soon");
        // Enumeration: the first answer to a stranger does not tell that somebody has asked.
        let mut fresh = in_network(&client, 3);
        let first = fresh.request("nobody@example.com").await.ok();
        let asked = stranger.request(ANN).await.ok();
        assert_eq!(asked.number("resend_in"), first.number("resend_in"));
        assert_eq!(stranger.verify(ANN, &app.code_for(ANN)).await.status, 200);
    }
}

#[tokio::test]
async fn rate_12_t8_spellings_of_one_network_share_its_budget() {
    let app = Setup::new(Mode::Body).start().await;
    for (address, status) in [
        ("[2001:db8:1:2::1]:1", 200),
        ("[2001:db8:1:2:ffff::9]:2", 429),
        ("[2001:db8:1:3::1]:1", 200),
        ("192.0.2.7:1", 200),
        ("[::ffff:192.0.2.7]:1", 429),
    ] {
        let mut client = app.client();
        client.address = Some(address.parse().unwrap());
        assert_eq!(client.request(ANN).await.status, status, "{address}");
    }
}

fn few(settings: SettingsBuilder) -> SettingsBuilder {
    settings.max_sends_per_day_total(7)
}

#[tokio::test]
async fn rate_03_rate_11_all_networks_together_have_a_limit_and_later_codes_are_longer() {
    for mode in Mode::ALL {
        let app = Setup::new(mode).tune(few).start().await;
        let mut lengths = Vec::new();
        for number in 1..=7 {
            let mut client = in_network(&app.client(), number);
            let answer = client.request(ANN).await.ok();
            let code = app.code_for(ANN);
            assert_eq!(answer.number("code_length"), code.len() as u64);
            lengths.push(code.len());
            if number == 7 {
                // The longer code signs in, and opens nothing shortened.
                assert_eq!(client.verify(ANN, &code[..6]).await.status, 401);
                client.verify(ANN, &code).await.ok();
            }
        }
        // 7 and 10 sends a day allow four short codes of each.
        assert_eq!(lengths, [6, 6, 6, 6, 8, 8, 8]);
        let mut late = in_network(&app.client(), 9);
        let refused = late.request(ANN).await.problem(429, "resend_too_soon");
        assert_eq!(refused.retry_after(), DAY.as_secs());
        app.pass(DAY);
        assert_eq!(late.request(ANN).await.ok().number("code_length"), 6);
    }
}

#[tokio::test]
async fn rate_11_guesses_from_ten_networks_share_the_tries_of_a_challenge() {
    for (_, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        for number in 1..=10 {
            let answer = in_network(&client, number).verify_wrong(ANN).await;
            let (status, code) = if number <= 5 { (401, "invalid_code") } else { (429, "too_many_attempts") };
            answer.problem(status, code);
        }
    }
}

#[tokio::test]
async fn rate_13_t7_a_known_device_goes_on_when_strangers_have_used_up_the_day() {
    for (app, client) in every_mode().await {
        let mut owner = in_network(&client, 250);
        owner.sign_in(ANN).await;
        for number in 1..=39 {
            in_network(&client, number).request(ANN).await.ok();
        }
        in_network(&client, 40).request(ANN).await.problem(429, "resend_too_soon");
        owner.request(ANN).await.ok();
        owner.verify(ANN, &app.code_for(ANN)).await.ok();
    }
}

#[tokio::test]
async fn otp_08_a_resend_late_in_the_day_has_the_same_code() {
    let app = Setup::new(Mode::Cookie).tune(few).start().await;
    let mut first = in_network(&app.client(), 1);
    first.request(ANN).await.ok();
    let code = app.code_for(ANN);
    for number in 2..=5 {
        in_network(&app.client(), number).request(ANN).await.ok();
    }
    app.pass(COOLDOWN);
    assert_eq!(first.request(ANN).await.ok().number("code_length"), 6);
    assert_eq!(app.code_for(ANN), code);
    first.verify(ANN, &code).await.ok();
}

/// An application that is restarted with another `otp_length` sends the code that it has stored.
#[tokio::test]
async fn otp_08_a_resend_after_a_change_of_the_length_has_the_code_that_opens() {
    for (before, after) in [(6, 9), (10, 6)] {
        let app = Setup::new(Mode::Cookie).tune(move |s| s.otp_length(before)).start().await;
        let mut client = app.client();
        client.request(ANN).await.ok();
        let code = app.code_for(ANN);
        app.pass(COOLDOWN);
        let changed = Setup::new(Mode::Cookie).tune(move |s| s.otp_length(after)).after(&app).start().await;
        let mut client = client.at(&changed);
        assert_eq!(client.request(ANN).await.ok().number("code_length"), u64::from(before));
        assert_eq!(changed.code_for(ANN), code);
        client.verify(ANN, &code).await.ok();
    }
}

/// An alias without an account gets no e-mail, and so no way out for its owner.
#[tokio::test(start_paused = true)]
async fn rate_13_t33_aliases_use_up_nothing_of_the_address_in_other_networks() {
    for create in [true, false] {
        for (app, client) in every_mode_with(move |s| s.auto_create_user(create).max_sends_per_day_total(7)).await {
            app.add_user(ANN, true).await;
            for number in 1..=20 {
                in_network(&client, number).request(&format!("ann+{number}@example.com")).await.ok();
            }
            let mut owner = in_network(&client, 200);
            assert_eq!(owner.request(ANN).await.ok().number("code_length"), 6);
            settle().await;
            owner.verify(ANN, &app.code_for(ANN)).await.ok();
        }
    }
}

/// A store that fails after the budget has paid may not have charged the total.
#[tokio::test(start_paused = true)]
async fn rate_03_what_a_failing_store_may_have_counted_is_not_given_back_to_the_total() {
    let app = Setup::new(Mode::Body).tune(|s| s.max_sends_per_day_total(3)).start().await;
    app.faults.set(Operation::OpenChallenge, Fault::Lost);
    for number in 1..=3 {
        in_network(&app.client(), number).request(ANN).await.problem(503, "store_unavailable");
    }
    app.faults.clear();
    settle().await;
    app.pass(COOLDOWN);
    in_network(&app.client(), 4).request(ANN).await.problem(429, "resend_too_soon");
    // The network has its send back.
    in_network(&app.client(), 1).request("bob@example.com").await.ok();
}
