//! T28: no option disables another. Every pair of options runs a whole round, and the effects of
//! both must show. Developer mode is the exception, because it has no send limits.

use std::time::Duration;

use otp_auth::config::{SameSite, SettingsBuilder};
use otp_auth_tests::{Answer, ClientKind, Mode, Operation, SetCookie, Setup, tokens};

use crate::support::{ANN, COOLDOWN, settle};

/// What happened in a round.
struct Round {
    code: String,
    wrong_attempts: usize,
    messages: usize,
    messages_of_a_day: usize,
    users: usize,
    answers: [Answer; 4],
    lost_after_5_seconds: bool,
    serves_another_origin: bool,
}

/// An option: its name, how to set it, and how it shows.
struct Choice {
    name: &'static str,
    set: fn(SettingsBuilder) -> SettingsBuilder,
    shows: fn(&Round) -> bool,
}

const CHOICES: &[Choice] = &[
    Choice { name: "nothing", set: |s| s, shows: |_| true },
    Choice { name: "otp_length", set: |s| s.otp_length(8), shows: |r| r.code.len() == 8 },
    Choice { name: "max_otp_attempts", set: |s| s.max_otp_attempts(3), shows: |r| r.wrong_attempts == 3 },
    Choice {
        name: "otp_expiry",
        set: |s| s.otp_expiry(Duration::from_secs(120)),
        shows: |r| r.answers[0].number("expires_in") == 120,
    },
    Choice {
        name: "otp_rate_limit",
        set: |s| s.otp_rate_limit(Duration::from_secs(30)),
        shows: |r| r.answers[0].number("resend_in") == 30,
    },
    Choice { name: "max_sends_per_hour", set: |s| s.max_sends_per_hour(2), shows: |r| r.messages == 2 },
    Choice { name: "max_sends_per_day", set: |s| s.max_sends_per_day(6), shows: |r| r.messages_of_a_day == 6 },
    Choice { name: "auto_create_user", set: |s| s.auto_create_user(false), shows: |r| r.users == 1 },
    Choice {
        name: "access_token_lifetime",
        set: |s| s.access_token_lifetime(Duration::from_secs(300)),
        shows: |r| r.answers[1].number("expires_in") == 300,
    },
    Choice {
        name: "refresh_token_lifetime",
        set: |s| s.refresh_token_lifetime(Duration::from_secs(86_400)),
        shows: |r| age(&r.answers[1]) == Some("86400".to_owned()),
    },
    Choice {
        name: "refresh_grace",
        set: |s| s.refresh_grace(Duration::from_secs(3)),
        shows: |r| r.lost_after_5_seconds,
    },
    Choice {
        name: "cookie_same_site",
        set: |s| s.cookie_same_site(SameSite::Strict),
        shows: |r| r.answers.iter().flat_map(Answer::cookies).all(|c| c.attribute("SameSite") == Some("Strict")),
    },
    Choice {
        name: "cookie_secure",
        set: |s| s.cookie_secure(false),
        shows: |r| r.answers.iter().flat_map(Answer::cookies).all(|c| !c.has("Secure")),
    },
    Choice {
        name: "cookie_name",
        set: |s| s.cookie_name("my_refresh_token"),
        shows: |r| refresh_cookie(&r.answers[1]).name == "my_refresh_token",
    },
    Choice {
        name: "cookie_path",
        set: |s| s.cookie_path("/auth"),
        shows: |r| refresh_cookie(&r.answers[1]).attribute("Path") == Some("/auth"),
    },
    Choice {
        name: "realm",
        set: |s| s.realm("options"),
        shows: |r| r.answers[0].cookies().iter().any(|c| c.name.ends_with("-options")),
    },
    Choice {
        name: "forget_device_at_logout",
        set: |s| s.forget_device_at_logout(true),
        shows: |r| r.answers[3].cookies().iter().any(|c| c.name.contains("otp_device")),
    },
    Choice {
        name: "trusted_origins",
        set: |s| s.trusted_origin("https://app.test"),
        shows: |r| r.serves_another_origin,
    },
    Choice {
        name: "issuer",
        set: |s| s.issuer("https://a.test"),
        shows: |r| tokens::payload(&r.answers[1].member("access_token"))["iss"] == "https://a.test",
    },
    Choice {
        name: "audience",
        set: |s| s.audience("api"),
        shows: |r| tokens::payload(&r.answers[2].member("access_token"))["aud"] == "api",
    },
    Choice { name: "developer_mode", set: |s| s.developer_mode(true), shows: |r| r.code.bytes().all(|b| b == b'0') },
];

