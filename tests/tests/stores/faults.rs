//! The server is killed and restarted under load, and it hangs.
//!
//! Each test has its own server, because it kills it.

use std::time::Duration;

use otp_auth_tests::{Pair, Process, at_once};

use super::load::Load;
use super::processes::program;
use super::servers::{Server, until};

/// Concurrent workers, which sign in, refresh and sign out.
const WORKERS: usize = 8;

/// Complete rounds before the server is killed, and again after it is back.
const ROUNDS: usize = 40;

/// The size of the pools, if it is limited.
const CONNECTIONS: usize = 10;

/// Twice as long as a store may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kills the server under a load at two processes, and restarts it: no code is accepted twice, no
/// sign-out is undone, no user is duplicated. While it is down, the answer is 503. When it is back,
/// service resumes without help, and no connection has been lost.
async fn survives_a_crash(server: &Server, backend: &str) {
    let pair = Pair::start(program(), backend, &server.url).await;
    let load = Load::new(&pair);
    let workers = load.start(WORKERS, usize::MAX);

    load.more_rounds(ROUNDS).await;
    server.run("kill").await;
    load.more_failures(WORKERS).await;
    server.run("again").await;
    load.more_rounds(ROUNDS).await;
    load.stop();

    let ended: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert!(ended.len() > ROUNDS, "only {} whole rounds", ended.len());
    load.assert_all_over(&ended).await;
    pair.assert_sound();
    for process in [&pair.first, &pair.second] {
        until("the return of every connection", || async { process.connections_in_use().await == 0 }).await;
    }
}

/// Makes every query hang, so that all connections of the pool are in use: each route answers 503
/// in time, and when the server resumes, everything works again.
async fn answers_while_it_hangs(server: &Server, backend: &str) {
    let process = Process::start(program(), backend, &server.url, "UTC").await;
    let mut client = process.client();
    client.sign_in("ann@example.com").await;

    server.run("pause").await;
    let requests = at_once(20 * CONNECTIONS, |index| {
        let mut client = client.clone();
        async move {
            match index % 5 {
                0 => client.request(&format!("user{index}@example.com")).await,
                1 => client.verify("ann@example.com", "123456").await,
                2 => client.refresh().await,
                3 => client.get("/me").await,
                _ => client.logout().await,
            }
        }
    });
    // The server hangs until all requests have been answered.
    let answers = tokio::time::timeout(PATIENCE, requests).await.expect("each request is answered in time");
    for answer in answers {
        answer.problem(503, "store_unavailable");
    }
    server.run("resume").await;

    until("the return of every connection", || async { process.connections_in_use().await == 0 }).await;
    // An operation that got a 503 may or may not have happened.
    let mut client = process.client();
    client.sign_in("bob@example.com").await;
    client.get("/me").await.ok();
    process.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn postgres_survives_a_crash_under_load() {
    survives_a_crash(&Server::start("postgres"), "postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn mysql_survives_a_crash_under_load() {
    survives_a_crash(&Server::start("mariadb"), "mysql").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn mongodb_survives_a_crash_under_load() {
    survives_a_crash(&Server::start("mongodb").with_database("otp"), "mongodb").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn mongodb_standalone_survives_a_crash_under_load() {
    survives_a_crash(&Server::start("mongodb-standalone").with_database("otp"), "mongodb").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn postgres_answers_in_time_while_it_hangs() {
    answers_while_it_hangs(&Server::start("postgres"), "postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MariaDB: scripts/test starts one"]
async fn mysql_answers_in_time_while_it_hangs() {
    answers_while_it_hangs(&Server::start("mariadb"), "mysql").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn mongodb_answers_in_time_while_it_hangs() {
    answers_while_it_hangs(&Server::start("mongodb").with_database("otp"), "mongodb").await;
}
