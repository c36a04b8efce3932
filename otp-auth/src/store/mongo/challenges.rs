//! Challenges and budgets in `MongoDB`.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::error::{Error, is_duplicate};
use super::row::{self, binary, bytes, date, number, optional_bytes, time};
use super::{MAX_SWAPS, MongoStore, insert, purge_at};
use crate::challenge::budget::{ALL_STRANGERS, EXHAUSTED_CHALLENGES, FAILURES_KEPT};
use crate::store::{
    Budget, ChallengeKey, ChallengeStore, CodeMac, CountedAttempt, Identity, Nonce, OpenChallenge, Opening, Realm,
    Refund, Requester, SendLimits, SendTicket, Spent, StoreResult, Timestamp, Total, TotalLimit,
};

/// The key of a budget: the payer, and one byte for the requester.
fn budget_key(realm: &Realm, payer: &Identity, requester: Requester) -> Bson {
    key_of(realm, payer, requester as u8)
}

fn key_of(realm: &Realm, identity: &Identity, class: u8) -> Bson {
    let mut key = identity.as_bytes().to_vec();
    key.push(class);
    row::key(realm, &key)
}

fn budget(row: &Document) -> Result<Budget, Error> {
    Ok(Budget {
        next_send_at: time(row, "next_send_at")?,
        hour_started_at: time(row, "hour_started_at")?,
        hour_sends: number(row, "hour_sends")?,
        day_started_at: time(row, "day_started_at")?,
        day_sends: number(row, "day_sends")?,
    })
}

fn fields(budget: &Budget) -> Document {
    doc! {
        "next_send_at": date(budget.next_send_at),
        "hour_started_at": date(budget.hour_started_at),
        "hour_sends": i64::from(budget.hour_sends),
        "day_started_at": date(budget.day_started_at),
        "day_sends": i64::from(budget.day_sends),
    }
}

