//! The order of a sign-in, for all SQL databases: one transaction, which locks rows in the order
//! challenge, total, user, session, the realm's counter on `MySQL`, blacklist.

use std::future::Future;

use sqlx::{Error, Transaction};

use super::failure::is_duplicate;
use super::retry::{Hold, retrying_sign_in};
use super::user::{self, SignInStatements, SqlUser};
use crate::store::{Account, Decision, Proof, Realm, Session, SessionId, SignIn, SignInOutcome, StoreResult};

/// Signs in. `begin` begins the transaction, and returns with it what to hold until it has ended.
pub(super) async fn sign_in<U, DB, Turn, F>(
    begin: &(impl Fn() -> F + Sync),
    realm: &Realm,
    sign_in: &SignIn<U>,
) -> StoreResult<SignInOutcome<U>>
where
    U: SqlUser<DB>,
    DB: SignInStatements,
    Turn: Send,
    F: Future<Output = Result<(Turn, Transaction<'static, DB>), Error>> + Send,
{
    let run = |hold| in_transaction::<U, DB, Turn, F>(begin, realm, sign_in, hold);
    if DB::WRITES_ALONE { Ok(run(Hold::Locked).await?) } else { retrying_sign_in(run).await }
}

/// Signs in, in one transaction.
async fn in_transaction<U, DB, Turn, F>(
    begin: &(impl Fn() -> F + Sync),
    realm: &Realm,
    sign_in: &SignIn<U>,
    mut hold: Hold,
) -> Result<SignInOutcome<U>, Error>
where
    U: SqlUser<DB>,
    DB: SignInStatements,
    Turn: Send,
    F: Future<Output = Result<(Turn, Transaction<'static, DB>), Error>> + Send,
{
    let SignIn { account, session, revocation, .. } = sign_in;
    // The turn is dropped after the transaction.
    let (_turn, mut transaction) = begin().await?;
    if !DB::accept_code(&mut transaction, realm, sign_in).await? {
        transaction.rollback().await?;
        return Ok(SignInOutcome::CodeSpent);
    }
    let email = account.email();
    let found = held::<U, DB>(&mut transaction, account, &mut hold).await?;
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
                // Is an excluded row in the way? On a server a new transaction looks, in this order:
                // if a user appears by the second query, the next run finds them.
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
    let ended = record::<U, DB>(&mut transaction, realm, sign_in, &user, &session, created).await?;
    user.mark_verified(revocation.now);
    if hold == Hold::ReadAgain
        && !user::by_email::<U, DB>(&mut transaction, email).await?.is_some_and(|again| again.id() == user.id())
    {
        transaction.rollback().await?;
        return Ok(SignInOutcome::AccountChanged);
    }
    transaction.commit().await?;
    Ok(SignInOutcome::SignedIn { user, session, created, ended })
}

/// The user whom the sign-in is for. An existing one is locked. If that is not possible, `hold`
/// says afterwards that the caller reads them again at the end.
async fn held<U: SqlUser<DB>, DB: SignInStatements>(
    transaction: &mut Transaction<'static, DB>,
    account: &Account<U>,
    hold: &mut Hold,
) -> Result<Option<U>, Error> {
    let email = account.email();
    if let (Account::Existing { user, .. }, Some(statement), Hold::Locked) = (account, U::SELECT_LOCKED, *hold) {
        let locked = user::locked::<U, DB>(transaction, statement, user.id(), email).await?;
        // A policy of the table may hide a row from a statement that locks it, but not from one
        // that only reads.
        if locked.is_some() || !DB::HAS_POLICIES {
            return Ok(locked);
        }
        *hold = Hold::ReadAgain;
    }
    if U::SELECT_LOCKED.is_none() && !DB::WRITES_ALONE {
        *hold = Hold::ReadAgain;
    }
    user::by_email::<U, DB>(transaction, email).await
}

/// Records the sign-in: verifies the user, ends older sessions and adds the new one. Returns those
/// that ended.
async fn record<U: SqlUser<DB>, DB: SignInStatements>(
    transaction: &mut Transaction<'static, DB>,
    realm: &Realm,
    SignIn { replaces, revocation, .. }: &SignIn<U>,
    user: &U,
    session: &Session,
    created: bool,
) -> Result<Vec<SessionId>, Error> {
    let proof = Proof::of(user, created);
    if proof.marks_user {
        user::mark_verified::<U, DB>(transaction, user, revocation.now).await?;
    }
    let mut ended = Vec::new();
    if proof.ends_sessions {
        ended = DB::revoke_all(transaction, realm, &session.user_id, *revocation).await?;
    }
    if let Some(older) = replaces
        && DB::revoke(transaction, realm, *older, *revocation).await?
    {
        ended.push(*older);
    }
    DB::insert_session(transaction, realm, session).await?;
    Ok(ended)
}
