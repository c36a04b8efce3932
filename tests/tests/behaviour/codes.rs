//! Codes: how long, how often and for whom they work (requirements B and C).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use otp_auth_tests::{Answer, Backend, ClientKind, Mode, Setup};
use serde_json::json;
use sqlx::Row;

use crate::support::{ANN, BOB, COOLDOWN, MILLI, app, every_mode, every_mode_with};

const EXPIRY: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Everything in an answer that could distinguish refusals.
fn refusal(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers =
        answer.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status.as_u16(), headers, answer.text().to_owned())
}

#[tokio::test]
async fn otp_05_t23_a_code_expires_at_its_millisecond() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        app.pass(EXPIRY - MILLI);
        client.clone().verify_right(ANN).await.ok();
    }
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        // The cookie has expired by then, so it is put back, as by a client that ignores `Max-Age`.
        let challenge = client.held_challenge();
        app.pass(EXPIRY);
        client.put_challenge(&challenge);
        client.verify_right(ANN).await.problem(401, "invalid_code");
    }
}

#[tokio::test]
async fn otp_05_t23_used_up_tries_end_with_the_code_at_the_same_millisecond() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    for _ in 0..5 {
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
    }
    app.pass(EXPIRY - MILLI);
    assert_eq!(client.verify_right(ANN).await.problem(429, "too_many_attempts").retry_after(), 1);
    app.pass(MILLI);
    client.verify_right(ANN).await.problem(401, "invalid_code");
}

#[tokio::test]
async fn otp_05_dates_that_a_client_sends_have_no_effect() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let code = app.code_for(ANN);
    app.pass(EXPIRY);
    client.headers = vec![("date".parse().unwrap(), "Thu, 01 Jan 2026 00:00:00 GMT".parse().unwrap())];
    let body = json!({ "email": ANN, "code": code, "challenge": client.challenge, "now": 0, "expires_at": i64::MAX });
    client.post("/auth/verify-otp", &body).await.problem(401, "invalid_code");
}

#[tokio::test]
async fn otp_06_t2_a_used_code_is_refused_like_a_wrong_one() {
    for (_, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        // Another client with the same challenge and code.
        let mut copy = client.clone();
        let wrong = refusal(&client.verify_wrong(ANN).await);
        client.verify_right(ANN).await.ok();
        let used = refusal(&copy.verify_right(ANN).await.problem(401, "invalid_code"));
        assert_eq!(used, wrong);
    }
}

#[tokio::test]
async fn otp_08_rate_13_a_resend_sends_the_same_code_and_moves_nothing() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        let (code, challenge) = (app.code_for(ANN), client.held_challenge());
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
        app.pass(COOLDOWN);
        let again = client.request(ANN).await.ok();
        // Only a browser sends the challenge back.
        if app.mode.sets_cookies() && client.jar.get("__Host-otp_challenge-users").is_some() {
            assert_eq!((app.code_for(ANN), client.held_challenge()), (code, challenge));
            assert_eq!(again.number("expires_in"), 540);
            assert_eq!(app.sender.messages()[1].expires_in, Duration::from_secs(540));
            // T6: the earlier attempt counts.
            for _ in 0..4 {
                client.verify_wrong(ANN).await.problem(401, "invalid_code");
            }
            client.verify_right(ANN).await.problem(429, "too_many_attempts");
        } else {
            assert_ne!(client.held_challenge(), challenge);
            assert_eq!(again.number("expires_in"), 600);
            // The first challenge still works with its own code.
            client.put_challenge(&challenge);
            client.verify(ANN, &code).await.ok();
        }
    }
}

#[tokio::test]
async fn after_the_tries_a_resend_opens_a_new_challenge() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let challenge = client.held_challenge();
    for _ in 0..5 {
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
    }
    app.pass(COOLDOWN);
    client.request(ANN).await.ok();
    assert_ne!(client.held_challenge(), challenge);
    client.verify_right(ANN).await.ok();
}

#[tokio::test]
async fn a_challenge_is_not_resumed_for_another_address() {
    let app = app(Mode::Cookie).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let challenge = client.held_challenge();
    client.request(BOB).await.ok();
    assert_ne!(client.held_challenge(), challenge);
    client.verify_right(BOB).await.ok();
}

