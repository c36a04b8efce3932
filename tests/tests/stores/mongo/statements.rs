//! What is sent to the server: how many statements an operation needs, and how durable and how
//! fresh each of them is.

use std::sync::{Arc, Mutex};

use mongodb::Client;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::{Acknowledgment, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use otp_auth::store::{Maintenance, SessionStore, UserStore};
use otp_auth::testing::conformance::fixtures::{NOW, realm};
use otp_auth::{MongoStore, OtpUser};

use super::application::Application;
use super::server::{REPLICA_SET, STANDALONE, Server, database};
use super::{User, users};

type Commands = Arc<Mutex<Vec<Document>>>;

/// A store that records what is sent. The options of its client differ from what the store needs.
async fn watched(server: Server) -> (MongoStore, Commands) {
    let commands = Commands::default();
    let seen = Arc::clone(&commands);
    let mut options = server.options().await;
    options.write_concern = Some(WriteConcern::builder().w(Some(Acknowledgment::Nodes(1))).journal(false).build());
    options.read_concern = Some(ReadConcern::local());
    options.selection_criteria =
        Some(SelectionCriteria::ReadPreference(ReadPreference::SecondaryPreferred { options: None }));
    options.command_event_handler = Some(EventHandler::callback(move |event| {
        if let CommandEvent::Started(started) = event {
            seen.lock().unwrap().push(started.command);
        }
    }));
    let name = database();
    let _left = server.store(&name).await;
    let store = MongoStore::from_database(Client::with_options(options).unwrap().database(&name));
    store.migrate().await.unwrap();
    commands.lock().unwrap().clear();
    (store, commands)
}

/// What was sent since the last call, as `command collection`.
fn sent(commands: &Commands) -> Vec<String> {
    let taken = std::mem::take(&mut *commands.lock().unwrap());
    for command in &taken {
        let name = command.keys().next().unwrap();
        if ["update", "insert", "delete", "findAndModify"].contains(&name.as_str()) {
            let concern = command.get_document("writeConcern").unwrap();
            assert_eq!(concern.get("w"), Some(&Bson::from("majority")), "{command}");
            assert_eq!(concern.get("j"), Some(&Bson::from(true)), "{command}");
        }
        let read_from = command.get_document("$readPreference").ok().and_then(|from| from.get_str("mode").ok());
        assert!(matches!(read_from, None | Some("primary")), "{command}");
    }
    taken
        .iter()
        .map(|command| {
            let (name, collection) = command.iter().next().unwrap();
            format!("{name} {}", collection.as_str().unwrap())
        })
        // These run once a second in the background, not for a request.
        .filter(|sent| !["find otp_realms", "find token_blacklist"].contains(&sent.as_str()))
        .collect()
}

/// What a sign-in sends, without the statement that forgets failures: it runs beside others once the
/// code is accepted.
fn but_forgetting_failures(mut sent: Vec<String>) -> Vec<String> {
    let forgetting = sent.iter().rposition(|sent| sent == "update otp_budgets").expect("failures are forgotten");
    assert!(sent[..forgetting].contains(&"update otp_challenges".to_owned()), "{sent:?}");
    sent.remove(forgetting);
    sent
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn every_operation_takes_the_statements_that_are_promised() {
    for server in [REPLICA_SET, STANDALONE] {
        let (store, commands) = watched(server).await;
        let application = Application::<User>::over(&store);

        let code = application.request("ann@x.com").await.unwrap();
        let budget_and_total = [
            ["find otp_budgets", "update otp_challenges", "update otp_budgets"].as_slice(),
            &["find otp_budgets", "update otp_budgets"],
        ];
        let opened = budget_and_total.concat();
        assert_eq!(sent(&commands), opened);

        // One attempt, the lookup before the hooks, and the sign-up.
        let ann = application.verify(&code).await.unwrap();
        assert_eq!(
            but_forgetting_failures(sent(&commands)),
            [
                "findAndModify otp_challenges",
                "findAndModify otp_budgets",
                "find users",
                "aggregate otp_challenges",
                "findAndModify otp_sign_ups",
                "find otp_sessions",
                "find users",
                "insert users",
                "update otp_sessions",
                "find users",
                "update otp_challenges",
                "update otp_sessions",
                "update otp_sign_ups",
            ]
        );

        let code = application.request("ann@x.com").await.unwrap();
        assert_eq!(sent(&commands), opened);
        application.verify(&code).await.unwrap();
        assert_eq!(
            but_forgetting_failures(sent(&commands)),
            [
                "findAndModify otp_challenges",
                "findAndModify otp_budgets",
                "find users",
                "aggregate otp_challenges",
                "update otp_sessions",
                "find users",
                "update otp_challenges",
                "update otp_sessions",
            ]
        );

        let authenticated = application.auth.authenticate(ann.tokens.access_token.expose()).await.unwrap();
        assert_eq!(sent(&commands), ["aggregate users"]);
        drop(authenticated);

        // The session, the user, and the rotation.
        let renewed = application.auth.refresh(ann.tokens.refresh_token.expose()).await.unwrap();
        assert_eq!(sent(&commands), ["find otp_sessions", "find users", "findAndModify otp_sessions"]);

        application.auth.sign_out(&[renewed.tokens.refresh_token.expose()], None).await.unwrap();
        assert_eq!(
            sent(&commands),
            ["find otp_sessions", "update token_blacklist", "update otp_realms", "update otp_sessions"]
        );

        let id = ann.user.id().to_string();
        assert_eq!(store.user_sessions(realm(), &id, application.clock.now()).await.unwrap().len(), 1);
        assert_eq!(sent(&commands), ["find otp_sessions"]);
        application.auth.revoke_all_sessions(&ann.user.id).await.unwrap();
        let revoked = sent(&commands);
        assert!(
            revoked.ends_with(
                &["find otp_sessions", "update token_blacklist", "update otp_realms", "update otp_sessions"]
                    .map(str::to_owned)
            ),
            "{revoked:?}"
        );

        let _: Option<User> = store.user_by_email("ann@x.com").await.unwrap();
        let _: Option<User> = store.user_by_id(&ann.user.id).await.unwrap();
        assert_eq!(sent(&commands), ["find users", "find users"]);
    }
}

/// Otherwise, a cleanup of many rows would take quadratic time.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_batch_of_a_clean_up_looks_at_no_more_than_it_removes() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        let database = store.database();
        for collection in ["otp_challenges", "otp_budgets", "otp_sessions", "token_blacklist"] {
            // As in practice: keys in random order, times in sequence.
            let expired = (0..2_000).map(|millis| {
                let then = DateTime::from_millis(millis);
                let key = uuid::Uuid::new_v4().to_string();
                doc! { "_id": key, "expires_at": then, "day_started_at": then, "hour_started_at": then, "next_send_at": then }
            });
            database.collection(collection).insert_many(expired).await.unwrap();
        }
        database.run_command(doc! { "profile": 2 }).await.unwrap();
        let removed = store.cleanup(NOW, 500).await.unwrap();
        database.run_command(doc! { "profile": 0 }).await.unwrap();
        assert_eq!([removed.challenges, removed.budgets, removed.sessions, removed.blacklisted], [500; 4]);

        let profile = database.collection::<Document>("system.profile");
        let mut removals = profile.find(doc! { "op": "remove" }).await.unwrap();
        let mut seen = 0;
        while removals.advance().await.unwrap() {
            let removal = removals.deserialize_current().unwrap();
            let count = |name: &str| removal.get_i32(name).unwrap();
            assert_eq!((count("docsExamined"), count("ndeleted")), (500, 500), "{removal}");
            seen += 1;
        }
        assert_eq!(seen, 4);
    }
}

/// At a first verification, earlier sessions are revoked before the flag is set.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn the_flag_of_a_first_proof_is_set_last() {
    let (store, commands) = watched(REPLICA_SET).await;
    let application = Application::<User>::over(&store);
    application.sign_in("ann@x.com").await.unwrap();
    users(&store).update_one(doc! {}, doc! { "$unset": { "is_verified": "" } }).await.unwrap();
    let code = application.request("ann@x.com").await.unwrap();
    commands.lock().unwrap().clear();
    application.verify(&code).await.unwrap();
    let sent = but_forgetting_failures(sent(&commands));
    let proof = [
        "find otp_sessions",
        "find users",
        "update token_blacklist",
        "update otp_realms",
        "update otp_sessions",
        "update users",
        "update otp_sessions",
        "find users",
        "update otp_challenges",
        "update otp_sessions",
    ];
    assert!(sent.ends_with(&proof.map(str::to_owned)), "{sent:?}");
}
