//! The blacklist in `SQLite`.
//!
//! Every change gets its own number from the table's sequence, which goes back only if the whole
//! file does. There is one writer at a time, so once a number is visible, all numbers before it
//! are.

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnection;

use crate::store::sql::row::entries;
use crate::store::{BlacklistEntry, Cursor, Realm, Revocations, Timestamp, TokenRef};

/// Adds or extends an entry. Replacing it inserts a new row, which gets a new number.
pub(super) async fn blacklist(
    connection: &mut SqliteConnection,
    realm: &Realm,
    entry: &BlacklistEntry,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO token_blacklist (realm, id, type, blacklisted_at, expires_at) \
         SELECT ?1, ?2, ?3, max(?4, coalesce(max(blacklisted_at), ?4)), max(?5, coalesce(max(expires_at), ?5)) \
         FROM token_blacklist WHERE realm = ?1 AND id = ?2",
    )
    .bind(realm.as_str())
    .bind(entry.id.as_slice())
    .bind(entry.kind.as_str())
    .bind(entry.blacklisted_at.as_millis())
    .bind(entry.expires_at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn is_blacklisted(
    pool: &SqlitePool,
    realm: &Realm,
    token: TokenRef,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM token_blacklist WHERE realm = ?1 AND id IN (?2, ?3, ?4) AND expires_at > ?5 \
         AND (type <> 'user' OR blacklisted_at > ?6))",
    )
    .bind(realm.as_str())
    .bind(token.session.as_bytes().as_slice())
    .bind(token.token.as_bytes().as_slice())
    .bind(token.subject.as_bytes().as_slice())
    .bind(now.as_millis())
    .bind(token.authenticated_at.as_millis())
    .fetch_one(pool)
    .await
}

pub(super) async fn revocations(
    pool: &SqlitePool,
    realm: &Realm,
    since: Option<Cursor>,
    now: Timestamp,
) -> Result<Revocations, sqlx::Error> {
    // Read first: what is added meanwhile is returned again next time. Reads the sequence, because
    // a cleanup may delete the row with the last number.
    let last: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'token_blacklist'")
        .fetch_optional(pool)
        .await?;
    let last = last.unwrap_or(0);
    // The number goes back when the file is replaced with an older copy.
    let since = since.filter(|Cursor(seen)| *seen <= last);
    let rows =
        match since {
            Some(Cursor(seen)) => sqlx::query(
                "SELECT id, type, blacklisted_at, expires_at FROM token_blacklist WHERE realm = ?1 AND changed > ?2",
            )
            .bind(realm.as_str())
            .bind(seen)
            .fetch_all(pool)
            .await?,
            None => sqlx::query(
                "SELECT id, type, blacklisted_at, expires_at FROM token_blacklist WHERE realm = ?1 AND expires_at > ?2",
            )
            .bind(realm.as_str())
            .bind(now.as_millis())
            .fetch_all(pool)
            .await?,
        };
    Ok(Revocations::new(entries(&rows)?, Cursor(last)))
}
