//! Two processes of one application on one database, reached over HTTP. The name of a module is the
//! name of its backend.

use std::path::Path;
use std::time::{Duration, Instant};

use otp_auth_tests::{Answer, Client, Pair, Process, at_once, count, tokens};

use super::load::Load;
use super::users::sqlite_url;

const ANN: &str = "ann@example.com";

/// The default of `otp_rate_limit`.
const COOLDOWN: Duration = Duration::from_mins(1);

/// The program that the processes run.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_application"))
}

/// Both start concurrently on an empty database, and both create its tables.
async fn pair(backend: &str, url: &str) -> Pair {
    Pair::start(program(), backend, url).await
}

/// A code is accepted once, whichever process receives it.
async fn a_code_is_accepted_once(pair: &Pair) {
    for round in 0..5 {
        let email = format!("user{round}@example.com");
        let mut client = pair.first.client();
        client.request(&email).await.ok();
        let code = pair.first.code_for(&email).await.unwrap();
        let answers = at_once(20, |index| {
            let (mut client, email, code) = (client.at(pair.either(index)), email.clone(), code.clone());
            async move { client.verify(&email, &code).await }
        })
        .await;
        let refused = count(&answers, 401, "invalid_code") + count(&answers, 429, "too_many_attempts");
        assert_eq!((count(&answers, 200, ""), refused), (1, 19), "{answers:?}");
    }
    // Also one after the other, first at the process that did not send it.
    let mut client = pair.first.client();
    client.request(ANN).await.ok();
    let code = pair.first.code_for(ANN).await.unwrap();
    client.at(&pair.second).verify(ANN, &code).await.ok();
    client.at(&pair.second).verify(ANN, &code).await.problem(401, "invalid_code");
    client.verify(ANN, &code).await.problem(401, "invalid_code");
}

/// The attempts at a challenge are counted across both.
async fn five_codes_are_compared(pair: &Pair) {
    let mut client = pair.first.client();
    client.request(ANN).await.ok();
    let right = pair.first.code_for(ANN).await.unwrap();
    let wrong = otp_auth_tests::app::wrong(&right);
    let answers = at_once(60, |index| {
        let (mut client, wrong) = (client.at(pair.either(index)), wrong.clone());
        async move { client.verify(ANN, &wrong).await }
    })
    .await;
    let counts = (count(&answers, 401, "invalid_code"), count(&answers, 429, "too_many_attempts"));
    assert_eq!(counts, (5, 55), "{answers:?}");
    for process in [&pair.first, &pair.second] {
        client.at(process).verify(ANN, &right).await.problem(429, "too_many_attempts");
    }
}

/// The cooldown of an address applies across both.
async fn one_mail_is_sent_per_cooldown(pair: &Pair) {
    for round in 1..=3 {
        let answers = at_once(20, |index| {
            let mut client = pair.either(index).client();
            async move { client.request(ANN).await }
        })
        .await;
        assert_eq!((count(&answers, 200, ""), count(&answers, 429, "resend_too_soon")), (1, 19), "{answers:?}");
        assert_eq!(pair.mails().await, round);
        pair.pass(COOLDOWN).await;
    }
}

/// Ten first sign-ins with one address create one user.
async fn first_sign_ins_make_one_user(pair: &Pair) {
    for round in 0..3 {
        let email = format!("new{round}@example.com");
        let mut ready = Vec::new();
        for index in 0..5 {
            let process = pair.either(index);
            let mut client = process.client();
            client.request(&email).await.ok();
            ready.push((client, process.code_for(&email).await.unwrap()));
            pair.pass(COOLDOWN).await;
        }
        let answers = at_once(5, |index| {
            // Half of them go to the process that did not send the code.
            let (client, code) = ready[index].clone();
            let (mut client, email) = (client.at(pair.either(index / 2)), email.clone());
            async move { client.verify(&email, &code).await.ok() }
        })
        .await;
        let subject = |answer| tokens::payload(&Answer::member(answer, "access_token"))["sub"].clone();
        assert!(answers.iter().all(|answer| subject(answer) == subject(&answers[0])), "{answers:?}");
        assert_eq!(pair.first.count_users(&email).await, 1);
        pair.pass(Duration::from_hours(2)).await;
    }
}

async fn assert_over(client: &Client<Process>, process: &Process) {
    let mut client = client.at(process);
    client.get("/me").await.problem(401, "invalid_token");
    client.refresh().await.problem(401, "session_revoked");
}

