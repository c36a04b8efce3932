//! No one learns who has an account (requirements D).

use std::time::Duration;

use axum::http::header::DATE;
use otp_auth_tests::{Answer, App, Client, Mode, Operation, Setup};
use serde_json::Value;

use crate::support::{ANN, BOB, COOLDOWN, every_mode, every_mode_with, settle};

/// An answer byte for byte, except the random challenge.
pub(crate) fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let in_body = serde_json::from_slice::<Value>(&answer.body).ok();
    let in_body = in_body.and_then(|body| Some(body.get("challenge")?.as_str()?.to_owned()));
    let in_cookie = answer.cookies().into_iter().find(|cookie| cookie.name.contains("challenge"));
    let challenge = in_body.or(in_cookie.map(|cookie| cookie.value)).unwrap_or_default();
    let hidden = |text: &str| match challenge.len() {
        0 => text.to_owned(),
        length => text.replace(&challenge, &"x".repeat(length)),
    };
    let headers = answer.headers.iter().filter(|(name, _)| *name != DATE);
    let headers = headers.map(|(name, value)| (name.to_string(), hidden(value.to_str().unwrap()))).collect();
    (answer.status.as_u16(), headers, hidden(answer.text()))
}

/// What a client asks for.
#[derive(Debug, Clone, Copy)]
enum Step {
    Request,
    /// A code that cannot be right.
    Verify,
    VerifyWithout,
    VerifyWith(&'static str),
    Refresh(&'static str),
    Logout(&'static str),
}

impl Step {
    async fn take(self, client: &mut Client, email: &str) -> Answer {
        let mut other = client.clone();
        match self {
            Self::Request => client.request(email).await,
            Self::Verify => client.verify(email, "12345").await,
            Self::VerifyWithout => {
                other.jar.forget("__Host-otp_challenge-users");
                other.challenge = None;
                other.verify(email, "12345").await
            }
            Self::VerifyWith(challenge) => {
                other.put_challenge(challenge);
                other.verify(email, "12345").await
            }
            Self::Refresh(token) => {
                other.put_refresh_token(token);
                other.refresh().await
            }
            Self::Logout(token) => {
                other.put_refresh_token(token);
                other.logout().await
            }
        }
    }
}

/// The device token that a client has.
#[derive(Debug, Clone, Copy)]
enum Device {
    None,
    /// Of a device that has signed in to another address.
    OfAnother,
    /// Of a device that has signed in to this address. An unknown one has been deleted since.
    Own,
}

/// Two clients: one for [`ANN`], who has an account, and one for [`BOB`], who does not.
async fn known_and_unknown(app: &App, client: &Client, device: Device) -> [(Client, &'static str); 2] {
    let of = |email| async move {
        let mut client = client.clone();
        client.request(email).await.ok();
        settle().await;
        client.verify_right(email).await.ok();
        client.logout().await.ok();
        client
    };
    app.add_user(ANN, true).await;
    match device {
        Device::None => [(client.clone(), ANN), (client.clone(), BOB)],
        Device::OfAnother => {
            app.add_user("cat@example.com", true).await;
            let client = of("cat@example.com").await;
            [(client.clone(), ANN), (client, BOB)]
        }
        Device::Own => {
            let bob = app.add_user(BOB, true).await;
            let clients = [(of(ANN).await, ANN), (of(BOB).await, BOB)];
            app.remove_user(bob.id).await;
            app.pass(COOLDOWN);
            clients
        }
    }
}

/// The same bytes, and the same calls to the store.
#[tokio::test(start_paused = true)]
async fn enum_01_enum_02_enum_05_t18_no_answer_and_no_call_shows_who_has_an_account() {
    const LIFETIME: Duration = Duration::from_secs(600);
    let nothing = Duration::ZERO;
    let steps = [
        (nothing, Step::VerifyWithout, 401),
        (nothing, Step::Request, 200),
        (nothing, Step::Request, 429),
        (nothing, Step::VerifyWithout, 401),
        (nothing, Step::VerifyWith("not a challenge"), 401),
        (nothing, Step::VerifyWith("AAAAAAAAAAAAAAAAAAAAAA"), 401),
        (nothing, Step::Verify, 401),
        (COOLDOWN, Step::Request, 200),
        (nothing, Step::Verify, 401),
        (nothing, Step::Verify, 401),
        (nothing, Step::Verify, 401),
        (nothing, Step::Verify, 401),
        (nothing, Step::Request, 429),
        (COOLDOWN, Step::Request, 200),
        (nothing, Step::Verify, 401),
        (LIFETIME, Step::Verify, 401),
        (nothing, Step::Refresh("garbage"), 401),
        (nothing, Step::Logout("garbage"), 200),
        (nothing, Step::Request, 200),
        (2 * LIFETIME, Step::Verify, 401),
    ];
    for auto_create in [true, false] {
        for device in [Device::None, Device::OfAnother, Device::Own] {
            for (app, client) in every_mode_with(move |settings| settings.auto_create_user(auto_create)).await {
                let mut sides = known_and_unknown(&app, &client, device).await;
                let what = format!("{:?}, {device:?}, auto_create_user = {auto_create}", app.mode);
                for (number, (wait, step, status)) in steps.into_iter().enumerate() {
                    app.pass(wait);
                    // Until the copy of the blacklist is as fresh for one as for the other.
                    settle().await;
                    let mut outcomes = Vec::new();
                    for (client, email) in &mut sides {
                        app.faults.take_calls();
                        let answer = step.take(client, email).await;
                        settle().await;
                        outcomes.push((comparable(&answer), app.faults.take_calls()));
                    }
                    assert_eq!(outcomes[0], outcomes[1], "{number}, {step:?}: {what}");
                    assert_eq!(outcomes[0].0.0, status, "{number}, {step:?}: {what}");
                }

                // A code that is used up, as long as the other one has attempts. Whoever holds a used
                // one has used it, so only the answers are the same.
                app.pass(COOLDOWN);
                for (client, email) in &mut sides {
                    client.request(email).await.ok();
                }
                settle().await;
                let [(known, _), (unknown, _)] = &mut sides;
                let mut used = known.clone();
                known.verify_right(ANN).await.ok();
                unknown.verify(BOB, "12345").await.problem(401, "invalid_code");
                for number in 2..=5 {
                    let (used, unused) = (used.verify(ANN, "12345").await, unknown.verify(BOB, "12345").await);
                    assert_eq!(comparable(&used), comparable(&unused), "attempt {number}: {what}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn enum_01_enum_03_t18_without_automatic_users_known_and_unknown_addresses_are_answered_alike() {
    for (app, client) in every_mode_with(|settings| settings.auto_create_user(false)).await {
        app.add_user(ANN, true).await;
        let (mut known, mut unknown) = (client.clone(), client);
        for _ in 0..14 {
            for _ in 0..2 {
                let (a, b) = (known.request(ANN).await, unknown.request(BOB).await);
                assert_eq!(comparable(&a), comparable(&b));
            }
            settle().await;
            app.pass(COOLDOWN);
        }
        // Of these 28 requests each, only those within the budget were sent, and only to the known
        // address.
        let messages = app.sender.messages();
        assert_eq!(messages.len(), 5);
        assert!(messages.iter().all(|message| message.address == ANN));
    }
}

#[tokio::test(start_paused = true)]
async fn enum_05_without_automatic_users_the_same_operations_run_for_both() {
    let app = Setup::new(Mode::Body).tune(|settings| settings.auto_create_user(false)).start().await;
    app.add_user(ANN, true).await;
    let mut asked = Vec::new();
    for email in [ANN, BOB] {
        let mut client = app.client();
        client.request(email).await.ok();
        settle().await;
        client.verify(email, "999").await.problem(401, "invalid_code");
        asked.push(app.faults.take_calls());
    }
    assert_eq!(asked[0], asked[1]);
    assert_eq!(asked[0], [Operation::OpenChallenge, Operation::UserByEmail, Operation::CountAttempt]);
}

#[tokio::test(start_paused = true)]
async fn enum_02_t18_every_refusal_of_a_code_is_the_same_answer() {
    for auto_create in [true, false] {
        for (app, client) in every_mode_with(move |settings| settings.auto_create_user(auto_create)).await {
            app.add_user(ANN, true).await;
            let mut refusals = Vec::new();
            let refused = |answer: Answer| comparable(&answer.problem(401, "invalid_code"));

            // No code was ever requested, for a known and an unknown address.
            refusals.push(refused(client.clone().verify(ANN, "123456").await));
            refusals.push(refused(client.clone().verify(BOB, "123456").await));

            let mut known = client.clone();
            known.request(ANN).await.ok();
            let mut unknown = client.clone();
            unknown.request(BOB).await.ok();
            settle().await;
            refusals.push(refused(known.verify_wrong(ANN).await));
            refusals.push(refused(unknown.verify(BOB, "12345").await));
            let mut late = known.clone();
            let challenge = late.held_challenge();
            let mut used = known.clone();
            known.verify_right(ANN).await.ok();
            refusals.push(refused(used.verify_right(ANN).await));
            app.pass(Duration::from_secs(600));
            late.put_challenge(&challenge);
            refusals.push(refused(late.verify_right(ANN).await));
            assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "{refusals:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn enum_02_enum_03_the_tries_end_alike_for_known_and_unknown_addresses() {
    for (app, client) in every_mode_with(|settings| settings.auto_create_user(false)).await {
        app.add_user(ANN, true).await;
        let (mut known, mut unknown) = (client.clone(), client);
        known.request(ANN).await.ok();
        unknown.request(BOB).await.ok();
        settle().await;
        for _ in 0..8 {
            let (a, b) = (known.verify(ANN, "12345").await, unknown.verify(BOB, "12345").await);
            assert_eq!(comparable(&a), comparable(&b));
        }
        assert_eq!(unknown.verify(BOB, "12345").await.code(), "too_many_attempts");
    }
}

#[tokio::test(start_paused = true)]
async fn enum_04_a_slow_sender_does_not_show() {
    for (app, client) in every_mode_with(|settings| settings.auto_create_user(false)).await {
        app.add_user(ANN, true).await;
        app.sender.hang();
        let before = tokio::time::Instant::now();
        let (a, b) = (client.clone().request(ANN).await.ok(), client.clone().request(BOB).await.ok());
        assert_eq!(comparable(&a), comparable(&b));
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}

/// A failed background send must not show either: neither by the cooldown nor by more guesses than
/// the budget allows.
#[tokio::test(start_paused = true)]
async fn enum_03_a_sender_that_fails_in_the_background_does_not_show() {
    for hang in [false, true] {
        for (app, client) in every_mode_with(|settings| settings.auto_create_user(false)).await {
            app.add_user(ANN, true).await;
            if hang {
                app.sender.hang();
            } else {
                app.sender.fail();
            }
            let (mut known, mut unknown) = (client.clone(), client);
            known.request(ANN).await.ok();
            unknown.request(BOB).await.ok();
            tokio::time::sleep(Duration::from_secs(30)).await;
            let (a, b) = (known.request(ANN).await, unknown.request(BOB).await);
            assert_eq!(comparable(&a), comparable(&b));
        }
    }
}

/// The same attack from the other side: challenges that cost nothing.
#[tokio::test(start_paused = true)]
async fn rate_03_a_failing_background_sender_gives_no_free_guesses() {
    let app = Setup::new(Mode::Body).tune(|settings| settings.auto_create_user(false)).start().await;
    app.add_user(ANN, true).await;
    app.sender.fail();
    let mut compared = 0;
    for _ in 0..100 {
        let mut client = app.client();
        if client.request(ANN).await.status.is_success() {
            settle().await;
            while client.verify(ANN, "123456").await.code() == "invalid_code" {
                compared += 1;
            }
        }
    }
    assert!(compared <= 5, "{compared} guesses within one cooldown");
}

#[tokio::test(start_paused = true)]
async fn enum_01_a_barred_user_gets_no_mail_and_is_answered_like_an_unknown_one() {
    for (app, client) in every_mode_with(|settings| settings.auto_create_user(false)).await {
        let user = app.add_user(ANN, true).await;
        app.hooks.bar(user.id);
        let (mut barred, mut unknown) = (client.clone(), client);
        for _ in 0..2 {
            let (a, b) = (barred.request(ANN).await, unknown.request(BOB).await);
            assert_eq!(comparable(&a), comparable(&b));
            settle().await;
        }
        assert_eq!(app.mails(), 0);
    }
}

#[tokio::test]
async fn with_automatic_users_known_and_unknown_addresses_are_answered_alike() {
    for (app, client) in every_mode().await {
        app.add_user(ANN, true).await;
        let (mut known, mut unknown) = (client.clone(), client);
        let pairs = [
            (known.request(ANN).await, unknown.request(BOB).await),
            (known.request(ANN).await, unknown.request(BOB).await),
            (known.verify_wrong(ANN).await, unknown.verify_wrong(BOB).await),
        ];
        for (a, b) in pairs {
            assert_eq!(comparable(&a), comparable(&b));
        }
        assert_eq!(app.mails(), 2);
        let (a, b) = (known.verify_right(ANN).await.ok(), unknown.verify_right(BOB).await.ok());
        assert_eq!(a.members(), b.members());
        assert_eq!(a.cookie_names(), b.cookie_names());
    }
}

/// A code requested before the account was deleted must not sign in either.
#[tokio::test(start_paused = true)]
async fn without_automatic_users_no_code_makes_a_user() {
    let app: App = Setup::new(Mode::Body).tune(|settings| settings.auto_create_user(false)).start().await;
    let user = app.add_user(ANN, true).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    settle().await;
    app.remove_user(user.id).await;
    client.verify_right(ANN).await.problem(401, "invalid_code");
    assert!(app.users().await.is_empty());
}

#[tokio::test]
async fn enum_08_rt_11_jwt_19_t19_tokens_of_a_deleted_or_barred_user_are_answered_like_forged_ones() {
    for barred in [false, true] {
        for (app, mut client) in every_mode().await {
            client.sign_in(ANN).await;
            let user = app.users().await[0].clone();
            let token = client.token();
            let forged = format!("{}A", &token[..token.len() - 2]);
            let mut cheat = client.clone();
            cheat.put_refresh_token(&forged);
            if barred {
                app.hooks.bar(user.id);
            } else {
                app.remove_user(user.id).await;
            }
            for path in ["/me", "/verified", "/maybe", "/maybe-verified"] {
                let answer = client.get(path).await.problem(401, "invalid_token");
                assert_eq!(comparable(&answer), comparable(&client.get_with(path, &forged).await));
            }
            let answer = client.refresh().await.problem(401, "invalid_refresh_token");
            assert_eq!(comparable(&answer), comparable(&cheat.refresh().await));
        }
    }
}

/// The background work that strangers can cause is limited, before anything is known about the
/// address, and it costs no one a send.
#[tokio::test(start_paused = true)]
async fn enum_01_when_too_many_sends_are_on_their_way_everybody_waits_alike() {
    let app = Setup::new(Mode::Body)
        .tune(|settings| settings.auto_create_user(false).send_timeout(Duration::from_secs(60)))
        .start()
        .await;
    for number in 0..512 {
        app.add_user(&format!("user{number}@example.com"), true).await;
    }
    app.add_user(ANN, true).await;
    app.sender.hang();
    for number in 0..512 {
        app.client().request(&format!("user{number}@example.com")).await.ok();
    }
    let (a, b) = (app.client().request(ANN).await, app.client().request(BOB).await);
    assert_eq!(comparable(&a), comparable(&b));
    a.problem(503, "delivery_failed");
    tokio::time::sleep(Duration::from_secs(61)).await;
    app.sender.take();
    let (a, b) = (app.client().request(ANN).await.ok(), app.client().request(BOB).await.ok());
    assert_eq!(comparable(&a), comparable(&b));
    settle().await;
    assert_eq!(app.mails(), 1);
}
