//! Statements and transactions: their plans, what they wait for, and what is left of a dropped one.

use std::time::Duration;

use otp_auth::store::{
    ChallengeStore, Maintenance, Requester, SessionId, SessionStore, SignInOutcome, SqlUser, UserStore,
};
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::conformance::fixtures::{NOW, existing, key, realm, token};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::super::servers::{open, sign_in, sign_up, until};
use super::super::twins::Run;
use super::super::users::User;
use super::{Postgres, USERS, application, is_waiting, on_one_connection, schema, server, store, store_with};

/// Indexes serve the lookups that strangers can cause.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn no_look_up_scans_a_table() {
    let store = store_with(USERS).await;
    store.run("CREATE UNIQUE INDEX ON users (email)").await;
    let mut connection = store.pool().acquire().await.unwrap();
    // On empty tables, a scan is always cheapest. This shows what is possible.
    sqlx::raw_sql("SET enable_seqscan = off").execute(&mut *connection).await.unwrap();
    let due = "ORDER BY expires_at LIMIT 5 FOR UPDATE SKIP LOCKED";
    for statement in [
        "SELECT * FROM otp_challenges WHERE realm = 'users' AND key = '\\x00' AND identity = '\\x00' AND tries < 5".to_owned(),
        format!("SELECT ctid FROM otp_challenges WHERE expires_at <= 1 {due}"),
        "DELETE FROM otp_challenges WHERE ctid = ANY (ARRAY['(0,1)'::tid])".to_owned(),
        "SELECT * FROM otp_budgets WHERE realm = 'users' AND identity = '\\x00' AND requester = 0".to_owned(),
        "SELECT ctid FROM otp_budgets WHERE (day_started_at <= 1 OR day_started_at > 9) AND (hour_started_at <= 1 OR hour_started_at > 9) AND (next_send_at <= 1 OR next_send_at > 9) AND (failures = 0 OR day_started_at <= 0) ORDER BY day_started_at LIMIT 5"
            .to_owned(),
        "UPDATE otp_sessions SET generation = 2 WHERE realm = 'users' AND id = '\\x00' AND generation = 1".to_owned(),
        "SELECT * FROM otp_sessions WHERE realm = 'users' AND user_id = '1' AND revoked_at IS NULL".to_owned(),
        format!("SELECT ctid FROM otp_sessions WHERE expires_at <= 1 {due}"),
        format!("SELECT ctid FROM token_blacklist WHERE expires_at <= 1 {due}"),
        <User as SqlUser<sqlx::Postgres>>::SELECT_BY_ID.replace("$1", "1"),
        "SELECT * FROM token_blacklist WHERE realm = 'users' AND changed >= 1".to_owned(),
        ["1", "'users'", "'\\x00'", "'\\x01'", "'\\x02'", "1", "1"]
            .iter()
            .enumerate()
            .fold(<User as SqlUser<sqlx::Postgres>>::SELECT_CURRENT.to_owned(), |text, (at, value)| text.replace(&format!("${}", at + 1), value)),
        <User as SqlUser<sqlx::Postgres>>::SELECT_BY_EMAIL.replace("$1", "'a'"),
        <User as SqlUser<sqlx::Postgres>>::SELECT_LOCKED.unwrap().replace("$1", "1").replace("$2", "'a'"),
        <User as SqlUser<sqlx::Postgres>>::MARK_VERIFIED.unwrap().replace("$1", "1"),
    ] {
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {statement}")))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        assert!(!plan.iter().any(|line| line.contains("Seq Scan")), "{statement}: {plan:#?}");
    }
}

/// Without a pooler, a statement is sent alone: with no transaction around it, and no extra round
/// trips. The server knows what a connection executed last.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn one_statement_is_no_transaction() {
    let (name, options) = schema().await;
    let store = on_one_connection(options.application_name(&name)).await;
    store.migrate().await.unwrap();
    store.run(USERS).await;
    let mut observer = PgConnection::connect(&server()).await.unwrap();
    let mut last = async || -> String {
        sqlx::query_scalar("SELECT query FROM pg_stat_activity WHERE application_name = $1")
            .bind(&name)
            .fetch_one(&mut observer)
            .await
            .unwrap()
    };
    let session = SessionId::from_bytes([1; 16]);
    open(&store, 1).await;
    assert!(last().await.starts_with("WITH spent AS"), "{}", last().await);
    store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap();
    assert!(last().await.starts_with("WITH counted AS"), "{}", last().await);
    store.session(realm(), session).await.unwrap();
    assert!(last().await.starts_with("SELECT id, user_id"), "{}", last().await);
    let user: Option<User> = store.current_user(realm(), &1, token(session), NOW).await.unwrap();
    assert_eq!(user, None);
    assert!(last().await.contains("token_blacklist"), "{}", last().await);
    store.cleanup(NOW, 1).await.unwrap();
    assert!(last().await.starts_with("DELETE FROM"), "{}", last().await);
}

