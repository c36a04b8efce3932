//! Sessions in `MongoDB`.

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::error::Error;
use super::row::{self, binary, bytes, date, number, of_key, optional_text, optional_time, text, time};
use super::{MongoStore, insert};
use crate::store::{
    Advance, Binding, BlacklistEntry, Client, Cursor, Realm, Recovery, Revocation, Revocations, Session, SessionId,
    SessionStore, StoreResult, Timestamp, TokenRef,
};

fn session(row: &Document) -> Result<Session, Error> {
    Ok(Session {
        id: SessionId::from_bytes(of_key(row, "_id")?),
        user_id: text(row, "user_id")?,
        binding: Binding::from_bytes(bytes(row, "binding")?),
        generation: number(row, "generation")?,
        created_at: time(row, "created_at")?,
        refreshed_at: time(row, "refreshed_at")?,
        recovery: match optional_time(row, "recovered_at")? {
            Some(at) => Some(Recovery { generation: number(row, "recovered_generation")?, at }),
            None => None,
        },
        expires_at: time(row, "expires_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
        methods: text(row, "amr")?.parse().map_err(|_| Error::field("amr", "is not a list of methods"))?,
        client: Client {
            user_agent: optional_text(row, "user_agent")?,
            address: optional_text(row, "address")?.and_then(|address| address.parse().ok()),
        },
    })
}

fn by_id(realm: &Realm, id: SessionId) -> Document {
    doc! { "_id": row::key(realm, id.as_bytes()) }
}

impl MongoStore {
    /// Adds a session that is not valid yet: it becomes valid when its sign-in accepts this
    /// challenge.
    pub(super) async fn add_unconfirmed(&self, realm: &Realm, session: &Session, challenge: &Bson) -> StoreResult<()> {
        let mut row = doc! {
            "realm": realm.as_str(),
            "user_id": session.user_id.as_str(),
            "binding": binary(session.binding.as_bytes()),
            "generation": i64::from(session.generation),
            "created_at": date(session.created_at),
            "refreshed_at": date(session.refreshed_at),
            "expires_at": date(session.expires_at),
            "amr": session.methods.as_str(),
            "unconfirmed": challenge.clone(),
        };
        if let Some(user_agent) = &session.client.user_agent {
            row.insert("user_agent", user_agent.as_str());
        }
        if let Some(address) = session.client.address {
            row.insert("address", address.to_string());
        }
        let needed = session.created_at.until(session.expires_at);
        insert(&self.sessions, row::key(realm, session.id.as_bytes()), row, needed).await
    }

    /// Marks sessions as confirmed, because their sign-ins accepted their challenges.
    pub(super) async fn confirm(&self, ids: Vec<Bson>) -> StoreResult<()> {
        let unconfirmed = doc! { "_id": { "$in": ids }, "unconfirmed": { "$exists": true } };
        self.sessions.update_many(unconfirmed, doc! { "$unset": { "unconfirmed": "" } }).await?;
        Ok(())
    }

    /// Whether the sign-in of this session accepted this challenge.
    pub(super) async fn accepted_by(&self, challenge: &Bson, session: &Bson) -> StoreResult<bool> {
        let accepted = doc! { "_id": challenge.clone(), "consumed_by": session.clone() };
        Ok(self.challenges.find_one(accepted).projection(doc! { "_id": 1 }).await?.is_some())
    }

    /// Deletes a session whose sign-in failed.
    pub(super) async fn remove_unconfirmed(&self, realm: &Realm, id: SessionId) -> StoreResult<()> {
        let mut failed = by_id(realm, id);
        failed.insert("unconfirmed", doc! { "$exists": true });
        self.sessions.delete_one(failed).await?;
        Ok(())
    }

    /// The sessions of a user that are not revoked.
    pub(super) async fn unrevoked(&self, realm: &Realm, user_id: &str) -> StoreResult<Vec<SessionId>> {
        let unrevoked = doc! { "realm": realm.as_str(), "user_id": user_id, "revoked_at": null };
        let mut cursor = self.sessions.find(unrevoked).projection(doc! { "_id": 1 }).await?;
        let mut ids = Vec::new();
        while cursor.advance().await? {
            ids.push(SessionId::from_bytes(of_key(&row::of(cursor.current())?, "_id")?));
        }
        Ok(ids)
    }

    /// Blacklists these sessions and then revokes them.
    pub(super) async fn revoke_all(&self, realm: &Realm, ids: &[SessionId], revocation: Revocation) -> StoreResult<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let entries: Vec<_> = ids.iter().map(|id| revocation.of_session(*id)).collect();
        self.add_to_blacklist(realm, &entries, revocation.now).await?;
        let keys: Vec<_> = ids.iter().map(|id| row::key(realm, id.as_bytes())).collect();
        let unrevoked = doc! { "_id": { "$in": keys }, "revoked_at": null };
        let revoked = doc! { "$set": { "revoked_at": date(revocation.now) } };
        self.sessions.update_many(unrevoked, revoked).await?;
        Ok(())
    }
}

