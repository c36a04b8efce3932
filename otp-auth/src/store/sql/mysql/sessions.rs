//! Sessions and the blacklist in `MySQL` and `MariaDB`.

use std::time::Duration;

use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlExecutor, MySqlRow};

use super::super::pool::retrying;
use super::{MySqlStore, bytes, count, time};
use crate::store::to_the_end::to_the_end;
use crate::store::{
    Advance, BlacklistKind, Client, Revocation, Session, SessionId, SessionStore, StoreResult, Timestamp, TokenId,
};

/// Far longer than a commit takes to be durable, and than clocks differ.
const NOT_YET_DURABLE: Duration = Duration::from_hours(1);

fn session(row: &MySqlRow) -> Result<Session, sqlx::Error> {
    // The column is binary, so that no collation takes two ids for one.
    let user_id: Vec<u8> = row.try_get("user_id")?;
    let address: Option<&str> = row.try_get("address")?;
    Ok(Session {
        id: SessionId::from_bytes(bytes(row, "id")?),
        user_id: String::from_utf8(user_id).map_err(|error| sqlx::Error::Decode(error.utf8_error().into()))?,
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
pub(super) async fn insert_session(connection: &mut MySqlConnection, session: &Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO otp_sessions (id, user_id, generation, created_at, refreshed_at, expires_at, user_agent, address) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(session.id.as_bytes().as_slice())
    .bind(session.user_id.as_bytes())
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
    connection: &mut MySqlConnection,
    id: SessionId,
    revocation: Revocation,
) -> Result<bool, sqlx::Error> {
    let revoked = sqlx::query("UPDATE otp_sessions SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
        .bind(revocation.now.as_millis())
        .bind(id.as_bytes().as_slice())
        .execute(&mut *connection)
        .await?;
    blacklist(connection, id.as_bytes(), BlacklistKind::Session, revocation).await?;
    Ok(revoked.rows_affected() > 0)
}

/// Adds an entry to the blacklist, or extends it.
///
/// `InnoDB` shows what another transaction has committed before that is
/// durable, and a statement that changes nothing waits for nothing. So a
/// repetition always changes something: then its own commit waits until all
/// before it is durable, and what is acknowledged survives a crash.
async fn blacklist(
    executor: impl MySqlExecutor<'_>,
    id: &[u8; 16],
    kind: BlacklistKind,
    revocation: Revocation,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO token_blacklist (id, type, blacklisted_at, expires_at) VALUES (?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE expires_at = GREATEST(expires_at, ?), blacklisted_at = blacklisted_at + 1",
    )
    .bind(id.as_slice())
    .bind(kind.as_str())
    .bind(revocation.now.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .bind(revocation.blacklist_until.as_millis())
    .execute(executor)
    .await?;
    Ok(())
}

/// Revokes every session of a user and blacklists their ids.
pub(super) async fn revoke_all(
    connection: &mut MySqlConnection,
    user_id: &str,
    revocation: Revocation,
) -> Result<u64, sqlx::Error> {
    let revoked = sqlx::query("UPDATE otp_sessions SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL")
        .bind(revocation.now.as_millis())
        .bind(user_id.as_bytes())
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if revoked > 0 {
        // Those, and any that was revoked in the same millisecond, whose
        // entry this does not shorten.
        sqlx::query(
            "INSERT INTO token_blacklist (id, type, blacklisted_at, expires_at) \
             SELECT id, 'session', ?, ? FROM otp_sessions WHERE user_id = ? AND revoked_at = ? \
             ON DUPLICATE KEY UPDATE expires_at = GREATEST(token_blacklist.expires_at, ?)",
        )
        .bind(revocation.now.as_millis())
        .bind(revocation.blacklist_until.as_millis())
        .bind(user_id.as_bytes())
        .bind(revocation.now.as_millis())
        .bind(revocation.blacklist_until.as_millis())
        .execute(connection)
        .await?;
    }
    Ok(revoked)
}

impl MySqlStore {
    async fn read_session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let row = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE id = ?",
        )
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(session).transpose()?)
    }

    async fn swap(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let advancing = || {
            sqlx::query(
                "UPDATE otp_sessions SET generation = generation + 1, refreshed_at = ? \
                 WHERE id = ? AND generation = ? AND revoked_at IS NULL AND expires_at > ?",
            )
            .bind(now.as_millis())
            .bind(id.as_bytes().as_slice())
            .bind(generation)
            .bind(now.as_millis())
            .execute(&self.pool)
        };
        let advanced = retrying(advancing).await?.rows_affected() > 0;
        // A session only ever moves on. So what is read now is at least as
        // far as what made the swap fail; and whoever was faster than this
        // read must not change what the swap has made.
        Ok(match self.read_session(id).await? {
            None => Advance::Unknown,
            Some(session) if advanced => {
                Advance::Advanced(Session { generation: generation.saturating_add(1), refreshed_at: now, ..session })
            }
            Some(session) => Advance::Unchanged(session),
        })
    }

    async fn revoke_one(&self, id: SessionId, revocation: Revocation) -> Result<bool, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let revoked = revoke(&mut transaction, id, revocation).await?;
        transaction.commit().await?;
        Ok(revoked)
    }

    async fn revoke_every(&self, user_id: &str, revocation: Revocation) -> Result<u64, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let revoked = revoke_all(&mut transaction, user_id, revocation).await?;
        if revoked == 0 {
            // Somebody else may just have done it: see `blacklist`.
            sqlx::query(
                "UPDATE token_blacklist entry JOIN otp_sessions session ON session.id = entry.id \
                 SET entry.blacklisted_at = entry.blacklisted_at + 1 \
                 WHERE session.user_id = ? AND session.revoked_at >= ?",
            )
            .bind(user_id.as_bytes())
            .bind((revocation.now - NOT_YET_DURABLE).as_millis())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(revoked)
    }

    async fn read_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query(
            "SELECT id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at, user_agent, address \
             FROM otp_sessions WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? \
             ORDER BY created_at DESC, id DESC",
        )
        .bind(user_id.as_bytes())
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(session).collect::<Result<_, _>>()?)
    }
}

impl SessionStore for MySqlStore {
    async fn session(&self, id: SessionId) -> StoreResult<Option<Session>> {
        let store = self.clone();
        to_the_end(async move { store.read_session(id).await }).await
    }

    async fn advance(&self, id: SessionId, generation: u32, now: Timestamp) -> StoreResult<Advance> {
        let store = self.clone();
        to_the_end(async move { store.swap(id, generation, now).await }).await
    }

    async fn revoke_session(&self, id: SessionId, revocation: Revocation) -> StoreResult<bool> {
        let store = self.clone();
        to_the_end(async move { retrying(|| store.revoke_one(id, revocation)).await }).await
    }

    async fn revoke_user_sessions(&self, user_id: &str, revocation: Revocation) -> StoreResult<u64> {
        let (store, user_id) = (self.clone(), user_id.to_owned());
        to_the_end(async move { retrying(|| store.revoke_every(&user_id, revocation)).await }).await
    }

    async fn user_sessions(&self, user_id: &str, now: Timestamp) -> StoreResult<Vec<Session>> {
        let (store, user_id) = (self.clone(), user_id.to_owned());
        to_the_end(async move { store.read_sessions(&user_id, now).await }).await
    }

    async fn blacklist_token(&self, id: TokenId, revocation: Revocation) -> StoreResult<()> {
        let store = self.clone();
        let blacklisting =
            async move { retrying(|| blacklist(&store.pool, id.as_bytes(), BlacklistKind::Token, revocation)).await };
        to_the_end(blacklisting).await
    }
}
