//! One user for one new address, without a unique index on the application's collection.
//!
//! Before a user is inserted, a claim on the identity says which id the user will have. All
//! sign-ups of the same address find the same claim and insert the same document, and `MongoDB`'s
//! own unique `_id` accepts one of them. No one holds a lock, so no one waits for a lock whose
//! holder is gone.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::raw::{RawDocument, RawDocumentBuf};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{Collation, ReturnDocument};

use super::error::{Error, is_duplicate};
use super::row::{self, date};
use super::user::{MongoUser, any_with_email, exactly, read};
use super::{MAX_SWAPS, MongoStore, purge_at};
use crate::store::{Account, Decision, Identity, Realm, Revocation, SessionId, StoreResult, Timestamp, UserStore};

/// Much longer than any sign-in takes.
const CLAIM_LIFETIME: Duration = Duration::from_hours(1);

/// How often a sign-up starts again. It does so if a user was deleted, or another one got the id,
/// while it ran.
const MAX_RUNS: u32 = 5;

/// Which user an identity will have.
#[derive(Clone)]
pub(super) struct Claim {
    identity: Bson,
    /// The `_id` of the user's document.
    document_id: Bson,
    /// The id field, if it is not `_id`.
    user_id: Bson,
    /// Whether a sign-in of this user was completed.
    announced: bool,
}

impl Claim {
    pub(super) fn of(mut row: Document) -> Result<Self, Error> {
        Ok(Self {
            identity: row.remove("_id").ok_or_else(Error::unreadable)?,
            document_id: row.remove("document_id").ok_or_else(Error::unreadable)?,
            user_id: row.remove("user_id").ok_or_else(Error::unreadable)?,
            announced: row.get_bool("announced").unwrap_or(false),
        })
    }

    /// Whether this claim created the user in this document.
    pub(super) fn has_made(&self, document: &RawDocument) -> bool {
        let id = document.get("_id").ok().flatten().and_then(|id| Bson::try_from(id).ok());
        id.as_ref() == Some(&self.document_id)
    }
}

/// The result of a sign-up.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(super) enum SignUp<U> {
    /// The user was created, with this claim.
    Made(U, Claim),
    /// A user with this address already exists.
    Found,
    /// A document that is not a user has the address.
    Excluded,
}

/// The document of a new user, to be claimed.
fn new_document<U: MongoUser>(email: &str, now: Timestamp) -> StoreResult<Document> {
    let mut document = U::new_document(email, now)?;
    for (field, value) in U::filter() {
        // Null also matches a missing field.
        if value == Bson::Null {
            document.remove(field);
        } else {
            document.insert(field, value);
        }
    }
    if !document.contains_key("_id") {
        document.insert("_id", ObjectId::new());
    }
    Ok(document)
}

