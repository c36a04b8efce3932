//! Sessions in `PostgreSQL`.

use sqlx::Row;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;

use super::super::retry::retrying;
use super::PostgresStore;
use crate::store::sql::row::{session, session_ids, sessions};
use crate::store::{
    Advance, Binding, BlacklistEntry, Cursor, Realm, Recovery, Revocation, Revocations, Session, SessionId,
    SessionStore, StoreResult, Timestamp, TokenRef,
};

pub(super) const INSERT: &str = "INSERT INTO otp_sessions \
     (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at, amr, user_agent, address) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Revokes a session and blacklists its id, in one statement that returns how many it revoked.
pub(super) fn revoke(realm: &Realm, id: SessionId, revocation: Revocation) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(
        "WITH revoked AS ( \
             UPDATE otp_sessions SET revoked_at = $3 WHERE realm = $1 AND id = $2 AND revoked_at IS NULL RETURNING 1), \
         blacklisted AS ( \
             INSERT INTO token_blacklist AS old (realm, id, type, blacklisted_at, expires_at, changed) \
             VALUES ($1, $2, 'session', $3, $4, pg_current_xact_id()::text::bigint) \
             ON CONFLICT (realm, id) DO UPDATE SET changed = excluded.changed, \
                 blacklisted_at = GREATEST(old.blacklisted_at, excluded.blacklisted_at), \
                 expires_at = GREATEST(old.expires_at, excluded.expires_at)) \
         SELECT count(*) FROM revoked",
    )
    .bind(realm.as_str())
    .bind(id.as_bytes().as_slice())
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
}

/// Revokes every session of a user and blacklists their ids, in one statement that returns the ids.
/// It locks the rows in the order of their ids, so concurrent calls wait for each other without a
/// deadlock.
pub(super) fn revoke_all(
    realm: &Realm,
    user_id: &str,
    revocation: Revocation,
) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(
        "WITH live AS ( \
             SELECT id FROM otp_sessions \
             WHERE realm = $1 AND user_id = $2 AND revoked_at IS NULL ORDER BY id FOR UPDATE), \
         revoked AS ( \
             UPDATE otp_sessions SET revoked_at = $3 FROM live \
             WHERE otp_sessions.realm = $1 AND otp_sessions.id = live.id RETURNING otp_sessions.id), \
         blacklisted AS ( \
             INSERT INTO token_blacklist AS old (realm, id, type, blacklisted_at, expires_at, changed) \
             SELECT $1, id, 'session', $3, $4, pg_current_xact_id()::text::bigint FROM revoked ORDER BY id \
             ON CONFLICT (realm, id) DO UPDATE SET changed = excluded.changed, \
                 blacklisted_at = GREATEST(old.blacklisted_at, excluded.blacklisted_at), \
                 expires_at = GREATEST(old.expires_at, excluded.expires_at)) \
         SELECT id FROM revoked",
    )
    .bind(realm.as_str())
    .bind(user_id)
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
}

