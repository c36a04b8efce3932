//! Sessions and the blacklist in `PostgreSQL`.

use sqlx::Row;
use sqlx::postgres::{PgExecutor, PgRow};

use super::super::pool::retrying;
use super::{PostgresStore, bytes, count, time};
use crate::store::{
    Advance, BlacklistKind, Client, Revocation, Session, SessionId, SessionStore, StoreResult, Timestamp, TokenId,
};

fn session(row: &PgRow) -> Result<Session, sqlx::Error> {
    let address: Option<&str> = row.try_get("address")?;
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "id")?),
        user_id: row.try_get("user_id")?,
        generation: count(row, "generation")?,
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
pub(super) async fn insert_session(executor: impl PgExecutor<'_>, session: &Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO otp_sessions (id, user_id, generation, created_at, refreshed_at, expires_at, user_agent, address) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(session.id.as_bytes().as_slice())
    .bind(&session.user_id)
    .bind(i64::from(session.generation))
    .bind(session.created_at.as_millis())
    .bind(session.refreshed_at.as_millis())
    .bind(session.expires_at.as_millis())
    .bind(&session.client.user_agent)
    .bind(session.client.address.map(|address| address.to_string()))
    .execute(executor)
    .await?;
    Ok(())
}

/// Revokes a session and blacklists its id, in one statement; whether it was
/// revoked by this.
pub(super) async fn revoke(
    executor: impl PgExecutor<'_>,
    id: SessionId,
    revocation: Revocation,
) -> Result<bool, sqlx::Error> {
    let revoked: i64 = sqlx::query_scalar(
        "WITH revoked AS ( \
             UPDATE otp_sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING 1), \
         blacklisted AS ( \
             INSERT INTO token_blacklist AS old (id, type, blacklisted_at, expires_at) VALUES ($1, 'session', $2, $3) \
             ON CONFLICT (id) DO UPDATE SET expires_at = GREATEST(old.expires_at, excluded.expires_at)) \
         SELECT count(*) FROM revoked",
    )
    .bind(id.as_bytes().as_slice())
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .fetch_one(executor)
    .await?;
    Ok(revoked > 0)
}

/// Revokes every session of a user and blacklists their ids, in one
/// statement. The rows are locked in the order of their ids: two of these at
/// once wait for each other, and not in a circle.
pub(super) async fn revoke_all(
    executor: impl PgExecutor<'_>,
    user_id: &str,
    revocation: Revocation,
) -> Result<u64, sqlx::Error> {
    let revoked: i64 = sqlx::query_scalar(
        "WITH live AS ( \
             SELECT id FROM otp_sessions WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id FOR UPDATE), \
         revoked AS ( \
             UPDATE otp_sessions SET revoked_at = $2 FROM live WHERE otp_sessions.id = live.id RETURNING otp_sessions.id), \
         blacklisted AS ( \
             INSERT INTO token_blacklist AS old (id, type, blacklisted_at, expires_at) \
             SELECT id, 'session', $2, $3 FROM revoked ORDER BY id \
             ON CONFLICT (id) DO UPDATE SET expires_at = GREATEST(old.expires_at, excluded.expires_at)) \
         SELECT count(*) FROM revoked",
    )
    .bind(user_id)
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .fetch_one(executor)
    .await?;
    Ok(revoked.unsigned_abs())
}

impl SessionStore for PostgresStore {
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let row = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE id = $1",
        )
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    async fn advance(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advancing = || {
            sqlx::query(
                "UPDATE otp_sessions SET generation = generation + 1, refreshed_at = $3 \
                 WHERE id = $1 AND generation = $2 AND revoked_at IS NULL AND expires_at > $3 \
                 RETURNING id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address",
            )
            .bind(id.as_bytes().as_slice())
            .bind(i64::from(generation))
            .bind(now.as_millis())
            .fetch_optional(&self.pool)
        };
        if let Some(row) = retrying(advancing).await? {
            return Ok(Advance::Advanced(session(&row)?));
        }
        // A statement of its own: it sees what the update waited for. A
        // session only ever moves on, so what is read now is at least as far
        // as what made the swap fail.
        Ok(self.session(id).await?.map_or(Advance::Unknown, Advance::Unchanged))
    }

    async fn revoke_session(&self, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        retrying(|| revoke(&self.pool, id, revocation)).await
    }

    async fn revoke_user_sessions(&self, user_id: &str, revocation: Revocation) -> StoreResult<u64> {
        retrying(|| revoke_all(&self.pool, user_id, revocation)).await
    }

    async fn user_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(user_id)
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(session).collect::<Result<_, _>>()?)
    }

    async fn blacklist_token(&self, id: TokenId, revocation: Revocation) -> StoreResult<()> {
        let blacklisting = || {
            sqlx::query(
                "INSERT INTO token_blacklist AS old (id, type, blacklisted_at, expires_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (id) DO UPDATE SET expires_at = GREATEST(old.expires_at, excluded.expires_at)",
            )
            .bind(id.as_bytes().as_slice())
            .bind(BlacklistKind::Token.as_str())
            .bind(revocation.now.as_millis())
            .bind(revocation.blacklist_until.as_millis())
            .execute(&self.pool)
        };
        retrying(blacklisting).await?;
        Ok(())
    }
}
