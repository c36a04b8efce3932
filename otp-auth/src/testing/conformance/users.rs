//! The application's users, and the revocation check when loading one.

use super::Backend;
use super::fixtures::{DAY, MILLI, NOW, add_session, blacklisted, existing, realm, revocation, token};
use crate::store::{Account, SessionStore, TokenId, TokenRef, UserStore};
use crate::user::OtpUser;

/// Contract 4: a blacklisted token, or one of a blacklisted session, has no user until the entry
/// expires. Others are not affected.
pub async fn a_blacklisted_token_or_session_has_no_user<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (user, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    let (_, other) = add_session::<B>(&store, existing(user.clone()), 2, NOW).await;
    let revoked = TokenRef { token: TokenId::from_bytes([0x71; 16]), ..token(session.id) };
    let is_current = |token, now| {
        let (store, user) = (&store, &user);
        async move {
            store
                .current_user(realm(), user.id(), token, now)
                .await
                .unwrap()
                .is_some_and(|found| found.id() == user.id())
        }
    };
    assert!(is_current(revoked, NOW).await);
    for _ in 0..2 {
        store.blacklist(realm(), &blacklisted(revoked.token, NOW), NOW).await.unwrap();
    }
    assert!(!is_current(revoked, NOW).await);
    assert!(is_current(token(session.id), NOW).await);
    assert!(!is_current(revoked, NOW + DAY - MILLI).await);
    assert!(is_current(revoked, NOW + DAY).await);

    store.revoke_session(realm(), session.id, revocation(NOW)).await.unwrap();
    assert!(!is_current(token(session.id), NOW).await);
    assert!(is_current(token(other.id), NOW).await);
    assert_eq!(store.session(realm(), session.id).await.unwrap().and_then(|session| session.revoked_at), Some(NOW));
}

/// Attack T19: a deleted user cannot be found in any way.
pub async fn a_removed_user_is_gone_at_once<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let (user, session) = add_session::<B>(&store, Account::New("ann@x.com".to_owned()), 1, NOW).await;
    assert!(store.current_user(realm(), user.id(), token(session.id), NOW).await.unwrap().is_some());
    backend.remove_user(&store, &user).await;
    assert!(store.current_user(realm(), user.id(), token(session.id), NOW).await.unwrap().is_none());
    assert!(store.user_by_id(user.id()).await.unwrap().is_none());
    assert!(store.user_by_email("ann@x.com").await.unwrap().is_none());
}

/// No collation, pattern or quoting makes one address match another.
pub async fn addresses_are_compared_exactly<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let stored = ["ann@x.com", "a'--@x.com", "a_n@x.com", "josé@x.com"];
    for (number, email) in (0..).zip(stored) {
        add_session::<B>(&store, Account::New(email.to_owned()), number, NOW).await;
    }
    for email in stored {
        let found = store.user_by_email(email).await.unwrap();
        assert!(found.is_some_and(|user| user.email() == email), "{email}");
    }
    for email in [
        "Ann@x.com",
        "ANN@X.COM",
        "ann@x.com ",
        " ann@x.com",
        "jose@x.com",
        "josè@x.com",
        "%@x.com",
        "an_@x.com",
        "",
        "' OR 1=1 --",
    ] {
        assert!(store.user_by_email(email).await.unwrap().is_none(), "{email:?}");
    }
    // Another spelling is another account, not a way into this one.
    let (other, _) = add_session::<B>(&store, Account::New("Ann@x.com".to_owned()), 9, NOW).await;
    assert_eq!(other.email(), "Ann@x.com");
    assert_eq!(backend.count_users(&store, "ann@x.com").await, 1);
}
