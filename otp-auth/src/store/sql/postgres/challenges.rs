//! Challenges and budgets in `PostgreSQL`.

use super::super::retry::{MAX_RUNS, retrying};
use super::PostgresStore;
use crate::challenge::budget::{ALL_STRANGERS, EXHAUSTED_CHALLENGES};
use crate::error::StoreError;
use crate::store::sql::row::{OwnRow as _, budget, count, counted, failures, opening, total};
use crate::store::{
    Budget, ChallengeKey, ChallengeStore, CountedAttempt, Identity, OpenChallenge, Opening, Realm, Refund, Requester,
    SendLimits, SendTicket, StoreResult, Timestamp, Total,
};

/// What a request for a challenge led to.
enum Paid {
    /// Budget and total have paid.
    Both(Opening),
    /// The budget has paid, the total refuses.
    BudgetOnly,
    Nothing,
}

impl PostgresStore {
    /// Pays and opens in one statement.
    ///
    /// `spent` has the same rules as `Budget::spend`, and `total` as `Total::spend`. Each of
    /// several concurrent statements waits for the row, and then checks its condition on the row as
    /// it is. `resumed` reads the challenge as it was when the statement began, which counts as
    /// before whatever happened to the challenge meanwhile.
    async fn pay_and_open(&self, realm: &Realm, open: &OpenChallenge) -> Result<Paid, sqlx::Error> {
        let next_send_at = open.limits.cooldown_from(open.now);
        let statement = sqlx::query(
            "WITH spent AS ( \
                 INSERT INTO otp_budgets AS old \
                     (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends, last_send) \
                 SELECT $13, $14, $2, $4, $3, 1, $3, 1, $9 WHERE $5 > 0 AND $6 > 0 \
                 ON CONFLICT (realm, identity, requester) DO UPDATE SET \
                     next_send_at = $4, last_send = $9, \
                     hour_started_at = CASE WHEN old.hour_started_at <= $15 OR old.hour_started_at > $17 \
                         THEN $3 ELSE old.hour_started_at END, \
                     hour_sends = CASE WHEN old.hour_started_at <= $15 OR old.hour_started_at > $17 \
                         THEN 1 ELSE old.hour_sends + 1 END, \
                     day_started_at = CASE WHEN old.day_started_at <= $16 OR old.day_started_at > $17 \
                         THEN $3 ELSE old.day_started_at END, \
                     day_sends = CASE WHEN old.day_started_at <= $16 OR old.day_started_at > $17 \
                         THEN 1 ELSE old.day_sends + 1 END \
                 WHERE (old.next_send_at <= $3 OR old.next_send_at > $18) \
                     AND (old.hour_started_at <= $15 OR old.hour_started_at > $17 OR old.hour_sends < $5) \
                     AND (old.day_started_at <= $16 OR old.day_started_at > $17 OR old.day_sends < $6) \
                 RETURNING day_sends), \
             total AS ( \
                 INSERT INTO otp_budgets AS old \
                     (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
                 SELECT $13, $19::bytea, $20, $3, $3, 0, $3, 1 FROM spent WHERE $19::bytea IS NOT NULL AND $21 > 0 \
                 ON CONFLICT (realm, identity, requester) DO UPDATE SET \
                     next_send_at = CASE WHEN old.day_started_at <= $16 OR old.day_started_at > $17 \
                         THEN $3 ELSE old.next_send_at END, \
                     hour_started_at = CASE WHEN old.day_started_at <= $16 OR old.day_started_at > $17 \
                         THEN $3 ELSE old.hour_started_at END, \
                     day_started_at = CASE WHEN old.day_started_at <= $16 OR old.day_started_at > $17 \
                         THEN $3 ELSE old.day_started_at END, \
                     day_sends = CASE WHEN old.day_started_at <= $16 OR old.day_started_at > $17 \
                         THEN 1 ELSE old.day_sends + 1 END \
                 WHERE old.day_started_at <= $16 OR old.day_started_at > $17 OR old.day_sends < $21 \
                 RETURNING day_sends), \
             paid AS ( \
                 SELECT COALESCE(total.day_sends, spent.day_sends) AS number FROM spent LEFT JOIN total ON TRUE \
                 WHERE $19::bytea IS NULL OR total.day_sends IS NOT NULL), \
             resumed AS ( \
                 SELECT nonce, code_mac, expires_at FROM otp_challenges \
                 WHERE realm = $13 AND key = $7 AND identity = $1 AND consumed_at IS NULL AND expires_at > $3 AND tries < $8), \
             added AS ( \
                 INSERT INTO otp_challenges (realm, key, identity, nonce, code_mac, created_at, expires_at) \
                 SELECT $13, $9, $1, $10, CASE WHEN paid.number <= $22 THEN $11::bytea ELSE $23::bytea END, $3, $12 \
                 FROM paid WHERE NOT EXISTS (SELECT 1 FROM resumed)) \
             SELECT paid.number, resumed.nonce, resumed.code_mac, resumed.expires_at \
             FROM spent LEFT JOIN paid ON TRUE LEFT JOIN resumed ON TRUE",
        )
        .bind(open.identity.as_bytes().as_slice())
        .bind(open.requester as i16)
        .bind(open.now.as_millis())
        .bind(next_send_at.as_millis())
        .bind(i64::from(open.limits.per_hour))
        .bind(i64::from(open.limits.per_day))
        .bind(open.resume.as_ref().map(|resume| resume.key.as_bytes().as_slice()))
        .bind(open.resume.as_ref().map(|resume| i64::from(resume.max_attempts)))
        .bind(open.fresh.key.as_bytes().as_slice())
        .bind(open.fresh.nonce.as_bytes().as_slice())
        .bind(open.fresh.code_mac.as_bytes().as_slice())
        .bind(open.fresh.expires_at.as_millis())
        .bind(realm.as_str())
        .bind(open.payer.as_bytes().as_slice())
        .bind((open.now - SendLimits::HOUR).as_millis())
        .bind((open.now - SendLimits::DAY).as_millis())
        .bind((open.now + SendLimits::SKEW).as_millis())
        .bind((next_send_at + SendLimits::SKEW).as_millis())
        .bind(open.total.as_ref().map(|total| total.payer.as_bytes().as_slice()))
        .bind(i16::from(ALL_STRANGERS))
        .bind(open.total.map(|total| i64::from(total.per_day)))
        .bind(i64::from(open.short_codes))
        .bind(open.fresh.longer_code_mac.as_bytes().as_slice());
        let Some(row) = self.fetch_optional(statement).await? else {
            return Ok(Paid::Nothing);
        };
        if row.integer("number")?.is_none() {
            return Ok(Paid::BudgetOnly);
        }
        Ok(Paid::Both(opening(&row, open, count(&row, "number")?)?))
    }

    /// The budget and the total, as [`open_challenge`](ChallengeStore::open_challenge) found them.
    async fn refusing(
        &self,
        realm: &Realm,
        open: &OpenChallenge,
    ) -> Result<(Option<Budget>, Option<Total>), sqlx::Error> {
        let row = self
            .fetch_one(
                sqlx::query(
                    "SELECT budget.next_send_at, budget.hour_started_at, budget.hour_sends, \
                     budget.day_started_at, budget.day_sends, \
                     total.day_started_at AS total_started_at, total.day_sends AS total_sends \
                     FROM (SELECT 1) AS one \
                     LEFT JOIN otp_budgets budget ON budget.realm = $1 AND budget.identity = $2 AND budget.requester = $3 \
                     LEFT JOIN otp_budgets total ON total.realm = $1 AND total.identity = $4 AND total.requester = $5",
                )
                .bind(realm.as_str())
                .bind(open.payer.as_bytes().as_slice())
                .bind(open.requester as i16)
                .bind(open.total.as_ref().map(|total| total.payer.as_bytes().as_slice()))
                .bind(i16::from(ALL_STRANGERS)),
            )
            .await?;
        Ok((budget(&row)?, total(&row)?))
    }
}