impl SessionStore for PostgresStore {
    async fn session(&self, realm: &Realm, id: SessionId) -> StoreResult<Option<Session>> {
        let statement = sqlx::query(
            "SELECT id, user_id, binding, generation, created_at, refreshed_at, recovered_generation, recovered_at, \
             expires_at, revoked_at, amr, user_agent, address \
             FROM otp_sessions WHERE realm = $1 AND id = $2",
        )
        .bind(realm.as_str())
        .bind(id.as_bytes().as_slice());
        let row = self.fetch_optional(statement).await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    async fn advance(&self, realm: &Realm, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advancing = || {
            self.fetch_optional(
                sqlx::query(
                    "UPDATE otp_sessions SET generation = generation + 1, refreshed_at = $4 \
                     WHERE realm = $1 AND id = $2 AND generation = $3 AND revoked_at IS NULL AND expires_at > $4 \
                     RETURNING id, user_id, binding, generation, created_at, refreshed_at, \
                     recovered_generation, recovered_at, expires_at, revoked_at, amr, user_agent, address",
                )
                .bind(realm.as_str())
                .bind(id.as_bytes().as_slice())
                .bind(i64::from(generation))
                .bind(now.as_millis()),
            )
        };
        if let Some(row) = retrying(advancing).await? {
            return Ok(Advance::Advanced(session(&row)?));
        }
        // A separate statement sees what the update waited for. A session never goes back, so what
        // is read now is at least as far along as what made the swap fail.
        Ok(self.session(realm, id).await?.map_or(Advance::Unknown, Advance::Unchanged))
    }

    async fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> StoreResult<bool> {
        let noting = || {
            self.execute(
                sqlx::query(
                    "UPDATE otp_sessions SET recovered_generation = $3, recovered_at = $4 \
                     WHERE realm = $1 AND id = $2 AND generation = $3 AND revoked_at IS NULL \
                     AND recovered_generation IS NOT DISTINCT FROM $5 AND recovered_at IS NOT DISTINCT FROM $6",
                )
                .bind(realm.as_str())
                .bind(id.as_bytes().as_slice())
                .bind(i64::from(recovery.generation))
                .bind(recovery.at.as_millis())
                .bind(expected.map(|expected| i64::from(expected.generation)))
                .bind(expected.map(|expected| expected.at.as_millis())),
            )
        };
        Ok(retrying(noting).await?.rows_affected() > 0)
    }

    async fn bind_session(&self, realm: &Realm, id: SessionId, binding: Binding, now: Timestamp) -> StoreResult<bool> {
        let changing = || {
            self.execute(
                sqlx::query(
                    "UPDATE otp_sessions SET binding = $3 \
                     WHERE realm = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $4",
                )
                .bind(realm.as_str())
                .bind(id.as_bytes().as_slice())
                .bind(binding.as_bytes().as_slice())
                .bind(now.as_millis()),
            )
        };
        Ok(retrying(changing).await?.rows_affected() > 0)
    }

    async fn revoke_session(&self, realm: &Realm, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        let revoked = retrying(|| self.fetch_one(revoke(realm, id, revocation))).await?;
        Ok(revoked.try_get::<i64, _>(0)? > 0)
    }

    async fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        let revoked = retrying(|| self.fetch_all(revoke_all(realm, user_id, revocation))).await?;
        Ok(session_ids(&revoked)?)
    }

    async fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> StoreResult<u64> {
        // In the order of their ids, like the statements that revoke them.
        let deleting = || {
            self.execute(
                sqlx::query(
                    "DELETE FROM otp_sessions WHERE realm = $1 AND id = ANY (ARRAY( \
                     SELECT id FROM otp_sessions WHERE realm = $1 AND user_id = $2 ORDER BY id FOR UPDATE))",
                )
                .bind(realm.as_str())
                .bind(user_id),
            )
        };
        Ok(retrying(deleting).await?.rows_affected())
    }

    async fn user_sessions(&self, realm: &Realm, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let statement = sqlx::query(
            "SELECT id, user_id, binding, generation, created_at, refreshed_at, recovered_generation, recovered_at, \
             expires_at, revoked_at, amr, user_agent, address \
             FROM otp_sessions WHERE realm = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(realm.as_str())
        .bind(user_id)
        .bind(now.as_millis());
        let rows = self.fetch_all(statement).await?;
        Ok(sessions(&rows)?)
    }

    async fn blacklist(&self, realm: &Realm, entry: &BlacklistEntry, _: Timestamp) -> StoreResult<()> {
        self.add_to_blacklist(realm, entry).await
    }

    async fn is_blacklisted(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        self.blacklist_has(realm, token, now).await
    }

    async fn revocations(&self, realm: &Realm, since: Option<Cursor>, now: Timestamp) -> StoreResult<Revocations> {
        self.read_revocations(realm, since, now).await
    }
}
