//! Concurrent requests, on every store, on threads that run in parallel.

use std::future::Future;
use std::time::Duration;

use otp_auth_tests::{App, Backend, Client, Mode, Operation, Reply, Setup, at_once, count, tokens};
use tokio::task::JoinSet;

use crate::support::{ANN, COOLDOWN, app};

async fn on_every_backend<F: Future<Output = ()>>(test: impl Fn(App) -> F) {
    for backend in Backend::ALL {
        test(Setup::new(Mode::Body).backend(backend).start().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn otp_07_t1_64_right_codes_at_once_give_exactly_one_session() {
    on_every_backend(async |app| {
        let mut client = app.client();
        client.request(ANN).await.ok();
        let answers = at_once(64, |_| {
            let mut client = client.clone();
            async move { client.verify_right(ANN).await }
        })
        .await;
        let refused = count(&answers, 401, "invalid_code") + count(&answers, 429, "too_many_attempts");
        assert_eq!((count(&answers, 200, ""), refused), (1, 63), "{answers:?}");
        let users = app.users().await;
        assert_eq!(users.len(), 1);
        assert_eq!(app.sessions(users[0].id).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rate_02_t3_of_200_wrong_codes_at_once_five_are_compared() {
    on_every_backend(async |app| {
        let mut client = app.client();
        client.request(ANN).await.ok();
        let answers = at_once(200, |_| {
            let mut client = client.clone();
            async move { client.verify_wrong(ANN).await }
        })
        .await;
        let counts = (count(&answers, 401, "invalid_code"), count(&answers, 429, "too_many_attempts"));
        assert_eq!(counts, (5, 195));
        client.verify_right(ANN).await.problem(429, "too_many_attempts");
        // The suspicion is reported once.
        assert_eq!(app.hooks.calls().len(), 1, "{:?}", app.hooks.calls());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rate_02_t3_the_right_code_is_no_use_after_the_tries_of_a_race() {
    on_every_backend(async |app| {
        let mut client = app.client();
        client.request(ANN).await.ok();
        let right = app.code_for(ANN);
        // The correct code among 63 wrong ones: at most five are compared, whether or not it is one
        // of them.
        let answers = at_once(64, |index| {
            let (mut client, right) = (client.clone(), right.clone());
            async move { if index == 32 { client.verify(ANN, &right).await } else { client.verify_wrong(ANN).await } }
        })
        .await;
        let (signed_in, wrong) = (count(&answers, 200, ""), count(&answers, 401, "invalid_code"));
        let exhausted = count(&answers, 429, "too_many_attempts");
        assert!(signed_in <= 1);
        assert_eq!(signed_in + wrong + exhausted, 64);
        // Once the code is used, wrong codes can no longer be counted by their answers.
        assert!(signed_in == 1 || wrong == 5, "{wrong} were compared");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rt_03_t21_20_refreshes_at_once_leave_one_family_and_all_alive() {
    on_every_backend(async |app| {
        let mut client = app.client();
        client.sign_in(ANN).await;
        let clients: Vec<Client> = at_once(20, |_| {
            let mut client = client.clone();
            async move {
                client.refresh().await.ok();
                client
            }
        })
        .await;
        let successor = clients[0].held_refresh_token();
        assert_ne!(successor, client.held_refresh_token());
        for mut client in clients.clone() {
            assert_eq!(client.held_refresh_token(), successor);
            client.get("/me").await.ok();
        }
        assert_eq!(app.sessions(1).await[0].generation, 1);
        // And all of them keep working.
        app.pass(Duration::from_secs(11));
        for mut client in clients {
            client.refresh().await.ok();
        }
        assert_eq!(app.sessions(1).await[0].generation, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn db_03_10_first_sign_ins_at_once_make_one_user() {
    for backend in Backend::ALL {
        let app = Setup::new(Mode::Body)
            .backend(backend)
            .tune(|settings| {
                let second = Duration::from_secs(1);
                settings.otp_rate_limit(second).send_timeout(second).max_sends_per_hour(10)
            })
            .start()
            .await;
        let mut ready = Vec::new();
        for _ in 0..10 {
            let mut client = app.client();
            client.request(ANN).await.ok();
            ready.push((client, app.code_for(ANN)));
            app.pass(Duration::from_secs(1));
        }
        let answers = at_once(10, |index| {
            let (mut client, code) = ready[index].clone();
            async move { client.verify(ANN, &code).await }
        })
        .await;
        assert_eq!(count(&answers, 200, ""), 10, "{answers:?}");
        let subjects: Vec<_> =
            answers.iter().map(|answer| tokens::payload(&answer.member("access_token"))["sub"].clone()).collect();
        assert!(subjects.iter().all(|subject| *subject == subjects[0]));
        let users = app.users().await;
        assert_eq!(users.len(), 1);
        assert_eq!(app.sessions(users[0].id).await.len(), 10);
        let created =
            app.hooks.calls().iter().filter(|call| matches!(call, otp_auth_tests::Call::UserCreated(_))).count();
        assert_eq!(created, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t32_the_right_code_wins_among_four_wrong_ones() {
    on_every_backend(async |app| {
        for round in 0..20 {
            let email = format!("user{round}@example.com");
            let mut client = app.client();
            client.request(&email).await.ok();
            let right = app.code_for(&email);
            let answers = at_once(5, |index| {
                let (mut client, email, right) = (client.clone(), email.clone(), right.clone());
                async move {
                    if index == round % 5 {
                        client.verify(&email, &right).await
                    } else {
                        client.verify_wrong(&email).await
                    }
                }
            })
            .await;
            assert_eq!((count(&answers, 200, ""), count(&answers, 401, "invalid_code")), (1, 4), "{answers:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rate_07_20_requests_at_once_send_exactly_one_mail() {
    on_every_backend(async |app| {
        for round in 1..=5 {
            let answers = at_once(20, |_| {
                let mut client = app.client();
                async move { client.request(ANN).await }
            })
            .await;
            assert_eq!((count(&answers, 200, ""), count(&answers, 429, "resend_too_soon")), (1, 19), "{answers:?}");
            assert_eq!(app.mails(), round);
            app.pass(COOLDOWN);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn out_01_out_02_t22_a_refresh_in_flight_never_undoes_a_sign_out() {
    on_every_backend(async |app| {
        for round in 0..20 {
            let email = format!("user{round}@example.com");
            let mut client = app.client();
            client.sign_in(&email).await;
            let clients: Vec<Client> = at_once(6, |index| {
                let mut client = client.clone();
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
            for mut client in clients {
                client.clone().refresh().await.problem(401, "session_revoked");
                for path in ["/me", "/claims"] {
                    client.get(path).await.problem(401, "invalid_token");
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t24_what_one_process_has_used_or_ended_is_over_in_every_process() {
    for backend in Backend::ALL {
        let first = Setup::new(Mode::Body).backend(backend).start().await;
        let second = Setup::new(Mode::Body).after(&first).start().await;
        let mut client = first.client();
        client.request(ANN).await.ok();
        let answers = at_once(20, |index| {
            let mut client = client.at(if index % 2 == 0 { &first } else { &second });
            async move { client.verify_right(ANN).await }
        })
        .await;
        assert_eq!(count(&answers, 200, ""), 1);
        client.at(&second).verify_right(ANN).await.problem(401, "invalid_code");

        first.pass(COOLDOWN);
        client.sign_in(ANN).await;
        client.at(&second).get("/me").await.ok();
        client.clone().logout().await.ok();
        client.at(&second).refresh().await.problem(401, "session_revoked");
        client.at(&second).get("/me").await.problem(401, "invalid_token");
    }
}

#[tokio::test(start_paused = true)]
async fn t5_the_tries_survive_dropped_requests() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    app.faults.set(Operation::UserByEmail, otp_auth_tests::Fault::Hang);
    for _ in 0..5 {
        let mut client = client.clone();
        let dropped = tokio::time::timeout(Duration::from_secs(1), client.verify_right(ANN)).await;
        assert!(dropped.is_err());
    }
    app.faults.clear();
    client.verify_right(ANN).await.problem(429, "too_many_attempts");
}

#[tokio::test]
async fn t5_the_tries_survive_a_panic_and_nothing_is_spent() {
    let app = app(Mode::Body).await;
    let mut client = app.client();
    client.request(ANN).await.ok();
    app.hooks.on_create(Reply::Panic);
    for _ in 0..4 {
        let mut client = client.clone();
        let panicked = tokio::spawn(async move { client.verify_right(ANN).await }).await;
        assert!(panicked.is_err_and(|error| error.is_panic()));
    }
    assert!(app.users().await.is_empty());
    app.hooks.on_create(Reply::Admit);
    client.clone().verify_wrong(ANN).await.problem(401, "invalid_code");
    client.verify_right(ANN).await.problem(429, "too_many_attempts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t5_dropped_requests_leave_the_store_usable() {
    on_every_backend(async |app| {
        let mut tasks = JoinSet::new();
        for index in 0..200usize {
            let mut client = app.client();
            let email = format!("user{}@example.com", index % 20);
            let sender = app.sender.clone();
            let task = tasks.spawn(async move {
                client.request(&email).await;
                let code = sender.code_for(&email).unwrap_or_default();
                client.verify(&email, &code).await;
                client.refresh().await;
                client.logout().await;
            });
            if index % 3 == 0 {
                tokio::task::yield_now().await;
                task.abort();
            }
        }
        while tasks.join_next().await.is_some() {}
        let mut client = app.client();
        client.sign_in(ANN).await;
        client.refresh().await.ok();
        client.get("/me").await.ok();
        client.logout().await.ok();
    })
    .await;
}
