//! The blacklist in `MySQL` and `MariaDB`.
//!
//! Every change has a number, from a counter of the realm whose row stays locked until the
//! transaction ends. So numbers become visible in the order in which they were assigned.

use sqlx::mysql::MySqlConnection;

use super::MySqlStore;
use crate::store::sql::row::entries;
use crate::store::{BlacklistEntry, Cursor, Realm, Revocations, StoreResult, Timestamp, TokenRef};

/// `InnoDB` shows a commit before it is durable. A crash can undo what was already visible, and
/// then the same numbers are assigned again, at most as many as there were concurrent transactions.
/// This many are always read again.
const REREAD_CHANGES: i64 = 256;

/// The number of a change, whose counter stays locked until the transaction ends. Only the entries
/// themselves are locked after it.
pub(super) async fn next_change(connection: &mut MySqlConnection, realm: &Realm) -> Result<u64, sqlx::Error> {
    // `LAST_INSERT_ID` with a value returns that value with the response.
    let counted = sqlx::query(
        "INSERT INTO otp_realms (realm, changes) VALUES (?, LAST_INSERT_ID(1)) \
         ON DUPLICATE KEY UPDATE changes = LAST_INSERT_ID(changes + 1)",
    )
    .bind(realm.as_str().as_bytes())
    .execute(connection)
    .await?;
    Ok(counted.last_insert_id())
}

/// Adds or extends an entry of the blacklist.
///
/// `InnoDB` shows another transaction's commit before it is durable, and a statement without
/// changes waits for nothing. A repetition always changes the number, so its own commit waits until
/// everything before it is durable, and what is acknowledged survives a crash.
pub(super) async fn blacklist(
    connection: &mut MySqlConnection,
    realm: &Realm,
    entry: &BlacklistEntry,
) -> Result<(), sqlx::Error> {
    let change = next_change(connection, realm).await?;
    sqlx::query(
        "INSERT INTO token_blacklist (realm, id, type, blacklisted_at, expires_at, changed) VALUES (?, ?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE expires_at = GREATEST(expires_at, ?), blacklisted_at = GREATEST(blacklisted_at, ?), \
         changed = ?",
    )
    .bind(realm.as_str().as_bytes())
    .bind(entry.id.as_slice())
    .bind(entry.kind.as_str())
    .bind(entry.blacklisted_at.as_millis())
    .bind(entry.expires_at.as_millis())
    .bind(change)
    .bind(entry.expires_at.as_millis())
    .bind(entry.blacklisted_at.as_millis())
    .bind(change)
    .execute(connection)
    .await?;
    Ok(())
}

impl MySqlStore {
    pub(super) async fn blacklist_has(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        let found = sqlx::query(
            "SELECT 1 FROM token_blacklist WHERE realm = ? AND id IN (?, ?, ?) AND expires_at > ? \
             AND (type <> 'user' OR blacklisted_at > ?) LIMIT 1",
        )
        .bind(realm.as_str().as_bytes())
        .bind(token.session.as_bytes().as_slice())
        .bind(token.token.as_bytes().as_slice())
        .bind(token.subject.as_bytes().as_slice())
        .bind(now.as_millis())
        .bind(token.authenticated_at.as_millis())
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.is_some())
    }

    pub(super) async fn read_revocations(
        &self,
        realm: &Realm,
        since: Option<Cursor>,
        now: Timestamp,
    ) -> StoreResult<Revocations> {
        // Read first: what is added meanwhile is returned again next time.
        let last: Option<i64> = sqlx::query_scalar("SELECT changes FROM otp_realms WHERE realm = ?")
            .bind(realm.as_str().as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        let last = last.unwrap_or(0);
        // A number that is far behind means that this is another server.
        let since = since.filter(|Cursor(seen)| last + REREAD_CHANGES >= *seen);
        let rows = match since {
            Some(Cursor(seen)) => {
                sqlx::query(
                    "SELECT id, type, blacklisted_at, expires_at FROM token_blacklist WHERE realm = ? AND changed > ?",
                )
                .bind(realm.as_str().as_bytes())
                .bind(seen - REREAD_CHANGES)
                .fetch_all(&self.pool)
                .await?
            }
            None => sqlx::query(
                "SELECT id, type, blacklisted_at, expires_at FROM token_blacklist WHERE realm = ? AND expires_at > ?",
            )
            .bind(realm.as_str().as_bytes())
            .bind(now.as_millis())
            .fetch_all(&self.pool)
            .await?,
        };
        Ok(Revocations::new(entries(&rows)?, Cursor(last)))
    }
}