/// Whatever the server's default isolation level: a statement that conflicts with another is
/// retried, and transactions set their own level.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_stricter_default_isolation_level_does_no_harm() {
    for level in ["repeatable read", "serializable"] {
        let options = schema().await.1.options([("default_transaction_isolation", level)]);
        let store = store(options).await;
        let found: String = sqlx::query_scalar("SHOW transaction_isolation").fetch_one(store.pool()).await.unwrap();
        assert_eq!(found, level);
        store.migrate().await.unwrap();
        store.run(USERS).await;
        open(&store, 1).await;
        let mut application = application(&store).await;

        let mut meanwhile = application.begin().await.unwrap();
        sqlx::raw_sql("UPDATE otp_challenges SET tries = 1").execute(&mut *meanwhile).await.unwrap();
        let counting = tokio::spawn({
            let store = store.clone();
            async move { store.count_attempt(realm(), &key(1), Requester::Stranger, 5).await }
        });
        until("the attempt waits", || is_waiting(&store, "WITH counted AS")).await;
        meanwhile.commit().await.unwrap();
        assert_eq!(counting.await.unwrap().unwrap().unwrap().number, 2, "{level}");

        let mut meanwhile = application.begin().await.unwrap();
        sqlx::raw_sql("UPDATE otp_challenges SET tries = 3").execute(&mut *meanwhile).await.unwrap();
        let signing_in = tokio::spawn({
            let store = store.clone();
            async move { store.sign_in(realm(), sign_up::<User>(1, "ann@x.com")).await }
        });
        until("the sign-in waits", || is_waiting(&store, "WITH accepted AS")).await;
        meanwhile.commit().await.unwrap();
        assert!(matches!(signing_in.await.unwrap().unwrap(), SignInOutcome::SignedIn { created: true, .. }), "{level}");
    }
}

/// The application has an open transaction that refers to the user, and then one that has changed
/// the row. A sign-in does not wait for the first, and for the second no longer than its caller
/// does.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_sign_in_waits_for_a_change_of_its_user_and_not_for_long() {
    let store = store_with(USERS).await;
    let ann = Postgres.add_user(&store, "ann@x.com", true).await;
    let orders = "CREATE TABLE orders (user_id BIGINT NOT NULL REFERENCES users (id))";
    store.run(orders).await;
    let mut application = application(&store).await;
    let mut ordering = application.begin().await.unwrap();
    sqlx::query("INSERT INTO orders VALUES ($1)").bind(ann.id).execute(&mut *ordering).await.unwrap();
    open(&store, 1).await;
    let outcome = store.sign_in(realm(), sign_in(1, existing(ann.clone()))).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: false, .. }));
    sqlx::query("UPDATE users SET email = email").execute(&mut *ordering).await.unwrap();
    open(&store, 2).await;
    let attempt = store.sign_in(realm(), sign_in(2, existing(ann.clone())));
    let outcome = tokio::time::timeout(Duration::from_secs(20), attempt).await.expect("the server gives up itself");
    assert!(outcome.is_err());
    ordering.commit().await.unwrap();
    // Nothing has changed: the code still works.
    let outcome = store.sign_in(realm(), sign_in(2, existing(ann))).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { created: false, .. }));
}

/// A call that is dropped leaves no lock, no partial sign-in, and its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_call_that_is_dropped_leaves_nothing() {
    let (_, options) = schema().await;
    let one = on_one_connection(options.clone()).await;
    one.migrate().await.unwrap();
    one.run(USERS).await;
    let user = Postgres.add_user(&one, "ann@x.com", false).await;
    open(&one, 1).await;
    let observer = store(options).await;
    let mut application = application(&observer).await;
    let mut holding = application.begin().await.unwrap();
    sqlx::query("SELECT id FROM users FOR UPDATE").execute(&mut *holding).await.unwrap();
    let signing_in = tokio::spawn({
        let (one, user) = (one.clone(), user.clone());
        async move { one.sign_in(realm(), sign_in::<User>(1, existing(user))).await }
    });
    until("the sign-in waits", || is_waiting(&observer, "SELECT \"users\"")).await;
    signing_in.abort();
    assert!(signing_in.await.unwrap_err().is_cancelled());
    holding.rollback().await.unwrap();
    let attempt = sign_in::<User>(1, existing(user));
    let outcome = tokio::time::timeout(Duration::from_secs(5), one.sign_in(realm(), attempt)).await.unwrap().unwrap();
    assert!(matches!(outcome, SignInOutcome::SignedIn { .. }));
}

/// A row that is in use does not delay a cleanup.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test starts one"]
async fn a_clean_up_passes_over_what_is_in_use() {
    let store = store_with(USERS).await;
    open(&store, 1).await;
    open(&store, 2).await;
    let mut using = store.pool().begin().await.unwrap();
    let one = "SELECT tries FROM otp_challenges WHERE identity = decode(repeat('01', 32), 'hex') FOR UPDATE";
    sqlx::query(one).execute(&mut *using).await.unwrap();
    let late = NOW + Duration::from_hours(48);
    let removed = tokio::time::timeout(Duration::from_secs(3), store.cleanup(late, 10)).await.unwrap().unwrap();
    // Each address has a budget and a total.
    assert_eq!((removed.challenges, removed.budgets), (1, 4));
    using.commit().await.unwrap();
    assert_eq!(store.cleanup(late, 10).await.unwrap().challenges, 1);
}
