//! `MongoDB`, on a replica set and on a standalone server: the conformance suite, and what exists
//! only there.

mod application;
mod documents;
mod schema;
mod server;
mod sign_in;
mod statements;

use ::mongodb::Collection;
use ::mongodb::bson::oid::ObjectId;
use ::mongodb::bson::{Document, doc};
use otp_auth::testing::conformance::Backend;
use otp_auth::{MongoStore, OtpUser};

pub(crate) use self::server::{REPLICA_SET, STANDALONE, Server, with_database};
use super::two_processes::{Reopen, Twice};

#[derive(Clone, Debug, PartialEq, OtpUser)]
#[otp_user(collection = "users")]
pub(crate) struct User {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

fn users(store: &MongoStore) -> Collection<Document> {
    store.database().collection("users")
}

impl Backend for Server {
    type User = User;
    type Store = MongoStore;

    async fn fresh(&self) -> MongoStore {
        self.fresh_store().await
    }

    async fn add_user(&self, store: &MongoStore, email: &str, verified: bool) -> User {
        let user = User { id: ObjectId::new(), email: email.to_owned(), is_verified: verified };
        users(store).insert_one(doc! { "_id": user.id, "email": email, "is_verified": verified }).await.unwrap();
        user
    }

    async fn unverify(&self, store: &MongoStore, user: &User) {
        users(store).update_one(doc! { "_id": user.id }, doc! { "$set": { "is_verified": false } }).await.unwrap();
    }

    async fn remove_user(&self, store: &MongoStore, user: &User) {
        users(store).delete_one(doc! { "_id": user.id }).await.unwrap();
    }

    async fn count_users(&self, store: &MongoStore, email: &str) -> usize {
        let count = users(store).count_documents(doc! { "email": email }).await.unwrap();
        usize::try_from(count).unwrap()
    }
}

impl Reopen for Server {
    async fn reopen(&self, store: &MongoStore) -> MongoStore {
        self.store(store.database().name()).await
    }
}

/// Users with a filter.
pub(crate) const MEMBERS: documents::Members = documents::Members(REPLICA_SET);
/// Two stores on each database.
pub(crate) const REPLICA_SET_TWICE: Twice<Server> = Twice(REPLICA_SET);
/// Two stores on each database.
pub(crate) const STANDALONE_TWICE: Twice<Server> = Twice(STANDALONE);
