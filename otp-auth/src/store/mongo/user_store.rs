//! Loading users, and signing them in.

use mongodb::bson::doc;
use mongodb::bson::raw::RawDocument;

use super::user::{MongoUser, exactly, read, with_id};
use super::{MongoStore, blacklist};
use crate::store::{Finding, Realm, SignIn, SignInOutcome, SignUps, StoreResult, Timestamp, TokenRef, UserStore};

impl<U: MongoUser> UserStore<U> for MongoStore {
    async fn user_by_email(&self, email: &str) -> StoreResult<Option<U>> {
        let document = self.document_by_email::<U>(email).await?;
        Ok(read(document.as_deref())?)
    }

    async fn user_by_id(&self, id: &U::Id) -> StoreResult<Option<U>> {
        let document = self.users::<U>().find_one(with_id::<U>(id)?).collation(exactly()).await?;
        Ok(read(document.as_deref())?)
    }

    /// One statement. It compares the time, because the server deletes expired documents only
    /// occasionally.
    async fn current_user(&self, realm: &Realm, id: &U::Id, token: TokenRef, now: Timestamp) -> StoreResult<Option<U>> {
        let refused = blacklist::refusing(realm, token, now);
        let mut cursor = self
            .users::<U>()
            .aggregate([
                doc! { "$match": with_id::<U>(id)? },
                doc! { "$lookup": {
                    "from": self.blacklist.name(),
                    "pipeline": [{ "$match": refused }, { "$limit": 1 }, { "$project": { "_id": 1 } }],
                    "as": "otp_auth_refused",
                } },
                doc! { "$match": { "otp_auth_refused": [] } },
            ])
            .collation(exactly())
            .await?;
        if !cursor.advance().await? {
            return Ok(None);
        }
        let document: &RawDocument = cursor.current();
        Ok(U::from_document(document)?)
    }

    async fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> StoreResult<SignInOutcome<U>> {
        self.accept(realm, sign_in).await
    }

    async fn check(&self, sign_ups: SignUps) -> StoreResult<Vec<Finding>> {
        self.check_indexes::<U>(sign_ups).await
    }
}
