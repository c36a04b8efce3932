//! Signing in without a transaction: interrupted at any point, and concurrently.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mongodb::Client;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Binary, Bson, Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use otp_auth::store::SessionStore;
use otp_auth::testing::conformance::fixtures::realm;
use otp_auth::{AuthError, MongoStore, OtpUser, auth::SignedIn, session::SessionId};
use tokio::sync::Notify;

use super::application::{Application, Sent};
use super::server::{REPLICA_SET, STANDALONE, Server};
use super::{User, users};

/// Signs in from a process that ends at this point: after it has sent a number of commands, or
/// received a number of answers. Returns the result, if there was one by then.
async fn cut_short(
    server: Server,
    database: &str,
    application: &Application<User>,
    code: &Sent,
    moment: usize,
) -> Option<Result<SignedIn<User>, AuthError>> {
    let (database, application, code) = (database.to_owned(), application.clone(), code.clone());
    let process = move || {
        // Everything in a runtime ends with it, wherever it is.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let end = Arc::new(Notify::new());
            let mut options = server.options().await;
            options.command_event_handler = Some(EventHandler::callback(end_at(moment, Arc::clone(&end))));
            let store = MongoStore::from_database(Client::with_options(options).unwrap().database(&database));
            let application = application.again_over(&store);
            tokio::select! {
                biased;
                () = end.notified() => None,
                done = application.verify(&code) => Some(done),
            }
        })
    };
    tokio::task::spawn_blocking(process).await.unwrap()
}

/// Points are counted from one: a command is sent, it is answered, the next one is sent, and so on.
fn end_at(moment: usize, end: Arc<Notify>) -> impl Fn(CommandEvent) {
    let moments = AtomicUsize::new(0);
    move |_| {
        if moments.fetch_add(1, Ordering::SeqCst) + 1 == moment {
            end.notify_one();
        }
    }
}

async fn rows(store: &MongoStore, collection: &str, filter: Document) -> Vec<Document> {
    let mut cursor = store.database().collection(collection).find(filter).await.unwrap();
    let mut rows = Vec::new();
    while cursor.advance().await.unwrap() {
        rows.push(cursor.deserialize_current().unwrap());
    }
    rows
}

fn session_id(id: &Bson) -> SessionId {
    let Bson::Binary(Binary { bytes, .. }) = id else { panic!("no session id: {id}") };
    SessionId::from_bytes(*bytes.last_chunk().unwrap())
}

/// The key of a session: its realm and its id.
fn session_key(id: SessionId) -> Bson {
    let bytes = [b"users\0".as_slice(), id.as_bytes()].concat();
    Bson::Binary(Binary { subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes })
}

/// Contract 7, for a new user and for one whose address was not verified: the process crashes at
/// any point. Then either the code still works or it has created a session, never both and never
/// neither. There is one user, and no one can use a session that was only begun.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_sign_in_cut_short_anywhere_leaves_a_code_that_works_or_a_session() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        let application = Application::<User>::over(&store);
        let (mut works, mut spent, mut complete) = (0, 0, 0);
        for (moment, proven) in (1..).flat_map(|moment| [(moment, true), (moment, false)]) {
            let email = format!("ann{moment}{proven}@x.com");
            if !proven {
                let planted = application.sign_in(&email).await.unwrap();
                users(&store)
                    .update_one(doc! { "_id": planted.user.id }, doc! { "$set": { "is_verified": false } })
                    .await
                    .unwrap();
            }
            let code = application.request(&email).await.unwrap();
            let first = cut_short(server, store.database().name(), &application, &code, moment).await;
            let done = first.is_some();
            let (id, own) = match application.verify(&code).await {
                Ok(second) => {
                    assert!(!done, "a code is accepted once");
                    works += 1;
                    (second.user.id, second.session.id)
                }
                Err(AuthError::InvalidCode) => {
                    spent += usize::from(!done);
                    let by = rows(&store, "otp_challenges", doc! { "consumed_at": { "$exists": true } }).await;
                    let by = by.last().and_then(|row| row.get("consumed_by")).map(session_id).unwrap();
                    let session =
                        store.session(realm(), by).await.unwrap().expect("an accepted code has made a session");
                    (session.user_id.parse().unwrap(), by)
                }
                Err(error) => panic!("{error}"),
            };
            // The planted session is revoked, and the one that was only begun is not listed.
            let listed = application.auth.sessions(&id).await.unwrap();
            assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [own], "moment {moment}");
            let found = rows(&store, "users", doc! { "email": &email }).await;
            assert_eq!(found.len(), 1, "moment {moment}");
            assert_eq!(found[0].get("is_verified"), Some(&Bson::Boolean(true)));
            for begun in rows(&store, "otp_sessions", doc! { "unconfirmed": { "$exists": true } }).await {
                assert_eq!(store.session(realm(), session_id(&begun["_id"])).await.unwrap(), None);
            }
            store.database().collection::<Document>("otp_challenges").delete_many(doc! {}).await.unwrap();
            complete += usize::from(done);
            if complete == 6 {
                break;
            }
        }
        assert!(works > 10 && spent > 0, "{works} codes worked again, {spent} were spent");
    }
}

