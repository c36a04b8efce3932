//! Challenges and budgets in `SQLite`.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use crate::challenge::budget::{ALL_STRANGERS, EXHAUSTED_CHALLENGES};
use crate::store::sql::row::{budget, count, counted, failures, opening, total};
use crate::store::{
    ChallengeKey, ChallengeStore, CountedAttempt, Identity, OpenChallenge, Opening, Realm, Refund, Requester,
    SendLimits, SendTicket, Spent, StoreResult, Timestamp,
};

/// Reads the budget, the total, and the challenge to resume, as one row. What does not exist is
/// NULL.
async fn read(
    connection: &mut SqliteConnection,
    realm: &Realm,
    open: &OpenChallenge,
) -> Result<SqliteRow, sqlx::Error> {
    sqlx::query(
        "SELECT budget.next_send_at, budget.hour_started_at, budget.hour_sends, budget.day_started_at, budget.day_sends, \
         total.day_started_at AS total_started_at, total.day_sends AS total_sends, \
         challenge.nonce, challenge.code_mac, challenge.expires_at \
         FROM (SELECT 1) \
         LEFT JOIN otp_budgets budget ON budget.realm = ?1 AND budget.identity = ?2 AND budget.requester = ?3 \
         LEFT JOIN otp_budgets total ON total.realm = ?1 AND total.identity = ?8 AND total.requester = ?9 \
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
    .bind(open.total.as_ref().map(|total| total.payer.as_bytes().as_slice()))
    .bind(ALL_STRANGERS)
    .fetch_one(connection)
    .await
}

/// What [`write`] adds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// A first budget, a first total and the fresh challenge; nothing if one of the two exists.
    First,
    /// Budget and total, whatever they are.
    Paid,
    /// The fresh challenge as well.
    PaidAndFresh,
}

/// Writes the budget, the challenge and the total: statements that are sent to the connection's
/// thread as one. Returns whether they did anything.
async fn write(
    connection: &mut SqliteConnection,
    realm: &Realm,
    open: &OpenChallenge,
    spent: Spent,
    writing: Writing,
) -> Result<bool, sqlx::Error> {
    let Spent { budget, total, .. } = spent;
    // sqlx takes a number that a statement leaves out for a value without one, and stops binding
    // when those outnumber the values. So what the last statement needs comes first.
    let written = sqlx::query(
        "INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends, last_send) \
         SELECT ?1, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14 \
         WHERE ?4 OR NOT EXISTS (SELECT 1 FROM otp_budgets WHERE realm = ?1 AND identity = ?2 AND requester = ?3) \
         ON CONFLICT (realm, identity, requester) DO UPDATE SET next_send_at = excluded.next_send_at, \
         hour_started_at = excluded.hour_started_at, hour_sends = excluded.hour_sends, \
         day_started_at = excluded.day_started_at, day_sends = excluded.day_sends, last_send = excluded.last_send WHERE ?4; \
         INSERT INTO otp_challenges (realm, key, identity, nonce, code_mac, created_at, expires_at) \
         SELECT ?1, ?14, ?15, ?16, ?17, ?18, ?19 WHERE ?20 AND (?4 OR changes() = 1); \
         INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
         SELECT ?1, ?2, ?3, ?5, ?5, 0, ?5, ?6 WHERE ?2 IS NOT NULL AND (?4 OR changes() = 1) \
         ON CONFLICT (realm, identity, requester) DO UPDATE SET next_send_at = excluded.next_send_at, \
         hour_started_at = excluded.hour_started_at, \
         day_started_at = excluded.day_started_at, day_sends = excluded.day_sends",
    )
    .bind(realm.as_str())
    .bind(open.total.as_ref().map(|total| total.payer.as_bytes().as_slice()))
    .bind(ALL_STRANGERS)
    .bind(writing != Writing::First)
    .bind(total.map(|total| total.started_at.as_millis()))
    .bind(total.map(|total| total.sends))
    .bind(open.payer.as_bytes().as_slice())
    .bind(open.requester as u8)
    .bind(budget.next_send_at.as_millis())
    .bind(budget.hour_started_at.as_millis())
    .bind(budget.hour_sends)
    .bind(budget.day_started_at.as_millis())
    .bind(budget.day_sends)
    .bind(open.fresh.key.as_bytes().as_slice())
    .bind(open.identity.as_bytes().as_slice())
    .bind(open.fresh.nonce.as_bytes().as_slice())
    .bind(open.code_mac(spent.number()).as_bytes().to_vec())
    .bind(open.now.as_millis())
    .bind(open.fresh.expires_at.as_millis())
    .bind(writing != Writing::Paid)
    .execute(connection)
    .await?;
    Ok(written.rows_affected() > 0)
}

