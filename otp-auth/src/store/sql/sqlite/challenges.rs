//! Challenges and budgets in `SQLite`.

use super::SqliteStore;
use crate::challenge::budget::EXHAUSTED_CHALLENGES;
use crate::store::sql::row::{budget, bytes, count, counted, time};
use crate::store::{
    ChallengeKey, ChallengeStore, CountedAttempt, Identity, Nonce, OpenChallenge, Opening, Realm, Refund, SendLimits,
    SendTicket, StoreResult, Timestamp,
};

impl ChallengeStore for SqliteStore {
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        let (_turn, mut transaction) = self.begin().await?;
        let (identity, payer) = (open.identity.as_bytes().as_slice(), open.payer.as_bytes().as_slice());
        let next_send_at = open.now + open.limits.cooldown;
        // `Budget::spend` in one statement, so that the lock is held for only one. The conformance
        // suite compares the two.
        let paid = sqlx::query(
            "INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
             VALUES (?9, ?1, ?2, ?4, ?3, 1, ?3, 1) \
             ON CONFLICT (realm, identity, requester) DO UPDATE SET next_send_at = ?4, \
             hour_sends = CASE WHEN hour_started_at <= ?5 OR hour_started_at > ?10 THEN 1 ELSE hour_sends + 1 END, \
             hour_started_at = CASE WHEN hour_started_at <= ?5 OR hour_started_at > ?10 THEN ?3 ELSE hour_started_at END, \
             day_sends = CASE WHEN day_started_at <= ?6 OR day_started_at > ?10 THEN 1 ELSE day_sends + 1 END, \
             day_started_at = CASE WHEN day_started_at <= ?6 OR day_started_at > ?10 THEN ?3 ELSE day_started_at END \
             WHERE (next_send_at <= ?3 OR next_send_at > ?11) \
             AND (hour_started_at <= ?5 OR hour_started_at > ?10 OR hour_sends < ?7) \
             AND (day_started_at <= ?6 OR day_started_at > ?10 OR day_sends < ?8)",
        )
        .bind(payer)
        .bind(open.requester as u8)
        .bind(open.now.as_millis())
        .bind(next_send_at.as_millis())
        .bind((open.now - SendLimits::HOUR).as_millis())
        .bind((open.now - SendLimits::DAY).as_millis())
        .bind(open.limits.per_hour)
        .bind(open.limits.per_day)
        .bind(realm.as_str())
        .bind((open.now + SendLimits::SKEW).as_millis())
        .bind((next_send_at + SendLimits::SKEW).as_millis())
        .execute(&mut *transaction)
        .await?;
        if paid.rows_affected() == 0 {
            let row = sqlx::query(
                "SELECT next_send_at, hour_started_at, hour_sends, day_started_at, day_sends \
                 FROM otp_budgets WHERE realm = ?3 AND identity = ?1 AND requester = ?2",
            )
            .bind(payer)
            .bind(open.requester as u8)
            .bind(realm.as_str())
            .fetch_one(&mut *transaction)
            .await?;
            let wait = budget(&row)?.wait(open.now, open.limits);
            transaction.rollback().await?;
            return Ok(Opening::Wait(wait));
        }
        let ticket = SendTicket { payer: open.payer, requester: open.requester, next_send_at };

        let resumed = match open.resume {
            None => None,
            Some(resume) => {
                sqlx::query(
                    "SELECT nonce, expires_at FROM otp_challenges \
                     WHERE realm = ?5 AND key = ?1 AND identity = ?2 AND consumed_at IS NULL AND expires_at > ?3 AND tries < ?4",
                )
                .bind(resume.key.as_bytes().as_slice())
                .bind(identity)
                .bind(open.now.as_millis())
                .bind(resume.max_attempts)
                .bind(realm.as_str())
                .fetch_optional(&mut *transaction)
                .await?
            }
        };
        let opening = if let Some(row) = resumed {
            Opening::Resumed {
                nonce: Nonce::from_bytes(bytes(&row, "nonce")?),
                expires_at: time(&row, "expires_at")?,
                ticket,
            }
        } else {
            sqlx::query(
                "INSERT INTO otp_challenges (realm, key, identity, nonce, code_mac, created_at, expires_at) \
                 VALUES (?7, ?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .bind(open.fresh.key.as_bytes().as_slice())
            .bind(identity)
            .bind(open.fresh.nonce.as_bytes().as_slice())
            .bind(open.fresh.code_mac.as_bytes().as_slice())
            .bind(open.now.as_millis())
            .bind(open.fresh.expires_at.as_millis())
            .bind(realm.as_str())
            .execute(&mut *transaction)
            .await?;
            Opening::Opened(ticket)
        };
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
