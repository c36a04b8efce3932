//! The blacklist in `PostgreSQL`.
//!
//! Each change has the number of the transaction that made it. Numbers are assigned when a
//! transaction begins to write, but transactions end in any order. So a reader also queries the
//! lowest number that is still open, and continues from there. Below it nothing can appear any
//! more.

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::super::retry::retrying;
use super::PostgresStore;
use crate::store::sql::row::entries;
use crate::store::{BlacklistEntry, Cursor, Realm, Revocations, StoreResult, Timestamp, TokenRef};

impl PostgresStore {
    pub(super) async fn add_to_blacklist(&self, realm: &Realm, entry: &BlacklistEntry) -> StoreResult<()> {
        let blacklisting = || {
            self.execute(
                sqlx::query(
                    "INSERT INTO token_blacklist AS old (realm, id, type, blacklisted_at, expires_at, changed) \
                     VALUES ($1, $2, $3, $4, $5, pg_current_xact_id()::text::bigint) \
                     ON CONFLICT (realm, id) DO UPDATE SET changed = excluded.changed, \
                         blacklisted_at = GREATEST(old.blacklisted_at, excluded.blacklisted_at), \
                         expires_at = GREATEST(old.expires_at, excluded.expires_at)",
                )
                .bind(realm.as_str())
                .bind(entry.id.as_slice())
                .bind(entry.kind.as_str())
                .bind(entry.blacklisted_at.as_millis())
                .bind(entry.expires_at.as_millis()),
            )
        };
        retrying(blacklisting).await?;
        Ok(())
    }

    pub(super) async fn blacklist_has(&self, realm: &Realm, token: TokenRef, now: Timestamp) -> StoreResult<bool> {
        let row = self
            .fetch_one(
                sqlx::query(
                    "SELECT EXISTS (SELECT 1 FROM token_blacklist \
                     WHERE realm = $1 AND id IN ($2, $3, $4) AND expires_at > $5 \
                     AND (type <> 'user' OR blacklisted_at > $6))",
                )
                .bind(realm.as_str())
                .bind(token.session.as_bytes().as_slice())
                .bind(token.token.as_bytes().as_slice())
                .bind(token.subject.as_bytes().as_slice())
                .bind(now.as_millis())
                .bind(token.authenticated_at.as_millis()),
            )
            .await?;
        Ok(row.try_get(0)?)
    }

    pub(super) async fn read_revocations(
        &self,
        realm: &Realm,
        since: Option<Cursor>,
        now: Timestamp,
    ) -> StoreResult<Revocations> {
        if let Some(Cursor(seen)) = since {
            let rows = self
                .fetch_all(
                    sqlx::query(
                        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS lowest_open, \
                         entry.id, entry.type, entry.blacklisted_at, entry.expires_at \
                         FROM (SELECT 1) once LEFT JOIN token_blacklist entry ON entry.realm = $1 AND entry.changed >= $2",
                    )
                    .bind(realm.as_str())
                    .bind(seen),
                )
                .await?;
            let cursor = lowest_open(&rows)?;
            // Numbers never go back, unless this is another server.
            if seen <= cursor.0 {
                return Ok(Revocations::new(entries(&rows)?, cursor));
            }
        }
        let rows = self
            .fetch_all(
                sqlx::query(
                    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS lowest_open, \
                     entry.id, entry.type, entry.blacklisted_at, entry.expires_at \
                     FROM (SELECT 1) once LEFT JOIN token_blacklist entry ON entry.realm = $1 AND entry.expires_at > $2",
                )
                .bind(realm.as_str())
                .bind(now.as_millis()),
            )
            .await?;
        Ok(Revocations::new(entries(&rows)?, lowest_open(&rows)?))
    }
}

fn lowest_open(rows: &[PgRow]) -> Result<Cursor, sqlx::Error> {
    rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("lowest_open").map(Cursor)
}
