//! Contracts 8 and 10: realms, and following the blacklist.

use std::sync::Arc;

use super::Backend;
use super::fixtures::{
    DAY, MILLI, MINUTE, NOW, at_once, blacklisted, existing, identity, key, open, opened, other_realm, realm, resume,
    revocation, session_id, sign_in, signed_in_ok, token,
};
use crate::store::{
    Account, Advance, Binding, BlacklistEntry, BlacklistKind, ChallengeStore, Cursor, Maintenance, Opening, Recovery,
    Refund, Requester, SessionStore, SubjectId, TokenId, TokenRef, UserStore,
};
use crate::user::OtpUser;

/// Contract 8: two realms with the same keys, identities, sessions, users and tokens. What happens
/// in one is invisible in the other.
pub async fn nothing_crosses_from_one_realm_to_another<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let user = backend.add_user(&store, "ann@x.com", true).await;
    let user_id = user.id().to_string();

    // Challenges and budgets.
    let first = opened(store.open_challenge(realm(), &open(identity(1), key(1), NOW)).await.unwrap());
    assert_eq!(store.count_attempt(other_realm(), &key(1), Requester::Stranger, 7).await.unwrap(), None);
    let elsewhere = resume(open(identity(1), key(2), NOW), key(1));
    opened(store.open_challenge(other_realm(), &elsewhere).await.unwrap());
    store.refund_send(other_realm(), &first, Refund::Whole, NOW).await.unwrap();
    assert_eq!(
        store.open_challenge(realm(), &open(identity(1), key(3), NOW)).await.unwrap(),
        Opening::Wait(MINUTE),
        "the refund was another realm's"
    );
    assert_eq!(
        store.count_attempt(realm(), &key(1), Requester::Stranger, 7).await.unwrap().map(|counted| counted.number),
        Some(1)
    );
    opened(store.open_challenge(other_realm(), &open(identity(9), key(1), NOW)).await.unwrap());

    // Signing in, with a session of the same id in both.
    let spent = store.sign_in(other_realm(), sign_in(1, existing(user.clone()), 1, NOW)).await.unwrap();
    assert!(matches!(spent, crate::store::SignInOutcome::CodeSpent));
    let (_, session, _) =
        signed_in_ok(store.sign_in(realm(), sign_in(1, existing(user.clone()), 1, NOW)).await.unwrap());
    assert_eq!(store.session(other_realm(), session.id).await.unwrap(), None);
    assert_eq!(store.user_sessions(other_realm(), &user_id, NOW).await.unwrap(), []);
    opened(store.open_challenge(other_realm(), &open(identity(5), key(5), NOW)).await.unwrap());
    signed_in_ok(store.sign_in(other_realm(), sign_in(5, existing(user.clone()), 1, NOW)).await.unwrap());

    // Changes to the session in the other realm do not affect this one.
    let there = other_realm();
    assert!(matches!(store.advance(there, session.id, 0, NOW).await.unwrap(), Advance::Advanced(_)));
    let recovery = Recovery { generation: 1, at: NOW };
    assert!(store.recover(there, session.id, None, recovery).await.unwrap());
    assert!(store.bind_session(there, session.id, Binding::from_bytes([9; 16]), NOW).await.unwrap());
    assert!(store.revoke_session(there, session.id, revocation(NOW)).await.unwrap());
    assert_eq!(store.revoke_user_sessions(there, &user_id, revocation(NOW)).await.unwrap(), []);
    store.blacklist(there, &blacklisted(token(session.id).token, NOW), NOW).await.unwrap();
    let of_user = BlacklistEntry::new(*SubjectId::of(&user_id).as_bytes(), BlacklistKind::User, NOW + DAY, NOW + DAY);
    store.blacklist(there, &of_user, NOW).await.unwrap();
    assert_eq!(store.delete_user_sessions(there, &user_id).await.unwrap(), 1);
    assert_eq!(store.session(realm(), session.id).await.unwrap(), Some(session.clone()));
    let named = TokenRef { subject: SubjectId::of(&user_id), ..token(session.id) };
    assert!(!store.is_blacklisted(realm(), named, NOW).await.unwrap());
    assert!(store.is_blacklisted(there, named, NOW).await.unwrap());
    assert!(store.current_user(realm(), user.id(), named, NOW).await.unwrap().is_some());
    assert!(store.current_user(there, user.id(), named, NOW).await.unwrap().is_none());
    assert_eq!(store.revocations(realm(), None, NOW).await.unwrap().entries, []);
    assert_eq!(store.revocations(there, None, NOW).await.unwrap().entries.len(), 3);

    // A first proof in the other realm ends nothing here.
    opened(store.open_challenge(there, &open(identity(6), key(6), NOW)).await.unwrap());
    backend.unverify(&store, &user).await;
    let unverified = store.user_by_email("ann@x.com").await.unwrap().expect("the user is found");
    signed_in_ok(store.sign_in(there, sign_in(6, existing(unverified), 6, NOW)).await.unwrap());
    assert_eq!(store.user_sessions(realm(), &user_id, NOW).await.unwrap(), [session]);
}

