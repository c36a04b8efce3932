//! A likely first mistake of a developer: the correct code without its challenge.

use axum::http::HeaderValue;
use otp_auth_tests::{App, Client, Mode, Setup, logs};
use serde_json::json;

use crate::support::{BOB, every_mode, every_mode_with};

type Lose = fn(&mut Client);

/// Ways to lose a challenge: the reason in the log, a word of the advice, and how.
const LOST: [(&str, &str, Lose); 3] = [
    ("no_challenge", "without a challenge", forget),
    ("not_a_challenge", "the challenge is malformed", |client| client.put_challenge("short")),
    ("unknown_challenge", "this challenge does not exist", |client| client.put_challenge("AAAAAAAAAAAAAAAAAAAAAA")),
];

/// A browser that sends no cookies, or an application that forgets them.
fn forget(client: &mut Client) {
    client.jar = otp_auth_tests::jar::Jar::default();
    client.challenge = None;
}

fn email(app: &App, name: &str) -> String {
    format!("{name}.{:?}@first-hour.example.com", app.mode)
}

async fn reasons_of(run: impl AsyncFnOnce()) -> Vec<String> {
    let before = logs::captured().len();
    run().await;
    let lines = logs::captured()[before..].to_owned();
    let failures = lines.lines().filter(|line| line.contains("authn_login_fail\""));
    failures.filter_map(|line| Some(line.split_once(" reason=\"")?.1.split_once('"')?.0.to_owned())).collect()
}

#[tokio::test]
async fn log_01_a_code_without_its_challenge_is_told_apart_in_the_log_only() {
    logs::capture();
    for (app, client) in every_mode().await {
        let ann = email(&app, "ann");
        let mut answers = Vec::new();
        let mut client = client;
        client.request(&ann).await.ok();
        let code = app.code_for(&ann);
        answers.push(client.clone().verify_wrong(&ann).await.problem(401, "invalid_code"));
        for (reason, _, lose) in LOST {
            let mut lost = client.clone();
            lose(&mut lost);
            let reasons =
                reasons_of(async || answers.push(lost.verify(&ann, &code).await.problem(401, "invalid_code")));
            assert!(reasons.await.contains(&reason.to_owned()), "{reason}");
        }
        // Another tab requests a code for another address, with the same jar.
        let mut tab = client.clone();
        tab.request(&email(&app, "bob")).await.ok();
        let reasons = reasons_of(async || answers.push(tab.verify(&ann, &code).await.problem(401, "invalid_code")));
        assert!(reasons.await.contains(&"challenge_of_another_address".to_owned()));
        assert!(answers.iter().all(|answer| answer.text() == answers[0].text()), "{answers:?}");
        client.verify(&ann, &code).await.ok();
    }
}

#[tokio::test]
async fn in_developer_mode_the_answer_says_what_to_send() {
    for (app, client) in every_mode_with(|settings| settings.developer_mode(true)).await {
        let ann = email(&app, "dev");
        let mut client = client;
        client.request(&ann).await.ok();
        for (reason, advice, lose) in LOST {
            let mut lost = client.clone();
            lose(&mut lost);
            let answer = lost.verify(&ann, "000000").await.problem(401, "invalid_code");
            let detail = answer.member("detail");
            assert!(detail.starts_with("Developer mode: ") && detail.contains(advice), "{detail}");
            if reason == "no_challenge" {
                let how = if app.mode == Mode::Body { "`challenge`" } else { "credentials: 'include'" };
                assert!(detail.contains(how), "{detail}");
            }
        }
        let mut tab = client.clone();
        tab.request(BOB).await.ok();
        let answer = tab.verify(&ann, "000000").await.problem(401, "invalid_code");
        assert!(answer.member("detail").contains("another address"), "{answer:?}");
        // A wrong code gets no advice.
        let answer = client.verify(&ann, "111111").await.problem(401, "invalid_code");
        assert!(!answer.member("detail").contains("Developer"), "{answer:?}");
        client.verify(&ann, "000000").await.ok();
    }
}

/// The answer reveals nothing about what is wrong.
#[tokio::test]
async fn enum_02_outside_developer_mode_there_is_no_advice() {
    let app = Setup::new(Mode::Body).start().await;
    let answer = app.client().post("/auth/verify-otp", &json!({ "email": BOB, "code": "123456" })).await;
    let answer = answer.problem(401, "invalid_code");
    assert_eq!(answer.member("detail"), "The code is not valid. It may be wrong, expired or used.");
    assert_eq!(answer.headers.get("cache-control"), Some(&HeaderValue::from_static("no-store")));
}
