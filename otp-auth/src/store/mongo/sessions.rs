//! Sessions and the blacklist in `MongoDB`.

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::error::{Error, is_duplicate};
use super::row::{self, binary, bytes, date, number, optional_text, optional_time, text, time};
use super::{Collections, SWAPS, insert, purge_at};
use crate::store::{
    Advance, BlacklistKind, Client, Revocation, Session, SessionId, SessionStore, StoreResult, Timestamp, TokenId,
};

fn session(row: &Document) -> Result<Session, Error> {
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "_id")?),
        user_id: text(row, "user_id")?,
        generation: number(row, "generation")?,
        created_at: time(row, "created_at")?,
        refreshed_at: time(row, "refreshed_at")?,
        expires_at: time(row, "expires_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
        client: Client {
            user_agent: optional_text(row, "user_agent")?,
            address: optional_text(row, "address")?.and_then(|address| address.parse().ok()),
        },
    })
}

fn by_id(id: SessionId) -> Document {
    doc! { "_id": binary(id.as_bytes()) }
}

/// What an entry of the blacklist becomes: it is never shortened.
fn entry(kind: BlacklistKind, revocation: Revocation) -> Document {
    let until = revocation.blacklist_until;
    doc! {
        "type": kind.as_str(),
        "blacklisted_at": { "$ifNull": ["$blacklisted_at", date(revocation.now)] },
        "expires_at": { "$max": ["$expires_at", date(until)] },
        "purge_at": { "$max": ["$purge_at", purge_at(revocation.now.until(until))] },
    }
}

impl Collections {
    /// Adds a session that is none yet: it becomes one when its sign-in
    /// accepts this challenge.
    pub(super) async fn add_unconfirmed(&self, session: &Session, challenge: &Bson) -> StoreResult<()> {
        let mut row = doc! {
            "user_id": session.user_id.as_str(),
            "generation": i64::from(session.generation),
            "created_at": date(session.created_at),
            "refreshed_at": date(session.refreshed_at),
            "expires_at": date(session.expires_at),
            "unconfirmed": challenge.clone(),
        };
        if let Some(user_agent) = &session.client.user_agent {
            row.insert("user_agent", user_agent.as_str());
        }
        if let Some(address) = session.client.address {
            row.insert("address", address.to_string());
        }
        let needed = session.created_at.until(session.expires_at);
        insert(&self.sessions, binary(session.id.as_bytes()), row, needed).await
    }

    /// Notes that the sign-ins of these sessions have accepted their
    /// challenges.
    pub(super) async fn confirm(&self, ids: Vec<Bson>) -> StoreResult<()> {
        let unconfirmed = doc! { "_id": { "$in": ids }, "unconfirmed": { "$exists": true } };
        self.sessions.update_many(unconfirmed, doc! { "$unset": { "unconfirmed": "" } }).await?;
        Ok(())
    }

    /// Whether the sign-in of this session has accepted this challenge.
    pub(super) async fn accepted_by(&self, challenge: &Bson, id: SessionId) -> StoreResult<bool> {
        let accepted = doc! { "_id": challenge.clone(), "consumed_by": binary(id.as_bytes()) };
        Ok(self.challenges.find_one(accepted).projection(doc! { "_id": 1 }).await?.is_some())
    }

    /// Removes a session whose sign-in has failed.
    pub(super) async fn remove_unconfirmed(&self, id: SessionId) -> StoreResult<()> {
        let mut failed = by_id(id);
        failed.insert("unconfirmed", doc! { "$exists": true });
        self.sessions.delete_one(failed).await?;
        Ok(())
    }

