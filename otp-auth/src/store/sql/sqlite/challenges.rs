//! Challenges and budgets in `SQLite`.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use crate::challenge::budget::EXHAUSTED_CHALLENGES;
use crate::store::sql::row::{budget, count, counted, opening};
use crate::store::{
    Budget, ChallengeKey, ChallengeStore, CountedAttempt, Identity, OpenChallenge, Opening, Realm, Refund, SendLimits,
    SendTicket, StoreResult, Timestamp,
};

/// Reads the budget and, with `nonce` and `expires_at`, the challenge to resume, as one row. What
/// does not exist is NULL.
async fn read(
    connection: &mut SqliteConnection,
    realm: &Realm,
    open: &OpenChallenge,
) -> Result<SqliteRow, sqlx::Error> {
    sqlx::query(
        "SELECT budget.next_send_at, budget.hour_started_at, budget.hour_sends, budget.day_started_at, budget.day_sends, \
         challenge.nonce, challenge.expires_at \
         FROM (SELECT 1) \
         LEFT JOIN otp_budgets budget ON budget.realm = ?1 AND budget.identity = ?2 AND budget.requester = ?3 \
         LEFT JOIN otp_challenges challenge ON challenge.realm = ?1 AND challenge.key = ?4 AND challenge.identity = ?5 \
         AND challenge.consumed_at IS NULL AND challenge.expires_at > ?6 AND challenge.tries < ?7",
    )
    .bind(realm.as_str())
    .bind(open.payer.as_bytes().as_slice())
    .bind(open.requester as u8)
    .bind(open.resume.as_ref().map(|resume| resume.key.as_bytes().as_slice()))
    .bind(open.identity.as_bytes().as_slice())
    .bind(open.now.as_millis())
    .bind(open.resume.as_ref().map(|resume| resume.max_attempts))
    .fetch_one(connection)
    .await
}

/// What [`write`] adds to a payer's new budget.
struct Writing {
    /// Whether it replaces a budget that exists.
    replaces: bool,
    /// Whether it adds the fresh challenge.
    is_fresh: bool,
}

/// Writes the budget and the challenge: two statements, sent to the connection's thread as one.
/// Returns whether they did anything.
async fn write(
    connection: &mut SqliteConnection,
    realm: &Realm,
    open: &OpenChallenge,
    spent: Budget,
    Writing { replaces, is_fresh }: Writing,
) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (realm, identity, requester) DO UPDATE SET next_send_at = excluded.next_send_at, \
         hour_started_at = excluded.hour_started_at, hour_sends = excluded.hour_sends, \
         day_started_at = excluded.day_started_at, day_sends = excluded.day_sends WHERE ?15; \
         INSERT INTO otp_challenges (realm, key, identity, nonce, code_mac, created_at, expires_at) \
         SELECT ?1, ?9, ?10, ?11, ?12, ?13, ?14 WHERE ?16 AND changes() = 1",
    )
    .bind(realm.as_str())
    .bind(open.payer.as_bytes().as_slice())
    .bind(open.requester as u8)
    .bind(spent.next_send_at.as_millis())
    .bind(spent.hour_started_at.as_millis())
    .bind(spent.hour_sends)
    .bind(spent.day_started_at.as_millis())
    .bind(spent.day_sends)
    .bind(open.fresh.key.as_bytes().as_slice())
    .bind(open.identity.as_bytes().as_slice())
    .bind(open.fresh.nonce.as_bytes().as_slice())
    .bind(open.fresh.code_mac.as_bytes().as_slice())
    .bind(open.now.as_millis())
    .bind(open.fresh.expires_at.as_millis())
    .bind(replaces)
    .bind(is_fresh)
    .execute(connection)
    .await?;
    Ok(written.rows_affected() > 0)
}

impl ChallengeStore for SqliteStore {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        let (_turn, mut transaction) = self.begin().await?;
        // Most addresses have no budget, so a first one is written without reading.
        if open.resume.is_none()
            && let Ok(first) = Budget::spend(None, open.now, open.limits)
            && write(&mut transaction, realm, open, first, Writing { replaces: false, is_fresh: true }).await?
        {
            transaction.commit().await?;
            return Ok(Opening::Opened(open.ticket()));
        }
        let row = read(&mut transaction, realm, open).await?;
        let spent = match Budget::spend(budget(&row)?, open.now, open.limits) {
            Ok(spent) => spent,
            Err(wait) => {
                transaction.rollback().await?;
                return Ok(Opening::Wait(wait));
            }
        };
        let opening = opening(&row, open.ticket())?;
        let writing = Writing { replaces: true, is_fresh: matches!(opening, Opening::Opened(_)) };
        write(&mut transaction, realm, open, spent, writing).await?;
        transaction.commit().await?;
        Ok(opening)
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let refunding = sqlx::query(
            "UPDATE otp_budgets SET next_send_at = ?1, hour_sends = max(hour_sends - ?6, 0), day_sends = max(day_sends - ?6, 0) \
             WHERE realm = ?5 AND identity = ?2 AND requester = ?3 AND next_send_at = ?4",
        )
        .bind(now.as_millis())
        .bind(ticket.payer.as_bytes().as_slice())
        .bind(ticket.requester as u8)
        .bind(ticket.next_send_at.as_millis())
        .bind(realm.as_str())
        .bind(refund.sends());
        self.write(refunding).await?;
        Ok(())
    }

    async fn count_attempt(&self, realm: &Realm, key: &ChallengeKey, cap: u32) -> StoreResult<Option<CountedAttempt>> {
        let counting = sqlx::query(
            "UPDATE otp_challenges SET tries = min(tries + 1, ?2) WHERE realm = ?3 AND key = ?1 \
             RETURNING tries, identity, code_mac, expires_at",
        )
        .bind(key.as_bytes().as_slice())
        .bind(cap)
        .bind(realm.as_str());
        let Some(row) = self.write(counting).await? else {
            return Ok(None);
        };
        Ok(Some(counted(&row, count(&row, "tries")?)?))
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        let counting = sqlx::query(
            "INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
             VALUES (?1, ?2, ?3, ?4, ?4, 0, ?4, 1) \
             ON CONFLICT (realm, identity, requester) DO UPDATE SET \
             next_send_at = CASE WHEN day_started_at NOT BETWEEN ?5 AND ?6 THEN ?4 ELSE next_send_at END, \
             hour_started_at = CASE WHEN day_started_at NOT BETWEEN ?5 AND ?6 THEN ?4 ELSE hour_started_at END, \
             day_sends = CASE WHEN day_started_at NOT BETWEEN ?5 AND ?6 THEN 1 ELSE day_sends + 1 END, \
             day_started_at = CASE WHEN day_started_at NOT BETWEEN ?5 AND ?6 THEN ?4 ELSE day_started_at END \
             RETURNING day_sends",
        )
        .bind(realm.as_str())
        .bind(identity.as_bytes().as_slice())
        .bind(EXHAUSTED_CHALLENGES)
        .bind(now.as_millis())
        .bind((now - SendLimits::DAY).as_millis() + 1)
        .bind((now + SendLimits::SKEW).as_millis());
        let row = self.write(counting).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(count(&row, "day_sends")?)
    }
}
