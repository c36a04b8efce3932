//! `MongoDB`, as a single server or a replica set. Nothing here needs a
//! transaction: each step is one statement on one document, which `MongoDB`
//! carries out atomically, and steps that belong together stand in an order
//! in which whatever was done before a crash keeps the contract.
//!
//! Writes are acknowledged by a majority and from the journal; reads go to
//! the primary. So a write that was acknowledged survives a crash, and every
//! process sees it.
//!
//! # Statement by statement
//!
//! No operation needs a transaction, so a single server serves as well as a replica set.
//! `MongoDB` carries out a statement on one document atomically, at any read concern; what
//! takes several statements has them in an order in which stopping after any of them keeps
//! the contract. All writes have write concern `majority` with `j: true`, all reads go to
//! the primary. Two more collections: `otp_sign_ups` says which id a new user will have, `otp_realms` holds
//! the logs.
//!
//! Every operation runs to its end in a task, 64 at most at once (`Detached`). The driver's pool keeps the
//! place of a caller who went away while waiting for a connection, and serves it before those
//! who are still there; after a pause of the server that would go on for minutes.
//!
//! | operation | statements | why it is safe |
//! | --- | --- | --- |
//! | `open_challenge` | find budget; find the held challenge if there is one; add challenge unless that goes on; update budget. A refused request: one find | the update requires the whole budget as it was read, and is the last: a challenge that nobody paid is one whose secret nobody has |
//! | `refund_send` | one update | its condition names the send |
//! | `count_attempt`, `count_exhausted` | one `findAndModify` | it returns the document as this call has made it |
//! | `user_by_email`, `user_by_id`, `user_sessions` | one find | read only |
//! | `session` | one find; for one whose sign-in was cut short, a find of its challenge | it is a session only if that challenge was accepted by it |
//! | `sign_in`, existing user | aggregate challenge with the claim on its identity, add session, find user, update challenge, update session | the update of the challenge is the commit: it requires the MAC, the identity, the expiry and that the code is unused, and notes the session. Until then the session is none, and a loser removes its own. The user is read when the session is there, so a later change finds it |
//! | `sign_in`, first proof | before that: find sessions, find user, blacklist, log and revoke what was there, update user | the flag is set last, so a repetition ends the same sessions; only what was there while the flag was not set is ended |
//! | `sign_in`, new user | before that: `findAndModify` claim, find sessions, find user, insert user; after it, update claim | everybody who signs up the same address has the same claim, so the same `_id`, which is unique. Nobody holds a lock. The first sign-in that is complete, and no other, notes it in the claim and reports a new user |
//! | `current_user` | one aggregate with a `$lookup` in the blacklist | the blacklist is read after the call began; times are compared, the TTL index is not relied on |
//! | `advance` | one `findAndModify`, and a find if it changed nothing | compare-and-swap on the generation |
//! | `revoke_session` | upsert blacklist, upsert log, update session | after the first the tokens are refused, and a repetition completes it |
//! | `revoke_user_sessions` | find sessions, an upsert for each into the blacklist, upsert log, update | the same keys in all |
//! | `blacklist` | upsert blacklist, upsert log | an entry is never shortened. The log is one document a realm, so its order is the order in which it is seen |
//! | `revocations` | one find in the log; a find in the blacklist for whoever is further behind | what a majority has is never taken back |
//! | `cleanup` | a find and a delete a collection; before accepted challenges go, one update of their sessions | the condition is in the delete, too |
//!
//! The TTL indexes are on `purge_at`. It is set with the server's clock when a document is
//! written, a day later than the document is needed (`CLOCK_MARGIN`): so no difference of clocks deletes
//! what is still valid, and without any `cleanup` nothing stays.
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
use super::{CLOCK_MARGIN, Maintenance, Removed, SendLimits, StoreResult, Timestamp};
use crate::error::StoreError;

/// How long to look for a server, and to connect to it or to check it. Below
/// the limit of the caller, so that the error says what happened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// What can be added to the present without an overflow, in milliseconds.
const MAX_AGE_MILLIS: i64 = i64::MAX / 2;

