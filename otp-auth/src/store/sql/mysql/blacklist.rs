//! The blacklist in `MySQL` and `MariaDB`.
//!
//! Every change has a number, from a counter of the realm whose row stays
//! locked until the transaction ends. So numbers appear in the order in which
//! they were given.

use sqlx::mysql::MySqlConnection;

use super::MySqlStore;
use crate::store::sql::row::entries;
use crate::store::{BlacklistEntry, Cursor, Realm, Revocations, StoreResult, Timestamp, TokenRef};

/// `InnoDB` shows what is committed before it is durable. A crash can take
/// back what was seen, and then the same numbers are given again: not more
/// than there are transactions at once. So many are always read again.
const REREAD_CHANGES: i64 = 256;

/// The number of a change, which is locked until the transaction ends. It is
/// the last lock but those of the entries themselves.
pub(super) async fn next_change(connection: &mut MySqlConnection, realm: &Realm) -> Result<u64, sqlx::Error> {
    // `LAST_INSERT_ID` with a value hands that value back with the answer.
    let counted = sqlx::query(
        "INSERT INTO otp_realms (realm, changes) VALUES (?, LAST_INSERT_ID(1)) \
         ON DUPLICATE KEY UPDATE changes = LAST_INSERT_ID(changes + 1)",
    )
    .bind(realm.as_str().as_bytes())
    .execute(connection)
    .await?;
    Ok(counted.last_insert_id())
}

/// Adds an entry to the blacklist, or extends it.
///
/// `InnoDB` shows what another transaction has committed before that is
/// durable, and a statement that changes nothing waits for nothing. But a
/// repetition always changes a number: then its own commit waits until all
/// before it is durable, and what is acknowledged survives a crash.
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
        // Read first: what is added meanwhile is told again the next time.
        let last: Option<i64> = sqlx::query_scalar("SELECT changes FROM otp_realms WHERE realm = ?")
            .bind(realm.as_str().as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        let last = last.unwrap_or(0);
        // A number that is far behind means that this is another server by now.
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