#[tokio::test]
async fn otp_09_otp_14_the_database_never_holds_a_code_an_address_or_a_token() {
    let app = Setup::new(Mode::Both).backend(Backend::Sqlite).start().await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let (code, challenge) = (app.code_for(ANN), client.held_challenge());
    let secrets = |tokens: Vec<String>| {
        let mut secrets = vec![code.clone(), challenge.clone(), ANN.to_owned(), "ann@".to_owned()];
        // In a column of bytes, as `hex` writes it.
        secrets.push(code.chars().flat_map(|digit| ['3', digit]).collect());
        secrets.extend(tokens);
        secrets
    };
    assert_nothing_of(&dump(app.pool()).await, &secrets(Vec::new()));
    client.verify_right(ANN).await.ok();
    // RT-09 and OTP-14: what the code was derived from is deleted.
    let held = vec![client.token(), client.held_refresh_token()];
    let rows = dump(app.pool()).await;
    assert_nothing_of(&rows, &secrets(held));
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM otp_challenges WHERE nonce IS NOT NULL OR code_mac IS NOT NULL")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(left, 0);
    assert!(["otp_sessions", "otp_budgets"].iter().all(|table| rows.iter().any(|(of, _)| of == table)));
}

/// Every value of every row of our tables, as it is and in Base64.
async fn dump(pool: &sqlx::SqlitePool) -> Vec<(&'static str, Vec<u8>)> {
    let mut values = Vec::new();
    for table in ["otp_challenges", "otp_budgets", "otp_sessions", "token_blacklist"] {
        let select = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
        for row in sqlx::query(select).fetch_all(pool).await.unwrap() {
            for at in 0..row.len() {
                let bytes = row.try_get_unchecked::<Option<Vec<u8>>, _>(at).unwrap().unwrap_or_default();
                values.push((table, URL_SAFE_NO_PAD.encode(&bytes).into_bytes()));
                values.push((table, bytes));
            }
        }
    }
    values
}

#[track_caller]
fn assert_nothing_of(rows: &[(&str, Vec<u8>)], secrets: &[String]) {
    assert!(!rows.is_empty());
    for (table, value) in rows {
        for secret in secrets {
            // A number of milliseconds may contain six digits by chance, so only a whole value may
            // not equal a code.
            let found = if secret.len() == 6 {
                value == secret.as_bytes()
            } else {
                value.windows(secret.len()).any(|window| window == secret.as_bytes())
            };
            assert!(!found, "{secret} is in {table}");
        }
    }
}

#[tokio::test]
async fn otp_12_rt_13_a_code_without_its_own_challenge_is_refused() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        let right = client.held_challenge();
        app.pass(COOLDOWN);
        let mut other = client.clone();
        other.jar.clear();
        other.challenge = None;
        other.request(BOB).await.ok();
        let code = app.code_for(ANN);
        // Without a challenge, with another client's, and with an invented and a garbled one.
        let mut none = other.clone();
        none.jar.clear();
        none.challenge = None;
        none.verify(ANN, &code).await.problem(401, "invalid_code");
        other.verify(ANN, &code).await.problem(401, "invalid_code");
        let half = &right[..11];
        for challenge in ["AAAAAAAAAAAAAAAAAAAAAA", "x", &format!("{right}="), &format!("{right}{right}"), half] {
            other.put_challenge(challenge);
            other.verify(ANN, &code).await.problem(401, "invalid_code");
        }
        client.verify(ANN, &code).await.ok();
    }
}

#[tokio::test]
async fn otp_12_the_code_of_one_address_does_not_open_another() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        let code = app.code_for(ANN);
        client.verify(BOB, &code).await.problem(401, "invalid_code");
        client.verify(ANN, &code).await.ok();
        assert_eq!(app.users().await.len(), 1);
    }
}

#[tokio::test]
async fn ux_02_t31_spaces_and_dashes_are_ignored_and_leading_zeros_are_not() {
    for (index, form) in [" ABC DEF ", "ABC-DEF", "A B C D E F", "\tABCDEF\n", "ABC\r\n-DEF"].iter().enumerate() {
        let app = app(Mode::Body).await;
        let mut client = app.client();
        let email = format!("user{index}@example.com");
        client.request(&email).await.ok();
        let code = app.code_for(&email);
        let typed: String = form
            .chars()
            .map(|c| if c.is_ascii_alphabetic() { code.as_bytes()[c as usize - 65] as char } else { c })
            .collect();
        client.verify(&email, &typed).await.ok();
    }
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    let code = app.code_for(ANN);
    for typed in [&code[1..], &format!("0{code}"), &format!("{code}0")] {
        client.verify(ANN, typed).await.problem(401, "invalid_code");
    }
    client.verify(ANN, &code).await.ok();
}

