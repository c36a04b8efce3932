//! Contracts 2, 6 and 7: accepting a code and signing in.

use std::sync::Arc;

use super::Backend;
use super::fixtures::{
    DAY, MILLI, MINUTE, NOW, add_session, at_once, existing, identity, is_current, key, mac, open, opened, realm,
    session_id, sign_in, signed_in_ok,
};
use crate::store::{
    Account, ChallengeStore, Identity, Maintenance, Removed, Requester, SendLimits, Session, SessionStore, SignIn,
    SignInOutcome, UserStore,
};
use crate::user::OtpUser;

/// Attack T1: twenty callers with the correct code, one sign-in.
pub async fn a_code_is_accepted_once<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let user = backend.add_user(&store, "ann@x.com", true).await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    let outcomes = at_once(&store, 20, |store, number| {
        let account = existing(user.clone());
        async move { store.sign_in(realm(), sign_in(1, account, number, NOW)).await.unwrap() }
    })
    .await;
    let accepted = outcomes.iter().filter(|outcome| matches!(outcome, SignInOutcome::SignedIn { .. })).count();
    assert_eq!(accepted, 1);
    assert_eq!(store.user_sessions(realm(), &user.id().to_string(), NOW).await.unwrap().len(), 1);
    assert_spent::<B>(&store, sign_in(1, existing(user), 90, NOW)).await;
}

/// Nothing happens, and no user is created.
async fn assert_spent<B: Backend>(store: &B::Store, attempt: SignIn<B::User>) {
    let session = attempt.session.id;
    assert!(matches!(store.sign_in(realm(), attempt).await.unwrap(), SignInOutcome::CodeSpent));
    assert_eq!(store.session(realm(), session).await.unwrap(), None);
}

/// Only the MAC of the challenge is accepted, and only for its challenge and identity.
pub async fn a_code_in_use_elsewhere_is_not_accepted<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    let attempt = || sign_in::<B::User>(1, Account::New("new@x.com".to_owned()), 1, NOW);
    assert_spent::<B>(&store, SignIn { code_mac: mac(2), ..attempt() }).await;
    assert_spent::<B>(&store, SignIn { challenge: key(2), ..attempt() }).await;
    assert_spent::<B>(&store, SignIn { identity: identity(2), ..attempt() }).await;
    assert_eq!(backend.count_users(&store, "new@x.com").await, 0);
    // The code is still valid.
    signed_in_ok(store.sign_in(realm(), attempt()).await.unwrap());
}

/// Attack T23: a code is accepted in its last millisecond, but not after it.
pub async fn a_late_code_is_not_accepted<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let end = NOW + 10 * MINUTE;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    opened(store.open_challenge(realm(), &open(identity(2), key(2), NOW)).await.unwrap());
    assert_spent::<B>(&store, sign_in(1, Account::New("late@x.com".to_owned()), 1, end)).await;
    assert_eq!(backend.count_users(&store, "late@x.com").await, 0);
    signed_in_ok(
        store.sign_in(realm(), sign_in(2, Account::New("early@x.com".to_owned()), 2, end - MILLI)).await.unwrap(),
    );
}

/// After acceptance, the store no longer has the code. The attempt is still counted.
pub async fn an_accepted_code_leaves_no_trace<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap();
    signed_in_ok(store.sign_in(realm(), sign_in(1, Account::New("ann@x.com".to_owned()), 1, NOW)).await.unwrap());
    let counted = store
        .count_attempt(realm(), &key(1), Requester::Stranger, 7)
        .await
        .unwrap()
        .expect("the challenge is still known");
    assert_eq!((counted.number, counted.code_mac), (2, None));
}