impl MongoStore {
    /// Compare-and-swap on a budget, whatever its last send was: a refund in between that left all
    /// of the budget the same is one that came first. Returns whether it was as expected.
    async fn swap_budget(
        &self,
        key: &Bson,
        old: Option<Budget>,
        new: &Budget,
        last_send: Option<ChallengeKey>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut expected = old.as_ref().map_or_else(|| doc! { "next_send_at": { "$exists": false } }, fields);
        expected.insert("_id", key.clone());
        let needed = now.until((new.day_started_at + SendLimits::DAY).max(new.next_send_at));
        let mut change = fields(new);
        change.insert("last_send", last_send.map(|key| binary(key.as_bytes())));
        // Failures may be needed for longer.
        change.insert("purge_at", doc! { "$max": ["$purge_at", purge_at(needed)] });
        let swapped = self.budgets.update_one(expected, vec![doc! { "$set": change }]).upsert(old.is_none()).await;
        match swapped {
            Ok(result) => Ok(result.matched_count > 0 || result.upserted_id.is_some()),
            // Another call has added it.
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The challenge, if it can be resumed.
    async fn resumable(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Option<Opening>> {
        let Some(resume) = open.resume else {
            return Ok(None);
        };
        let live = doc! {
            "_id": row::key(realm, resume.key.as_bytes()),
            "identity": binary(open.identity.as_bytes()),
            "consumed_at": null,
            "expires_at": { "$gt": date(open.now) },
            "tries": { "$lt": i64::from(resume.max_attempts) },
        };
        let fields = doc! { "nonce": 1, "code_mac": 1, "expires_at": 1 };
        let Some(row) = self.challenges.find_one(live).projection(fields).await? else {
            return Ok(None);
        };
        Ok(Some(Opening::Resumed {
            nonce: Nonce::from_bytes(bytes(&row, "nonce")?),
            code_mac: CodeMac::from_bytes(bytes(&row, "code_mac")?),
            expires_at: time(&row, "expires_at")?,
            ticket: open.ticket(),
        }))
    }

    /// Compare-and-swap on the total. Returns it, or the wait if it refuses.
    async fn spend_total(
        &self,
        realm: &Realm,
        limit: TotalLimit,
        now: Timestamp,
    ) -> StoreResult<Result<Total, Duration>> {
        let key = key_of(realm, &limit.payer, ALL_STRANGERS);
        for _ in 0..MAX_SWAPS {
            let row = self.budgets.find_one(doc! { "_id": key.clone() }).await?;
            let old = row.as_ref().map(budget).transpose()?;
            let found = old.map(|old| Total::new(old.day_started_at, old.day_sends));
            let total = match Total::spend(found, now, limit.per_day) {
                Ok(total) => total,
                Err(wait) => return Ok(Err(wait)),
            };
            if self.swap_budget(&key, old, &total.to_budget(), None, now).await? {
                return Ok(Ok(total));
            }
        }
        Err(Error::contended("one total").into())
    }

    /// Gives the challenge that was just added the MAC of its longer code.
    async fn lengthen(&self, added: Document, open: &OpenChallenge) -> StoreResult<()> {
        let longer = doc! { "$set": { "code_mac": binary(open.fresh.longer_code_mac.as_bytes()) } };
        self.challenges.update_one(added, longer).await?;
        Ok(())
    }

    /// Counts a failure of strangers, and returns its number; 0 if the address has no total.
    async fn count_failure(&self, realm: &Realm, identity: &Identity) -> StoreResult<u32> {
        let counted = doc! { "$set": {
            "failures": { "$add": [{ "$ifNull": ["$failures", 0_i64] }, 1_i64] },
            "purge_at": { "$max": ["$purge_at", purge_at(FAILURES_KEPT + SendLimits::DAY)] },
        } };
        let row = self
            .budgets
            .find_one_and_update(doc! { "_id": key_of(realm, identity, ALL_STRANGERS) }, vec![counted])
            .return_document(ReturnDocument::After)
            .projection(doc! { "failures": 1 })
            .await?;
        Ok(row.map(|row| number(&row, "failures")).transpose()?.unwrap_or(0))
    }

    async fn add_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<()> {
        let fresh = &open.fresh;
        let row = doc! {
            "identity": binary(open.identity.as_bytes()),
            "nonce": binary(fresh.nonce.as_bytes()),
            "code_mac": binary(fresh.code_mac.as_bytes()),
            "tries": 0_i64,
            "created_at": date(open.now),
            "expires_at": date(fresh.expires_at),
        };
        let key = row::key(realm, fresh.key.as_bytes());
        insert(&self.challenges, key, row, open.now.until(fresh.expires_at)).await
    }
}

impl MongoStore {
    /// The result of a send that was paid for.
    async fn paid(
        &self,
        resumed: Option<Opening>,
        fresh: Document,
        open: &OpenChallenge,
        spent: Spent,
    ) -> StoreResult<Opening> {
        if let Some(resumed) = resumed {
            return Ok(resumed);
        }
        let code_mac = open.code_mac(spent.number());
        if code_mac != open.fresh.code_mac {
            self.lengthen(fresh, open).await?;
        }
        Ok(Opening::Opened { code_mac, ticket: open.ticket() })
    }
}

impl ChallengeStore for MongoStore {
    /// Adds the challenge first and pays last, the budget before the total. If it stops in between,
    /// no one has the secret of the challenge, so it is useless.
    ///
    /// The swap succeeds only if the budget has not changed since it was read, and the challenge to
    /// resume was read after that, so both hold at that moment.
    async fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> StoreResult<Opening> {
        let key = budget_key(realm, &open.payer, open.requester);
        let fresh = doc! { "_id": row::key(realm, open.fresh.key.as_bytes()) };
        let mut added = false;
        for _ in 0..MAX_SWAPS {
            let row = self.budgets.find_one(doc! { "_id": key.clone() }).await?;
            let old = row.as_ref().map(budget).transpose()?;
            let wait = match Budget::spend(old, open.now, open.limits) {
                Ok(spent) => {
                    // A challenge that cannot be resumed now never can be later, so it never happens
                    // that one is added and another resumed.
                    let resumed = self.resumable(realm, open).await?;
                    if resumed.is_none() && !added {
                        self.add_challenge(realm, open).await?;
                        added = true;
                    }
                    if !self.swap_budget(&key, old, &spent, Some(open.fresh.key), open.now).await? {
                        continue;
                    }
                    let total = match open.total {
                        Some(limit) => self.spend_total(realm, limit, open.now).await?.map(Some),
                        None => Ok(None),
                    };
                    match total {
                        Ok(total) => return self.paid(resumed, fresh, open, Spent { budget: spent, total }).await,
                        Err(wait) => {
                            let alone = SendTicket { total: None, ..open.ticket() };
                            self.refund_send(realm, &alone, Refund::Whole, open.now).await?;
                            wait
                        }
                    }
                }
                Err(wait) => wait,
            };
            if added {
                self.challenges.delete_one(fresh).await?;
            }
            return Ok(Opening::Wait(wait));
        }
        Err(Error::contended("one budget").into())
    }

    async fn refund_send(&self, realm: &Realm, ticket: &SendTicket, refund: Refund, now: Timestamp) -> StoreResult<()> {
        let paid = doc! {
            "_id": budget_key(realm, &ticket.payer, ticket.requester),
            "last_send": binary(ticket.key.as_bytes()),
        };
        let fewer = |count: &str| doc! { "$max": [{ "$subtract": [count, i64::from(refund.sends())] }, 0_i64] };
        let refunded = doc! { "$set": {
            "next_send_at": date(now),
            "last_send": null,
            "hour_sends": fewer("$hour_sends"),
            "day_sends": fewer("$day_sends"),
        } };
        let refunded = self.budgets.update_one(paid, vec![refunded]).await?;
        if let Some(payer) = ticket.total.filter(|_| refunded.matched_count > 0) {
            let total = doc! {
                "_id": key_of(realm, &payer, ALL_STRANGERS),
                "day_started_at": { "$lte": date(ticket.paid_at) },
            };
            self.budgets.update_one(total, vec![doc! { "$set": { "day_sends": fewer("$day_sends") } }]).await?;
        }
        Ok(())
    }

    async fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> StoreResult<Option<CountedAttempt>> {
        let counted = doc! { "$set": { "tries": { "$min": [{ "$add": ["$tries", 1_i64] }, i64::from(cap)] } } };
        let row = self
            .challenges
            .find_one_and_update(doc! { "_id": row::key(realm, key.as_bytes()) }, vec![counted])
            .return_document(ReturnDocument::After)
            .projection(doc! { "tries": 1, "identity": 1, "code_mac": 1, "expires_at": 1 })
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let code_mac = optional_bytes(&row, "code_mac")?.map(CodeMac::from_bytes);
        let identity = Identity::from_bytes(bytes(&row, "identity")?);
        let counted = CountedAttempt::new(number(&row, "tries")?, identity, code_mac, time(&row, "expires_at")?);
        if requester != Requester::Stranger || !counted.is_compared(cap) {
            return Ok(Some(counted));
        }
        Ok(Some(CountedAttempt { failures: self.count_failure(realm, &identity).await?, ..counted }))
    }

    async fn forget_failures(&self, realm: &Realm, identity: &Identity) -> StoreResult<()> {
        let forgotten = doc! { "$set": { "failures": 0_i64 } };
        self.budgets.update_one(doc! { "_id": key_of(realm, identity, ALL_STRANGERS) }, forgotten).await?;
        Ok(())
    }

    async fn count_exhausted(&self, realm: &Realm, identity: &Identity, now: Timestamp) -> StoreResult<u32> {
        let key = doc! { "_id": key_of(realm, identity, EXHAUSTED_CHALLENGES) };
        // A missing date is before all others.
        let is_over = doc! { "$or": [
            { "$lte": ["$day_started_at", date(now - SendLimits::DAY)] },
            { "$gt": ["$day_started_at", date(now + SendLimits::SKEW)] },
        ] };
        let began_at = doc! { "$cond": [is_over.clone(), date(now), "$day_started_at"] };
        let counted = doc! { "$set": {
            "next_send_at": began_at.clone(),
            "hour_started_at": began_at.clone(),
            "hour_sends": 0_i64,
            "day_started_at": began_at,
            "day_sends": { "$cond": [is_over, 1_i64, { "$add": ["$day_sends", 1_i64] }] },
            "purge_at": purge_at(SendLimits::DAY),
        } };
        for _ in 0..MAX_SWAPS {
            let counting = self.budgets.find_one_and_update(key.clone(), vec![counted.clone()]);
            match counting.upsert(true).return_document(ReturnDocument::After).await {
                Ok(Some(row)) => return Ok(number(&row, "day_sends")?),
                Ok(None) => {}
                // Another call has added it.
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended("one count").into())
    }
}