impl ChallengeStore for SqliteStore {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        let (_turn, mut transaction) = self.begin().await?;
        // Most addresses have no budget, so a first one is written without reading.
        if open.resume.is_none()
            && let Ok(first) = open.spend(None, None)
            && write(&mut transaction, realm, open, first, Writing::First).await?
        {
            transaction.commit().await?;
            return Ok(Opening::Opened { code_mac: open.code_mac(first.number()), ticket: open.ticket() });
        }
        let row = read(&mut transaction, realm, open).await?;
        let spent = match open.spend(budget(&row)?, total(&row)?) {
            Ok(spent) => spent,
            Err(wait) => {
                transaction.rollback().await?;
                return Ok(Opening::Wait(wait));
            }
        };
        let opening = opening(&row, open, spent.number())?;
        let is_fresh = matches!(opening, Opening::Opened { .. });
        let writing = if is_fresh { Writing::PaidAndFresh } else { Writing::Paid };
        write(&mut transaction, realm, open, spent, writing).await?;
        transaction.commit().await?;
        Ok(opening)
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let (_turn, mut transaction) = self.begin().await?;
        sqlx::query(
            "UPDATE otp_budgets SET next_send_at = ?6, last_send = NULL, hour_sends = max(hour_sends - ?2, 0), day_sends = max(day_sends - ?2, 0) \
             WHERE realm = ?1 AND identity = ?7 AND requester = ?8 AND last_send = ?9; \
             UPDATE otp_budgets SET day_sends = max(day_sends - ?2, 0) \
             WHERE realm = ?1 AND identity = ?3 AND requester = ?4 AND day_started_at <= ?5 AND changes() = 1",
        )
        .bind(realm.as_str())
        .bind(refund.sends())
        .bind(ticket.total.as_ref().map(|payer| payer.as_bytes().as_slice()))
        .bind(ALL_STRANGERS)
        .bind(ticket.paid_at.as_millis())
        .bind(now.as_millis())
        .bind(ticket.payer.as_bytes().as_slice())
        .bind(ticket.requester as u8)
        .bind(ticket.key.as_bytes().as_slice())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        let (_turn, mut transaction) = self.begin().await?;
        // The failure comes first: whether it counts depends on the challenge as it was.
        let rows = sqlx::query(
            "UPDATE otp_budgets SET failures = failures + 1 WHERE realm = ?3 AND requester = ?4 AND identity = \
             (SELECT identity FROM otp_challenges WHERE realm = ?3 AND key = ?1 AND code_mac IS NOT NULL AND tries + 1 < ?2); \
             UPDATE otp_challenges SET tries = min(tries + 1, ?2) WHERE realm = ?3 AND key = ?1 \
             RETURNING tries, identity, code_mac, expires_at, \
             (SELECT failures FROM otp_budgets budget WHERE budget.realm = ?3 AND budget.requester = ?4 \
              AND budget.identity = otp_challenges.identity) AS failures",
        )
        .bind(key.as_bytes().as_slice())
        .bind(cap)
        .bind(realm.as_str())
        .bind((requester == Requester::Stranger).then_some(ALL_STRANGERS))
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let counted = counted(row, count(row, "tries")?)?;
        let failures = if counted.is_compared(cap) { failures(row)? } else { 0 };
        Ok(Some(CountedAttempt { failures, ..counted }))
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        let forgetting =
            sqlx::query("UPDATE otp_budgets SET failures = 0 WHERE realm = ?1 AND identity = ?2 AND requester = ?3")
                .bind(realm.as_str())
                .bind(identity.as_bytes().as_slice())
                .bind(ALL_STRANGERS);
        self.write(forgetting).await?;
        Ok(())
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
