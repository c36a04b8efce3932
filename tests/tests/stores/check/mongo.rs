//! On `MongoDB`, which has indexes but no columns.

use mongodb::Collection;
use mongodb::bson::{Document, doc};
use otp_auth::store::{FindingKind, SignUps, UserStore};
use otp_auth::{MongoStore, OtpUser};

use super::super::mongo::{REPLICA_SET, STANDALONE, User};
use super::super::servers::unique_name;
use super::{OfTenant, kinds, said};

fn users(store: &MongoStore) -> Collection<Document> {
    store.database().collection("users")
}

/// Creates the index `one` with these keys and these options.
async fn index(store: &MongoStore, keys: &Document, more: Document) {
    let mut index = doc! { "key": keys.clone(), "name": "one" };
    index.extend(more);
    store.database().run_command(doc! { "createIndexes": "users", "indexes": [index] }).await.unwrap();
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn everything_that_is_missing_is_in_one_list() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.store(&unique_name()).await;
        let unique_email = "field `email` of `users` has no unique index: \
                            run `db.getCollection(\"users\").createIndex({ \"email\": 1 }, { unique: true })` in mongosh";
        assert_eq!(
            said::<User>(&store).await,
            [
                "otp-auth's own collections are incomplete: no index `{ purge_at: 1 }` on `otp_challenges`, \
                 no index `{ expires_at: 1 }` on `otp_challenges`, no index `{ purge_at: 1 }` on `otp_sessions`, \
                 no index `{ expires_at: 1 }` on `otp_sessions`, no index `{ realm: 1, user_id: 1 }` on `otp_sessions`, \
                 no index `{ purge_at: 1 }` on `token_blacklist`, no index `{ expires_at: 1 }` on `token_blacklist`, \
                 no index `{ purge_at: 1 }` on `otp_sign_ups`, no index `{ expires_at: 1 }` on `otp_sign_ups`, \
                 no index `{ purge_at: 1 }` on `otp_budgets`, no index `{ day_started_at: 1 }` on `otp_budgets`: \
                 call the store's `migrate()` at startup, before `check()`",
                unique_email,
            ]
        );
        store.migrate().await.unwrap();
        assert_eq!(said::<User>(&store).await, [unique_email]);
        // As in the example.
        index(&store, &doc! { "email": 1 }, doc! { "unique": true }).await;
        assert_eq!(said::<User>(&store).await, [""; 0]);
        store.database().collection::<Document>("otp_sessions").drop_index("otp_auth_ttl").await.unwrap();
        assert_eq!(
            said::<User>(&store).await,
            ["otp-auth's own collections are incomplete: no index `{ purge_at: 1 }` on `otp_sessions`: \
              call the store's `migrate()` at startup, before `check()`"]
        );
        store.migrate().await.unwrap();
        assert_eq!(said::<User>(&store).await, [""; 0]);
        store.database().drop().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn only_an_index_that_holds_for_every_user_counts() {
    let store = REPLICA_SET.fresh_store().await;
    let unique = doc! { "unique": true };
    for (keys, more, instead) in [
        (doc! { "email": 1 }, unique.clone(), None),
        (doc! { "email": -1 }, unique.clone(), None),
        (doc! { "email": 1 }, doc! { "unique": true, "sparse": true }, None),
        (
            doc! { "email": 1 },
            doc! { "unique": true, "partialFilterExpression": { "email": { "$exists": true } } },
            None,
        ),
        (doc! { "email": 1 }, doc! { "unique": true, "collation": { "locale": "en", "strength": 2 } }, None),
        (doc! { "email": 1 }, doc! {}, Some(("", ""))),
        (
            doc! { "email": 1, "tenant": 1 },
            unique.clone(),
            Some((
                " (the index `one` includes other fields)",
                "if these are the same for all users, write `#[otp_user(filter(… = …))]`; ",
            )),
        ),
        (doc! { "tenant": 1 }, unique, Some(("", ""))),
        (
            doc! { "email": 1 },
            doc! { "unique": true, "partialFilterExpression": { "deleted": false } },
            Some((
                " (the index `one` covers only some documents: it has a `partialFilterExpression`)",
                "if these are your users, write `#[otp_user(filter(… = …))]`; ",
            )),
        ),
    ] {
        users(&store).drop().await.unwrap();
        index(&store, &keys, more).await;
        let expected: Vec<_> = instead
            .map(|(instead, near)| {
                let otherwise = if near.is_empty() { "" } else { "if the values must be unique in the whole collection, " };
                format!(
                    "field `email` of `users` has no unique index{instead}: \
                     {near}{otherwise}run `db.getCollection(\"users\").createIndex({{ \"email\": 1 }}, {{ unique: true }})` in mongosh"
                )
            })
            .into_iter()
            .collect();
        assert_eq!(said::<User>(&store).await, expected, "{keys}");
    }
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn an_index_for_the_documents_of_the_filter_counts() {
    #[derive(Clone, Debug, PartialEq, OtpUser)]
    #[otp_user(collection = "users", filter(kind = "person", deleted = false))]
    struct Person {
        #[otp(id, column = "_id", generate = uuid::Uuid::now_v7().to_string())]
        id: String,
        #[otp(email)]
        email: String,
    }
    let store = REPLICA_SET.fresh_store().await;
    for (partial, counts) in [
        (doc! { "kind": "person", "deleted": false }, true),
        (doc! { "deleted": false, "kind": "person" }, true),
        // An index over more documents than the users' is enough, too.
        (doc! { "deleted": false }, true),
        (doc! { "kind": { "$eq": "person" } }, true),
        (doc! { "deleted": true }, false),
        (doc! { "deleted": false, "kind": "machine" }, false),
        (doc! { "deleted": false, "kind": "person", "tenant": 1 }, false),
        (doc! { "kind": { "$exists": true } }, false),
    ] {
        users(&store).drop().await.unwrap();
        index(&store, &doc! { "email": 1 }, doc! { "unique": true, "partialFilterExpression": partial.clone() }).await;
        let kinds = kinds::<Person>(&store).await;
        assert_eq!(kinds, if counts { vec![] } else { vec![FindingKind::Unique] }, "{partial}");
    }
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn an_id_of_another_field_is_unique_too_and_a_view_takes_no_users() {
    #[derive(Clone, Debug, PartialEq, OtpUser)]
    #[otp_user(collection = "users")]
    struct Member {
        #[otp(id, column = "member id", generate = uuid::Uuid::now_v7().to_string())]
        id: String,
        #[otp(email)]
        email: String,
    }
    let store = REPLICA_SET.fresh_store().await;
    index(&store, &doc! { "email": 1 }, doc! { "unique": true }).await;
    assert_eq!(
        said::<Member>(&store).await,
        ["field `member id` of `users` has no unique index: \
          run `db.getCollection(\"users\").createIndex({ \"member id\": 1 }, { unique: true })` in mongosh"]
    );
    users(&store).drop().await.unwrap();
    let view = doc! { "create": "users", "viewOn": "base", "pipeline": [] };
    store.database().run_command(view).await.unwrap();
    assert_eq!(kinds::<Member>(&store).await, [FindingKind::SignUp]);
    assert_eq!(UserStore::<Member>::check(&store, SignUps::Closed).await.unwrap(), []);
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn an_index_with_what_the_filter_fixes_counts() {
    let store = REPLICA_SET.fresh_store().await;
    for (keys, counts) in [
        (doc! { "tenant_id": 1, "email": 1 }, true),
        (doc! { "email": 1, "deleted": 1, "tenant_id": 1 }, true),
        (doc! { "email": 1, "kind": 1 }, false),
        (doc! { "email": 1, "tenant_id": 1, "kind": 1 }, false),
    ] {
        users(&store).drop().await.unwrap();
        index(&store, &keys, doc! { "unique": true }).await;
        let said = said::<OfTenant>(&store).await;
        assert_eq!(said.is_empty(), counts, "{keys}: {said:?}");
    }
}
