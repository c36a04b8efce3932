//! Indexes and connections.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, DateTime, Document, doc};
use otp_auth::MongoStore;

use super::User;
use super::application::Application;
use super::server::{REPLICA_SET, STANDALONE, database};

/// The indexes of every collection, each with its keys and its TTL.
async fn indexes(store: &MongoStore) -> BTreeMap<String, Vec<(Document, Option<u64>)>> {
    let mut indexes = BTreeMap::new();
    for name in store.database().list_collection_names().await.unwrap() {
        let mut cursor = store.database().collection::<Document>(&name).list_indexes().await.unwrap();
        let mut of_one = Vec::new();
        while cursor.advance().await.unwrap() {
            let index = cursor.deserialize_current().unwrap();
            let ttl = index.options.and_then(|options| options.expire_after).map(|after| after.as_secs());
            of_one.push((index.keys, ttl));
        }
        indexes.insert(name, of_one);
    }
    indexes
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn db_09_migrating_makes_the_ttl_indexes_and_again_changes_nothing() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        let ids = || (doc! { "_id": 1 }, None);
        let ttl = || (doc! { "purge_at": 1 }, Some(0));
        let on = |field: &str| (doc! { field: 1 }, None);
        let expected = BTreeMap::from([
            ("otp_budgets".to_owned(), vec![ids(), ttl(), on("day_started_at")]),
            ("otp_challenges".to_owned(), vec![ids(), ttl(), on("expires_at")]),
            (
                "otp_sessions".to_owned(),
                vec![ids(), ttl(), on("expires_at"), (doc! { "realm": 1, "user_id": 1 }, None)],
            ),
            ("otp_sign_ups".to_owned(), vec![ids(), ttl(), on("expires_at")]),
            ("token_blacklist".to_owned(), vec![ids(), ttl(), on("expires_at")]),
        ]);
        assert_eq!(indexes(&store).await, expected);
        store.migrate().await.unwrap();
        assert_eq!(indexes(&store).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn several_processes_may_migrate_at_once() {
    for server in [REPLICA_SET, STANDALONE] {
        for _ in 0..3 {
            let name = database();
            let store = server.store(&name).await;
            let mut tasks = Vec::new();
            for _ in 0..6 {
                let other = server.store(&name).await;
                tasks.push(tokio::spawn(async move { other.migrate().await }));
            }
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            assert_eq!(indexes(&store).await.len(), 5);
        }
    }
}

/// The server deletes by its own clock. This application's clock is years behind: whatever it
/// considers valid must not be deleted.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn the_ttl_index_does_not_depend_on_the_clock_of_the_application() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        let application = Application::<User>::over(&store);
        let signed_in = application.sign_in("ann@x.com").await.unwrap();
        application.auth.revoke_session(&signed_in.user.id, signed_in.session.id).await.unwrap();
        let hello = store.database().run_command(doc! { "hello": 1 }).await.unwrap();
        let server_time = hello.get_datetime("localTime").unwrap().timestamp_millis();
        assert!(application.clock.now().as_millis() < server_time - 86_400_000, "the clock is far behind");
        for (name, needed_hours) in [
            ("otp_budgets", 24),
            ("otp_challenges", 0),
            ("otp_sessions", 7 * 24),
            ("otp_sign_ups", 1),
            ("token_blacklist", 24),
        ] {
            let row = store.database().collection::<Document>(name).find_one(doc! {}).await.unwrap().unwrap();
            let purge = row.get_datetime("purge_at").map(|at| DateTime::timestamp_millis(*at)).unwrap();
            let margin = purge - server_time - needed_hours * 3_600_000;
            assert!((23 * 3_600_000..=25 * 3_600_000).contains(&margin), "{name}: {margin}");
        }
    }
}

/// Indexes serve the lookups that strangers can cause.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn no_look_up_scans_a_collection() {
    let store = REPLICA_SET.fresh_store().await;
    let past = || doc! { "$lte": DateTime::from_millis(1) };
    let outside = |field: &str| doc! { "$or": [{ field: past() }, { field: { "$gt": DateTime::from_millis(9) } }] };
    for (collection, filter) in [
        ("otp_challenges", doc! { "expires_at": past() }),
        (
            "otp_budgets",
            doc! { "$and": [outside("day_started_at"), outside("hour_started_at"), outside("next_send_at")] },
        ),
        ("otp_sessions", doc! { "expires_at": past() }),
        ("otp_sessions", doc! { "realm": "users", "user_id": "1", "revoked_at": Bson::Null }),
        ("otp_sign_ups", doc! { "expires_at": past() }),
        ("token_blacklist", doc! { "expires_at": past() }),
    ] {
        let explain = doc! { "explain": { "find": collection, "filter": filter.clone() }, "verbosity": "queryPlanner" };
        let plan = store.database().run_command(explain).await.unwrap().to_string();
        assert!(plan.contains("IXSCAN") && !plan.contains("COLLSCAN"), "{collection} {filter}: {plan}");
    }
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_database_of_the_application_serves_as_well() {
    let name = database();
    let _left = REPLICA_SET.store(&name).await;
    let client = mongodb::Client::with_uri_str(REPLICA_SET.url()).await.unwrap();
    let store = MongoStore::from_database(client.database(&name));
    store.migrate().await.unwrap();
    assert_eq!(store.database().name(), name);
    Application::<User>::over(&store).sign_in("ann@x.com").await.unwrap();
}

#[tokio::test]
async fn a_url_that_is_no_good_is_an_error_without_its_password() {
    for url in
        ["postgres://localhost", "mongodb://", "mongodb://ann:se/cr@et@localhost", "mongodb://ann:s%zz@h/?x=secret@"]
    {
        let error = MongoStore::connect(url, "app").await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("cr@et") && !text.contains("s%zz") && !text.contains("secret"), "{text}");
        assert!(text.contains("URL"), "{text}");
    }
}

/// Nothing listens there. The error arrives within the time limit of a request.
#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("mongodb://ann:secret@127.0.0.1:{port}");
    let connecting = MongoStore::connect(&url, "app");
    let error = tokio::time::timeout(std::time::Duration::from_secs(5), connecting).await.unwrap().unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("no connection to MongoDB") && !text.contains("secret"), "{text}");
}