impl SessionStore for MongoStore {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        let Some(row) = self.sessions.find_one(by_id(realm, id)).await? else {
            return Ok(None);
        };
        // Its sign-in was interrupted. The challenge tells whether it had been accepted.
        if let Some(challenge) = row.get("unconfirmed") {
            let key = row::key(realm, id.as_bytes());
            if !self.accepted_by(challenge, &key).await? {
                return Ok(None);
            }
            self.confirm(vec![key]).await?;
        }
        Ok(Some(session(&row)?))
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let mut current = by_id(realm, id);
        current.insert("generation", i64::from(generation));
        current.insert("revoked_at", Bson::Null);
        current.insert("expires_at", doc! { "$gt": date(now) });
        current.insert("unconfirmed", Bson::Null);
        let next = doc! { "$inc": { "generation": 1_i64 }, "$set": { "refreshed_at": date(now) } };
        let is_current = |session: &Session| {
            session.generation == generation && session.revoked_at.is_none() && now < session.expires_at
        };
        // The second round is for a session whose sign-in was interrupted, and which was confirmed
        // when it was read.
        for _ in 0..2 {
            let swap = self.sessions.find_one_and_update(current.clone(), next.clone());
            if let Some(row) = swap.return_document(ReturnDocument::After).await? {
                return Ok(Advance::Advanced(session(&row)?));
            }
            // A session never goes back, so what is read now is at least as far along as what made
            // the swap fail.
            match SessionStore::session(self, realm, id).await? {
                None => return Ok(Advance::Unknown),
                Some(found) if is_current(&found) => {}
                Some(found) => return Ok(Advance::Unchanged(found)),
            }
        }
        Err(Error::contended("one session").into())
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        let mut same = by_id(realm, id);
        same.insert("generation", i64::from(recovery.generation));
        same.insert("revoked_at", Bson::Null);
        let generation = expected.map(|expected| Bson::Int64(expected.generation.into()));
        same.insert("recovered_generation", generation.unwrap_or(Bson::Null));
        same.insert("recovered_at", expected.map_or(Bson::Null, |expected| date(expected.at).into()));
        let noted = doc! { "$set": {
            "recovered_generation": i64::from(recovery.generation),
            "recovered_at": date(recovery.at),
        } };
        Ok(self.sessions.update_one(same, noted).await?.modified_count > 0)
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        let mut live = by_id(realm, id);
        live.insert("revoked_at", Bson::Null);
        live.insert("expires_at", doc! { "$gt": date(now) });
        let bound = doc! { "$set": { "binding": binary(binding.as_bytes()) } };
        Ok(self.sessions.update_one(live, bound).await?.matched_count > 0)
    }

    /// Blacklists first: if it stops in between, the session's tokens are already rejected, and a
    /// repetition completes it.
    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        self.add_to_blacklist(realm, &[revocation.of_session(id)], revocation.now).await?;
        let mut unrevoked = by_id(realm, id);
        unrevoked.insert("revoked_at", Bson::Null);
        let revoked = doc! { "$set": { "revoked_at": date(revocation.now) } };
        Ok(self.sessions.update_one(unrevoked, revoked).await?.modified_count > 0)
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        let ids = self.unrevoked(realm, user_id).await?;
        self.revoke_all(realm, &ids, revocation).await?;
        Ok(ids)
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        let of_user = doc! { "realm": realm.as_str(), "user_id": user_id };
        Ok(self.sessions.delete_many(of_user).await?.deleted_count)
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let live = doc! {
            "realm": realm.as_str(),
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

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, now: Timestamp) -> StoreResult<()> {
        self.add_to_blacklist(realm, &[*entry], now).await
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        let refusing = super::blacklist::refusing(realm, token, now);
        Ok(self.blacklist.find_one(refusing).projection(doc! { "_id": 1 }).await?.is_some())
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        self.read_revocations(realm, since, now).await
    }
}
