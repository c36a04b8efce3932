//! Sessions and the blacklist in `SQLite`.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{SqliteStore, bytes, time};
use crate::store::{
    Advance, BlacklistKind, Client, Revocation, Session, SessionId, SessionStore, StoreResult, Timestamp, TokenId,
};

fn session(row: &SqliteRow) -> Result<Session, sqlx::Error> {
    let address: Option<&str> = row.try_get("address")?;
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "id")?),
        user_id: row.try_get("user_id")?,
        generation: row.try_get("generation")?,
        created_at: time(row, "created_at")?,
        refreshed_at: time(row, "refreshed_at")?,
        expires_at: time(row, "expires_at")?,
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(Timestamp::from_millis),
        client: Client {
            user_agent: row.try_get("user_agent")?,
            address: address.and_then(|address| address.parse().ok()),
        },
    })
}

/// Adds a session.
pub(super) async fn insert_session(connection: &mut SqliteConnection, session: &Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO otp_sessions (id, user_id, generation, created_at, refreshed_at, expires_at, user_agent, address) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(session.id.as_bytes().as_slice())
    .bind(&session.user_id)
    .bind(session.generation)
    .bind(session.created_at.as_millis())
    .bind(session.refreshed_at.as_millis())
    .bind(session.expires_at.as_millis())
    .bind(&session.client.user_agent)
    .bind(session.client.address.map(|address| address.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Revokes a session and blacklists its id; whether it was revoked by this.
pub(super) async fn revoke(
    connection: &mut SqliteConnection,
    id: SessionId,
    revocation: Revocation,
) -> Result<bool, sqlx::Error> {
    let revoked = sqlx::query("UPDATE otp_sessions SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")
        .bind(id.as_bytes().as_slice())
        .bind(revocation.now.as_millis())
        .execute(&mut *connection)
        .await?;
    blacklist(connection, id.as_bytes(), BlacklistKind::Session, revocation).await?;
    Ok(revoked.rows_affected() > 0)
}

async fn blacklist(
    connection: &mut SqliteConnection,
    id: &[u8; 16],
    kind: BlacklistKind,
    revocation: Revocation,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO token_blacklist (id, type, blacklisted_at, expires_at) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
    )
    .bind(id.as_slice())
    .bind(kind.as_str())
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Revokes every session of a user and blacklists their ids.
pub(super) async fn revoke_all(
    connection: &mut SqliteConnection,
    user_id: &str,
    revocation: Revocation,
) -> Result<u64, sqlx::Error> {
    sqlx::query(
        "INSERT INTO token_blacklist (id, type, blacklisted_at, expires_at) \
         SELECT id, 'session', ?2, ?3 FROM otp_sessions WHERE user_id = ?1 AND revoked_at IS NULL \
         ON CONFLICT (id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
    )
    .bind(user_id)
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .execute(&mut *connection)
    .await?;
    let revoked = sqlx::query("UPDATE otp_sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL")
        .bind(user_id)
        .bind(revocation.now.as_millis())
        .execute(connection)
        .await?;
    Ok(revoked.rows_affected())
}

impl SessionStore for SqliteStore {
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let row = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE id = ?1",
        )
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    async fn advance(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advancing = sqlx::query(
            "UPDATE otp_sessions SET generation = generation + 1, refreshed_at = ?3 \
             WHERE id = ?1 AND generation = ?2 AND revoked_at IS NULL AND expires_at > ?3 \
             RETURNING id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address",
        )
        .bind(id.as_bytes().as_slice())
        .bind(generation)
        .bind(now.as_millis());
        if let Some(row) = self.write(advancing).await? {
            return Ok(Advance::Advanced(session(&row)?));
        }
        // A session only ever moves on, so what is read now is at least as
        // far as what made the swap fail.
        Ok(self.session(id).await?.map_or(Advance::Unknown, Advance::Unchanged))
    }

    async fn revoke_session(&self, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        let mut write = self.begin().await?;
        let revoked = revoke(&mut write.transaction, id, revocation).await?;
        write.commit().await?;
        Ok(revoked)
    }

    async fn revoke_user_sessions(&self, user_id: &str, revocation: Revocation) -> StoreResult<u64> {
        let mut write = self.begin().await?;
        let revoked = revoke_all(&mut write.transaction, user_id, revocation).await?;
        write.commit().await?;
        Ok(revoked)
    }

    async fn user_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2 \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(user_id)
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(session).collect::<Result<_, _>>()?)
    }

    async fn blacklist_token(&self, id: TokenId, revocation: Revocation) -> StoreResult<()> {
        let mut write = self.begin().await?;
        blacklist(&mut write.transaction, id.as_bytes(), BlacklistKind::Token, revocation).await?;
        write.commit().await?;
        Ok(())
    }
}