/// A code as pasted from an e-mail or a chat, or typed on another keyboard.
fn pasted(code: &str) -> Vec<String> {
    let zeros = ['\u{ff10}', '\u{660}', '\u{6f0}', '\u{966}', '\u{e50}', '\u{116da}', '\u{1d7ec}'];
    let in_script = |zero: char| {
        code.bytes().map(|digit| char::from_u32(u32::from(zero) + u32::from(digit - b'0')).unwrap()).collect()
    };
    let (head, tail) = code.split_at(3);
    let around = [
        ("\u{a0}", "\u{202f}", "\u{3000}"),
        ("\u{feff}", "\u{200b}", "\u{2060}\n"),
        ("\u{202a}", "\u{2009}", "\u{202c}"),
        ("\u{2066}", "\u{2069}–\u{2066}", "\u{2069}"),
        ("\u{200e}", "\u{2011}", "\u{200f}"),
        ("\u{ad}", " — ", "\u{fe0e}"),
    ];
    let between: String = code.chars().flat_map(|digit| ['\u{200b}', '\u{2060}', digit, '\u{fe0f}']).collect();
    zeros
        .map(in_script)
        .into_iter()
        .chain(around.map(|(before, between, after)| format!("{before}{head}{between}{tail}{after}")))
        .chain([between])
        .collect()
}

#[tokio::test]
async fn ux_02_a_code_is_read_as_it_is_pasted() {
    for (app, mut client) in every_mode().await {
        for index in 0..pasted("000000").len() {
            let email = format!("user{index}@example.com");
            client.request(&email).await.ok();
            let (right, wrong) = (pasted(&app.code_for(&email)), pasted(&app.wrong_code_for(&email)));
            client.verify(&email, &wrong[index]).await.problem(401, "invalid_code");
            client.verify(&email, &right[index]).await.ok();
        }
    }
}

