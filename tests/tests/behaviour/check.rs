//! The check at startup: a list of faults, or why the check failed.

use std::error::Error;

use otp_auth::{
    OtpAuth,
    store::{Finding, FindingKind},
};
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{Backend, Fault, Mode, Operation, Setup, Tuned, faults};

use crate::support::ANN;

async fn run(app: &otp_auth_tests::App, statement: &'static str) {
    sqlx::raw_sql(statement).execute(app.pool()).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_one_list_and_then_nothing() {
    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    run(&typed.app, "ALTER TABLE users RENAME COLUMN username TO nickname; DROP TABLE otp_budgets").await;
    let error = typed.auth.check().await.unwrap_err();
    let list = "otp-auth cannot work with this database:\n  \
         - otp-auth's own tables are incomplete: no table `otp_budgets`: `migrate()` does not create it a second time; create it as in the `migrations` folder of otp-auth\n  \
         - table `users` has no column `username`: run `ALTER TABLE `users` ADD COLUMN `username` TEXT`, \
         or name the right column: `#[otp(column = \"…\")]`\n  \
         - column `email` of `users` has no unique index: \
         run `CREATE UNIQUE INDEX `users_email` ON `users` (`email`)`";
    assert_eq!((error.to_string(), format!("{error:?}")), (list.to_owned(), list.to_owned()));
    assert!(!error.is_store_failure() && error.source().is_none());
    let kinds: Vec<_> = error.findings().iter().map(otp_auth::store::Finding::kind).collect();
    assert_eq!(kinds, [FindingKind::Migration, FindingKind::Column, FindingKind::Unique]);
    assert_eq!(error.findings()[1].problem(), "table `users` has no column `username`");
    assert!(error.findings()[1].remedy().starts_with("run `ALTER TABLE"));

    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    run(&typed.app, "CREATE UNIQUE INDEX by_email ON users (email)").await;
    typed.auth.check().await.unwrap();
}

/// The code in docs/getting-started.md, word for word. `documents.rs` compares them.
async fn start_without_a_unique_index(auth: &OtpAuth<Tuned<BodyAuth>>) -> Result<(), Box<dyn Error>> {
    if let Err(error) = auth.check().await {
        let meant = |finding: &Finding| finding.kind() == FindingKind::Unique;
        if error.is_store_failure() || !error.findings().iter().all(meant) {
            return Err(error.into());
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_meant_can_pass_and_nothing_else_does() {
    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    typed.auth.check().await.unwrap_err();
    start_without_a_unique_index(&typed.auth).await.unwrap();
    typed.app.faults.set(Operation::Check, Fault::Fail);
    start_without_a_unique_index(&typed.auth).await.unwrap_err();
    typed.app.faults.clear();
    run(&typed.app, "ALTER TABLE users RENAME COLUMN username TO nickname").await;
    start_without_a_unique_index(&typed.auth).await.unwrap_err();
}

/// Without the check, users notice at their first sign-in.
#[tokio::test]
async fn what_is_wrong_is_a_503_for_those_who_sign_in() {
    let app = Setup::new(Mode::Body).backend(Backend::Sqlite).start().await;
    let mut client = app.client();
    run(&app, "ALTER TABLE otp_budgets RENAME TO elsewhere").await;
    client.request(ANN).await.problem(503, "store_unavailable");
    run(&app, "ALTER TABLE elsewhere RENAME TO otp_budgets; ALTER TABLE users RENAME TO elsewhere").await;
    client.request(ANN).await.ok();
    client.verify_right(ANN).await.problem(503, "store_unavailable");
    run(&app, "ALTER TABLE elsewhere RENAME TO users; ALTER TABLE users RENAME COLUMN username TO nickname").await;
    client.verify_right(ANN).await.problem(503, "store_unavailable");
    run(&app, "ALTER TABLE users RENAME COLUMN nickname TO username").await;
    client.verify_right(ANN).await.ok();
}

/// A memory store has no tables.
#[tokio::test]
async fn a_store_that_checks_nothing_passes() {
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    typed.auth.check().await.unwrap();
    assert_eq!(typed.app.faults.take_calls(), [Operation::Check]);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_database_is_an_error_not_a_finding() {
    let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    for (fault, said) in [
        (Fault::Fail, format!("the store failed: {}", faults::CAUSE)),
        (Fault::Hang, "the store did not answer in time".to_owned()),
    ] {
        typed.app.faults.set(Operation::Check, fault);
        let error = typed.auth.check().await.unwrap_err();
        assert!(error.is_store_failure() && error.findings().is_empty());
        assert_eq!(error.to_string(), format!("the database could not be checked: {said}"));
        assert_eq!(error.source().unwrap().to_string(), said);
    }
}

#[tokio::test]
async fn without_sign_ups_no_defaults_are_needed() {
    for (is_open, expected) in [(true, 1), (false, 0)] {
        let setup =
            Setup::new(Mode::Body).backend(Backend::Sqlite).tune(move |settings| settings.auto_create_user(is_open));
        let typed = setup.typed::<BodyAuth>().await;
        run(
            &typed.app,
            "CREATE UNIQUE INDEX by_email ON users (email); ALTER TABLE users RENAME TO old; \
             CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, is_verified BOOLEAN, username TEXT, \
             terms TEXT NOT NULL)",
        )
        .await;
        let findings = typed.auth.check().await.err().map_or(0, |error| error.findings().len());
        assert_eq!(findings, expected);
    }
}