/// Names that are prefixes of each other, or differ in case or in a space.
pub async fn realms_are_told_apart_exactly<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let names = ["users", "Users", "user", "users2", "users s", "üsers", "u%", "users\u{a0}x"];
    for (number, name) in (0..).zip(names) {
        let realm = crate::realm::Realm::new(name).unwrap();
        opened(store.open_challenge(&realm, &open(identity(1), key(1), NOW)).await.unwrap());
        opened(store.open_challenge(&realm, &open(identity(2), key(2), NOW)).await.unwrap());
        let account = Account::New(format!("ann{number}@x.com"));
        let (user, session, _) = signed_in_ok(store.sign_in(&realm, sign_in(1, account, 1, NOW)).await.unwrap());
        assert_eq!(store.user_sessions(&realm, &user.id().to_string(), NOW).await.unwrap(), [session]);
    }
}

/// A follower sees every entry once it is acknowledged, and every extension.
pub async fn the_blacklist_can_be_followed<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let entry = |number: u8, until| BlacklistEntry::new([number; 16], BlacklistKind::Session, NOW, until);
    assert_eq!(store.revocations(realm(), None, NOW).await.unwrap().entries, []);
    let mut cursor = store.revocations(realm(), None, NOW).await.unwrap().cursor;
    for number in 1..=5 {
        store.blacklist(realm(), &entry(number, NOW + DAY), NOW).await.unwrap();
        let news = store.revocations(realm(), Some(cursor), NOW).await.unwrap();
        assert!(news.entries.contains(&entry(number, NOW + DAY)), "{number}");
        cursor = news.cursor;
    }
    store.blacklist(realm(), &entry(2, NOW + 2 * DAY), NOW).await.unwrap();
    let news = store.revocations(realm(), Some(cursor), NOW).await.unwrap();
    assert!(news.entries.contains(&entry(2, NOW + 2 * DAY)));

    // All kinds, with their times.
    let barred = BlacklistEntry::new([7; 16], BlacklistKind::User, NOW + DAY, NOW + DAY);
    store.blacklist(realm(), &barred, NOW).await.unwrap();
    store.blacklist(realm(), &blacklisted(TokenId::from_bytes([8; 16]), NOW), NOW).await.unwrap();
    let news = store.revocations(realm(), Some(news.cursor), NOW).await.unwrap();
    assert!(news.entries.contains(&barred) && news.entries.contains(&blacklisted(TokenId::from_bytes([8; 16]), NOW)));

    // From the beginning: everything that is live, and nothing else.
    let mut whole = store.revocations(realm(), None, NOW + DAY - MILLI).await.unwrap().entries;
    assert_eq!(whole.len(), 7);
    whole = store.revocations(realm(), None, NOW + DAY).await.unwrap().entries;
    assert_eq!(whole, [entry(2, NOW + 2 * DAY)]);

    // A cursor of another server counts as none.
    store.blacklist(realm(), &entry(9, NOW + DAY), NOW).await.unwrap();
    let live = store.revocations(realm(), None, NOW).await.unwrap().entries;
    assert_eq!(live.len(), 8);
    let lost = store.revocations(realm(), Some(Cursor(i64::MAX / 2)), NOW).await.unwrap();
    assert!(live.iter().all(|entry| lost.entries.contains(entry)), "{:?}", lost.entries);
    // And it continues from there.
    store.blacklist(realm(), &entry(10, NOW + DAY), NOW).await.unwrap();
    let next = store.revocations(realm(), Some(lost.cursor), NOW).await.unwrap();
    assert!(next.entries.contains(&entry(10, NOW + DAY)));
}