/// Contract 6: ten concurrent first sign-ins to one address create one user. For the others the
/// account has changed, and they can sign in to it.
pub async fn a_new_address_makes_one_user<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    // One address has one identity. Its challenges were opened one cooldown after another, and all
    // are live.
    let now = NOW + 9 * MINUTE;
    for number in 0..10 {
        opened(store.open_challenge(realm(), &open(identity(1), key(number), NOW + MINUTE * number)).await.unwrap());
    }
    let outcomes = at_once(&store, 10, |store, number| async move {
        let account = Account::New("new@x.com".to_owned());
        store.sign_in(realm(), SignIn { identity: identity(1), ..sign_in(number, account, number, now) }).await.unwrap()
    })
    .await;
    let sign_ins = completed::<B>(&store, outcomes, |number| SignIn {
        identity: identity(1),
        ..sign_in(number, Account::New("new@x.com".to_owned()), 50 + number, now)
    })
    .await;
    assert_eq!(sign_ins.iter().filter(|(_, _, created)| *created).count(), 1);
    assert_eq!(backend.count_users(&store, "new@x.com").await, 1);
    let (first, ..) = &sign_ins[0];
    assert_eq!(first.email(), "new@x.com");
    assert!(
        sign_ins.iter().all(|(user, session, _)| user.id() == first.id() && session.user_id == first.id().to_string())
    );
    assert_eq!(store.user_sessions(realm(), &first.id().to_string(), now).await.unwrap().len(), 10);
    let found = store.user_by_email("new@x.com").await.unwrap().expect("the user is found");
    assert!(found.id() == first.id() && found.verified() == Some(true));
}

/// One of the first sign-ins created the user; the others sign in with the same codes, as that
/// user.
async fn completed<B: Backend>(
    store: &B::Store,
    outcomes: Vec<SignInOutcome<B::User>>,
    again: impl Fn(u32) -> SignIn<B::User>,
) -> Vec<(B::User, Session, bool)> {
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, SignInOutcome::SignedIn { .. })).count(), 1);
    let user = store.user_by_email("new@x.com").await.unwrap().expect("the user is found");
    let mut sign_ins = Vec::new();
    for (number, outcome) in (0..).zip(outcomes) {
        let outcome = match outcome {
            SignInOutcome::AccountChanged => {
                let attempt = SignIn { account: existing(user.clone()), ..again(number) };
                store.sign_in(realm(), attempt).await.unwrap()
            }
            outcome => outcome,
        };
        sign_ins.push(signed_in_ok(outcome));
    }
    sign_ins
}

/// An identity's budget can be cleaned up while one of its challenges is live. First sign-ins are
/// still serialized.
pub async fn sign_ups_take_turns_without_a_budget<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    opened(store.open_challenge(realm(), &open(identity(1), key(0), NOW)).await.unwrap());
    let end = NOW + DAY;
    // An hour of the budget ends together with its day.
    opened(store.open_challenge(realm(), &open(identity(1), key(90), end - SendLimits::HOUR)).await.unwrap());
    for number in 1..=5 {
        opened(
            store.open_challenge(realm(), &open(identity(1), key(number), end - MINUTE * (7 - number))).await.unwrap(),
        );
    }
    assert_eq!(store.cleanup(end, 100).await.unwrap(), Removed { challenges: 2, budgets: 1, ..Removed::default() });
    let outcomes = at_once(&store, 5, |store, number| async move {
        let account = Account::New("new@x.com".to_owned());
        store
            .sign_in(realm(), SignIn { identity: identity(1), ..sign_in(number + 1, account, number, end) })
            .await
            .unwrap()
    })
    .await;
    let sign_ins = completed::<B>(&store, outcomes, |number| SignIn {
        identity: identity(1),
        ..sign_in(number + 1, Account::New("new@x.com".to_owned()), 50 + number, end)
    })
    .await;
    assert_eq!(sign_ins.iter().filter(|(_, _, created)| *created).count(), 1);
    assert_eq!(backend.count_users(&store, "new@x.com").await, 1);
    // The replacement of the budget forbids nothing.
    opened(store.open_challenge(realm(), &open(identity(1), key(9), end)).await.unwrap());
}

