//! Signing in: every step in an order in which stopping anywhere leaves a
//! code that still works or a user who has signed in.

use mongodb::bson::{Bson, Document, bson, doc};

use super::MongoStore;
use super::error::Error;
use super::row::{self, binary, date};
use super::sign_up::{Claim, SignUp};
use super::user::{MongoUser, exactly, read, with_email, with_id};
use crate::store::{
    Account, Decision, Proof, Realm, Revocation, SessionId, SessionStore, SignIn, SignInOutcome, StoreResult,
};

/// How often a sign-in starts again because the application has marked the
/// user as unverified in the meantime.
const MAX_RUNS: u32 = 5;

impl MongoStore {
    /// 1. Look whether the challenge can be accepted, and for the claim of a
    ///    sign-up that was not completed.
    /// 2. Find or make the user.
    /// 3. End what was signed in before the first proof, then set the flag.
    /// 4. Add the new session, which is none before step 7.
    /// 5. Look at the user again. The session is there by now, so whoever
    ///    changes the user later and ends their sessions ends this one.
    /// 6. End the session that is replaced.
    /// 7. Accept the challenge, by the session. This is the commit: of all
    ///    callers one does it, and what the others have added is removed.
    /// 8. Note in the session that it is one, and tell whether the user is
    ///    new.
    ///
    /// Each step can be repeated, so after a crash before the commit the same
    /// code does all of it again.
    pub(super) async fn accept<U: MongoUser>(
        &self,
        realm: &Realm,
        sign_in: SignIn<U>,
    ) -> StoreResult<SignInOutcome<U>> {
        let SignIn { challenge, identity, code_mac, account, session, replaces, revocation } = sign_in;
        let challenge = row::key(realm, challenge.as_bytes());
        let acceptable = doc! {
            "_id": challenge.clone(),
            "identity": binary(identity.as_bytes()),
            "code_mac": binary(code_mac.as_bytes()),
            "consumed_at": null,
            "expires_at": { "$gt": date(revocation.now) },
        };
        let Some(begun) = self.acceptable(acceptable.clone(), row::key(realm, identity.as_bytes())).await? else {
            return Ok(SignInOutcome::CodeSpent);
        };

        let mut ended = Vec::new();
        let email = account.email().to_owned();
        let (mut user, claim, inserted) = match account {
            Account::Existing { user, .. } => (user, begun, false),
            Account::New(_) => match self.sign_up(realm, &account, &identity, revocation, &mut ended).await? {
                SignUp::Made(user, claim) => (user, Some(claim), true),
                SignUp::Found => return Ok(SignInOutcome::AccountChanged),
                SignUp::Excluded => return Ok(SignInOutcome::Excluded),
            },
        };
        let session = session.of_user(user.id().to_string());
        let mut rounds = 0..MAX_RUNS;
        let document = loop {
            if let Some(flag) = U::VERIFIED.filter(|_| Proof::of(&user, inserted).marks_user) {
                ended.extend(self.first_proof(realm, &user, &email, flag, &session.user_id, revocation).await?);
            }
            self.add_unconfirmed(realm, &session, &challenge).await?;
            let document = self.document_by_email::<U>(&email).await?;
            let expected = Account::Existing { user, email: email.clone() };
            match (expected.decide(read(document.as_deref())?), document) {
                (Decision::SignIn(again), Some(document)) if !Proof::of(&again, false).marks_user => {
                    user = again;
                    break document;
                }
                (Decision::SignIn(again), _) => {
                    user = again;
                    self.remove_unconfirmed(realm, session.id).await?;
                    if rounds.next().is_none() {
                        return Err(Error::contended("one user").into());
                    }
                }
                _ => {
                    self.remove_unconfirmed(realm, session.id).await?;
                    return Ok(SignInOutcome::AccountChanged);
                }
            }
        };
        if let Some(older) = replaces
            && self.revoke_session(realm, older, revocation).await?
        {
            ended.push(older);
        }

        let by = row::key(realm, session.id.as_bytes());
        let accepted = doc! {
            "$set": { "consumed_at": date(revocation.now), "consumed_by": by.clone() },
            "$unset": { "nonce": "", "code_mac": "" },
        };
        let committed = match self.challenges.update_one(acceptable, accepted).await {
            Ok(result) => result.modified_count > 0,
            // The connection may have been lost after it was done.
            Err(error) => match self.accepted_by(&challenge, &by).await {
                Ok(true) => true,
                _ => return Err(error.into()),
            },
        };
        if !committed {
            self.remove_unconfirmed(realm, session.id).await?;
            return Ok(SignInOutcome::CodeSpent);
        }

        // The user has signed in, and a failure from here on must not say
        // otherwise: the challenge tells whose session it made.
        let _ = self.confirm(vec![by]).await;
        let created = match claim.filter(|claim| claim.has_made(&document)) {
            Some(claim) => self.announce(&claim).await.unwrap_or(inserted),
            None => false,
        };
        Ok(SignInOutcome::SignedIn { user, session, created, ended })
    }

    /// Whether a challenge matches; and the claim on its identity, if there
    /// is one. A sign-in that finds the user may be the first that is
    /// complete: the one that has made the user may not have come that far.
    async fn acceptable(&self, acceptable: Document, claim: Bson) -> StoreResult<Option<Option<Claim>>> {
        let mut cursor = self
            .challenges
            .aggregate([
                doc! { "$match": acceptable },
                doc! { "$lookup": {
                    "from": self.sign_ups.name(),
                    "pipeline": [{ "$match": { "_id": claim } }],
                    "as": "claim",
                } },
                doc! { "$unwind": { "path": "$claim", "preserveNullAndEmptyArrays": true } },
                doc! { "$project": { "claim": 1 } },
            ])
            .await?;
        if !cursor.advance().await? {
            return Ok(None);
        }
        Ok(Some(match row::of(cursor.current())?.remove("claim") {
            Some(Bson::Document(claim)) => Some(Claim::of(claim)?),
            _ => None,
        }))
    }

    /// Ends what was signed in before the address was proven, and marks the
    /// user as verified, if they still have the address.
    ///
    /// The flag comes last, so that a repetition after a crash ends the same
    /// sessions. Sessions of a proven sign-in are added after the flag is
    /// set: so what was there before a moment at which the flag was not set
    /// was not proven, and nothing else is ended. Returns what was.
    async fn first_proof<U: MongoUser>(
        &self,
        realm: &Realm,
        user: &U,
        email: &str,
        flag: &str,
        user_id: &str,
        revocation: Revocation,
    ) -> StoreResult<Vec<SessionId>> {
        let unproven = self.unrevoked(realm, user_id).await?;
        let mut unverified = with_email::<U>(email)?;
        unverified.extend(with_id::<U>(user.id())?);
        let proof = U::verified_value(revocation.now)?;
        // A flag is not true, and a time is not there.
        let lacking = if proof == Bson::Boolean(true) { bson!({ "$ne": true }) } else { Bson::Null };
        unverified.insert(flag, lacking);
        let users = self.users::<U>();
        if !unproven.is_empty() {
            let still = users.find_one(unverified.clone()).projection(doc! { "_id": 1 }).collation(exactly()).await?;
            if still.is_none() {
                return Ok(Vec::new());
            }
            self.revoke_all(realm, &unproven, revocation).await?;
        }
        let verified = doc! { "$set": { flag: proof } };
        users.update_one(unverified, verified).collation(exactly()).await?;
        Ok(unproven)
    }
}
