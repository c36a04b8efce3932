//! The order of a sign-in, for all SQL databases: one transaction, which locks rows in the order
//! budget, challenge, user, session, the realm's counter on `MySQL`, blacklist.

use std::future::Future;

use sqlx::{Error, Transaction};

use super::failure::is_duplicate;
use super::retry::{Hold, retrying_sign_in};
use super::user::{self, Dialect, SqlUser};
use crate::store::{Account, Decision, Proof, Realm, SignIn, SignInOutcome, StoreResult};

/// Signs in. `begin` begins the transaction, and returns with it what to hold until it has ended.
pub(super) async fn sign_in<U, DB, Turn, F>(
    begin: &(impl Fn() -> F + Sync),
    realm: &Realm,
    sign_in: &SignIn<U>,
) -> StoreResult<SignInOutcome<U>>
where
    U: SqlUser<DB>,
    DB: Dialect,
    Turn: Send,
    F: Future<Output = Result<(Turn, Transaction<'static, DB>), Error>> + Send,
{
    let attempt = |hold| attempt::<U, DB, Turn, F>(begin, realm, sign_in, hold);
    if DB::WRITES_ALONE { Ok(attempt(Hold::Locked).await?) } else { retrying_sign_in(attempt).await }
}

/// One attempt, in one transaction.
async fn attempt<U, DB, Turn, F>(
    begin: &(impl Fn() -> F + Sync),
    realm: &Realm,
    sign_in: &SignIn<U>,
    mut hold: Hold,
) -> Result<SignInOutcome<U>, Error>
where
    U: SqlUser<DB>,
    DB: Dialect,
    Turn: Send,
    F: Future<Output = Result<(Turn, Transaction<'static, DB>), Error>> + Send,
{
    let SignIn { identity, account, session, replaces, revocation, .. } = sign_in;
    // The turn is dropped after the transaction.
    let (_turn, mut transaction) = begin().await?;
    if let Account::New(_) = account {
        DB::take_turn(&mut transaction, realm, identity).await?;
    }
    if !DB::accept_code(&mut transaction, realm, sign_in).await? {
        transaction.rollback().await?;
        return Ok(SignInOutcome::CodeSpent);
    }
    let email = account.email();
    let found = match (account, U::SELECT_LOCKED) {
        (Account::Existing { user, .. }, Some(statement)) if hold == Hold::Locked => {
            match user::locked::<U, DB>(&mut transaction, statement, user.id(), email).await? {
                // A policy of the table may hide a row from a statement that locks it, but not from
                // one that only reads.
                None if DB::HAS_POLICIES => {
                    hold = Hold::ReadAgain;
                    user::by_email::<U, DB>(&mut transaction, email).await?
                }
                locked => locked,
            }
        }
        (_, statement) => {
            if statement.is_none() && !DB::WRITES_ALONE {
                hold = Hold::ReadAgain;
            }
            user::by_email::<U, DB>(&mut transaction, email).await?
        }
    };
    let (mut user, created) = match account.decide(found) {
        Decision::SignIn(user) => (user, false),
        Decision::AccountChanged => {
            transaction.rollback().await?;
            return Ok(SignInOutcome::AccountChanged);
        }
        Decision::Create => match user::insert::<U, DB>(&mut transaction, email, revocation.now).await {
            Ok(Some(user)) => (user, true),
            Ok(None) => {
                transaction.rollback().await?;
                return Ok(SignInOutcome::Excluded);
            }
            Err(error) if is_duplicate(&error) && U::SELECT_EXCLUDED.is_some() => {
                // Is an excluded row in the way? A new transaction looks, in this order: if a user
                // appears by the second query, the next attempt finds them.
                if !DB::WRITES_ALONE {
                    transaction.rollback().await?;
                    (_, transaction) = begin().await?;
                }
                let excluded = user::is_excluded::<U, DB>(&mut transaction, email).await?
                    && user::by_email::<U, DB>(&mut transaction, email).await?.is_none();
                transaction.rollback().await?;
                return if excluded { Ok(SignInOutcome::Excluded) } else { Err(error) };
            }
            Err(error) => return Err(error),
        },
    };
    let session = session.of_user(user.id().to_string());
    let proof = Proof::of(&user, created);
    if proof.marks_user {
        user::mark_verified::<U, DB>(&mut transaction, &user, revocation.now).await?;
    }
    let mut ended = Vec::new();
    if proof.ends_sessions {
        ended = DB::revoke_all(&mut transaction, realm, &session.user_id, *revocation).await?;
    }
    user.mark_verified(revocation.now);
    if let Some(older) = replaces
        && DB::revoke(&mut transaction, realm, *older, *revocation).await?
    {
        ended.push(*older);
    }
    DB::insert_session(&mut transaction, realm, &session).await?;
    if hold == Hold::ReadAgain
        && !user::by_email::<U, DB>(&mut transaction, email).await?.is_some_and(|again| again.id() == user.id())
    {
        transaction.rollback().await?;
        return Ok(SignInOutcome::AccountChanged);
    }
    transaction.commit().await?;
    Ok(SignInOutcome::SignedIn { user, session, created, ended })
}