impl ChallengeStore for PostgresStore {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        for _ in 0..MAX_RUNS {
            let alone = match retrying(|| self.pay_and_open(realm, open)).await? {
                Paid::Both(opening) => return Ok(opening),
                Paid::BudgetOnly => true,
                Paid::Nothing => false,
            };
            let (budget, total) = self.refusing(realm, open).await?;
            if alone {
                // A statement cannot take back half of itself. If this fails, the payer has lost
                // one send of a day on which nothing is sent.
                let ticket = SendTicket { total: None, ..open.ticket() };
                self.refund_send(realm, &ticket, Refund::Whole, open.now).await?;
            }
            // A concurrent send was refunded in between, so this one can have it.
            let wait = match open.total.filter(|_| alone) {
                Some(limit) => Total::spend(total, open.now, limit.per_day).err(),
                None => Budget::spend(budget, open.now, open.limits).err(),
            };
            if let Some(wait) = wait {
                return Ok(Opening::Wait(wait));
            }
        }
        Err(StoreError::new("too many concurrent changes to one budget"))
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let refunding = || {
            self.execute(
                sqlx::query(
                    "WITH refunded AS ( \
                         UPDATE otp_budgets SET next_send_at = $1, last_send = NULL, \
                         hour_sends = GREATEST(hour_sends - $6, 0), day_sends = GREATEST(day_sends - $6, 0) \
                         WHERE realm = $5 AND identity = $2 AND requester = $3 AND last_send = $4 RETURNING 1) \
                     UPDATE otp_budgets SET day_sends = GREATEST(day_sends - $6, 0) FROM refunded \
                     WHERE realm = $5 AND identity = $7 AND requester = $8 AND day_started_at <= $9",
                )
                .bind(now.as_millis())
                .bind(ticket.payer.as_bytes().as_slice())
                .bind(ticket.requester as i16)
                .bind(ticket.key.as_bytes().as_slice())
                .bind(realm.as_str())
                .bind(i64::from(refund.sends()))
                .bind(ticket.total.as_ref().map(|payer| payer.as_bytes().as_slice()))
                .bind(i16::from(ALL_STRANGERS))
                .bind(ticket.paid_at.as_millis()),
            )
        };
        retrying(refunding).await?;
        Ok(())
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        let counting = || {
            self.fetch_optional(
                sqlx::query(
                    "WITH counted AS ( \
                         UPDATE otp_challenges SET tries = LEAST(tries + 1, $2) WHERE realm = $3 AND key = $1 \
                         RETURNING tries, identity, code_mac, expires_at), \
                     failed AS ( \
                         UPDATE otp_budgets budget SET failures = budget.failures + 1 FROM counted \
                         WHERE budget.realm = $3 AND budget.identity = counted.identity AND budget.requester = $4 \
                             AND counted.code_mac IS NOT NULL AND counted.tries < $2 \
                         RETURNING budget.failures) \
                     SELECT tries, identity, code_mac, expires_at, failures FROM counted LEFT JOIN failed ON TRUE",
                )
                .bind(key.as_bytes().as_slice())
                .bind(i64::from(cap))
                .bind(realm.as_str())
                .bind((requester == Requester::Stranger).then_some(i16::from(ALL_STRANGERS))),
            )
        };
        let Some(row) = retrying(counting).await? else {
            return Ok(None);
        };
        let counted = counted(&row, count(&row, "tries")?)?;
        Ok(Some(CountedAttempt { failures: failures(&row)?, ..counted }))
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        let forgetting = || {
            self.execute(
                sqlx::query(
                    "UPDATE otp_budgets SET failures = 0 WHERE realm = $1 AND identity = $2 AND requester = $3",
                )
                .bind(realm.as_str())
                .bind(identity.as_bytes().as_slice())
                .bind(i16::from(ALL_STRANGERS)),
            )
        };
        retrying(forgetting).await?;
        Ok(())
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        let counting = || {
            self.fetch_one(
                sqlx::query(
                "INSERT INTO otp_budgets AS old \
                     (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
                 VALUES ($1, $2, $3, $4, $4, 0, $4, 1) \
                 ON CONFLICT (realm, identity, requester) DO UPDATE SET \
                     next_send_at = CASE WHEN old.day_started_at NOT BETWEEN $5 AND $6 THEN $4 ELSE old.next_send_at END, \
                     hour_started_at = CASE WHEN old.day_started_at NOT BETWEEN $5 AND $6 THEN $4 ELSE old.hour_started_at END, \
                     day_started_at = CASE WHEN old.day_started_at NOT BETWEEN $5 AND $6 THEN $4 ELSE old.day_started_at END, \
                     day_sends = CASE WHEN old.day_started_at NOT BETWEEN $5 AND $6 THEN 1 ELSE old.day_sends + 1 END \
                 RETURNING day_sends",
            )
            .bind(realm.as_str())
            .bind(identity.as_bytes().as_slice())
            .bind(i16::from(EXHAUSTED_CHALLENGES))
            .bind(now.as_millis())
                .bind((now - SendLimits::DAY).as_millis() + 1)
                .bind((now + SendLimits::SKEW).as_millis()),
            )
        };
        Ok(count(&retrying(counting).await?, "day_sends")?)
    }
}
