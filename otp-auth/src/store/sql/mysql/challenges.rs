//! Challenges and budgets in `MySQL` and `MariaDB`.

use sqlx::mysql::{MySqlConnection, MySqlQueryResult, MySqlRow};

use super::super::retry::retrying;
use super::MySqlStore;
use crate::challenge::budget::{ALL_STRANGERS, EXHAUSTED_CHALLENGES};
use crate::store::sql::row::{budget, counted, opening, total};
use crate::store::{
    Budget, ChallengeKey, ChallengeStore, CodeMac, CountedAttempt, Identity, OpenChallenge, Opening, Realm, Refund,
    Requester, SendLimits, SendTicket, StoreResult, Timestamp,
};

/// The value of `LAST_INSERT_ID` in a statement.
fn last_number(result: &MySqlQueryResult) -> Result<u32, sqlx::Error> {
    u32::try_from(result.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Locks a budget until the transaction ends. If there is none, inserts an empty one, which has the
/// same effect as none.
///
/// An INSERT that meets the row locks it for writing immediately. A SELECT before it would lock for
/// reading, and two of those block each other.
async fn lock_budget(
    connection: &mut MySqlConnection,
    realm: &Realm,
    payer: &Identity,
    class: u8,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO otp_budgets \
         (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
         VALUES (?, ?, ?, 0, 0, 0, 0, 0) ON DUPLICATE KEY UPDATE requester = requester",
    )
    .bind(realm.as_str().as_bytes())
    .bind(payer.as_bytes().as_slice())
    .bind(class)
    .execute(connection)
    .await?;
    Ok(())
}

/// Reads a budget that exists, the total, and the challenge to resume, as one row.
async fn read(connection: &mut MySqlConnection, realm: &Realm, open: &OpenChallenge) -> Result<MySqlRow, sqlx::Error> {
    sqlx::query(
        "SELECT budget.next_send_at, budget.hour_started_at, budget.hour_sends, budget.day_started_at, budget.day_sends, \
         total.day_started_at AS total_started_at, total.day_sends AS total_sends, \
         challenge.nonce, challenge.code_mac, challenge.expires_at \
         FROM otp_budgets budget \
         LEFT JOIN otp_budgets total ON total.realm = budget.realm AND total.identity = ? AND total.requester = ? \
         LEFT JOIN otp_challenges challenge \
         ON challenge.realm = budget.realm AND challenge.`key` = ? AND challenge.identity = ? AND challenge.consumed_at IS NULL \
         AND challenge.expires_at > ? AND challenge.tries < ? \
         WHERE budget.realm = ? AND budget.identity = ? AND budget.requester = ?",
    )
    .bind(open.total.as_ref().map(|total| total.payer.as_bytes().as_slice()))
    .bind(ALL_STRANGERS)
    .bind(open.resume.as_ref().map(|resume| resume.key.as_bytes().as_slice()))
    .bind(open.identity.as_bytes().as_slice())
    .bind(open.now.as_millis())
    .bind(open.resume.as_ref().map(|resume| resume.max_attempts))
    .bind(realm.as_str().as_bytes())
    .bind(open.payer.as_bytes().as_slice())
    .bind(open.requester as u8)
    .fetch_one(connection)
    .await
}

async fn pay(
    connection: &mut MySqlConnection,
    realm: &Realm,
    payer: &Identity,
    class: u8,
    spent: Budget,
    last_send: Option<ChallengeKey>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE otp_budgets SET next_send_at = ?, hour_started_at = ?, hour_sends = ?, day_started_at = ?, day_sends = ?, \
         last_send = ? WHERE realm = ? AND identity = ? AND requester = ?",
    )
    .bind(spent.next_send_at.as_millis())
    .bind(spent.hour_started_at.as_millis())
    .bind(spent.hour_sends)
    .bind(spent.day_started_at.as_millis())
    .bind(spent.day_sends)
    .bind(last_send.as_ref().map(|key| key.as_bytes().as_slice()))
    .bind(realm.as_str().as_bytes())
    .bind(payer.as_bytes().as_slice())
    .bind(class)
    .execute(connection)
    .await?;
    Ok(())
}

async fn add_fresh(
    connection: &mut MySqlConnection,
    realm: &Realm,
    open: &OpenChallenge,
    code_mac: CodeMac,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO otp_challenges (realm, `key`, identity, nonce, code_mac, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(realm.as_str().as_bytes())
    .bind(open.fresh.key.as_bytes().as_slice())
    .bind(open.identity.as_bytes().as_slice())
    .bind(open.fresh.nonce.as_bytes().as_slice())
    .bind(code_mac.as_bytes().as_slice())
    .bind(open.now.as_millis())
    .bind(open.fresh.expires_at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

impl MySqlStore {
    /// One attempt to pay and open, in one transaction.
    async fn pay_and_open(&self, realm: &Realm, open: &OpenChallenge) -> Result<Opening, sqlx::Error> {
        let mut transaction = self.begin().await?;
        lock_budget(&mut transaction, realm, &open.payer, open.requester as u8).await?;
        if let Some(limit) = &open.total {
            lock_budget(&mut transaction, realm, &limit.payer, ALL_STRANGERS).await?;
        }
        let row = read(&mut transaction, realm, open).await?;
        let spent = match open.spend(budget(&row)?, total(&row)?) {
            Ok(spent) => spent,
            Err(wait) => {
                transaction.rollback().await?;
                return Ok(Opening::Wait(wait));
            }
        };
        pay(&mut transaction, realm, &open.payer, open.requester as u8, spent.budget, Some(open.fresh.key)).await?;
        if let Some((limit, total)) = open.total.zip(spent.total) {
            pay(&mut transaction, realm, &limit.payer, ALL_STRANGERS, total.to_budget(), None).await?;
        }
        let opening = opening(&row, open, spent.number())?;
        if let Opening::Opened { code_mac, .. } = opening {
            add_fresh(&mut transaction, realm, open, code_mac).await?;
        }
        transaction.commit().await?;
        Ok(opening)
    }

    /// Refunds a send, in one transaction.
    async fn refund(
        &self,
        realm: &Realm,
        ticket: &SendTicket,
        refund: Refund,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.begin().await?;
        let refunded = sqlx::query(
            "UPDATE otp_budgets SET next_send_at = ?, last_send = NULL, \
             hour_sends = GREATEST(hour_sends - ?, 0), day_sends = GREATEST(day_sends - ?, 0) \
             WHERE realm = ? AND identity = ? AND requester = ? AND last_send = ?",
        )
        .bind(now.as_millis())
        .bind(i64::from(refund.sends()))
        .bind(i64::from(refund.sends()))
        .bind(realm.as_str().as_bytes())
        .bind(ticket.payer.as_bytes().as_slice())
        .bind(ticket.requester as u8)
        .bind(ticket.key.as_bytes().as_slice())
        .execute(&mut *transaction)
        .await?;
        if let Some(payer) = ticket.total.filter(|_| refunded.rows_affected() > 0) {
            sqlx::query(
                "UPDATE otp_budgets SET day_sends = GREATEST(day_sends - ?, 0) \
                 WHERE realm = ? AND identity = ? AND requester = ? AND day_started_at <= ?",
            )
            .bind(i64::from(refund.sends()))
            .bind(realm.as_str().as_bytes())
            .bind(payer.as_bytes().as_slice())
            .bind(ALL_STRANGERS)
            .bind(ticket.paid_at.as_millis())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await
    }
}

impl MySqlStore {
    /// Counts a failure of strangers, and returns its number; 0 if the address has no total.
    async fn count_failure(&self, realm: &Realm, identity: &Identity) -> StoreResult<u32> {
        let counting = || {
            sqlx::query(
                "UPDATE otp_budgets SET failures = LAST_INSERT_ID(failures + 1) \
                 WHERE realm = ? AND identity = ? AND requester = ?",
            )
            .bind(realm.as_str().as_bytes())
            .bind(identity.as_bytes().as_slice())
            .bind(ALL_STRANGERS)
            .execute(&self.pool)
        };
        Ok(last_number(&retrying(counting).await?)?)
    }
}

impl ChallengeStore for MySqlStore {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        retrying(|| self.pay_and_open(realm, open)).await
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        retrying(|| self.refund(realm, ticket, refund, now)).await
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        // `LAST_INSERT_ID` with a value returns that value with the response: the number of this
        // attempt and of no other.
        let counting = || {
            sqlx::query(
                "UPDATE otp_challenges SET tries = LAST_INSERT_ID(LEAST(tries + 1, ?)) WHERE realm = ? AND `key` = ?",
            )
            .bind(cap)
            .bind(realm.as_str().as_bytes())
            .bind(key.as_bytes().as_slice())
            .execute(&self.pool)
        };
        let update = retrying(counting).await?;
        if update.rows_affected() == 0 {
            return Ok(None);
        }
        let number = last_number(&update)?;
        // What this reads never changes, except if the code is accepted in between, and then it is
        // spent.
        let row =
            sqlx::query("SELECT identity, code_mac, expires_at FROM otp_challenges WHERE realm = ? AND `key` = ?")
                .bind(realm.as_str().as_bytes())
                .bind(key.as_bytes().as_slice())
                .fetch_optional(&self.pool)
                .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let counted = counted(&row, number)?;
        if requester != Requester::Stranger || !counted.is_compared(cap) {
            return Ok(Some(counted));
        }
        let failures = self.count_failure(realm, &counted.identity).await?;
        Ok(Some(CountedAttempt { failures, ..counted }))
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        let forgetting = || {
            sqlx::query("UPDATE otp_budgets SET failures = 0 WHERE realm = ? AND identity = ? AND requester = ?")
                .bind(realm.as_str().as_bytes())
                .bind(identity.as_bytes().as_slice())
                .bind(ALL_STRANGERS)
                .execute(&self.pool)
        };
        retrying(forgetting).await?;
        Ok(())
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        // Assignments run from left to right, so what depends on the day comes before the day.
        let counting = || {
            let (first, latest) = ((now - SendLimits::DAY).as_millis() + 1, (now + SendLimits::SKEW).as_millis());
            sqlx::query(
                "INSERT INTO otp_budgets \
                 (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
                 VALUES (?, ?, ?, ?, ?, 0, ?, LAST_INSERT_ID(1)) \
                 ON DUPLICATE KEY UPDATE \
                 next_send_at = IF(day_started_at NOT BETWEEN ? AND ?, ?, next_send_at), \
                 hour_started_at = IF(day_started_at NOT BETWEEN ? AND ?, ?, hour_started_at), \
                 day_sends = LAST_INSERT_ID(IF(day_started_at NOT BETWEEN ? AND ?, 1, day_sends + 1)), \
                 day_started_at = IF(day_started_at NOT BETWEEN ? AND ?, ?, day_started_at)",
            )
            .bind(realm.as_str().as_bytes())
            .bind(identity.as_bytes().as_slice())
            .bind(EXHAUSTED_CHALLENGES)
            .bind(now.as_millis())
            .bind(now.as_millis())
            .bind(now.as_millis())
            .bind(first)
            .bind(latest)
            .bind(now.as_millis())
            .bind(first)
            .bind(latest)
            .bind(now.as_millis())
            .bind(first)
            .bind(latest)
            .bind(first)
            .bind(latest)
            .bind(now.as_millis())
            .execute(&self.pool)
        };
        Ok(last_number(&retrying(counting).await?)?)
    }
}
