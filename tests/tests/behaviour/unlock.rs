//! The owner's way out: the token in every message gives whoever reads the mailbox a budget that
//! strangers cannot use up.

use std::time::Duration;

use otp_auth::auth::CodeRequest;
use otp_auth::config::SecretSource;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Client, Mode, OTHER_SECRET, SECRET, SendReply, Setup, Typed};

use crate::support::{ANN, BOB, COOLDOWN, MILLI, app, every_mode, every_mode_with, settle};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Strangers request codes until they have to wait for the next day.
async fn use_up_the_day(app: &App, email: impl Fn(usize) -> String) {
    for number in 0.. {
        let answer = app.client().request(&email(number)).await;
        if answer.code() == "resend_too_soon" && answer.retry_after() > 3_600 {
            return;
        }
        app.pass(COOLDOWN);
    }
}

/// The tokens of all messages.
fn tokens(app: &App) -> Vec<String> {
    app.sender.messages().into_iter().map(|message| message.unlock).collect()
}

fn with(app: &App, unlock: &str) -> Client {
    app.client().unlocked(unlock)
}

/// Whether a token opens a budget for an address. Strangers have none left.
async fn unlocks(app: &App, unlock: &str, email: &str) -> bool {
    app.pass(COOLDOWN);
    app.client().request(email).await;
    app.client().request(email).await.problem(429, "resend_too_soon");
    with(app, unlock).request(email).await.status == 200
}

#[tokio::test]
async fn rate_13_t7_when_strangers_have_used_up_the_day_the_owner_signs_in_from_a_new_device() {
    for (app, client) in every_mode().await {
        use_up_the_day(&app, |_| ANN.to_owned()).await;
        let tokens = tokens(&app);
        assert_eq!(tokens.len(), 10);
        // With the token of any of these messages, at once.
        for token in &tokens {
            client.clone().request(ANN).await.problem(429, "resend_too_soon");
            let mut owner = client.unlocked(token);
            owner.request(ANN).await.ok();
            owner.verify_right(ANN).await.ok();
            // From now on the device is known.
            owner.unlock = None;
            app.pass(COOLDOWN);
            owner.request(ANN).await.ok();
        }
    }
}

/// The last of the messages that used up a day is at most a day old when the next day begins.
#[tokio::test]
async fn rate_13_t7_at_any_time_when_strangers_must_wait_a_message_has_a_token_that_works() {
    let app = app(Mode::Body).await;
    let (mut of_strangers, mut blocked) = (Vec::new(), 0);
    for number in 0..3 * 72 {
        if app.client().request(ANN).await.status == 200 {
            of_strangers.extend(tokens(&app).pop());
        } else {
            // Any of the ten that used up the day.
            let last = of_strangers.len() - 1 - number % 10.min(of_strangers.len());
            let mut owner = with(&app, &of_strangers[last]);
            owner.request(ANN).await.ok();
            owner.verify_right(ANN).await.ok();
            blocked += 1;
        }
        app.pass(Duration::from_secs(1_200));
    }
    assert!(blocked > 150, "{blocked}");
}

#[tokio::test]
async fn rate_13_t33_strangers_who_use_aliases_mail_the_key_as_well() {
    for (app, client) in every_mode().await {
        use_up_the_day(&app, |number| format!("ann+{number}@example.com")).await;
        let tokens = tokens(&app);
        let fifth = app.sender.messages()[4].address.clone();
        let mut owner = client.unlocked(&tokens[3]);
        owner.request(ANN).await.ok();
        owner.verify_right(ANN).await.ok();
        // Those of other addresses share one budget, or they would be many.
        with(&app, &tokens[4]).request(ANN).await.problem(429, "resend_too_soon");
        with(&app, &tokens[4]).request(&fifth).await.ok();
    }
}