/// A sign-out that one process acknowledged is effective in the other.
async fn a_sign_out_is_seen_at_once(pair: &Pair) {
    for round in 0..10 {
        let email = format!("user{round}@example.com");
        let (here, there) = (pair.either(round), pair.either(round + 1));
        let mut client = here.client();
        client.sign_in(&email).await;
        client.at(there).get("/me").await.ok();
        client.clone().logout().await.ok();
        assert_over(&client, there).await;
        assert_over(&client, here).await;
    }
}

/// Sends requests until the claims are rejected, which must happen within two seconds.
async fn assert_refused_soon(client: &mut Client<Process>, since: Instant) {
    loop {
        let answer = client.get("/claims").await;
        if answer.code() == "invalid_token" {
            return;
        }
        answer.ok();
        assert!(since.elapsed() < Duration::from_secs(2), "the claims are still accepted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `Claims` sees a sign-out at the other process, and a bar, within two seconds, without a query
/// for each request. A process that starts later sees them immediately.
async fn claims_see_what_the_other_process_has_ended(pair: &Pair) {
    let mut ended = Vec::new();
    for round in 0..8 {
        let (here, there) = (pair.either(round), pair.either(round + 1));
        let mut client = here.client();
        client.sign_in(&format!("user{round}@example.com")).await;
        let mut elsewhere = client.at(there);
        let subject: String = serde_json::from_slice(&elsewhere.get("/claims").await.ok().body).unwrap();
        match round / 2 {
            0 => drop(client.clone().logout().await.ok()),
            1 => assert!(here.bar(&subject).await),
            2 => assert!(here.forget(&subject).await),
            _ => assert!(here.revoke_all(&subject).await),
        }
        let since = Instant::now();
        client.get("/claims").await.problem(401, "invalid_token");
        assert_refused_soon(&mut elsewhere, since).await;
        ended.push(client);
    }
    let mut lively = pair.first.client();
    lively.sign_in(ANN).await;
    let later = pair.later().await;
    for client in ended {
        client.at(&later).get("/claims").await.problem(401, "invalid_token");
    }
    lively.at(&later).get("/claims").await.ok();
    later.assert_sound();
}

/// An id now belongs to another user: nothing from before opens it, at either process.
async fn an_id_that_is_given_again_opens_nothing(pair: &Pair) {
    let mut ann = pair.first.client();
    ann.sign_in(ANN).await;
    assert_eq!(pair.second.hand_over(ANN, "bob@example.com").await, 1);
    let mut bob = pair.second.client();
    bob.sign_in("bob@example.com").await;
    let subject = bob.get("/claims").await.ok().body;
    assert_eq!(subject, ann.get("/claims").await.ok().body, "it is the same id");
    for process in [&pair.first, &pair.second] {
        let mut ann = ann.at(process);
        ann.get("/me").await.problem(401, "invalid_token");
        ann.clone().refresh().await.problem(401, "invalid_refresh_token");
        bob.at(process).get("/me").await.ok();
    }
    // Only `Claims` does not load the user, so it must be notified.
    let id: String = serde_json::from_slice(&subject).unwrap();
    pair.pass(Duration::from_secs(1)).await;
    assert!(pair.first.forget(&id).await);
    for process in [&pair.first, &pair.second] {
        assert_refused_soon(&mut ann.at(process), Instant::now()).await;
    }
    // Ann has a new account, and Bob can sign in to his.
    pair.pass(Duration::from_secs(61)).await;
    for (email, is_same) in [(ANN, false), ("bob@example.com", true)] {
        let mut client = pair.first.client();
        client.sign_in(email).await;
        assert_eq!(client.get("/claims").await.ok().body == subject, is_same, "{email}");
    }
}

/// Refreshes of one token at both processes yield one successor.
async fn a_refresh_race_leaves_one_family(pair: &Pair) {
    let mut client = pair.first.client();
    client.sign_in(ANN).await;
    let mut stale = client.clone();
    for _ in 0..4 {
        let refreshed = at_once(10, |index| {
            let mut client = client.at(pair.either(index));
            async move {
                client.refresh().await.ok();
                client
            }
        })
        .await;
        for other in &refreshed {
            assert_eq!(other.refresh_token, refreshed[0].refresh_token);
            other.at(&pair.second).get("/me").await.ok();
        }
        assert_ne!(refreshed[0].refresh_token, client.refresh_token);
        client = refreshed[0].clone();
    }
    // The first token was replaced long ago, so its holder is a thief.
    stale = stale.at(&pair.second);
    stale.refresh().await.problem(401, "session_revoked");
    assert_over(&client, &pair.first).await;
}

/// A sign-out at one process while the other refreshes revokes the session.
async fn a_refresh_never_undoes_a_sign_out(pair: &Pair) {
    for round in 0..10 {
        let email = format!("user{round}@example.com");
        let mut client = pair.first.client();
        client.sign_in(&email).await;
        let clients = at_once(6, |index| {
            let mut client = client.at(pair.either(index));
            async move {
                if index == round % 6 {
                    client.logout().await.ok();
                } else {
                    let answer = client.refresh().await;
                    assert!(["", "session_revoked"].contains(&answer.code().as_str()), "{answer:?}");
                }
                client
            }
        })
        .await;
        for client in clients {
            assert_over(&client, &pair.first).await;
            assert_over(&client, &pair.second).await;
        }
    }
}

/// Both clean up concurrently, and every expired row is deleted and counted by one of them.
async fn clean_ups_share_the_work(pair: &Pair) {
    const USERS: usize = 24;
    at_once(USERS, |index| {
        let mut client = pair.client();
        async move {
            client.sign_in(&format!("user{index}@example.com")).await;
            if index % 2 == 0 {
                client.logout().await.ok();
            }
        }
    })
    .await;
    let nothing = pair.both(|process| async move { process.cleanup().await }).await;
    assert_eq!(nothing.0 + nothing.1, otp_auth_tests::Removed::default());

    pair.pass(Duration::from_hours(9 * 24)).await;
    let mut client = pair.client();
    client.sign_in(ANN).await;
    let (first, second) = pair.both(|process| async move { process.cleanup().await }).await;
    let all = otp_auth_tests::Removed {
        challenges: USERS as u64,
        // What each client's network has sent, and what all have.
        budgets: 2 * USERS as u64,
        sessions: USERS as u64,
        blacklisted: USERS as u64 / 2,
    };
    assert_eq!(first + second, all, "{first:?} {second:?}");
    client.get("/me").await.ok();
    client.refresh().await.ok();
}

/// Concurrent sign-ins, refreshes and sign-outs at both: no promise is broken, and no connection is
/// lost.
async fn a_load_breaks_no_promise(pair: &Pair) {
    let ended = Load::new(pair).rounds(8, 10).await;
    assert_eq!(ended.len(), 80, "every round goes to its end when nothing fails");
}

macro_rules! in_two_processes {
    ($(#[$attribute:meta])* $backend:literal, $url:expr) => {
        in_two_processes! { @all ($(#[$attribute])*) $backend, $url;
            a_code_is_accepted_once
            five_codes_are_compared
            one_mail_is_sent_per_cooldown
            first_sign_ins_make_one_user
            a_sign_out_is_seen_at_once
            claims_see_what_the_other_process_has_ended
            an_id_that_is_given_again_opens_nothing
            a_refresh_race_leaves_one_family
            a_refresh_never_undoes_a_sign_out
            clean_ups_share_the_work
            a_load_breaks_no_promise
        }
    };
    (@all $attributes:tt $backend:literal, $url:expr; $($case:ident)*) => {
        $( in_two_processes! { @case $attributes $backend, $url; $case } )*
    };
    (@case ($($attribute:tt)*) $backend:literal, $url:expr; $case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $($attribute)*
        async fn $case() {
            let url = $url;
            let pair = super::pair($backend, &url).await;
            super::$case(&pair).await;
            pair.assert_sound();
        }
    };
}

mod sqlite {
    in_two_processes!("sqlite", super::sqlite_url());
}

mod postgres {
    in_two_processes!(
        #[ignore = "needs PostgreSQL: scripts/test starts one"]
        "postgres",
        crate::postgres::fresh_url().await
    );
}

mod pgbouncer {
    in_two_processes!(
        #[ignore = "needs pgbouncer: scripts/test starts one"]
        "postgres",
        crate::pgbouncer::fresh_url().await
    );
}

mod mysql {
    in_two_processes!(
        #[ignore = "needs MariaDB: scripts/test starts one"]
        "mysql",
        crate::mysql::fresh_url().await
    );
}

mod mongodb {
    in_two_processes!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        "mongodb",
        crate::mongo::REPLICA_SET.fresh_url()
    );
}

mod mongodb_standalone {
    in_two_processes!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        "mongodb",
        crate::mongo::STANDALONE.fresh_url()
    );
}