/// The refresh cookie that is set, under any name.
fn refresh_cookie(answer: &Answer) -> SetCookie {
    let is_set = |cookie: &SetCookie| cookie.name.contains("refresh_token") && !cookie.value.is_empty();
    answer.cookies().into_iter().find(is_set).unwrap()
}

fn age(answer: &Answer) -> Option<String> {
    refresh_cookie(answer).attribute("Max-Age").map(str::to_owned)
}

async fn round(a: &'static Choice, b: &'static Choice) -> Round {
    let app = Setup::new(Mode::Both).tune(|settings| (b.set)((a.set)(settings))).start().await;
    app.add_user(ANN, true).await;
    // A stranger, who may or may not become a user.
    let stranger = "stranger@example.com";
    let mut other = app.client();
    other.request(stranger).await.ok();
    settle().await;
    if let Some(code) = app.sender.code_for(stranger) {
        other.verify(stranger, &code).await.ok();
    }
    let users = app.users().await.len();

    let mut wrong_attempts = 0;
    let mut guesser = app.client();
    guesser.request(ANN).await.ok();
    settle().await;
    while guesser.verify(ANN, "11111").await.code() == "invalid_code" {
        wrong_attempts += 1;
    }
    app.pass(COOLDOWN);
    let mut client = app.client();
    let asked = client.request(ANN).await.ok();
    settle().await;
    let code = app.code_for(ANN);
    let signed_in = client.verify(ANN, &code).await.ok();
    let mut twin = client.clone();
    let refreshed = client.refresh().await.ok();
    client.get("/verified").await.ok();
    let signed_out = client.clone().logout().await.ok();

    app.pass(COOLDOWN);
    let mut messages = 2;
    while messages < 5 && app.client().request(ANN).await.status.is_success() {
        messages += 1;
        app.pass(COOLDOWN);
    }
    settle().await;
    // Another session, for the grace.
    let mut again = app.client();
    app.pass(Duration::from_secs(3_600));
    again.request(ANN).await.ok();
    settle().await;
    again.verify_right(ANN).await.ok();
    twin.clone_from(&again);
    again.refresh().await.ok();
    app.pass(Duration::from_secs(5));
    app.faults.take_calls();
    twin.refresh().await.ok();
    let lost_after_5_seconds = app.faults.take_calls().contains(&Operation::Recover);
    // The rest of the day.
    let mut messages_of_a_day = messages + 1;
    app.pass(Duration::from_secs(3_600));
    while messages_of_a_day < 12 && app.client().request(ANN).await.status.is_success() {
        messages_of_a_day += 1;
        app.pass(Duration::from_secs(3_600));
    }
    let mut elsewhere = app.client_of(ClientKind::Browser);
    elsewhere.headers = vec![
        ("origin".parse().unwrap(), "https://app.test".parse().unwrap()),
        ("sec-fetch-site".parse().unwrap(), "cross-site".parse().unwrap()),
    ];
    let serves_another_origin = elsewhere.logout().await.status.is_success();
    let answers = [asked, signed_in, refreshed, signed_out];
    Round {
        code,
        wrong_attempts,
        messages,
        messages_of_a_day,
        users,
        answers,
        lost_after_5_seconds,
        serves_another_origin,
    }
}

#[tokio::test(start_paused = true)]
async fn t28_no_option_switches_another_one_off() {
    assert_eq!(CHOICES.len(), 1 + 20, "SECURITY.md has the number");
    for (number, a) in CHOICES.iter().enumerate() {
        for b in &CHOICES[number..] {
            let round = round(a, b).await;
            let developing = [a.name, b.name].contains(&"developer_mode");
            for choice in CHOICES {
                let limit = ["otp_rate_limit", "max_sends_per_hour", "max_sends_per_day"].contains(&choice.name);
                let chosen = [a.name, b.name, "nothing"].contains(&choice.name) && !(developing && limit);
                assert_eq!((choice.shows)(&round), chosen, "{} with {} and {}", choice.name, a.name, b.name);
            }
        }
    }
}