/// A user created by the application is found, and verified by the first code.
pub async fn an_existing_user_is_found_and_verified<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let user = backend.add_user(&store, "ann@x.com", false).await;
    assert_eq!(user.verified(), Some(false));
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    let found = store.user_by_email("ann@x.com").await.unwrap().expect("the user is found");
    assert!(found.id() == user.id() && found.verified() == Some(false));
    let (signed_in, session, created) =
        signed_in_ok(store.sign_in(realm(), sign_in(1, existing(found), 1, NOW)).await.unwrap());
    assert!(signed_in.id() == user.id() && signed_in.verified() == Some(true) && !created);
    assert_eq!(session.user_id, user.id().to_string());
    assert_eq!(store.user_by_id(user.id()).await.unwrap().and_then(|user| user.verified()), Some(true));
    assert_eq!(backend.count_users(&store, "ann@x.com").await, 1);
}

/// Attack T11: sessions from before the address was proven end.
pub async fn the_first_proof_ends_older_sessions<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (user, planted) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    let id = user.id().to_string();
    backend.unverify(&store, &user).await;
    let unverified = store.user_by_email("ann@x.com").await.unwrap().expect("the user is found");
    assert_eq!(unverified.verified(), Some(false));
    let mut bytes = [0x1D; 32];
    bytes[..4].copy_from_slice(&2_u32.to_be_bytes());
    let own = Identity::from_bytes(bytes);
    opened(store.open_challenge(realm(), &open(own, key(2), NOW + MINUTE)).await.unwrap());
    // It is reported once, even if it is also the one to be replaced.
    let attempt =
        SignIn { identity: own, replaces: Some(planted.id), ..sign_in(2, existing(unverified), 2, NOW + MINUTE) };
    let SignInOutcome::SignedIn { user, session: own, ended, .. } = store.sign_in(realm(), attempt).await.unwrap()
    else {
        panic!("expected a sign-in");
    };
    assert_eq!(ended, [planted.id]);
    let later = NOW + 2 * MINUTE;
    assert!(store.session(realm(), planted.id).await.unwrap().is_some_and(|session| session.revoked_at.is_some()));
    assert!(!is_current::<B>(&store, &user, planted.id, later).await);
    assert!(is_current::<B>(&store, &user, own.id, later).await);
    assert_eq!(store.user_sessions(realm(), &id, later).await.unwrap(), [own]);
}

/// A second sign-in of a verified user does not affect the first.
pub async fn other_sessions_of_a_verified_user_go_on<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let user = backend.add_user(&store, "ann@x.com", true).await;
    let (_, first) = add_session::<B>(&store, existing(user.clone()), 1, NOW).await;
    let (_, second) = add_session::<B>(&store, existing(user.clone()), 2, NOW + MINUTE).await;
    for session in [first.id, second.id] {
        assert!(is_current::<B>(&store, &user, session, NOW + MINUTE).await);
    }
}

/// The session that a sign-in replaces is revoked and blacklisted, even one
/// of another user.
pub async fn a_replaced_session_ends<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let ann = backend.add_user(&store, "ann@x.com", true).await;
    let bob = backend.add_user(&store, "bob@x.com", true).await;
    let (_, older) = add_session::<B>(&store, existing(ann.clone()), 1, NOW).await;
    let (_, other) = add_session::<B>(&store, existing(ann.clone()), 2, NOW).await;
    // Twice, because an ended session does not end again.
    for (number, expected) in [(3, vec![older.id]), (4, Vec::new())] {
        opened(store.open_challenge(realm(), &open(identity(number), key(number.into()), NOW)).await.unwrap());
        let attempt =
            SignIn { replaces: Some(older.id), ..sign_in(number.into(), existing(bob.clone()), number.into(), NOW) };
        match store.sign_in(realm(), attempt).await.unwrap() {
            SignInOutcome::SignedIn { ended, .. } => assert_eq!(ended, expected),
            outcome => panic!("expected a sign-in, not {outcome:?}"),
        }
    }
    assert!(!is_current::<B>(&store, &ann, older.id, NOW).await);
    assert!(store.session(realm(), older.id).await.unwrap().is_some_and(|session| session.revoked_at == Some(NOW)));
    assert!(is_current::<B>(&store, &ann, other.id, NOW).await);
    assert!(is_current::<B>(&store, &bob, session_id(3), NOW + DAY).await);
}