/// How often a compare-and-swap is tried. Each failure means that somebody
/// else has succeeded, so a limit is reached only under absurd load.
const MAX_SWAPS: u32 = 64;

/// Keeps everything in a `MongoDB` database, beside the application's
/// collections. Needs `MongoDB` 4.4 or later, alone or as a replica set.
///
/// Whatever the client's own options are, the store writes with write concern
/// `majority` and waits for the journal, and reads from the primary.
///
/// While a network is partitioned, a process that can still reach only a
/// primary that has been replaced may read from it until that one steps down
/// (10 seconds at the server's defaults). It can accept no code and renew no
/// session there, because no write gets a majority.
///
/// A call must not be dropped: the driver's pool would keep the place of who
/// waited for a connection. [`OtpAuth`](crate::OtpAuth) sees to that; whoever
/// calls the store directly needs [`Detached`](crate::store::Detached).
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
    /// Connects to a server by a URL such as `mongodb://localhost:27017`, and
    /// uses the database of this name.
    ///
    /// `mongodb+srv` URLs need the feature `dns-resolver` of the driver:
    /// depend on `mongodb` yourself to turn it on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the URL cannot be read or no server answers.
    pub async fn connect(url: &str, database: &str) -> Result<Self, StoreError> {
        // The connections that come now are the first that need it.
        super::tls::install_provider();
        let mut options = ClientOptions::parse(url).await.map_err(|error| Error::url(url, &error))?;
        options.server_selection_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
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

    /// Creates our collections and their indexes. Safe to call at every start
    /// and in several processes at once; the application's collections are
    /// not touched.
    ///
    /// Without it everything works but is slow, and what has expired stays.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when an index cannot be created.
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
    /// Deletes at most `limit` documents that match; how many it was. What
    /// matches is looked at again when it is deleted, so that nothing goes
    /// that was renewed in between, and each document is counted once.
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
            // With an accepted challenge goes the evidence that its session
            // is one.
            self.confirm(signed_in).await?;
        }
        let mut chosen = over;
        chosen.insert("_id", doc! { "$in": ids });
        // Left alone, the server takes the index of the time, and looks at
        // everything that has expired for each batch.
        let by_id = Hint::Keys(doc! { "_id": 1 });
        Ok(collection.delete_many(chosen).hint(by_id).await?.deleted_count)
    }
}

/// The index by which the server itself deletes. It looks at `purge_at`,
/// which the server's own clock has set, so a difference between its clock
/// and ours deletes nothing too early.
fn ttl() -> IndexModel {
    let at_once = IndexOptions::builder().name("otp_auth_ttl".to_owned()).expire_after(Duration::ZERO).build();
    IndexModel::builder().keys(doc! { "purge_at": 1 }).options(at_once).build()
}

fn ascending(field: &str) -> IndexModel {
    IndexModel::builder().keys(doc! { field: 1 }).build()
}

/// The expression for the `purge_at` of a document that is needed for this
/// long. The clocks of the processes may differ by the margin.
fn purge_at(needed: Duration) -> Document {
    let millis = i64::try_from(needed.saturating_add(CLOCK_MARGIN).as_millis()).unwrap_or(MAX_AGE_MILLIS);
    doc! { "$add": ["$$NOW", millis.min(MAX_AGE_MILLIS)] }
}

/// Adds a document that is needed for this long. Its key is random, so that
/// there is one already can only be an error.
async fn insert(collection: &Collection<Document>, id: Bson, row: Document, needed: Duration) -> StoreResult<()> {
    // A plain insert cannot ask for the server's time. `$literal` keeps text
    // that begins with `$` text.
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
        // `Budget::is_over`.
        let unused = doc! { "$and": [
            outside("day_started_at", now - SendLimits::DAY, now),
            outside("hour_started_at", now - SendLimits::HOUR, now),
            outside("next_send_at", now, now + SendLimits::LONGEST_COOLDOWN),
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
    /// Without the client: its options may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore").field("database", &self.database().name()).finish_non_exhaustive()
    }
}
