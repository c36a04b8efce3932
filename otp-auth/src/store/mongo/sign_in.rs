//! Signing in, in an order of steps that, wherever it is stopped, leaves either a code that still
//! works or a user who has signed in.

use mongodb::bson::{Bson, Document, RawDocumentBuf, bson, doc};

use super::MongoStore;
use super::error::Error;
use super::row::{self, binary, date};
use super::sign_up::{Claim, SignUp};
use super::user::{MongoUser, exactly, read, with_email, with_id};
use crate::store::{
    Account, ChallengeStore as _, Decision, Proof, Realm, Revocation, Session, SessionId, SessionStore, SignIn,
    SignInOutcome, StoreResult, Timestamp,
};

/// How often a sign-in starts again because the application marked the user as unverified in the
/// meantime.
const MAX_RESTARTS: u32 = 5;

/// A session to add before the challenge is accepted for it.
struct Adding<'a> {
    realm: &'a Realm,
    email: &'a str,
    session: &'a Session,
    challenge: &'a Bson,
    revocation: Revocation,
}

impl MongoStore {
    /// 1. Checks whether the challenge can be accepted, and looks up the claim of an incomplete
    ///    sign-up.
    /// 2. Finds or creates the user.
    /// 3. On the first proof of the address, revokes earlier sessions, then sets the flag.
    /// 4. Adds the new session, which is not valid before step 7.
    /// 5. Reads the user again. The session exists by now, so whoever changes the user later and
    ///    revokes their sessions also revokes this one.
    /// 6. Revokes the session that is replaced.
    /// 7. Accepts the challenge for the session. This is the commit: of all callers one succeeds,
    ///    and the others delete what they added.
    /// 8. Marks the session as confirmed, forgets the failures of strangers, and finds out whether
    ///    the user is new.
    ///
    /// Each step can be repeated, so after a crash before the commit the same code does all of it
    /// again.
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
        let (user, claim, inserted) = match account {
            Account::Existing { user, .. } => (user, begun, false),
            Account::New(_) => match self.sign_up(realm, &account, &identity, revocation, &mut ended).await? {
                SignUp::Made(user, claim) => (user, Some(claim), true),
                SignUp::Found => return Ok(SignInOutcome::AccountChanged),
                SignUp::Excluded => return Ok(SignInOutcome::Excluded),
            },
        };
        let session = session.of_user(user.id().to_string());
        let adding = Adding { realm, email: &email, session: &session, challenge: &challenge, revocation };
        let Some((user, document)) = self.add_session(&adding, user, inserted, &mut ended).await? else {
            return Ok(SignInOutcome::AccountChanged);
        };
        if let Some(older) = replaces
            && self.revoke_session(realm, older, revocation).await?
        {
            ended.push(older);
        }
        let by = row::key(realm, session.id.as_bytes());
        if !self.commit(acceptable, &challenge, &by, revocation.now).await? {
            self.remove_unconfirmed(realm, session.id).await?;
            return Ok(SignInOutcome::CodeSpent);
        }

        // The user has signed in, and a failure from here on must not say otherwise: the challenge
        // records which session accepted it.
        let _ = tokio::join!(self.confirm(vec![by]), self.forget_failures(realm, &identity));
        let created = match claim.filter(|claim| claim.has_made(&document)) {
            Some(claim) => self.announce(&claim).await.unwrap_or(inserted),
            None => false,
        };
        Ok(SignInOutcome::SignedIn { user, session, created, ended })
    }

    /// Steps 3 to 5. Returns the user as read again, with the document. `None` if the account has
    /// changed; the session is then removed.
    async fn add_session<U: MongoUser>(
        &self,
        adding: &Adding<'_>,
        mut user: U,
        inserted: bool,
        ended: &mut Vec<SessionId>,
    ) -> StoreResult<Option<(U, RawDocumentBuf)>> {
        let Adding { realm, email, session, challenge, .. } = *adding;
        for _ in 0..=MAX_RESTARTS {
            if let Some(flag) = U::VERIFIED.filter(|_| Proof::of(&user, inserted).marks_user) {
                ended.extend(self.first_proof(adding, &user, flag).await?);
            }
            self.add_unconfirmed(realm, session, challenge).await?;
            let document = self.document_by_email::<U>(email).await?;
            let expected = Account::Existing { user, email: email.to_owned() };
            match (expected.decide(read(document.as_deref())?), document) {
                (Decision::SignIn(again), Some(document)) if !Proof::of(&again, false).marks_user => {
                    return Ok(Some((again, document)));
                }
                (Decision::SignIn(again), _) => {
                    user = again;
                    self.remove_unconfirmed(realm, session.id).await?;
                }
                _ => {
                    self.remove_unconfirmed(realm, session.id).await?;
                    return Ok(None);
                }
            }
        }
        Err(Error::contended("one user").into())
    }

    /// Step 7. Returns whether the session `by` has accepted the challenge.
    async fn commit(&self, acceptable: Document, challenge: &Bson, by: &Bson, now: Timestamp) -> StoreResult<bool> {
        let accepted = doc! {
            "$set": { "consumed_at": date(now), "consumed_by": by.clone() },
            "$unset": { "nonce": "", "code_mac": "" },
        };
        match self.challenges.update_one(acceptable, accepted).await {
            Ok(result) => Ok(result.modified_count > 0),
            // The connection may have been lost after the update.
            Err(error) => match self.accepted_by(challenge, by).await {
                Ok(true) => Ok(true),
                _ => Err(error.into()),
            },
        }
    }

    /// Whether a challenge matches, with the claim on its identity if there is one. A sign-in that
    /// finds an existing user may still be the first complete one, because the sign-in that created
    /// the user may have stopped before.
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

    /// Revokes sessions from before the address was proven, and marks the user as verified, if they
    /// still have the address.
    ///
    /// The flag is set last, so that a repetition after a crash revokes the same sessions. A proven
    /// sign-in adds its session only after the flag is set, so sessions that existed while it was
    /// not set were not proven, and no others are revoked. Returns them.
    async fn first_proof<U: MongoUser>(
        &self,
        adding: &Adding<'_>,
        user: &U,
        flag: &str,
    ) -> StoreResult<Vec<SessionId>> {
        let Adding { realm, email, session, revocation, .. } = *adding;
        let unproven = self.unrevoked(realm, &session.user_id).await?;
        let mut unverified = with_email::<U>(email)?;
        unverified.extend(with_id::<U>(user.id())?);
        let proof = U::verified_value(revocation.now)?;
        // A flag is not true, or a time is missing.
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
