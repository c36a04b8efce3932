//! The store for `MongoDB`, as a single server or a replica set.
//!
//! # Statement by statement
//!
//! No operation needs a transaction, so a single server works as well as a replica set. `MongoDB`
//! executes a statement on one document atomically, at any read concern. An operation of several
//! statements has them in an order in which the contract holds even if a crash stops it after any
//! of them. All writes have write concern `majority` with `j: true`, and all reads go to the
//! primary, so an acknowledged write survives a crash, and every process sees it. Two more
//! collections: `otp_sign_ups` says which id a new user will have, and `otp_realms` contains the
//! logs.
//!
//! Every operation runs to completion in a task, at most 64 at the same time (`Detached`). If a
//! caller goes away while waiting for a connection, the driver's pool keeps its place and serves it
//! before callers that are still there; after a pause of the server that would last for minutes.
//!
//! | operation | statements | why it is safe |
//! | --- | --- | --- |
//! | `open_challenge` | find budget; find the challenge to resume if there is one; add challenge unless it is resumed; update budget; for a stranger find and update the total, and late in the day update the challenge. A rejected request: one find; if only the total rejects, a refund and a delete | the updates require the whole budget and total as they were read, and come last: no one has the secret of a challenge that was not paid for |
//! | `refund_send` | one update, and one of the total if it changed something | its condition identifies the send. If the second fails, the total keeps the send, and strangers get one fewer that day |
//! | `count_attempt`, `count_exhausted` | one `findAndModify` | it returns the document as this call changed it |
//! | `user_by_email`, `user_by_id`, `user_sessions` | one find | read only |
//! | `session` | one find; if its sign-in was interrupted, a find of its challenge, and an update if that was accepted | it is a session only if it accepted that challenge |
//! | `sign_in`, existing user | aggregate challenge with the claim on its identity, add session, find user, update challenge, update session | the update of the challenge is the commit: it requires the MAC, the identity, the expiry and that the code is unused, and records the session. Until then the session is not valid, and a loser deletes its own. The user is read after the session is added, so a later change finds it |
//! | `sign_in`, first proof | before that: find sessions, find user, blacklist, log and revoke the sessions found, update user | the flag is set last, so a repetition revokes the same sessions; only sessions from before the flag was set are revoked |
//! | `sign_in`, new user | before that: `findAndModify` claim, find sessions, find user, insert user; after it, update claim | all sign-ups of an address have the same claim, so the same `_id`, which is unique. No one holds a lock. Only the first complete sign-in records itself in the claim and reports a new user |
//! | `current_user` | one aggregate with a `$lookup` in the blacklist | the blacklist is read after the call began; times are compared instead of relying on the TTL index |
//! | `advance` | one `findAndModify`, and a find if it changed nothing | compare-and-swap on the generation |
//! | `revoke_session` | upsert blacklist, upsert log, update session | after the first the tokens are rejected, and a repetition completes it |
//! | `revoke_user_sessions` | find sessions, an upsert into the blacklist for each, upsert log, update | the same keys in all |
//! | `blacklist` | upsert blacklist, upsert log | an entry is never shortened. The log is one document per realm, so its order is the order in which changes become visible |
//! | `revocations` | one find in the log; a find in the blacklist for readers that are further behind | what a majority has is never undone |
//! | `cleanup` | a find and a delete per collection; before accepted challenges are deleted, one update of their sessions | the delete has the condition too |
//!
//! The TTL indexes are on `purge_at`. The server's clock sets it when a document is written, a day
//! later than the document is needed (`CLOCK_MARGIN`). So clock differences delete nothing that is
//! still valid, and nothing stays even without `cleanup`.
//!
//! A test counts these statements (`tests/tests/stores/mongo/statements.rs`).

mod blacklist;
mod challenges;
mod check;
mod error;
mod row;
mod sessions;
mod sign_in;
mod sign_up;
pub mod user;
mod user_store;
mod value;

use std::fmt;
use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{
    Acknowledgment, ClientOptions, CollectionOptions, Hint, IndexOptions, ReadConcern, ReadPreference,
    SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, Database, IndexModel};

use self::error::Error;
use self::row::date;
use super::{CLOCK_MARGIN, DRIVER_TIMEOUT, Maintenance, Removed, SendLimits, StoreResult, Timestamp};
use crate::challenge::budget::FAILURES_KEPT;
use crate::error::StoreError;

/// In milliseconds. Can be added to the current time without overflow.
const MAX_AGE_MILLIS: i64 = i64::MAX / 2;

