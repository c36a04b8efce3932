//! Sessions in `MySQL` and `MariaDB`.

use std::time::Duration;

use sqlx::mysql::{MySql, MySqlConnection};

use super::super::retry::retrying;
use super::MySqlStore;
use super::blacklist::{blacklist, next_change};
use crate::store::sql::row::{session, session_ids, sessions};
use crate::store::sql::user::SignInStatements;
use crate::store::{
    Advance, Binding, BlacklistEntry, Cursor, Realm, Recovery, Revocation, Revocations, Session, SessionId,
    SessionStore, StoreResult, Timestamp, TokenRef,
};

/// Much longer than a commit takes to become durable, and than clocks differ.
const DURABLE_AFTER: Duration = Duration::from_hours(1);

pub(super) const INSERT: &str = "INSERT INTO otp_sessions \
     (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at, amr, user_agent, address) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) const REVOKE: &str =
    "UPDATE otp_sessions SET revoked_at = ? WHERE realm = ? AND id = ? AND revoked_at IS NULL";

/// Revokes every session of a user and blacklists their ids. At READ COMMITTED each statement sees
/// what has been committed by then. So the later statements name the sessions that the first one
/// locked, and a sign-in that commits in between stays valid. The ids are one parameter, because a
/// statement for each would take many round trips.
pub(super) async fn revoke_all(
    connection: &mut MySqlConnection,
    realm: &Realm,
    user_id: &str,
    revocation: Revocation,
) -> Result<Vec<SessionId>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id FROM otp_sessions WHERE realm = ? AND user_id = ? AND revoked_at IS NULL ORDER BY id FOR UPDATE",
    )
    .bind(realm.as_str().as_bytes())
    .bind(user_id.as_bytes())
    .fetch_all(&mut *connection)
    .await?;
    let live = session_ids(&rows)?;
    if live.is_empty() {
        return Ok(live);
    }
    let hex = |id: &SessionId| format!("{:032X}", u128::from_be_bytes(*id.as_bytes()));
    let named = live.iter().map(hex).collect::<Vec<_>>().join(",");
    let change = next_change(connection, realm).await?;
    sqlx::query(
        "INSERT INTO token_blacklist (realm, id, type, blacklisted_at, expires_at, changed) \
         SELECT realm, id, 'session', ?, ?, ? FROM otp_sessions \
         WHERE realm = ? AND user_id = ? AND FIND_IN_SET(HEX(id), ?) > 0 \
         ON DUPLICATE KEY UPDATE expires_at = GREATEST(token_blacklist.expires_at, ?), \
         blacklisted_at = GREATEST(token_blacklist.blacklisted_at, ?), changed = ?",
    )
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .bind(change)
    .bind(realm.as_str().as_bytes())
    .bind(user_id.as_bytes())
    .bind(&named)
    .bind(revocation.blacklist_until.as_millis())
    .bind(revocation.now.as_millis())
    .bind(change)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE otp_sessions SET revoked_at = ? WHERE realm = ? AND user_id = ? AND FIND_IN_SET(HEX(id), ?) > 0",
    )
    .bind(revocation.now.as_millis())
    .bind(realm.as_str().as_bytes())
    .bind(user_id.as_bytes())
    .bind(&named)
    .execute(connection)
    .await?;
    Ok(live)
}

impl MySqlStore {
    async fn revoke_one(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> Result<bool, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let revoked = MySql::revoke(&mut transaction, realm, id, revocation).await?;
        transaction.commit().await?;
        Ok(revoked)
    }

