//! `MongoDB`, on a replica set and on a single server: the conformance suite,
//! and what exists only there.

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

use self::server::database;
pub(crate) use self::server::{REPLICA_SET, STANDALONE, Server, with_database};
use super::two_processes::TwoProcesses;

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

/// One database, and two stores on it that take turns: what two processes
/// would do.
struct Twice(Server);

const REPLICA_SET_TWICE: Twice = Twice(REPLICA_SET);
const STANDALONE_TWICE: Twice = Twice(STANDALONE);

impl Backend for Twice {
    type User = User;
    type Store = TwoProcesses<MongoStore>;

    async fn fresh(&self) -> TwoProcesses<MongoStore> {
        let database = database();
        TwoProcesses::new(self.0.migrated(&database).await, self.0.store(&database).await)
    }

    async fn add_user(&self, store: &TwoProcesses<MongoStore>, email: &str, verified: bool) -> User {
        self.0.add_user(store.first(), email, verified).await
    }

    async fn unverify(&self, store: &TwoProcesses<MongoStore>, user: &User) {
        self.0.unverify(store.first(), user).await;
    }

    async fn remove_user(&self, store: &TwoProcesses<MongoStore>, user: &User) {
        self.0.remove_user(store.first(), user).await;
    }

    async fn count_users(&self, store: &TwoProcesses<MongoStore>, email: &str) -> usize {
        self.0.count_users(store.first(), email).await
    }
}

mod mongodb {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        super::REPLICA_SET
    );
}

mod mongodb_standalone {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        super::STANDALONE
    );
}

mod mongodb_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        super::REPLICA_SET_TWICE
    );
}

mod mongodb_standalone_in_two_processes {
    otp_auth::store_conformance!(
        #[ignore = "needs MongoDB: scripts/test starts one"]
        super::STANDALONE_TWICE
    );
}