/// The confirmation of a session was lost. It is a session anyway: it refreshes, is then listed,
/// and outlives its challenge.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_session_that_was_not_confirmed_is_one_by_its_challenge() {
    let store = STANDALONE.fresh_store().await;
    let application = Application::<User>::over(&store);
    let sessions = store.database().collection::<Document>("otp_sessions");
    let challenges = store.database().collection::<Document>("otp_challenges");
    for how in ["refreshed", "cleaned up", "signed out"] {
        let signed_in = application.sign_in("ann@x.com").await.unwrap();
        let id = session_key(signed_in.session.id);
        let challenge = challenges.find_one(doc! { "consumed_by": id.clone() }).await.unwrap().unwrap();
        let unconfirmed = doc! { "$set": { "unconfirmed": challenge.get("_id").cloned() } };
        sessions.update_one(doc! { "_id": id.clone() }, unconfirmed).await.unwrap();
        let listed = async || {
            let listed = application.auth.sessions(&signed_in.user.id).await.unwrap();
            listed.iter().any(|session| session.id == signed_in.session.id)
        };
        assert!(!listed().await);
        match how {
            "refreshed" => {
                application.auth.refresh(signed_in.tokens.refresh_token.expose()).await.unwrap();
            }
            "cleaned up" => {
                application.clock.advance(std::time::Duration::from_mins(20));
                assert_eq!(application.auth.cleanup().await.unwrap().challenges, 2);
            }
            _ => {
                let token = signed_in.tokens.refresh_token.expose();
                application.auth.sign_out(&[token], None).await.unwrap();
                assert!(application.auth.refresh(token).await.is_err());
                continue;
            }
        }
        assert!(listed().await, "{how}");
        assert!(store.session(realm(), signed_in.session.id).await.unwrap().is_some(), "{how}");
    }
}

/// A sign-in that lost to another one, and was interrupted before it could delete the session it
/// had begun.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn what_a_loser_leaves_is_no_session() {
    let store = STANDALONE.fresh_store().await;
    let application = Application::<User>::over(&store);
    let signed_in = application.sign_in("ann@x.com").await.unwrap();
    let sessions = store.database().collection::<Document>("otp_sessions");
    let challenge = rows(&store, "otp_challenges", doc! {}).await[0]["_id"].clone();
    let left = SessionId::from_bytes([7; 16]);
    let mut row = sessions.find_one(doc! {}).await.unwrap().unwrap();
    row.insert("_id", session_key(left));
    row.insert("unconfirmed", challenge);
    sessions.insert_one(row).await.unwrap();
    let now = application.clock.now();
    assert_eq!(store.session(realm(), left).await.unwrap(), None);
    assert_eq!(store.advance(realm(), left, 0, now).await.unwrap(), otp_auth::store::Advance::Unknown);
    assert_eq!(application.auth.sessions(&signed_in.user.id).await.unwrap().len(), 1);
}