/// How often a compare-and-swap is tried. Each failure means that another caller succeeded, so only
/// absurd load reaches the limit.
const MAX_SWAPS: u32 = 64;

/// Stores everything in a `MongoDB` database, next to the application's collections. Requires
/// `MongoDB` 4.4 or later, as a single server or a replica set.
///
/// Whatever the client's own options, the store writes with write concern `majority`, waits for the
/// journal, and reads from the primary.
///
/// During a network partition, a process that reaches only a primary that has been replaced may
/// read from it until it steps down (10 seconds with the server's defaults). It cannot accept a
/// code or refresh a session there, because no write gets a majority.
///
/// Do not drop a call before it has completed, because the driver's pool would keep its place in
/// the queue for a connection. [`OtpAuth`](crate::OtpAuth) takes care of that; if you call the
/// store directly, use [`Detached`](crate::store::Detached).
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    challenges: Collection<Document>,
    budgets: Collection<Document>,
    sessions: Collection<Document>,
    blacklist: Collection<Document>,
    sign_ups: Collection<Document>,
    realms: Collection<Document>,
}

/// The options of every collection that the store uses.
fn options() -> CollectionOptions {
    CollectionOptions::builder()
        .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build())
        .read_concern(ReadConcern::local())
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .build()
}

impl MongoStore {
    /// Connects to a server by a URL such as `mongodb://localhost:27017`, and uses the database
    /// with this name.
    ///
    /// `mongodb+srv` URLs need the driver's feature `dns-resolver`: to enable it, depend on
    /// `mongodb` yourself.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the URL is not valid or no server responds.
    pub async fn connect(url: &str, database: &str) -> Result<Self, StoreError> {
        // The connections opened below are the first that need it.
        super::tls::install_provider();
        let mut options = ClientOptions::parse(url).await.map_err(|error| Error::url(url, &error))?;
        options.server_selection_timeout.get_or_insert(DRIVER_TIMEOUT);
        options.connect_timeout.get_or_insert(DRIVER_TIMEOUT);
        let database = Client::with_options(options)?.database(database);
        database.run_command(doc! { "ping": 1 }).await?;
        Ok(Self::from_database(database))
    }

    /// Uses a database of the application's own client.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "the store keeps the database")]
    pub fn from_database(database: Database) -> Self {
        super::tls::install_provider();
        let collection = |name| database.collection_with_options(name, options());
        Self {
            challenges: collection("otp_challenges"),
            budgets: collection("otp_budgets"),
            sessions: collection("otp_sessions"),
            blacklist: collection("token_blacklist"),
            sign_ups: collection("otp_sign_ups"),
            realms: collection("otp_realms"),
            database,
        }
    }

    /// The database, for the application's own queries.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Creates our collections and their indexes. Safe to call at every start, and in several
    /// processes at the same time. The application's collections are not touched.
    ///
    /// Without it everything works, but slowly, and expired documents stay until a
    /// [cleanup](crate::OtpAuth::cleanup) deletes them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if an index cannot be created.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        for (collection, indexes) in own_indexes(self) {
            collection.create_indexes(indexes).await?;
        }
        Ok(())
    }
}

/// Our collections, each with its indexes.
fn own_indexes(store: &MongoStore) -> [(&Collection<Document>, Vec<IndexModel>); 5] {
    let MongoStore { challenges, budgets, sessions, blacklist, sign_ups, .. } = store;
    let of_user = IndexModel::builder().keys(doc! { "realm": 1, "user_id": 1 }).build();
    [
        (challenges, vec![ttl(), ascending("expires_at")]),
        (sessions, vec![ttl(), ascending("expires_at"), of_user]),
        (blacklist, vec![ttl(), ascending("expires_at")]),
        (sign_ups, vec![ttl(), ascending("expires_at")]),
        (budgets, vec![ttl(), ascending("day_started_at")]),
    ]
}