/// Input that cannot be a code does not count as an attempt.
#[tokio::test]
async fn ux_02_a_malformed_code_costs_no_try() {
    for (_, mut client) in every_mode_with(|settings| settings.max_otp_attempts(1)).await {
        client.request(ANN).await.ok();
        for typed in ["", "12345O", "٣٤٥٦٧x", "\u{200b}"] {
            client.verify(ANN, typed).await.problem(422, "malformed_code");
        }
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn otp_15_longer_codes_work() {
    for length in 6..=10 {
        let app = Setup::new(Mode::Body).tune(move |settings| settings.otp_length(length)).start().await;
        let mut client = app.client();
        client.request(ANN).await.ok();
        assert_eq!(app.code_for(ANN).len(), usize::from(length));
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn otp_13_developer_mode_makes_zeros_and_still_puts_no_code_into_a_response() {
    for (app, mut client) in every_mode_with(|settings| settings.developer_mode(true)).await {
        let answer = client.request(ANN).await.ok();
        assert_eq!(app.code_for(ANN), "000000");
        assert!(!answer.text().contains("000000"));
        client.verify(ANN, "000001").await.problem(401, "invalid_code");
        client.verify(ANN, "000000").await.ok();
    }
    // Only developer mode does.
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        if app.code_for(ANN) != "000000" {
            client.verify(ANN, "000000").await.problem(401, "invalid_code");
        }
    }
}

#[tokio::test]
async fn t17_no_response_contains_the_code() {
    for (app, mut client) in every_mode().await {
        for round in 0..20 {
            let email = format!("user{round}@example.com");
            client.jar.clear();
            let requested = client.request(&email).await.ok();
            let code = app.code_for(&email);
            let answers = [
                requested,
                client.clone().request(&email).await,
                client.clone().verify_wrong(&email).await,
                client.clone().verify(&email, "not a code").await,
                client.clone().verify_right(&email).await,
                client.clone().verify_right(&email).await,
            ];
            for answer in answers {
                // A number such as an age, or a piece of a token, may contain the digits by chance.
                // A whole member or value may not.
                let whole = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == code);
                let members = answer
                    .json()
                    .as_object()
                    .unwrap()
                    .values()
                    .any(|value| value.as_str().is_some_and(|text| !text.contains('.') && whole(text)));
                assert!(!members, "{answer:?}");
                for (name, value) in &answer.headers {
                    if name != "set-cookie" {
                        assert!(!whole(value.to_str().unwrap()), "{answer:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn rate_01_after_the_tries_even_the_right_code_is_refused() {
    for max in [1, 5, 7] {
        let tune = move |settings: otp_auth::config::SettingsBuilder| settings.max_otp_attempts(max).otp_length(8);
        for (_, mut client) in every_mode_with(tune).await {
            client.request(ANN).await.ok();
            for _ in 0..max {
                client.verify_wrong(ANN).await.problem(401, "invalid_code");
            }
            for _ in 0..3 {
                client.verify_right(ANN).await.problem(429, "too_many_attempts");
            }
        }
    }
}

#[tokio::test]
async fn rate_01_the_last_try_counts() {
    for (_, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        for _ in 0..4 {
            client.verify_wrong(ANN).await.problem(401, "invalid_code");
        }
        client.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn t4_a_try_under_any_address_spends_the_tries_of_the_challenge() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    for guess in 0..5 {
        client.verify(&format!("other{guess}@example.com"), "123456").await.problem(401, "invalid_code");
    }
    client.verify_right(ANN).await.problem(429, "too_many_attempts");
}

/// The limit of section 6: sends times attempts, whatever clients do.
#[tokio::test]
async fn rate_03_t6_guesses_of_a_day_are_bounded_over_any_number_of_requests() {
    let app = app(Mode::Body).await;
    let mut compared = 0;
    let mut client = app.client();
    for _ in 0..24 * 60 - 1 {
        let answer = client.request(ANN).await;
        if answer.status.is_success() {
            while client.verify_wrong(ANN).await.code() == "invalid_code" {
                compared += 1;
            }
        } else {
            answer.problem(429, "resend_too_soon");
        }
        app.pass(Duration::from_secs(60));
    }
    assert_eq!((app.mails(), compared), (10, 50));
}

#[tokio::test]
async fn rate_07_one_mail_a_cooldown_and_retry_after_is_exact() {
    for (app, mut client) in every_mode().await {
        client.request(ANN).await.ok();
        app.pass(COOLDOWN - MILLI);
        let answer = client.request(ANN).await.problem(429, "resend_too_soon");
        assert_eq!((app.mails(), answer.retry_after()), (1, 1));
        app.pass(MILLI);
        client.request(ANN).await.ok();
        assert_eq!(app.mails(), 2);
        // HTTP-04: waiting exactly as long as instructed is enough.
        app.pass(Duration::from_millis(12_345));
        let wait = client.request(ANN).await.problem(429, "resend_too_soon").retry_after();
        assert_eq!(wait, 48);
        app.pass(Duration::from_secs(wait));
        client.request(ANN).await.ok();
    }
}

#[tokio::test]
async fn rate_08_budgets_end_and_begin_at_their_millisecond() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    let start = app.clock.now();
    for _ in 0..5 {
        client.request(ANN).await.ok();
        app.pass(COOLDOWN);
    }
    // The five sends of the hour are used up after 5 minutes.
    let wait = client.request(ANN).await.problem(429, "resend_too_soon").retry_after();
    assert_eq!(wait, 55 * 60);
    app.pass(Duration::from_secs(wait) - MILLI);
    client.request(ANN).await.problem(429, "resend_too_soon");
    app.pass(MILLI);
    for _ in 0..5 {
        client.request(ANN).await.ok();
        app.pass(COOLDOWN);
    }
    // Now the ten sends of the day are used up.
    let day = start + Duration::from_secs(24 * 3600);
    let left = app.clock.now().until(day);
    let wait = client.request(ANN).await.problem(429, "resend_too_soon").retry_after();
    assert_eq!(Duration::from_secs(wait), left);
    app.pass(left - MILLI);
    client.request(ANN).await.problem(429, "resend_too_soon");
    app.pass(MILLI);
    client.request(ANN).await.ok();
    assert_eq!(app.mails(), 11);
}

#[tokio::test]
async fn rate_12_mail_01_t26_all_spellings_share_one_cooldown_one_challenge_and_one_account() {
    let spellings = ["ann@example.com", "Ann@Example.COM", " ann@example.com ", "ann@EXAMPLE.com."];
    for first in spellings {
        let app = app(Mode::Body).await;
        let mut client = app.client();
        client.request(first).await.ok();
        for other in spellings {
            app.client().request(other).await.problem(429, "resend_too_soon");
        }
        let code = app.sender.messages()[0].code.clone();
        for _ in 0..4 {
            client.verify(spellings[1], "000").await.problem(401, "invalid_code");
        }
        client.verify(spellings[2], &code).await.ok();
        app.pass(COOLDOWN);
        client.request(spellings[3]).await.ok();
        let code = app.sender.messages()[1].code.clone();
        client.verify(spellings[0], &code).await.ok();
        let users = app.users().await;
        assert_eq!((users.len(), users[0].email.as_str()), (1, ANN));
    }
}

#[tokio::test]
async fn mail_04_mail_05_t26_unicode_spellings_of_one_mailbox_are_one_account() {
    for spellings in [
        ["u@münchen.de", "u@xn--mnchen-3ya.de", "u@mu\u{308}nchen.de"],
        ["jos\u{e9}@x.com", "jose\u{301}@x.com", "jos\u{e9}@X.COM"],
    ] {
        let app = app(Mode::Body).await;
        let mut client = app.client();
        client.request(spellings[0]).await.ok();
        for other in spellings {
            app.client().request(other).await.problem(429, "resend_too_soon");
        }
        let code = app.sender.messages()[0].code.clone();
        client.verify(spellings[1], &code).await.ok();
        app.pass(COOLDOWN);
        client.request(spellings[2]).await.ok();
        let code = app.sender.messages()[1].code.clone();
        client.verify(spellings[0], &code).await.ok();
        assert_eq!(app.users().await.len(), 1);
    }
}

#[tokio::test]
async fn mail_06_t33_dots_and_tags_make_accounts_of_their_own() {
    let app = app(Mode::Body).await;
    let emails = ["ab@gmail.com", "a.b@gmail.com", "ab+tag@gmail.com"];
    for email in emails {
        let mut client = app.client();
        client.sign_in(email).await;
        assert_eq!(client.get("/me").await.ok().json()["email"], email);
        app.pass(COOLDOWN);
    }
    assert_eq!(app.users().await.len(), 3);
    let addresses: Vec<_> = app.sender.messages().into_iter().map(|message| message.address).collect();
    assert_eq!(addresses, emails);
}

#[tokio::test]
async fn mail_02_with_preserve_the_case_of_the_local_part_makes_two_accounts() {
    let preserve = otp_auth::config::LocalPartCase::Preserve;
    let app = Setup::new(Mode::Body).tune(move |settings| settings.local_part_case(preserve)).start().await;
    for email in ["Ann@example.com", "ann@example.com", "ann@EXAMPLE.com"] {
        app.client().sign_in(email).await;
        app.pass(COOLDOWN);
    }
    let emails: Vec<_> = app.users().await.into_iter().map(|user| user.email).collect();
    assert_eq!(emails, ["Ann@example.com", "ann@example.com"]);
}

#[tokio::test]
async fn mail_03_mail_goes_to_the_address_as_typed() {
    let app = app(Mode::Body).await;
    app.client().request(" Ann@Example.COM ").await.ok();
    app.client().request("u@münchen.de").await.ok();
    let addresses: Vec<_> = app.sender.messages().into_iter().map(|message| message.address).collect();
    assert_eq!(addresses, ["Ann@Example.COM", "u@xn--mnchen-3ya.de"]);
}

#[tokio::test]
async fn rate_13_t7_foreign_wrong_guesses_do_not_spoil_the_owners_challenge() {
    for (app, mut owner) in every_mode().await {
        owner.request(ANN).await.ok();
        let mut attacker = app.client();
        for guess in 0..100 {
            let challenge = format!("{guess:A<22}");
            attacker.put_challenge(&challenge);
            attacker.verify(ANN, "123456").await.problem(401, "invalid_code");
        }
        owner.verify_right(ANN).await.ok();
    }
}

#[tokio::test]
async fn rate_13_a_strangers_request_does_not_kill_the_owners_code() {
    for (app, mut owner) in every_mode().await {
        owner.request(ANN).await.ok();
        let code = app.code_for(ANN);
        app.pass(COOLDOWN);
        app.client().request(ANN).await.ok();
        owner.verify(ANN, &code).await.ok();
    }
}

#[tokio::test]
async fn t7_a_known_device_gets_a_code_when_strangers_have_used_up_the_budget() {
    for (mode, kind) in [(Mode::Cookie, ClientKind::Browser), (Mode::Both, ClientKind::Browser)] {
        let app = app(mode).await;
        let mut owner = app.client_of(kind);
        owner.sign_in(ANN).await;
        owner.logout().await.ok();
        let device = owner.jar.get("__Host-otp_device-users").unwrap().to_owned();
        app.pass(COOLDOWN);
        loop {
            let answer = app.client().request(ANN).await;
            if answer.code() == "resend_too_soon" && answer.retry_after() > 60 {
                break;
            }
            app.pass(COOLDOWN);
        }
        let mut stranger = app.client();
        stranger.request(ANN).await.problem(429, "resend_too_soon");
        owner.request(ANN).await.ok();
        owner.verify_right(ANN).await.ok();
        // The device is known only for this address.
        let mut thief = app.client();
        thief.jar.plant("__Host-otp_device-users", &device);
        thief.request(BOB).await.ok();
        thief.request(BOB).await.problem(429, "resend_too_soon");
        app.client().request(BOB).await.problem(429, "resend_too_soon");
        // A forged one is not known.
        let mut forged = app.client();
        let other = if device.as_bytes()[30] == b'A' { 'B' } else { 'A' };
        forged.jar.plant("__Host-otp_device-users", &format!("{}{other}{}", &device[..30], &device[31..]));
        forged.request(ANN).await.problem(429, "resend_too_soon");
        // The known device has a budget, too.
        owner.request(ANN).await.problem(429, "resend_too_soon");
    }
}

#[tokio::test]
async fn t7_a_device_is_known_for_180_days() {
    for (known, passed) in [(true, 180 * DAY - MILLI), (false, 180 * DAY)] {
        let app = app(Mode::Cookie).await;
        let mut owner = app.client();
        owner.sign_in(ANN).await;
        let device = owner.jar.get("__Host-otp_device-users").unwrap().to_owned();
        app.pass(passed);
        // A client that ignores `Max-Age`.
        owner.jar.plant("__Host-otp_device-users", &device);
        app.client().request(ANN).await.ok();
        let answer = owner.request(ANN).await;
        assert_eq!(answer.status.is_success(), known, "{answer:?}");
    }
}

#[tokio::test]
async fn rate_14_asking_for_a_code_changes_nothing_about_the_account() {
    for (app, mut client) in every_mode().await {
        let user = app.add_user(ANN, false).await;
        client.request(ANN).await.ok();
        client.verify_wrong(ANN).await.problem(401, "invalid_code");
        assert_eq!(app.users().await, std::slice::from_ref(&user));
        assert!(app.sessions(user.id).await.is_empty());
    }
}

#[tokio::test]
async fn rate_15_t11_no_user_is_made_before_the_first_right_code() {
    let app = app(Mode::Body).await;
    for number in 0..1_000 {
        let mut client = app.client();
        let email = format!("user{number}@example.com");
        client.request(&email).await.ok();
        if number % 100 == 0 {
            client.verify_wrong(&email).await.problem(401, "invalid_code");
        }
    }
    assert!(app.users().await.is_empty());
    app.client().sign_in(ANN).await;
    let users = app.users().await;
    assert_eq!((users.len(), users[0].is_verified), (1, true));
}

#[tokio::test]
async fn signing_in_verifies_an_unverified_user() {
    for (app, mut client) in every_mode().await {
        let user = app.add_user(ANN, false).await;
        client.sign_in(ANN).await;
        assert!(app.users().await[0].is_verified);
        assert_eq!(client.get("/verified").await.ok().json()["id"], user.id);
    }
}

/// The send has been counted: a client that hangs up stops neither the e-mail nor, if sending
/// fails, the refund.
#[tokio::test(start_paused = true)]
async fn http_13_a_client_that_hangs_up_does_not_burn_the_cooldown() {
    for (app, client) in every_mode().await {
        app.sender.hang();
        let mut impatient = client.clone();
        let request = tokio::spawn(async move { impatient.request(ANN).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        request.abort();
        app.sender.take();
        client.clone().request(ANN).await.problem(429, "resend_too_soon");
        tokio::time::sleep(Duration::from_secs(10)).await;
        client.clone().request(ANN).await.ok();
    }
}