    async fn revoke_every(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> Result<Vec<SessionId>, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let revoked = revoke_all(&mut transaction, realm, user_id, revocation).await?;
        if revoked.is_empty() {
            // Another call may have just revoked them: see `blacklist`.
            let change = next_change(&mut transaction, realm).await?;
            sqlx::query(
                "UPDATE token_blacklist entry JOIN otp_sessions session \
                 ON session.realm = entry.realm AND session.id = entry.id \
                 SET entry.changed = ? \
                 WHERE session.realm = ? AND session.user_id = ? AND session.revoked_at >= ?",
            )
            .bind(change)
            .bind(realm.as_str().as_bytes())
            .bind(user_id.as_bytes())
            .bind((revocation.now - DURABLE_AFTER).as_millis())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(revoked)
    }

    async fn blacklist_one(&self, realm: &Realm, entry: &BlacklistEntry) -> Result<(), sqlx::Error> {
        let mut transaction = self.begin().await?;
        blacklist(&mut transaction, realm, entry).await?;
        transaction.commit().await
    }
}

impl SessionStore for MySqlStore {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        let row = sqlx::query(
            "SELECT id, user_id, binding, generation, created_at, refreshed_at, recovered_generation, recovered_at, \
             expires_at, revoked_at, amr, user_agent, address \
             FROM otp_sessions WHERE realm = ? AND id = ?",
        )
        .bind(realm.as_str().as_bytes())
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advancing = || {
            sqlx::query(
                "UPDATE otp_sessions SET generation = generation + 1, refreshed_at = ? \
                 WHERE realm = ? AND id = ? AND generation = ? AND revoked_at IS NULL AND expires_at > ?",
            )
            .bind(now.as_millis())
            .bind(realm.as_str().as_bytes())
            .bind(id.as_bytes().as_slice())
            .bind(generation)
            .bind(now.as_millis())
            .execute(&self.pool)
        };
        let advanced = retrying(advancing).await?.rows_affected() > 0;
        // A session never goes back, so what is read now is at least as far along as what made the
        // swap fail. A concurrent change before this read must not hide what the swap set.
        Ok(match self.session(realm, id).await? {
            None => Advance::Unknown,
            Some(session) if advanced => {
                Advance::Advanced(Session { generation: generation.saturating_add(1), refreshed_at: now, ..session })
            }
            Some(session) => Advance::Unchanged(session),
        })
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        let noting = || {
            sqlx::query(
                "UPDATE otp_sessions SET recovered_generation = ?, recovered_at = ? \
                 WHERE realm = ? AND id = ? AND generation = ? AND revoked_at IS NULL \
                 AND recovered_generation <=> ? AND recovered_at <=> ?",
            )
            .bind(recovery.generation)
            .bind(recovery.at.as_millis())
            .bind(realm.as_str().as_bytes())
            .bind(id.as_bytes().as_slice())
            .bind(recovery.generation)
            .bind(expected.map(|expected| expected.generation))
            .bind(expected.map(|expected| expected.at.as_millis()))
            .execute(&self.pool)
        };
        Ok(retrying(noting).await?.rows_affected() > 0)
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        let changing = || {
            sqlx::query(
                "UPDATE otp_sessions SET binding = ? \
                 WHERE realm = ? AND id = ? AND revoked_at IS NULL AND expires_at > ?",
            )
            .bind(binding.as_bytes().as_slice())
            .bind(realm.as_str().as_bytes())
            .bind(id.as_bytes().as_slice())
            .bind(now.as_millis())
            .execute(&self.pool)
        };
        Ok(retrying(changing).await?.rows_affected() > 0)
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        retrying(|| self.revoke_one(realm, id, revocation)).await
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        retrying(|| self.revoke_every(realm, user_id, revocation)).await
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query(
            "SELECT id, user_id, binding, generation, created_at, refreshed_at, recovered_generation, recovered_at, \
             expires_at, revoked_at, amr, user_agent, address \
             FROM otp_sessions WHERE realm = ? AND user_id = ? AND revoked_at IS NULL AND expires_at > ? \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(realm.as_str().as_bytes())
        .bind(user_id.as_bytes())
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await?;
        Ok(sessions(&rows)?)
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        let deleting = || {
            sqlx::query("DELETE FROM otp_sessions WHERE realm = ? AND user_id = ?")
                .bind(realm.as_str().as_bytes())
                .bind(user_id.as_bytes())
                .execute(&self.pool)
        };
        Ok(retrying(deleting).await?.rows_affected())
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, _: Timestamp) -> StoreResult<()> {
        retrying(|| self.blacklist_one(realm, entry)).await
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        self.blacklist_has(realm, token, now).await
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        self.read_revocations(realm, since, now).await
    }
}
