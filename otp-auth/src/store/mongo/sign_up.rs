//! One user for one new address, without a unique index on the application's
//! collection.
//!
//! Before a user is added, a claim on the identity says which id the user
//! will have. Everybody who signs up the same address finds the same claim
//! and adds the same document, and `MongoDB`'s own unique `_id` lets one of
//! them. Nobody holds a lock, so nobody waits for one whose holder is gone.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::raw::{RawDocument, RawDocumentBuf};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{Collation, ReturnDocument};

use super::error::{Error, is_duplicate};
use super::row::{self, date};
use super::user::{MongoUser, any_with_email, exactly, read};
use super::{MAX_SWAPS, MongoStore, purge_at};
use crate::store::{Account, Decision, Identity, Realm, Revocation, SessionId, StoreResult, Timestamp, UserStore};

/// Far longer than any sign-in takes.
const CLAIM_LIFETIME: Duration = Duration::from_hours(1);

/// How often a sign-up starts again. It does so when a user was removed, or
/// another one has taken the id, while it ran.
const MAX_RUNS: u32 = 5;

/// Which user an identity will have.
#[derive(Clone)]
pub(super) struct Claim {
    identity: Bson,
    /// The `_id` of the user's document.
    document_id: Bson,
    /// The field of the id, where that is another one.
    user_id: Bson,
    /// A sign-in of this user is complete.
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

    /// Whether the user in this document was made by the claim.
    pub(super) fn has_made(&self, document: &RawDocument) -> bool {
        let id = document.get("_id").ok().flatten().and_then(|id| Bson::try_from(id).ok());
        id.as_ref() == Some(&self.document_id)
    }
}

/// What came of a sign-up.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(super) enum SignUp<U> {
    /// The user was made, by this claim.
    Made(U, Claim),
    /// There is a user with this address already.
    Found,
    /// The address is that of a document that is no user.
    Excluded,
}

impl MongoStore {
    /// Makes the user, and returns the claim by which that was done; `None`
    /// when there is a user with this address already.
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
            let mut document = U::new_document(email, revocation.now)?;
            for (field, value) in U::filter() {
                // Null is also what is not there.
                if value == Bson::Null {
                    document.remove(field);
                } else {
                    document.insert(field, value);
                }
            }
            if !document.contains_key("_id") {
                document.insert("_id", mongodb::bson::oid::ObjectId::new());
            }
            let claim = self.claim::<U>(row::key(realm, identity.as_bytes()), &document, revocation.now).await?;
            document.insert("_id", claim.document_id.clone());
            document.insert(U::ID, claim.user_id.clone());
            let document = RawDocumentBuf::try_from(&document).map_err(|_| Error::unreadable())?;
            let user = U::from_document(&document)?.ok_or_else(|| Error::field(U::ID, "of a new user is null"))?;
            let older = self.unrevoked(realm, &user.id().to_string()).await?;
            // Only now: whoever adds a user has the claim before. And what
            // was signed in under this id before a moment at which there is
            // no such user was somebody else's.
            if is_taken(self.document_by_email::<U>(email).await?)? {
                return Ok(SignUp::Found);
            }
            if claim.announced || (!older.is_empty() && UserStore::<U>::user_by_id(self, user.id()).await?.is_some()) {
                // The user was made and is gone, or the id is somebody's. The
                // next one gets another id.
                self.release(&claim).await?;
                continue;
            }
            self.revoke_all(realm, &older, revocation).await?;
            ended.extend(older);
            match self.users::<U>().insert_one(&document).await {
                Ok(_) => return Ok(SignUp::Made(user, claim)),
                Err(error) if is_duplicate(&error) => {
                    // Somebody else has added the same document, or the
                    // application one with the same address.
                    let excluded = last.is_some() && self.is_excluded::<U>(email).await?;
                    if is_taken(self.document_by_email::<U>(email).await?)? {
                        return Ok(SignUp::Found);
                    }
                    self.release(&claim).await?;
                    // The first time it may be the `_id` of a user who is
                    // excluded by now.
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

    /// Whether a document that is no user has this address, as a unique index
    /// of the collection compares; `false` where each is one.
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

    /// The claim on this identity: the one there is, or a new one for this
    /// document.
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
                // Somebody else has added it; now it is there to be read.
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended("one sign-up").into())
    }

    /// Gives up a claim whose id is of no use, unless it is another one by
    /// now.
    async fn release(&self, claim: &Claim) -> StoreResult<()> {
        let same = doc! { "_id": claim.identity.clone(), "document_id": claim.document_id.clone() };
        self.sign_ups.delete_one(same).await?;
        Ok(())
    }

    /// Whether this is the first complete sign-in of a user that was made by
    /// the claim. Of all callers one is told so.
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
