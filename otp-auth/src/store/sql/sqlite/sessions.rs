//! Sessions in `SQLite`.

use sqlx::sqlite::{Sqlite, SqliteConnection};

use super::SqliteStore;
use super::blacklist::{blacklist, is_blacklisted, revocations};
use crate::store::sql::row::{session, session_ids, sessions};
use crate::store::sql::user::SignInStatements;
use crate::store::{
    Advance, Binding, BlacklistEntry, Cursor, Realm, Recovery, Revocation, Revocations, Session, SessionId,
    SessionStore, StoreResult, Timestamp, TokenRef,
};

pub(super) const INSERT: &str = "INSERT INTO otp_sessions \
     (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at, amr, user_agent, address) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

pub(super) const REVOKE: &str =
    "UPDATE otp_sessions SET revoked_at = ?1 WHERE realm = ?2 AND id = ?3 AND revoked_at IS NULL";

/// Revokes every session of a user and blacklists their ids.
pub(super) async fn revoke_all(
    connection: &mut SqliteConnection,
    realm: &Realm,
    user_id: &str,
    revocation: Revocation,
) -> Result<Vec<SessionId>, sqlx::Error> {
    let rows = sqlx::query(
        "UPDATE otp_sessions SET revoked_at = ?3 WHERE realm = ?1 AND user_id = ?2 AND revoked_at IS NULL RETURNING id",
    )
    .bind(realm.as_str())
    .bind(user_id)
    .bind(revocation.now.as_millis())
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<_> = session_ids(&rows)?;
    for id in &ids {
        blacklist(connection, realm, &revocation.of_session(*id)).await?;
    }
    Ok(ids)
}

impl SessionStore for SqliteStore {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        let row = sqlx::query(
            "SELECT id, user_id, binding, generation, created_at, refreshed_at, recovered_generation, recovered_at, \
             expires_at, revoked_at, amr, user_agent, address \
             FROM otp_sessions WHERE realm = ?1 AND id = ?2",
        )
        .bind(realm.as_str())
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advancing = sqlx::query(
            "UPDATE otp_sessions SET generation = generation + 1, refreshed_at = ?4 \
             WHERE realm = ?1 AND id = ?2 AND generation = ?3 AND revoked_at IS NULL AND expires_at > ?4 \
             RETURNING id, user_id, binding, generation, created_at, refreshed_at, recovered_generation, recovered_at, \
             expires_at, revoked_at, amr, user_agent, address",
        )
        .bind(realm.as_str())
        .bind(id.as_bytes().as_slice())
        .bind(generation)
        .bind(now.as_millis());
        if let Some(row) = self.write(advancing).await? {
            return Ok(Advance::Advanced(session(&row)?));
        }
        // A session never goes back, so what is read now is at least as far along as what made the
        // swap fail.
        Ok(self.session(realm, id).await?.map_or(Advance::Unknown, Advance::Unchanged))
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        let noting = sqlx::query(
            "UPDATE otp_sessions SET recovered_generation = ?3, recovered_at = ?4 \
             WHERE realm = ?1 AND id = ?2 AND generation = ?3 AND revoked_at IS NULL \
             AND recovered_generation IS ?5 AND recovered_at IS ?6 RETURNING id",
        )
        .bind(realm.as_str())
        .bind(id.as_bytes().as_slice())
        .bind(recovery.generation)
        .bind(recovery.at.as_millis())
        .bind(expected.map(|expected| expected.generation))
        .bind(expected.map(|expected| expected.at.as_millis()));
        Ok(self.write(noting).await?.is_some())
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        let binding = sqlx::query(
            "UPDATE otp_sessions SET binding = ?3 \
             WHERE realm = ?1 AND id = ?2 AND revoked_at IS NULL AND expires_at > ?4 RETURNING id",
        )
        .bind(realm.as_str())
        .bind(id.as_bytes().as_slice())
        .bind(binding.as_bytes().to_vec())
        .bind(now.as_millis());
        Ok(self.write(binding).await?.is_some())
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        let (_turn, mut transaction) = self.begin().await?;
        let revoked = Sqlite::revoke(&mut transaction, realm, id, revocation).await?;
        transaction.commit().await?;
        Ok(revoked)
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        let (_turn, mut transaction) = self.begin().await?;
        let revoked = revoke_all(&mut transaction, realm, user_id, revocation).await?;
        transaction.commit().await?;
        Ok(revoked)
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        let _turn = self.turn.lock().await;
        let deleted = sqlx::query("DELETE FROM otp_sessions WHERE realm = ?1 AND user_id = ?2")
            .bind(realm.as_str())
            .bind(user_id)
            .execute(&self.pool)
            .await?;
        Ok(deleted.rows_affected())
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query(
            "SELECT id, user_id, binding, generation, created_at, refreshed_at, recovered_generation, recovered_at, \
             expires_at, revoked_at, amr, user_agent, address \
             FROM otp_sessions WHERE realm = ?1 AND user_id = ?2 AND revoked_at IS NULL AND expires_at > ?3 \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(realm.as_str())
        .bind(user_id)
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await?;
        Ok(sessions(&rows)?)
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, _: Timestamp) -> StoreResult<()> {
        let (_turn, mut transaction) = self.begin().await?;
        blacklist(&mut transaction, realm, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        Ok(is_blacklisted(&self.pool, realm, token, now).await?)
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        Ok(revocations(&self.pool, realm, since, now).await?)
    }
}