/// If the account has changed since it was looked up, nothing is signed in, and the code remains
/// valid.
pub async fn an_account_that_has_changed_is_not_signed_in<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let gone = backend.add_user(&store, "ann@x.com", true).await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    backend.remove_user(&store, &gone).await;
    let attempt = |account| sign_in(1, account, 1, NOW);
    let outcome = store.sign_in(realm(), attempt(existing(gone.clone()))).await.unwrap();
    assert!(matches!(outcome, SignInOutcome::AccountChanged));

    // Somebody else has the address now.
    let other = backend.add_user(&store, "bob@x.com", true).await;
    let next = backend.add_user(&store, "ann@x.com", true).await;
    if next.id() != gone.id() {
        let outcome = store.sign_in(realm(), attempt(existing(gone))).await.unwrap();
        assert!(matches!(outcome, SignInOutcome::AccountChanged));
    }
    assert_eq!(store.session(realm(), session_id(1)).await.unwrap(), None);
    assert!(store.user_sessions(realm(), &other.id().to_string(), NOW).await.unwrap().is_empty());
    let (user, ..) = signed_in_ok(store.sign_in(realm(), attempt(existing(next.clone()))).await.unwrap());
    assert!(user.id() == next.id());
}

/// If an account was created in the meantime, nobody is signed in to it unchecked, nothing changes,
/// and the code remains valid.
pub async fn an_account_made_meanwhile_is_not_signed_in<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    for (number, verified) in [(40, true), (41, false)] {
        let user = backend.add_user(&store, "ann@x.com", verified).await;
        let (_, older) = add_session::<B>(&store, existing(user.clone()), number, NOW).await;
        let made = store.user_by_email("ann@x.com").await.unwrap().expect("the user is found");
        let attempt = SignIn { replaces: Some(older.id), ..sign_in(1, Account::New("ann@x.com".to_owned()), 1, NOW) };
        let outcome = store.sign_in(realm(), attempt).await.unwrap();
        assert!(matches!(outcome, SignInOutcome::AccountChanged));
        assert_eq!(store.session(realm(), session_id(1)).await.unwrap(), None);
        assert!(is_current::<B>(&store, &made, older.id, NOW).await);
        assert_eq!(backend.count_users(&store, "ann@x.com").await, 1);
        if verified {
            backend.remove_user(&store, &user).await;
            store.delete_user_sessions(realm(), &user.id().to_string()).await.unwrap();
        } else {
            let (user, session, created) =
                signed_in_ok(store.sign_in(realm(), sign_in(1, existing(made), 1, NOW)).await.unwrap());
            assert!(!created && session.user_id == user.id().to_string());
        }
    }
}

/// If an id is reused, the new user inherits no session.
pub async fn a_new_user_inherits_no_session<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (gone, old) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    backend.remove_user(&store, &gone).await;
    let (user, own) = add_session::<B>(&store, Account::New("bob@x.com".to_owned()), 2, NOW).await;
    assert!(is_current::<B>(&store, &user, own.id, NOW).await);
    if user.id() == gone.id() {
        assert!(!is_current::<B>(&store, &user, old.id, NOW).await);
        assert!(store.session(realm(), old.id).await.unwrap().is_some_and(|session| session.revoked_at.is_some()));
    }
    assert_eq!(store.user_sessions(realm(), &own.user_id, NOW).await.unwrap(), [own]);
}
