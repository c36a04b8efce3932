//! Consecutive failures of strangers, over all challenges of an address (NIST SP 800-63B-4 section
//! 3.2.2).

use std::time::Duration;

use otp_auth::config::SecretSource;
use otp_auth::hooks::Suspicion;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Backend, Call, Client, Mode, OTHER_SECRET, SECRET, Setup, Typed, at_once};

use crate::support::{ANN, BOB, COOLDOWN, app, every_mode, every_mode_with, fail, in_network};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Too short to be a code.
const NEVER: &str = "12345";

/// How many failures are compared.
const MAX: usize = 100;

fn locks(app: &App) -> usize {
    let is_lock = |call: &Call| matches!(call, Call::Suspicious(Suspicion::AddressLocked { .. }));
    app.hooks.calls().iter().filter(|call| is_lock(call)).count()
}

/// Another stranger has the right code, from a message of their own.
async fn newcomer(stranger: &Client, app: &App, email: &str) -> Client {
    app.pass(COOLDOWN);
    let mut client = in_network(stranger, 90);
    client.request(email).await.ok();
    client
}

#[tokio::test]
async fn rate_04_after_a_hundred_failures_a_stranger_needs_more_than_the_right_code() {
    for (app, stranger) in every_mode().await {
        let mut known = stranger.clone();
        known.sign_in(ANN).await;
        fail(&stranger, &app, ANN, MAX - 1).await;
        assert_eq!(locks(&app), 0);
        let mut last = newcomer(&stranger, &app, ANN).await;
        last.verify_wrong(ANN).await.problem(401, "invalid_code");
        assert_eq!(locks(&app), 1);
        for _ in 0..3 {
            last.verify_right(ANN).await.problem(403, "address_locked");
        }
        last.verify_wrong(ANN).await.problem(403, "address_locked");
        assert_eq!(locks(&app), 1, "told once");
        // The challenge ends as ever, and so does every other one, days later.
        last.verify_right(ANN).await.problem(429, "too_many_attempts");
        app.pass(9 * DAY);
        newcomer(&stranger, &app, ANN).await.verify_right(ANN).await.problem(403, "address_locked");
        // Others are not affected.
        newcomer(&stranger, &app, BOB).await.verify_right(BOB).await.ok();
        // A device that has signed in to the address is not a stranger, and ends the count.
        app.pass(COOLDOWN);
        known.request(ANN).await.ok();
        known.verify_wrong(ANN).await.problem(401, "invalid_code");
        known.verify_right(ANN).await.ok();
        newcomer(&stranger, &app, ANN).await.verify_right(ANN).await.ok();
    }
}

/// The device was not sent with the request for the code.
#[tokio::test]
async fn rate_04_a_known_device_signs_in_with_the_challenge_of_a_stranger() {
    for (app, stranger) in every_mode().await {
        let mut known = stranger.clone();
        known.sign_in(ANN).await;
        fail(&stranger, &app, ANN, MAX).await;
        known.put_challenge(&newcomer(&stranger, &app, ANN).await.held_challenge());
        known.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn rate_04_whoever_reads_the_mailbox_gets_in() {
    for (app, stranger) in every_mode().await {
        fail(&stranger, &app, ANN, MAX).await;
        let mut owner = newcomer(&stranger, &app, ANN).await;
        owner.verify_right(ANN).await.problem(403, "address_locked");
        let token = app.sender.messages().pop().unwrap().unlock;
        let mut owner = owner.unlocked(&token);
        app.pass(COOLDOWN);
        owner.request(ANN).await.ok();
        owner.verify_right(ANN).await.ok();
        newcomer(&stranger, &app, ANN).await.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn rate_04_the_administrator_unlocks_an_address() {
    for backend in Backend::ALL {
        let Typed { app, auth } = Setup::new(Mode::Body).backend(backend).typed::<BodyAuth>().await;
        let stranger = app.client();
        for email in [ANN, BOB] {
            fail(&stranger, &app, email, MAX).await;
        }
        let mut waiting = newcomer(&stranger, &app, ANN).await;
        waiting.verify_right(ANN).await.problem(403, "address_locked");
        assert!(auth.unlock("no address").await.is_err());
        // In any spelling.
        auth.unlock(" Ann@EXAMPLE.com ").await.unwrap();
        waiting.verify_right(ANN).await.ok();
        newcomer(&stranger, &app, BOB).await.verify_right(BOB).await.problem(403, "address_locked");
    }
}

#[tokio::test]
async fn rate_04_the_administrator_unlocks_what_was_counted_under_the_last_secret() {
    let old = app(Mode::Body).await;
    fail(&old.client(), &old, ANN, MAX).await;
    let client = newcomer(&old.client(), &old, ANN).await;
    let code = old.code_for(ANN);
    let Typed { app: rotated, auth } = Setup::new(Mode::Body)
        .after(&old)
        .secret(&OTHER_SECRET)
        .tune(|settings| settings.previous_secret_key(SecretSource::value(SECRET.as_str())))
        .typed::<BodyAuth>()
        .await;
    let mut client = client.at(&rotated);
    client.verify(ANN, &code).await.problem(403, "address_locked");
    auth.unlock(ANN).await.unwrap();
    client.verify(ANN, &code).await.ok();
}

#[tokio::test]
async fn rate_05_a_sign_in_ends_the_count() {
    for (app, stranger) in every_mode().await {
        for _ in 0..2 {
            let mut last = fail(&stranger, &app, ANN, MAX - 1).await;
            // The hundredth is right.
            last.verify_right(ANN).await.ok();
            app.pass(DAY);
        }
        assert_eq!(locks(&app), 0);
    }
}

#[tokio::test]
async fn rate_04_of_many_failures_at_once_a_hundred_are_compared() {
    for backend in Backend::ALL {
        let app = Setup::new(Mode::Body).backend(backend).start().await;
        let mut clients = Vec::new();
        for number in 0..26 {
            let mut client = in_network(&app.client(), 100 + number);
            client.request(ANN).await.ok();
            clients.push(client);
        }
        let wrong = app.wrong_code_for(ANN);
        let answers = at_once(5 * clients.len(), |number| {
            let (mut client, wrong) = (clients[number % clients.len()].clone(), wrong.clone());
            async move { client.verify(ANN, &wrong).await.code() }
        })
        .await;
        let compared = answers.iter().filter(|code| *code == "invalid_code").count();
        let refused = answers.iter().filter(|code| *code == "address_locked").count();
        assert_eq!((compared, refused), (MAX, 130 - MAX), "{backend:?}");
        assert_eq!(locks(&app), 1, "{backend:?}");
    }
}

#[tokio::test]
async fn enum_02_a_locked_address_does_not_tell_whether_it_has_an_account() {
    for (app, stranger) in every_mode_with(|settings| settings.auto_create_user(false)).await {
        app.add_user(ANN, true).await;
        for email in [ANN, BOB] {
            let mut last = stranger.clone();
            for number in 0..MAX {
                if number % 5 == 0 {
                    app.pass(COOLDOWN);
                    last = in_network(&stranger, 100 + number / 5);
                    last.request(email).await.ok();
                }
                last.verify(email, NEVER).await.problem(401, "invalid_code");
            }
        }
        let mut answers = Vec::new();
        for email in [ANN, BOB] {
            let mut client = newcomer(&stranger, &app, email).await;
            let answer = client.verify(email, NEVER).await.problem(403, "address_locked");
            answers.push((answer.status, answer.text().to_owned()));
        }
        assert_eq!(answers[0], answers[1]);
    }
}
