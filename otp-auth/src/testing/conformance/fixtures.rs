//! Values for the cases, and for tests of a single backend.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::Backend;
use crate::store::{
    Account, AuthMethods, Binding, BlacklistEntry, BlacklistKind, ChallengeKey, ChallengeStore, Client, CodeMac,
    FreshChallenge, Identity, NewSession, Nonce, OpenChallenge, Opening, Realm, Requester, Resume, Revocation,
    SendLimits, SendTicket, Session, SessionId, SignIn, SignInOutcome, SubjectId, Timestamp, TokenId, TokenRef,
    TotalLimit, UserStore,
};
use crate::user::OtpUser;

/// The realm of every row, except in cases about two realms.
#[must_use]
pub fn realm() -> &'static Realm {
    static REALM: LazyLock<Realm> = LazyLock::new(|| Realm::new("users").expect("a name"));
    &REALM
}

/// Another realm in the same store.
pub(super) fn other_realm() -> &'static Realm {
    static REALM: LazyLock<Realm> = LazyLock::new(|| Realm::new("admins").expect("a name"));
    &REALM
}

/// The account of a user who was found by the stored address.
#[must_use]
pub fn existing<U: OtpUser>(user: U) -> Account<U> {
    let email = user.email().to_owned();
    Account::Existing { user, email }
}

/// A blacklist entry for this token from this time, kept for a day.
pub(super) fn blacklisted(token: TokenId, now: Timestamp) -> BlacklistEntry {
    BlacklistEntry::new(*token.as_bytes(), BlacklistKind::Token, now, now + DAY)
}

/// When everything happens.
pub const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_123);
pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const DAY: Duration = Duration::from_hours(24);
pub(super) const MILLI: Duration = Duration::from_millis(1);

/// Wide enough not to affect cases about other things.
pub(super) const LIMITS: SendLimits = SendLimits { cooldown: MINUTE, per_hour: 1_000, per_day: 1_000 };

/// The identity with this number.
#[must_use]
pub fn identity(number: u8) -> Identity {
    Identity::from_bytes([number; 32])
}

/// The key of the challenge with this number.
#[must_use]
pub fn key(number: u32) -> ChallengeKey {
    let mut bytes = [0xC0; 32];
    bytes[28..].copy_from_slice(&number.to_be_bytes());
    ChallengeKey::from_bytes(bytes)
}

pub(super) fn mac(number: u8) -> CodeMac {
    CodeMac::from_bytes([number; 32])
}

pub(super) fn session_id(number: u32) -> SessionId {
    let mut bytes = [0x5E; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    SessionId::from_bytes(bytes)
}

/// A token of this session.
#[must_use]
pub fn token(session: SessionId) -> TokenRef {
    TokenRef {
        session,
        token: TokenId::from_bytes([0x70; 16]),
        subject: SubjectId::from_bytes([0x55; 16]),
        authenticated_at: NOW,
    }
}

/// A revocation at this time, kept for a day.
#[must_use]
pub fn revocation(now: Timestamp) -> Revocation {
    Revocation { now, blacklist_until: now + DAY }
}

/// A request for a challenge with this key, for this identity.
#[must_use]
pub fn open(identity: Identity, key: ChallengeKey, now: Timestamp) -> OpenChallenge {
    OpenChallenge {
        identity,
        payer: identity,
        requester: Requester::Stranger,
        limits: LIMITS,
        total: None,
        short_codes: u32::MAX,
        now,
        resume: None,
        fresh: FreshChallenge {
            key,
            nonce: Nonce::from_bytes([key.as_bytes()[31]; 16]),
            code_mac: mac(1),
            longer_code_mac: mac(2),
            expires_at: now + 10 * MINUTE,
        },
    }
}

pub(super) fn resume(mut open: OpenChallenge, key: ChallengeKey) -> OpenChallenge {
    open.resume = Some(Resume { key, max_attempts: 5 });
    open
}

/// The ticket of a send that must have been paid for.
pub(super) fn ticket(opening: Opening) -> SendTicket {
    match opening {
        Opening::Opened { ticket, .. } | Opening::Resumed { ticket, .. } => ticket,
        Opening::Wait(wait) => panic!("nothing was paid, wait {wait:?}"),
    }
}

/// The ticket of a challenge that must have been opened.
pub(super) fn opened(opening: Opening) -> SendTicket {
    match opening {
        Opening::Opened { ticket, .. } => ticket,
        other => panic!("expected a fresh challenge, got {other:?}"),
    }
}

/// A sign-in with the challenge that `open` creates for the identity of the same number.
#[must_use]
pub fn sign_in<U>(challenge: u32, account: Account<U>, session: u32, now: Timestamp) -> SignIn<U> {
    SignIn {
        challenge: key(challenge),
        identity: identity(challenge.to_be_bytes()[3]),
        code_mac: mac(1),
        account,
        session: NewSession {
            id: session_id(session),
            created_at: now,
            expires_at: now + 7 * DAY,
            binding: Binding::from_bytes([0xB1; 16]),
            methods: AuthMethods::new(["hwk", "mfa"]).expect("names"),
            client: Client::new(Some("Agent/1.0 (ünïcode; 'quoted' \"twice\")"), "2001:db8::7".parse().ok()),
        },
        replaces: None,
        revocation: revocation(now),
    }
}

pub(super) fn signed_in_ok<U>(outcome: SignInOutcome<U>) -> (U, Session, bool) {
    match outcome {
        SignInOutcome::SignedIn { user, session, created, .. } => (user, session, created),
        SignInOutcome::CodeSpent => panic!("expected a sign-in, but the code was spent"),
        SignInOutcome::AccountChanged => panic!("expected a sign-in, but the account has changed"),
        SignInOutcome::Excluded => panic!("expected a sign-in, but the row is excluded"),
    }
}

/// Opens a challenge and signs in with it, as its own identity.
pub(super) async fn add_session<B: Backend>(
    store: &B::Store,
    account: Account<B::User>,
    number: u32,
    now: Timestamp,
) -> (B::User, Session) {
    let mut bytes = [0x1D; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    let own = Identity::from_bytes(bytes);
    let total = Some(TotalLimit::new(own, LIMITS.per_day));
    let open = OpenChallenge { total, ..open(own, key(number), now) };
    let opening = store.open_challenge(realm(), &open).await.expect("the challenge opens");
    opened(opening);
    let attempt = SignIn { identity: own, ..sign_in(number, account, number, now) };
    let outcome = store.sign_in(realm(), attempt).await.expect("the sign-in is stored");
    let (user, session, _) = signed_in_ok(outcome);
    (user, session)
}

/// Whether an access token of the session still finds its user.
pub(super) async fn is_current<B: Backend>(
    store: &B::Store,
    user: &B::User,
    session: SessionId,
    now: Timestamp,
) -> bool {
    store.current_user(realm(), user.id(), token(session), now).await.expect("the user is loaded").is_some()
}

/// Runs the same call many times concurrently, and returns the results.
pub(super) async fn at_once<S, F, T>(store: &Arc<S>, times: u32, call: impl Fn(Arc<S>, u32) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let start = Arc::new(tokio::sync::Barrier::new(times as usize));
    let tasks: Vec<_> = (0..times)
        .map(|number| {
            let (start, call) = (Arc::clone(&start), call(Arc::clone(store), number));
            tokio::spawn(async move {
                start.wait().await;
                call.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no call panics"));
    }
    results
}
