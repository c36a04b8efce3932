//! Before a code is sent the application is asked: it may suppress the code or ask for a proof.

use std::time::Duration;

use otp_auth::auth::{AuthError, CodeRequest};
use otp_auth::hooks::SendAnswer;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Mode, Operation, PROOF, SendReply, Setup, Typed, logs};
use tokio::time::Instant;

use crate::enumeration::comparable;
use crate::support::{ANN, BOB, COOLDOWN, every_mode, every_mode_with, settle};

fn answer(app: &App, answer: SendAnswer) {
    app.hooks.on_send(SendReply::Answer(answer));
}

#[tokio::test(start_paused = true)]
async fn enum_01_a_suppressed_code_is_answered_like_one_that_was_sent() {
    for create in [true, false] {
        for (app, client) in every_mode_with(move |settings| settings.auto_create_user(create)).await {
            app.add_user(ANN, true).await;
            app.add_user(BOB, true).await;
            let (mut sent, mut suppressed) = (client.clone(), client);
            // Beyond the cooldown, the lifetime of a challenge and the hour.
            for _ in 0..70 {
                for _ in 0..2 {
                    app.faults.take_calls();
                    answer(&app, SendAnswer::Send);
                    let a = sent.request(ANN).await;
                    settle().await;
                    let asked = app.faults.take_calls();
                    answer(&app, SendAnswer::Suppress);
                    let b = suppressed.request(BOB).await;
                    settle().await;
                    assert_eq!(comparable(&a), comparable(&b), "{:?}", app.mode);
                    assert_eq!(asked, app.faults.take_calls());
                }
                app.pass(COOLDOWN);
            }
            let messages = app.sender.messages();
            assert_eq!(messages.len(), 10);
            assert!(messages.iter().all(|message| message.address == ANN));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn enum_02_guesses_at_a_suppressed_code_are_answered_like_others() {
    for (app, client) in every_mode().await {
        let (mut sent, mut suppressed) = (client.clone(), client);
        answer(&app, SendAnswer::Send);
        sent.request(ANN).await.ok();
        answer(&app, SendAnswer::Suppress);
        suppressed.request(BOB).await.ok();
        settle().await;
        let wrong = app.wrong_code_for(ANN);
        for number in 0..7 {
            app.faults.take_calls();
            let (a, calls) = (sent.verify(ANN, &wrong).await, app.faults.take_calls());
            let b = suppressed.verify(BOB, &wrong).await;
            assert_eq!(comparable(&a), comparable(&b));
            assert_eq!(calls, app.faults.take_calls());
            assert_eq!(b.code(), if number < 5 { "invalid_code" } else { "too_many_attempts" });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn enum_04_with_a_slow_sender_a_suppressed_code_takes_no_less_time() {
    for (app, client) in every_mode().await {
        app.sender.wait(Duration::from_secs(3));
        for (reply, email, taken) in [
            (SendAnswer::Send, "one@example.com", 0),
            (SendAnswer::Suppress, "two@example.com", 0),
            // Here the client waits, as without the hook.
            (SendAnswer::SendAndWait, "three@example.com", 3),
        ] {
            answer(&app, reply);
            let begun = Instant::now();
            client.clone().request(email).await.ok();
            assert_eq!(begun.elapsed().as_secs(), taken, "{reply:?}");
        }
        // Nor does a sender that fails tell them apart.
        app.sender.fail();
        for (reply, email) in [(SendAnswer::Send, ANN), (SendAnswer::Suppress, BOB)] {
            answer(&app, reply);
            client.clone().request(email).await.ok();
            settle().await;
            client.clone().request(email).await.problem(429, "resend_too_soon");
        }
        answer(&app, SendAnswer::SendAndWait);
        client.clone().request("four@example.com").await.problem(503, "delivery_failed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_no_longer_suppressed_works() {
    for (app, mut client) in every_mode().await {
        answer(&app, SendAnswer::Suppress);
        client.request(ANN).await.ok();
        app.pass(COOLDOWN);
        answer(&app, SendAnswer::Send);
        client.request(ANN).await.ok();
        settle().await;
        client.verify_right(ANN).await.ok();
        assert_eq!(app.mails(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_proof_nothing_is_sent_stored_or_counted() {
    logs::capture();
    for (app, mut client) in every_mode().await {
        app.hooks.on_send(SendReply::AskStrangers);
        app.faults.take_calls();
        for proof in [None, Some(""), Some("wrong"), Some(&*PROOF.repeat(400))] {
            client.proof = proof.map(str::to_owned);
            let answer = client.request(ANN).await.problem(403, "proof_required");
            assert!(answer.cookies().is_empty());
        }
        settle().await;
        assert_eq!((app.faults.take_calls(), app.mails()), (vec![], 0));
        client.proof = Some(PROOF.to_owned());
        client.request(ANN).await.ok();
        assert_eq!(app.faults.take_calls(), [Operation::OpenChallenge]);
        settle().await;
        client.verify_right(ANN).await.ok();
    }
    let lines = logs::captured();
    assert!(lines.contains("authn_proof_required") && !lines.contains(PROOF));
}

#[tokio::test]
async fn a_known_device_need_not_be_asked_for_a_proof() {
    for (app, mut client) in every_mode().await {
        client.sign_in(ANN).await;
        app.hooks.on_send(SendReply::AskStrangers);
        app.pass(COOLDOWN);
        app.client().request(ANN).await.problem(403, "proof_required");
        client.request(ANN).await.ok();
        client.clone().request(BOB).await.problem(403, "proof_required");
    }
}

#[tokio::test]
async fn the_application_is_told_who_asks_before_the_budget_is() {
    for (app, mut client) in every_mode().await {
        client.address = Some("198.51.100.91:50000".parse().unwrap());
        let header = |name: &str, value: &str| (name.parse().unwrap(), value.parse().unwrap());
        client.headers = vec![header("user-agent", "Agent/1"), header("accept-language", "fr-CH")];
        client.sign_in("Ann@Example.com").await;
        client.proof = Some(PROOF.to_owned());
        for _ in 0..2 {
            client.request(ANN).await.ok();
            client.request(ANN).await.problem(429, "resend_too_soon");
            app.pass(COOLDOWN);
        }
        client.proof = Some("x".repeat(8_193));
        client.request("nobody").await.problem(422, "invalid_email");
        client.request(BOB).await.ok();
        let asked = app.hooks.asked();
        let proof = Some(PROOF.to_owned());
        let told: Vec<_> =
            asked.iter().map(|asked| (&*asked.email, asked.context.known_device, &asked.proof)).collect();
        let again = (ANN, true, &proof);
        assert_eq!(told, [(ANN, false, &None), again, again, again, again, (BOB, false, &None)]);
        for asked in asked {
            assert_eq!(asked.context.client_ip, client.address.map(|address| address.ip()));
            assert_eq!(asked.context.user_agent.as_deref(), Some("Agent/1"));
            assert_eq!(asked.context.language.as_deref(), Some("fr-CH"));
            assert_eq!(asked.context.challenge, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_answer_sends_nothing() {
    logs::capture();
    for (app, mut client) in every_mode().await {
        app.faults.take_calls();
        for (reply, seconds) in [(SendReply::Hang, 5), (SendReply::Panic, 0)] {
            app.hooks.on_send(reply);
            let begun = Instant::now();
            let answer = client.request(ANN).await.problem(503, "delivery_failed");
            assert_eq!(begun.elapsed().as_secs(), seconds);
            assert!(answer.cookies().is_empty());
        }
        assert_eq!((app.faults.take_calls(), app.mails()), (vec![], 0));
        app.hooks.on_send(SendReply::Default);
        client.request(ANN).await.ok();
    }
    let lines = logs::captured();
    for event in ["sys_hook_too_slow", "sys_hook_panicked"] {
        assert!(lines.lines().any(|line| line.contains(event) && line.contains("before_send")), "{event}");
    }
}

#[tokio::test]
async fn a_call_of_the_use_case_brings_the_proof_too() {
    let Typed { app, auth } = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    app.hooks.on_send(SendReply::AskStrangers);
    let refused = auth.request_code(CodeRequest::new(ANN)).await.unwrap_err();
    assert!(matches!(refused, AuthError::ProofRequired), "{refused}");
    auth.request_code(CodeRequest::new(ANN).proof(PROOF)).await.unwrap();
}