/// A double click with a new address: one sign-in succeeds, and whichever it is, the application is
/// notified of the new user once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn one_new_user_is_told_of_once_whoever_wins() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        let application = Arc::new(Application::<User>::over(&store));
        for round in 1..=20 {
            let email = format!("ann{round}@x.com");
            let code = application.request(&email).await.unwrap();
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let (application, code) = (Arc::clone(&application), code.clone());
                    tokio::spawn(async move { application.verify(&code).await })
                })
                .collect();
            let mut accepted = Vec::new();
            for task in tasks {
                accepted.extend(task.await.unwrap().ok());
            }
            assert_eq!(accepted.len(), 1);
            assert_eq!(application.created(), round);
            let listed = application.auth.sessions(&accepted[0].user.id).await.unwrap();
            assert_eq!(listed.len(), 1);
            assert_eq!(users(&store).count_documents(doc! { "email": &email }).await.unwrap(), 1);
        }
    }
}

/// Concurrent first verifications, each with its own code: all of them sign in, and none revokes
/// another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn first_proofs_at_once_do_not_end_each_other() {
    let store = REPLICA_SET.fresh_store().await;
    let application = Arc::new(Application::<User>::over(&store));
    for round in 0..10 {
        let email = format!("ann{round}@x.com");
        let planted = application.sign_in(&email).await.unwrap();
        users(&store)
            .update_one(doc! { "_id": planted.user.id }, doc! { "$set": { "is_verified": false } })
            .await
            .unwrap();
        let mut codes = Vec::new();
        for _ in 0..4 {
            codes.push(application.request(&email).await.unwrap());
        }
        let tasks: Vec<_> = codes
            .into_iter()
            .map(|code| {
                let application = Arc::clone(&application);
                tokio::spawn(async move { application.verify(&code).await.unwrap() })
            })
            .collect();
        for task in tasks {
            let signed_in = task.await.unwrap();
            application.auth.authenticate(signed_in.tokens.access_token.expose()).await.unwrap();
        }
        assert_eq!(application.auth.sessions(&planted.user.id).await.unwrap().len(), 4);
        assert!(application.auth.authenticate(planted.tokens.access_token.expose()).await.is_err());
    }
}

/// An application that reuses the id of a removed user.
#[derive(Clone, Debug, OtpUser)]
#[otp_user(collection = "users")]
struct Reused {
    #[otp(id, generate = "the-same".to_owned())]
    id: String,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_new_user_under_an_old_id_inherits_no_session() {
    let store = STANDALONE.fresh_store().await;
    let application = Application::<Reused>::over(&store);
    let ann = application.sign_in("ann@x.com").await.unwrap();
    // While she exists, no one else gets her id, and her session stays valid.
    let code = application.request("bob@x.com").await.unwrap();
    assert!(application.verify(&code).await.is_err());
    application.auth.authenticate(ann.tokens.access_token.expose()).await.unwrap();
    users(&store).delete_many(doc! {}).await.unwrap();
    let bob = application.verify(&code).await.unwrap();
    assert_eq!((bob.user.id.as_str(), bob.user.email.as_str(), bob.user.is_verified), ("the-same", "bob@x.com", true));
    assert!(application.auth.authenticate(ann.tokens.access_token.expose()).await.is_err());
    assert!(application.auth.refresh(ann.tokens.refresh_token.expose()).await.is_err());
    application.auth.authenticate(bob.tokens.access_token.expose()).await.unwrap();
    assert_eq!(application.auth.sessions(&bob.user.id).await.unwrap().len(), 1);
}

/// A user who is removed and signs up again is a new user.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn signing_up_again_after_removal_makes_another_user() {
    let store = STANDALONE.fresh_store().await;
    let application = Application::<User>::over(&store);
    let mut ids: Vec<ObjectId> = Vec::new();
    for number in 1..=3 {
        let signed_in = application.sign_in("ann@x.com").await.unwrap();
        assert!(!ids.contains(&signed_in.user.id));
        assert_eq!(application.created(), number);
        ids.push(signed_in.user.id);
        users(&store).delete_many(doc! {}).await.unwrap();
    }
}