    async fn blacklist(&self, id: &[u8; 16], kind: BlacklistKind, revocation: Revocation) -> StoreResult<()> {
        for _ in 0..SWAPS {
            let change = vec![doc! { "$set": entry(kind, revocation) }];
            match self.blacklist.update_one(doc! { "_id": binary(id) }, change).upsert(true).await {
                Ok(_) => return Ok(()),
                // Somebody else has added it; now it is there to be changed.
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended("one blacklist entry").into())
    }

    /// The keys of the sessions of a user that are not revoked.
    pub(super) async fn unrevoked(&self, user_id: &str) -> StoreResult<Vec<Bson>> {
        let unrevoked = doc! { "user_id": user_id, "revoked_at": null };
        let mut cursor = self.sessions.find(unrevoked).projection(doc! { "_id": 1 }).await?;
        let mut ids = Vec::new();
        while cursor.advance().await? {
            ids.push(binary(&bytes::<16>(&row::of(cursor.current())?, "_id")?));
        }
        Ok(ids)
    }

    /// Blacklists these sessions and then revokes them; how many this call
    /// revoked.
    pub(super) async fn revoke_all(&self, ids: Vec<Bson>, revocation: Revocation) -> StoreResult<u64> {
        if ids.is_empty() {
            return Ok(0);
        }
        let mut merged = false;
        for _ in 0..SWAPS {
            match self.blacklist_all(&ids, revocation).await {
                Ok(()) => {
                    merged = true;
                    break;
                }
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !merged {
            return Err(Error::contended("one blacklist entry").into());
        }
        let unrevoked = doc! { "_id": { "$in": ids }, "revoked_at": null };
        let revoked = doc! { "$set": { "revoked_at": date(revocation.now) } };
        Ok(self.sessions.update_many(unrevoked, revoked).await?.modified_count)
    }

    /// In one statement: the sessions of these ids, merged into the
    /// blacklist.
    async fn blacklist_all(&self, ids: &[Bson], revocation: Revocation) -> Result<(), mongodb::error::Error> {
        let until = revocation.blacklist_until;
        self.sessions
            .aggregate([
                doc! { "$match": { "_id": { "$in": ids } } },
                doc! { "$project": {
                    "type": { "$literal": BlacklistKind::Session.as_str() },
                    "blacklisted_at": date(revocation.now),
                    "expires_at": date(until),
                    "purge_at": purge_at(revocation.now.until(until)),
                } },
                doc! { "$merge": {
                    "into": self.blacklist.name(),
                    "whenMatched": [{ "$set": {
                        "expires_at": { "$max": ["$expires_at", "$$new.expires_at"] },
                        "purge_at": { "$max": ["$purge_at", "$$new.purge_at"] },
                    } }],
                    "whenNotMatched": "insert",
                } },
            ])
            .await?;
        Ok(())
    }
}

impl SessionStore for Collections {
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let Some(row) = self.sessions.find_one(by_id(id)).await? else {
            return Ok(None);
        };
        // Its sign-in was cut short: by its challenge one can tell where.
        if let Some(challenge) = row.get("unconfirmed") {
            if !self.accepted_by(challenge, id).await? {
                return Ok(None);
            }
            self.confirm(vec![binary(id.as_bytes())]).await?;
        }
        Ok(Some(session(&row)?))
    }

    async fn advance(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let mut current = by_id(id);
        current.insert("generation", i64::from(generation));
        current.insert("revoked_at", Bson::Null);
        current.insert("expires_at", doc! { "$gt": date(now) });
        current.insert("unconfirmed", Bson::Null);
        let next = doc! { "$inc": { "generation": 1_i64 }, "$set": { "refreshed_at": date(now) } };
        let is_current = |session: &Session| {
            session.generation == generation && session.revoked_at.is_none() && now < session.expires_at
        };
        // A second time for a session whose sign-in was cut short, and that
        // is one since it was read.
        for _ in 0..2 {
            let swap = self.sessions.find_one_and_update(current.clone(), next.clone());
            if let Some(row) = swap.return_document(ReturnDocument::After).await? {
                return Ok(Advance::Advanced(session(&row)?));
            }
            // A session only ever moves on, so what is read now is at least
            // as far as what made the swap fail.
            match SessionStore::session(self, id).await? {
                None => return Ok(Advance::Unknown),
                Some(found) if is_current(&found) => {}
                Some(found) => return Ok(Advance::Unchanged(found)),
            }
        }
        Err(Error::contended("one session").into())
    }

    /// The blacklist comes first: what is left when it ends in between is a
    /// session whose tokens are refused, and a repetition completes it.
    async fn revoke_session(&self, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        self.blacklist(id.as_bytes(), BlacklistKind::Session, revocation).await?;
        let mut unrevoked = by_id(id);
        unrevoked.insert("revoked_at", Bson::Null);
        let revoked = doc! { "$set": { "revoked_at": date(revocation.now) } };
        Ok(self.sessions.update_one(unrevoked, revoked).await?.modified_count > 0)
    }

    async fn revoke_user_sessions(&self, user_id: &str, revocation: Revocation) -> StoreResult<u64> {
        let ids = self.unrevoked(user_id).await?;
        self.revoke_all(ids, revocation).await
    }

    async fn user_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let live = doc! {
            "user_id": user_id,
            "revoked_at": null,
            "expires_at": { "$gt": date(now) },
            "unconfirmed": null,
        };
        let mut cursor = self.sessions.find(live).sort(doc! { "created_at": -1, "_id": -1 }).await?;
        let mut sessions = Vec::new();
        while cursor.advance().await? {
            sessions.push(session(&row::of(cursor.current())?)?);
        }
        Ok(sessions)
    }

    async fn blacklist_token(&self, id: TokenId, revocation: Revocation) -> StoreResult<()> {
        self.blacklist(id.as_bytes(), BlacklistKind::Token, revocation).await
    }
}