impl MongoStore {
    /// Deletes at most `limit` documents that match, and returns how many. The delete checks the
    /// condition again, so a document that was extended in between stays, and each document is
    /// counted once.
    async fn delete(&self, collection: &Collection<Document>, over: Document, limit: u32) -> StoreResult<u64> {
        let shown = doc! { "_id": 1, "consumed_by": 1 };
        let mut cursor = collection.find(over.clone()).projection(shown).limit(limit.into()).await?;
        let (mut ids, mut signed_in) = (Vec::new(), Vec::new());
        while cursor.advance().await? {
            let mut row = row::of(cursor.current())?;
            ids.push(row.remove("_id").unwrap_or(Bson::Null));
            signed_in.extend(row.remove("consumed_by"));
        }
        if ids.is_empty() {
            return Ok(0);
        }
        if !signed_in.is_empty() {
            // An accepted challenge is the evidence that its session is valid, so confirm the
            // session first.
            self.confirm(signed_in).await?;
        }
        let mut chosen = over;
        chosen.insert("_id", doc! { "$in": ids });
        // By default, the server uses the index of the time and scans everything that has expired
        // for each batch.
        let by_id = Hint::Keys(doc! { "_id": 1 });
        Ok(collection.delete_many(chosen).hint(by_id).await?.deleted_count)
    }
}

/// The index by which the server itself deletes. It is on `purge_at`, which the server's own clock
/// sets, so a difference between its clock and ours deletes nothing too early.
fn ttl() -> IndexModel {
    let at_once = IndexOptions::builder().name("otp_auth_ttl".to_owned()).expire_after(Duration::ZERO).build();
    IndexModel::builder().keys(doc! { "purge_at": 1 }).options(at_once).build()
}

fn ascending(field: &str) -> IndexModel {
    IndexModel::builder().keys(doc! { field: 1 }).build()
}

/// The expression for the `purge_at` of a document that is needed for this long. The clocks of the
/// processes may differ by the margin.
fn purge_at(needed: Duration) -> Document {
    let millis = i64::try_from(needed.saturating_add(CLOCK_MARGIN).as_millis()).unwrap_or(MAX_AGE_MILLIS);
    doc! { "$add": ["$$NOW", millis.min(MAX_AGE_MILLIS)] }
}

/// Adds a document that is needed for this long. Its key is random, so if the key already exists,
/// that is an error.
async fn insert(collection: &Collection<Document>, id: Bson, row: Document, needed: Duration) -> StoreResult<()> {
    // A plain insert cannot use the server's time. `$literal` keeps text that begins with `$` as
    // text.
    let added = doc! { "$mergeObjects": ["$$ROOT", { "$literal": row }, { "purge_at": purge_at(needed) }] };
    let only_new = doc! { "$cond": [{ "$eq": [{ "$type": "$purge_at" }, "missing"] }, added, "$$ROOT"] };
    let result = collection.update_one(doc! { "_id": id }, vec![doc! { "$replaceWith": only_new }]).upsert(true).await;
    match result {
        Ok(result) if result.upserted_id.is_some() => Ok(()),
        Ok(_) => Err(Error::key_taken(collection.name()).into()),
        Err(error) => Err(error.into()),
    }
}

impl Maintenance for MongoStore {
    async fn cleanup(&self, now: Timestamp, limit: u32) -> StoreResult<Removed> {
        let expired = |at| doc! { "expires_at": { "$lte": date(at) } };
        let outside = |field: &str, over, latest| {
            let damaged = doc! { field: { "$gt": date(latest + SendLimits::SKEW) } };
            doc! { "$or": [{ field: { "$lte": date(over) } }, damaged] }
        };
        // The conditions of `Budget::is_over`.
        let unused = doc! { "$and": [
            outside("day_started_at", now - SendLimits::DAY, now),
            outside("hour_started_at", now - SendLimits::HOUR, now),
            outside("next_send_at", now, now + SendLimits::LONGEST_COOLDOWN),
            { "$or": [
                { "failures": { "$in": [null, 0_i64] } },
                { "day_started_at": { "$lte": date(now - FAILURES_KEPT) } },
            ] },
        ] };
        self.delete(&self.sign_ups, expired(now), limit).await?;
        Ok(Removed {
            challenges: self.delete(&self.challenges, expired(now), limit).await?,
            budgets: self.delete(&self.budgets, unused, limit).await?,
            sessions: self.delete(&self.sessions, expired(now - CLOCK_MARGIN), limit).await?,
            blacklisted: self.delete(&self.blacklist, expired(now - CLOCK_MARGIN), limit).await?,
        })
    }
}

impl fmt::Debug for MongoStore {
    /// Omits the client, whose options may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore").field("database", &self.database().name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_kept_for_a_day_longer_than_it_is_needed() {
        for (needed, millis) in [(Duration::from_secs(1), 86_401_000_i64), (Duration::MAX, i64::MAX / 2)] {
            assert_eq!(purge_at(needed), doc! { "$add": ["$$NOW", millis] });
        }
    }
}
