//! The blacklist in `MongoDB`, and the log by which processes follow it.
//!
//! Each entry is a document. After it is written, it is also added to the log of its realm: one
//! document of `otp_realms`, which counts the changes and contains the latest ones. A document
//! changes atomically, so the order of the log is the order in which changes become visible.

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReadConcern;

use super::error::{Error, is_duplicate};
use super::row::{self, bytes, date, of_key, text, time};
use super::{MAX_SWAPS, MongoStore, purge_at};
use crate::store::{BlacklistEntry, BlacklistKind, Cursor, Realm, Revocations, StoreResult, Timestamp, TokenRef};

/// How many changes a log contains. A reader that is further behind reads the blacklist itself.
const MAX_LOGGED_CHANGES: i64 = 256;

/// The entries that make a token invalid at `now`.
pub(super) fn refusing(realm: &Realm, token: TokenRef, now: Timestamp) -> Document {
    let ids = [token.session.as_bytes(), token.token.as_bytes(), token.subject.as_bytes()];
    let keys: Vec<_> = ids.into_iter().map(|id| row::key(realm, id)).collect();
    doc! {
        "_id": { "$in": keys },
        "expires_at": { "$gt": date(now) },
        "$or": [
            { "type": { "$ne": BlacklistKind::User.as_str() } },
            { "blacklisted_at": { "$gt": date(token.authenticated_at) } },
        ],
    }
}

/// How an entry changes a document, without ever shortening it.
fn extended(entry: &BlacklistEntry, now: Timestamp) -> Document {
    doc! {
        "type": entry.kind.as_str(),
        "blacklisted_at": { "$max": ["$blacklisted_at", date(entry.blacklisted_at)] },
        "expires_at": { "$max": ["$expires_at", date(entry.expires_at)] },
        "purge_at": { "$max": ["$purge_at", purge_at(now.until(entry.expires_at))] },
    }
}

fn logged(entry: &BlacklistEntry, change: Document) -> Document {
    doc! {
        "change": change,
        "id": row::binary(&entry.id),
        "type": entry.kind.as_str(),
        "blacklisted_at": date(entry.blacklisted_at),
        "expires_at": date(entry.expires_at),
    }
}

impl MongoStore {
    /// Adds or extends entries.
    pub(super) async fn add_to_blacklist(
        &self,
        realm: &Realm,
        entries: &[BlacklistEntry],
        now: Timestamp,
    ) -> StoreResult<()> {
        for entry in entries {
            self.put_entry(realm, entry, now).await?;
        }
        self.log(realm, entries).await
    }

    async fn put_entry(&self, realm: &Realm, entry: &BlacklistEntry, now: Timestamp) -> StoreResult<()> {
        let key = row::key(realm, &entry.id);
        for _ in 0..MAX_SWAPS {
            let mut change = extended(entry, now);
            change.insert("realm", doc! { "$literal": realm.as_str() });
            match self
                .blacklist
                .update_one(doc! { "_id": key.clone() }, vec![doc! { "$set": change }])
                .upsert(true)
                .await
            {
                Ok(_) => return Ok(()),
                // Another call has added it, so now it can be changed.
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended("one blacklist entry").into())
    }

    async fn log(&self, realm: &Realm, entries: &[BlacklistEntry]) -> StoreResult<()> {
        let changes = doc! { "$ifNull": ["$changes", 0_i64] };
        let recent: Vec<_> = (1_i64..)
            .zip(entries)
            .map(|(number, entry)| Bson::from(logged(entry, doc! { "$add": [changes.clone(), number] })))
            .collect();
        let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let longer = doc! { "$concatArrays": [{ "$ifNull": ["$recent", []] }, recent] };
        let change = vec![doc! { "$set": {
            "changes": { "$add": [changes, count] },
            "recent": { "$slice": [longer, -MAX_LOGGED_CHANGES] },
        } }];
        for _ in 0..MAX_SWAPS {
            match self.realms.update_one(doc! { "_id": realm.as_str() }, change.clone()).upsert(true).await {
                Ok(_) => return Ok(()),
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended("one realm").into())
    }

    /// What a majority has is never undone, so no number is assigned twice.
    pub(super) async fn read_revocations(
        &self,
        realm: &Realm,
        since: Option<Cursor>,
        now: Timestamp,
    ) -> StoreResult<Revocations> {
        let seen = since.map_or(0, |Cursor(seen)| seen);
        let newer = doc! { "$filter": { "input": "$recent", "cond": { "$gt": ["$$this.change", seen] } } };
        let log = self
            .realms
            .find_one(doc! { "_id": realm.as_str() })
            .projection(doc! { "changes": 1, "recent": newer })
            .read_concern(ReadConcern::majority())
            .await?;
        let changes = match &log {
            Some(log) => log.get_i64("changes").map_err(|_| Error::field("changes", "is not a count"))?,
            None => 0,
        };
        if since.is_some() && seen <= changes {
            let recent = log.as_ref().and_then(|log| log.get_array("recent").ok()).map_or(&[][..], Vec::as_slice);
            let entries = recent.iter().map(of_log).collect::<Result<Vec<_>, _>>()?;
            // The log has everything since the cursor.
            if i64::try_from(entries.len()).is_ok_and(|entries| entries == changes - seen) {
                return Ok(Revocations::new(entries, Cursor(changes)));
            }
        }
        let live = doc! { "realm": realm.as_str(), "expires_at": { "$gt": date(now) } };
        let mut cursor = self.blacklist.find(live).read_concern(ReadConcern::majority()).batch_size(10_000).await?;
        let mut entries = Vec::new();
        while cursor.advance().await? {
            let row = row::of(cursor.current())?;
            entries.push(entry(&row, of_key(&row, "_id")?)?);
        }
        Ok(Revocations::new(entries, Cursor(changes)))
    }
}

fn of_log(logged: &Bson) -> Result<BlacklistEntry, Error> {
    let row = logged.as_document().ok_or_else(|| Error::field("recent", "is not a list of documents"))?;
    entry(row, bytes(row, "id")?)
}

fn entry(row: &Document, id: [u8; 16]) -> Result<BlacklistEntry, Error> {
    let kind = BlacklistKind::parse(&text(row, "type")?).ok_or_else(|| Error::field("type", "is not a known type"))?;
    Ok(BlacklistEntry::new(id, kind, time(row, "blacklisted_at")?, time(row, "expires_at")?))
}