impl MongoStore {
    /// Creates the user, and returns the claim that it used.
    pub(super) async fn sign_up<U: MongoUser>(
        &self,
        realm: &Realm,
        account: &Account<U>,
        identity: &Identity,
        revocation: Revocation,
        ended: &mut Vec<SessionId>,
    ) -> StoreResult<SignUp<U>> {
        let email = account.email();
        let is_taken = |document: Option<RawDocumentBuf>| {
            Ok::<_, Error>(matches!(account.decide(read(document.as_deref())?), Decision::AccountChanged))
        };
        let mut last = None;
        for _ in 0..MAX_RUNS {
            let mut document = new_document::<U>(email, revocation.now)?;
            let claim = self.claim::<U>(row::key(realm, identity.as_bytes()), &document, revocation.now).await?;
            document.insert("_id", claim.document_id.clone());
            document.insert(U::ID, claim.user_id.clone());
            let document = RawDocumentBuf::try_from(&document).map_err(|_| Error::unreadable())?;
            let user = U::from_document(&document)?.ok_or_else(|| Error::field(U::ID, "of a new user is null"))?;
            let older = self.unrevoked(realm, &user.id().to_string()).await?;
            // Checked only now, because whoever inserts a user has the claim before. And if there
            // is no such user at this point, earlier sessions under this id were another user's.
            if is_taken(self.document_by_email::<U>(email).await?)? {
                return Ok(SignUp::Found);
            }
            if claim.announced || (!older.is_empty() && UserStore::<U>::user_by_id(self, user.id()).await?.is_some()) {
                // The user was created and deleted, or the id belongs to another user. The next
                // claim has another id.
                self.release(&claim).await?;
                continue;
            }
            self.revoke_all(realm, &older, revocation).await?;
            ended.extend(older);
            match self.users::<U>().insert_one(&document).await {
                Ok(_) => return Ok(SignUp::Made(user, claim)),
                Err(error) if is_duplicate(&error) => {
                    // Another sign-up inserted the same document, or the application inserted one
                    // with the same address.
                    let excluded = last.is_some() && self.is_excluded::<U>(email).await?;
                    if is_taken(self.document_by_email::<U>(email).await?)? {
                        return Ok(SignUp::Found);
                    }
                    self.release(&claim).await?;
                    // The first time, the duplicate may be the `_id` of a user who is excluded by
                    // now.
                    if excluded {
                        return Ok(SignUp::Excluded);
                    }
                    last = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.map_or_else(|| Error::contended("one sign-up").into(), Into::into))
    }

    /// Whether a document that is not a user has this address, as the collection's unique indexes
    /// compare; `false` if every document is a user.
    async fn is_excluded<U: MongoUser>(&self, email: &str) -> StoreResult<bool> {
        if U::filter().is_empty() {
            return Ok(false);
        }
        if self.is_excluded_by::<U>(email, exactly()).await? {
            return Ok(true);
        }
        let mut indexes = self.users::<U>().list_indexes().await?;
        while indexes.advance().await? {
            let IndexModel { keys, options, .. } = indexes.deserialize_current()?;
            let unique = options.filter(|options| options.unique == Some(true) && keys.contains_key(U::EMAIL));
            if let Some(collation) = unique.and_then(|options| options.collation)
                && self.is_excluded_by::<U>(email, collation).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_excluded_by<U: MongoUser>(&self, email: &str, collation: Collation) -> StoreResult<bool> {
        let users = self.users::<U>();
        let any =
            users.find_one(any_with_email::<U>(email)?).projection(doc! { "_id": 1 }).collation(collation).await?;
        let Some(any) = any else {
            return Ok(false);
        };
        let mut user = U::filter();
        user.extend(row::of(&any)?);
        Ok(users.find_one(user).collation(exactly()).await?.is_none())
    }

    /// The claim on this identity: the existing one, or a new one for this document.
    async fn claim<U: MongoUser>(&self, identity: Bson, document: &Document, now: Timestamp) -> StoreResult<Claim> {
        let id = |field| document.get(field).cloned().unwrap_or(Bson::Null);
        let kept = |field: &str, value: Bson| doc! { "$ifNull": [format!("${field}"), { "$literal": value }] };
        let change = doc! { "$set": {
            "document_id": kept("document_id", id("_id")),
            "user_id": kept("user_id", id(U::ID)),
            "announced": { "$ifNull": ["$announced", false] },
            "expires_at": { "$max": ["$expires_at", date(now + CLAIM_LIFETIME)] },
            "purge_at": { "$max": ["$purge_at", purge_at(CLAIM_LIFETIME)] },
        } };
        for _ in 0..MAX_SWAPS {
            let claimed = self
                .sign_ups
                .find_one_and_update(doc! { "_id": identity.clone() }, vec![change.clone()])
                .upsert(true)
                .return_document(ReturnDocument::After)
                .await;
            match claimed {
                Ok(Some(row)) => return Ok(Claim::of(row)?),
                Ok(None) => {}
                // Another call has added it, so now it can be read.
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended("one sign-up").into())
    }

    /// Deletes a claim whose id is of no use, unless another one has replaced it.
    async fn release(&self, claim: &Claim) -> StoreResult<()> {
        let same = doc! { "_id": claim.identity.clone(), "document_id": claim.document_id.clone() };
        self.sign_ups.delete_one(same).await?;
        Ok(())
    }

    /// Whether this is the first complete sign-in of a user whom the claim created. Returns `true`
    /// to one of all callers.
    pub(super) async fn announce(&self, claim: &Claim) -> StoreResult<bool> {
        if claim.announced {
            return Ok(false);
        }
        let first = doc! {
            "_id": claim.identity.clone(),
            "document_id": claim.document_id.clone(),
            "announced": false,
        };
        let announced = self.sign_ups.update_one(first, doc! { "$set": { "announced": true } }).await?;
        Ok(announced.modified_count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_made_the_document_with_its_id() {
        let claim = Claim::of(doc! { "_id": "identity", "document_id": 7, "user_id": 8 }).unwrap();
        for (document, made) in [(doc! { "_id": 7 }, true), (doc! { "_id": 8 }, false), (doc! {}, false)] {
            assert_eq!(claim.has_made(&RawDocumentBuf::try_from(&document).unwrap()), made, "{document}");
        }
    }
}