#[tokio::test]
async fn t7_a_token_has_one_budget_however_often_it_is_used() {
    for (app, client) in every_mode().await {
        use_up_the_day(&app, |_| ANN.to_owned()).await;
        let token = tokens(&app).pop().unwrap();
        let (mut one, mut two) = (with(&app, &token), client.unlocked(&token));
        one.request(ANN).await.ok();
        two.request(ANN).await.problem(429, "resend_too_soon");
        app.pass(COOLDOWN);
        two.request(ANN).await.ok();
        // Nor do its messages and its sign-ins make another one.
        two.verify_right(ANN).await.ok();
        let next = tokens(&app).pop().unwrap();
        assert_ne!(next, token);
        with(&app, &next).request(ANN).await.problem(429, "resend_too_soon");
        two.unlock = None;
        two.request(ANN).await.problem(429, "resend_too_soon");
        for _ in 0..3 {
            app.pass(COOLDOWN);
            one.request(ANN).await.ok();
        }
        app.pass(COOLDOWN);
        for client in [&mut one, &mut two, &mut with(&app, &next)] {
            client.request(ANN).await.problem(429, "resend_too_soon");
        }
    }
}

#[tokio::test]
async fn a_token_opens_only_its_own_mailbox_in_its_own_realm_for_a_day() {
    for (app, _) in
        every_mode_with(|settings| settings.max_sends_per_hour(90).max_sends_per_day(90).otp_length(8)).await
    {
        let sent = app.clock.now();
        app.client().request(ANN).await.ok();
        let token = tokens(&app).pop().unwrap();
        assert!(unlocks(&app, &token, ANN).await);
        assert!(!unlocks(&app, &token, BOB).await);
        let forged = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
        for forged in [&*forged, "", "AAAA", &"A".repeat(token.len()), &token.to_lowercase()] {
            assert!(!unlocks(&app, forged, ANN).await, "{forged}");
        }
        app.pass(DAY - sent.until(app.clock.now()) - COOLDOWN - MILLI);
        assert!(unlocks(&app, &token, ANN).await);
        app.pass(MILLI);
        with(&app, &token).request(ANN).await.problem(429, "resend_too_soon");

        let other = Setup::new(app.mode).clock(&app.clock).tune(|settings| settings.realm("elsewhere")).start().await;
        other.client().request(ANN).await.ok();
        let token = tokens(&other).pop().unwrap();
        with(&app, &token).request(ANN).await.problem(429, "resend_too_soon");
        with(&other, &token).request(ANN).await.ok();
    }
}

#[tokio::test]
async fn key_06_a_token_survives_a_rotation_until_the_old_secret_is_removed() {
    for keep in [true, false] {
        let old = app(Mode::Body).await;
        old.client().request(ANN).await.ok();
        let token = tokens(&old).pop().unwrap();
        let setup = Setup::new(Mode::Body).after(&old).secret(&OTHER_SECRET);
        let new = setup.tune(move |settings| {
            if keep { settings.previous_secret_key(SecretSource::value(SECRET.as_str())) } else { settings }
        });
        assert_eq!(unlocks(&new.start().await, &token, ANN).await, keep);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_and_a_known_device_are_alike_to_the_application() {
    let Typed { app, auth } = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    app.client().request(ANN).await.ok();
    let token = tokens(&app).pop().unwrap();
    app.hooks.on_send(SendReply::AskStrangers);
    with(&app, &token).request(ANN).await.ok();
    settle().await;
    app.client().request(ANN).await.problem(403, "proof_required");
    let known: Vec<_> = app.hooks.asked().iter().map(|asked| asked.context.known_device).collect();
    assert_eq!(known, [false, true, false]);
    app.pass(COOLDOWN);
    auth.request_code(CodeRequest::new(ANN).unlock(token.as_str())).await.unwrap();
}

/// The token of a device that has used up its budget does not stand in the way of one that has not.
#[tokio::test]
async fn a_token_counts_before_a_known_device() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.pass(COOLDOWN);
        app.client().request(ANN).await.ok();
        let token = tokens(&app).pop().unwrap();
        client.request(ANN).await.ok();
        client.request(ANN).await.problem(429, "resend_too_soon");
        client.unlock = Some(token);
        client.request(ANN).await.ok();
    }
}

#[tokio::test]
async fn t17_no_response_contains_a_token() {
    for (app, mut client) in every_mode().await {
        let requested = client.request(ANN).await.ok();
        let verified = client.verify_right(ANN).await.ok();
        for answer in [requested, verified] {
            let text = format!("{answer:?}");
            assert!(tokens(&app).iter().all(|token| !text.contains(token.as_str())));
        }
    }
}
