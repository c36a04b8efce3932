//! Challenges and budgets in `PostgreSQL`.

use super::super::retry::{MAX_RUNS, retrying};
use super::PostgresStore;
use crate::challenge::budget::EXHAUSTED_CHALLENGES;
use crate::error::StoreError;
use crate::store::sql::row::{budget, count, counted, opening};
use crate::store::{
    Budget, ChallengeKey, ChallengeStore, CountedAttempt, Identity, OpenChallenge, Opening, Realm, Refund, SendLimits,
    SendTicket, StoreResult, Timestamp,
};

impl PostgresStore {
    /// Pays and opens in one statement; `None` if the budget does not allow it.
    ///
    /// `spent` has the same rules as `Budget::spend`. Each of several concurrent statements waits
    /// for the row, and then checks its condition on the row as it is. `resumed` reads the
    /// challenge as it was when the statement began, which counts as before whatever happened to
    /// the challenge meanwhile.
    async fn pay_and_open(&self, realm: &Realm, open: &OpenChallenge) -> Result<Option<Opening>, sqlx::Error> {
        let next_send_at = open.limits.cooldown_from(open.now);
        let statement = sqlx::query(
            "WITH spent AS ( \
                 INSERT INTO otp_budgets AS old \
                     (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
                 SELECT $13, $14, $2, $4, $3, 1, $3, 1 WHERE $5 > 0 AND $6 > 0 \
                 ON CONFLICT (realm, identity, requester) DO UPDATE SET \
                     next_send_at = $4, \
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
                 RETURNING 1), \
             resumed AS ( \
                 SELECT nonce, expires_at FROM otp_challenges \
                 WHERE realm = $13 AND key = $7 AND identity = $1 AND consumed_at IS NULL AND expires_at > $3 AND tries < $8), \
             added AS ( \
                 INSERT INTO otp_challenges (realm, key, identity, nonce, code_mac, created_at, expires_at) \
                 SELECT $13, $9, $1, $10, $11, $3, $12 FROM spent WHERE NOT EXISTS (SELECT 1 FROM resumed)) \
             SELECT resumed.nonce, resumed.expires_at FROM spent LEFT JOIN resumed ON TRUE",
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
        .bind((next_send_at + SendLimits::SKEW).as_millis());
        let row = self.fetch_optional(statement).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(opening(&row, open.ticket())?))
    }
}

impl ChallengeStore for PostgresStore {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        for _ in 0..MAX_RUNS {
            if let Some(opening) = retrying(|| self.pay_and_open(realm, open)).await? {
                return Ok(opening);
            }
            let row = self
                .fetch_optional(
                    sqlx::query(
                        "SELECT next_send_at, hour_started_at, hour_sends, day_started_at, day_sends \
                         FROM otp_budgets WHERE realm = $3 AND identity = $1 AND requester = $2",
                    )
                    .bind(open.payer.as_bytes().as_slice())
                    .bind(open.requester as i16)
                    .bind(realm.as_str()),
                )
                .await?;
            let refusing = row.as_ref().map(budget).transpose()?.flatten();
            // A concurrent send was refunded in between, so this one can have it.
            if let Err(wait) = Budget::spend(refusing, open.now, open.limits) {
                return Ok(Opening::Wait(wait));
            }
        }
        Err(StoreError::new("too many concurrent changes to one budget"))
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let refunding = || {
            self.execute(
                sqlx::query(
                    "UPDATE otp_budgets SET next_send_at = $1, \
                     hour_sends = GREATEST(hour_sends - $6, 0), day_sends = GREATEST(day_sends - $6, 0) \
                     WHERE realm = $5 AND identity = $2 AND requester = $3 AND next_send_at = $4",
                )
                .bind(now.as_millis())
                .bind(ticket.payer.as_bytes().as_slice())
                .bind(ticket.requester as i16)
                .bind(ticket.next_send_at.as_millis())
                .bind(realm.as_str())
                .bind(i64::from(refund.sends())),
            )
        };
        retrying(refunding).await?;
        Ok(())
    }

    async fn count_attempt(&self, realm: &Realm, key: &ChallengeKey, cap: u32) -> StoreResult<Option<CountedAttempt>> {
        let counting = || {
            self.fetch_optional(
                sqlx::query(
                    "UPDATE otp_challenges SET tries = LEAST(tries + 1, $2) WHERE realm = $3 AND key = $1 \
                     RETURNING tries, identity, code_mac, expires_at",
                )
                .bind(key.as_bytes().as_slice())
                .bind(i64::from(cap))
                .bind(realm.as_str()),
            )
        };
        let Some(row) = retrying(counting).await? else {
            return Ok(None);
        };
        Ok(Some(counted(&row, count(&row, "tries")?)?))
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