/// A permanently barred user stays barred, and the entry can be followed.
pub async fn an_entry_without_an_end_is_kept<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let for_ever = NOW + std::time::Duration::MAX;
    let subject = SubjectId::of("7");
    let entry = BlacklistEntry::new(*subject.as_bytes(), BlacklistKind::User, for_ever, for_ever);
    let cursor = store.revocations(realm(), None, NOW).await.unwrap().cursor;
    for _ in 0..2 {
        store.blacklist(realm(), &entry, NOW).await.unwrap();
    }
    assert!(store.revocations(realm(), Some(cursor), NOW).await.unwrap().entries.contains(&entry));
    let late = NOW + 100_000 * DAY;
    store.cleanup(late, 100).await.unwrap();
    assert_eq!(store.revocations(realm(), None, late).await.unwrap().entries, [entry]);
    let barred = TokenRef { subject, authenticated_at: late, ..token(session_id(1)) };
    assert!(store.is_blacklisted(realm(), barred, late).await.unwrap());
}

/// Many concurrent writers, and a reader: followers miss no entry, and every acknowledged entry is
/// visible.
pub async fn a_follower_misses_nothing_of_many_writers<B: Backend>(backend: &B) {
    let store = Arc::new(backend.fresh().await);
    let entry = |number: u32| {
        let mut id = [0xAB; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        BlacklistEntry::new(id, BlacklistKind::Session, NOW, NOW + DAY)
    };
    let following = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (mut seen, mut cursor) = (std::collections::BTreeSet::new(), None);
            while seen.len() < 200 {
                let news = store.revocations(realm(), cursor, NOW).await.unwrap();
                seen.extend(news.entries.iter().map(|entry| entry.id));
                cursor = Some(news.cursor);
                tokio::task::yield_now().await;
            }
            seen.len()
        })
    };
    let seen = at_once(&store, 20, |store, writer| async move {
        let mut cursor = store.revocations(realm(), None, NOW).await.unwrap().cursor;
        let mut all = true;
        for number in 0..10 {
            let own = entry(writer * 10 + number);
            store.blacklist(realm(), &own, NOW).await.unwrap();
            let news = store.revocations(realm(), Some(cursor), NOW).await.unwrap();
            all &= news.entries.contains(&own);
            cursor = news.cursor;
        }
        all
    })
    .await;
    assert!(seen.into_iter().all(|all| all), "an acknowledged entry was not told");
    let followed = tokio::time::timeout(MINUTE, following).await.expect("the follower has seen every entry");
    assert_eq!(followed.unwrap(), 200);
}

/// A user on the list: sign-ins before that time are rejected, later ones are not.
pub async fn of_a_user_on_the_blacklist_only_earlier_sign_ins_are_refused<B: Backend>(backend: &B) {
    let store = backend.fresh().await;
    let user = backend.add_user(&store, "ann@x.com", true).await;
    let subject = SubjectId::of(&user.id().to_string());
    store
        .blacklist(realm(), &BlacklistEntry::new(*subject.as_bytes(), BlacklistKind::User, NOW, NOW + DAY), NOW)
        .await
        .unwrap();
    let signed_in = |at| TokenRef { subject, authenticated_at: at, ..token(session_id(1)) };
    for (at, now, refused) in [
        (NOW - MILLI, NOW, true),
        (NOW, NOW, false),
        (NOW - MILLI, NOW + DAY - MILLI, true),
        (NOW - MILLI, NOW + DAY, false),
    ] {
        assert_eq!(store.is_blacklisted(realm(), signed_in(at), now).await.unwrap(), refused);
        assert_eq!(store.current_user(realm(), user.id(), signed_in(at), now).await.unwrap().is_none(), refused);
    }
    // The later time counts.
    for moment in [NOW + DAY, NOW] {
        let entry = BlacklistEntry::new(*subject.as_bytes(), BlacklistKind::User, moment, NOW + DAY);
        store.blacklist(realm(), &entry, NOW).await.unwrap();
    }
    assert!(store.is_blacklisted(realm(), signed_in(NOW), NOW).await.unwrap());
    let other = TokenRef { subject: SubjectId::of("somebody else"), ..signed_in(NOW) };
    assert!(!store.is_blacklisted(realm(), other, NOW).await.unwrap());
}
