//! What the library stores, and the contracts of a store.
//!
//! Each trait is one capability. What a method's documentation promises is its contract: it holds
//! with any concurrency and any number of processes, and acknowledged writes survive a crash. To
//! check your own store, run the conformance suite in `testing::conformance` (feature `testing`).
//!
//! A store decides nothing: times and limits are passed in, and the caller interprets the results.
//!
//! Every row except a user belongs to a [`Realm`], which every method on such rows takes as an
//! argument. No method reads, changes or revokes anything in another realm, even if the two share
//! ids, addresses or secrets. Only [`Maintenance`] covers all realms.

mod decision;
mod erased;
pub(crate) mod memory;
#[cfg(feature = "mongodb")]
pub(crate) mod mongo;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) mod sql;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres"))]
mod tls;
mod turns;

use std::fmt;
use std::future::Future;
use std::ops::AddAssign;
use std::time::Duration;

pub use self::decision::{Decision, Proof};
pub use self::erased::Detached;
pub use self::memory::{MemoryStore, NewUser};
pub use crate::binding::Binding;
pub use crate::challenge::budget::{Budget, Refund, Requester, SendLimits, Total};
pub use crate::challenge::code::Nonce;
pub use crate::challenge::{ChallengeKey, CodeMac, CountedAttempt, Identity};
pub use crate::check::{CheckError, Finding, FindingKind, SignUps};
pub use crate::clock::Timestamp;
pub use crate::error::StoreError;
pub use crate::id::{SessionId, SubjectId, TokenId};
pub use crate::methods::AuthMethods;
pub use crate::realm::Realm;
pub use crate::session::{Client, Recovery, Session};

#[cfg(feature = "mongodb")]
pub use mongo::{MongoStore, user::MongoUser};
#[cfg(feature = "mysql")]
pub use sql::mysql::MySqlStore;
#[cfg(feature = "postgres")]
pub use sql::postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sql::sqlite::SqliteStore;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use sql::user::SqlUser;

pub(crate) use erased::AnyStore;
pub(crate) use turns::Turn;

use crate::user::OtpUser;

/// How long a caller waits for a store. A store that hangs counts as failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a driver waits for a connection or a lock: shorter than the caller waits, so that the
/// error says what happened.
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
const DRIVER_TIMEOUT: Duration = ANSWER_TIMEOUT.saturating_sub(Duration::from_secs(1));

/// The result of every store method.
pub type StoreResult<T> = Result<T, StoreError>;

/// Everything that [`OtpAuth`](crate::OtpAuth) needs from a store. Implemented for every type that
/// has the capabilities.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot store users of type `{U}`",
    label = "expects a store for `{U}`",
    note = "if this is a URL or a pool, turn it into a store: `SqliteStore::connect(\"…\").await?` or `SqliteStore::from_pool(pool)`",
    note = "if it is a store, connect the user to it: `#[otp_user(table = \"…\", stores(sqlite))]` for `SqliteStore`, `stores(postgres)` for `PostgresStore`, `stores(mysql)` for `MySqlStore`, `#[otp_user(collection = \"…\")]` for `MongoStore`"
)]
pub trait Store<U: OtpUser>: ChallengeStore + SessionStore + UserStore<U> + Maintenance {}

#[diagnostic::do_not_recommend]
impl<U: OtpUser, S: ChallengeStore + SessionStore + UserStore<U> + Maintenance> Store<U> for S {}

/// A challenge to open, if the budget allows a send.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenChallenge {
    /// The identity of the challenge.
    pub identity: Identity,
    /// Which budget pays: that of a network of strangers, or of a known device, with this address.
    pub payer: Identity,
    /// The class of the requester. Each class has its own budgets.
    pub requester: Requester,
    /// What the budget allows.
    pub limits: SendLimits,
    /// What pays as well, if a stranger requests.
    pub total: Option<TotalLimit>,
    /// The first so many sends of a day have the code of [`FreshChallenge::code_mac`], later ones
    /// that of [`FreshChallenge::longer_code_mac`].
    pub short_codes: u32,
    /// The current time.
    pub now: Timestamp,
    /// A challenge that the client already has.
    pub resume: Option<Resume>,
    /// The challenge to add if there is none to resume.
    pub fresh: FreshChallenge,
}

impl OpenChallenge {
    /// A stranger's request, with nothing to resume.
    #[must_use]
    pub const fn new(identity: Identity, fresh: FreshChallenge, limits: SendLimits, now: Timestamp) -> Self {
        Self {
            identity,
            payer: identity,
            requester: Requester::Stranger,
            limits,
            total: None,
            short_codes: u32::MAX,
            now,
            resume: None,
            fresh,
        }
    }

    /// The ticket of the send, if it is paid for.
    #[must_use]
    pub fn ticket(&self) -> SendTicket {
        let next_send_at = self.limits.cooldown_from(self.now);
        let total = self.total.map(|total| total.payer);
        SendTicket { total, ..SendTicket::new(self.payer, self.requester, self.fresh.key, next_send_at, self.now) }
    }

    /// What budget and total are after they have paid.
    ///
    /// # Errors
    ///
    /// The wait until the budget, or else the total, allows a send.
    pub fn spend(&self, budget: Option<Budget>, total: Option<Total>) -> Result<Spent, Duration> {
        let budget = Budget::spend(budget, self.now, self.limits)?;
        let total = self.total.map(|limit| Total::spend(total, self.now, limit.per_day)).transpose()?;
        Ok(Spent { budget, total })
    }

    /// The MAC of the code to store for the send with this [number](Spent::number).
    #[must_use]
    pub const fn code_mac(&self, number: u32) -> CodeMac {
        if number <= self.short_codes { self.fresh.code_mac } else { self.fresh.longer_code_mac }
    }
}

/// What all strangers together may send to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TotalLimit {
    /// Which total counts.
    pub payer: Identity,
    /// Sends per day.
    pub per_day: u32,
}

impl TotalLimit {
    /// So many sends per day.
    #[must_use]
    pub const fn new(payer: Identity, per_day: u32) -> Self {
        Self { payer, per_day }
    }
}

/// What has paid for a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spent {
    /// The budget now.
    pub budget: Budget,
    /// The total now, if it has paid as well.
    pub total: Option<Total>,
}

impl Spent {
    /// The number of the send in its day: that of the total, or else of the budget.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.total.map_or(self.budget.day_sends, |total| total.sends)
    }
}

/// Which earlier challenge may be resumed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Resume {
    /// Its key.
    pub key: ChallengeKey,
    /// Resumes the challenge only if it has had fewer attempts than this.
    pub max_attempts: u32,
}

impl Resume {
    /// Continues the challenge with this key, if it has fewer attempts.
    #[must_use]
    pub const fn new(key: ChallengeKey, max_attempts: u32) -> Self {
        Self { key, max_attempts }
    }
}

/// A new challenge.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FreshChallenge {
    /// Its key.
    pub key: ChallengeKey,
    /// What its code is derived from.
    pub nonce: Nonce,
    /// The MAC of its code.
    pub code_mac: CodeMac,
    /// The MAC of its longer code, if the send comes late in the day.
    pub longer_code_mac: CodeMac,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl FreshChallenge {
    /// A challenge until `expires_at`, with one code.
    #[must_use]
    pub const fn new(key: ChallengeKey, nonce: Nonce, code_mac: CodeMac, expires_at: Timestamp) -> Self {
        Self { key, nonce, code_mac, longer_code_mac: code_mac, expires_at }
    }
}

/// The result of [`ChallengeStore::open_challenge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The fresh challenge was added.
    Opened {
        /// The MAC of its code: one of the two.
        code_mac: CodeMac,
        /// The send that was paid for.
        ticket: SendTicket,
    },
    /// The earlier challenge was resumed, with the same code, attempts and expiry.
    Resumed {
        /// What its code is derived from.
        nonce: Nonce,
        /// The MAC of its code.
        code_mac: CodeMac,
        /// When it expires.
        expires_at: Timestamp,
        /// The send that was paid for.
        ticket: SendTicket,
    },
    /// The budget, or else the total, does not allow a send yet. Nothing was changed.
    Wait(Duration),
}

/// A send that was paid for, so that it can be refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendTicket {
    /// Which budget paid.
    pub payer: Identity,
    /// The class of the requester.
    pub requester: Requester,
    /// The key of the request's fresh challenge, even if another one was resumed. It identifies the
    /// send: two sends may be paid for in the same millisecond.
    pub key: ChallengeKey,
    /// The end of the cooldown that this send started.
    pub next_send_at: Timestamp,
    /// Which total paid as well.
    pub total: Option<Identity>,
    /// When it was paid.
    pub paid_at: Timestamp,
}

impl SendTicket {
    /// A send that this budget paid alone.
    #[must_use]
    pub const fn new(
        payer: Identity,
        requester: Requester,
        key: ChallengeKey,
        next_send_at: Timestamp,
        paid_at: Timestamp,
    ) -> Self {
        Self { payer, requester, key, next_send_at, total: None, paid_at }
    }
}

/// Challenges, and the budgets that pay for them.
pub trait ChallengeStore: Send + Sync + 'static {
    /// Pays for one send from the budget of [`OpenChallenge::payer`] and opens the challenge of
    /// [`OpenChallenge::identity`]: both or neither.
    ///
    /// * Of all callers within one cooldown, exactly one pays, and the sends per hour and day stay
    ///   within the limits, as [`Budget::spend`] specifies. The others get [`Opening::Wait`].
    /// * With a [`OpenChallenge::total`], both pay or neither, and the sends of all payers together
    ///   stay within its limit, as [`Total::spend`] specifies. The budget is asked first.
    /// * The payer remembers its latest send by the [`SendTicket::key`].
    /// * The fresh challenge has the code of [`OpenChallenge::code_mac`] for the number of this
    ///   send. No two sends of a day have the same number.
    /// * [`OpenChallenge::resume`] is resumed only if it has the same identity, is neither accepted
    ///   nor expired, and has attempts left. Resuming does not change it. Otherwise the fresh
    ///   challenge is added.
    fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> impl Future<Output = StoreResult<Opening>> + Send;

    /// Refunds a send that was not delivered, as [`Budget::refund`] and [`Total::refund`] specify.
    /// The payer then forgets it. Does nothing if it is not the latest send that the payer remembers,
    /// so it is safe to repeat.
    fn refund_send(
        &self,
        realm: &Realm,
        ticket: &SendTicket,
        refund: Refund,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// Counts one more attempt and then returns the challenge; `None` if no challenge has this key.
    ///
    /// The count is durable before the method returns and is never rolled back. No two callers get
    /// the same [`CountedAttempt::number`] below `cap`; a store need not count any further.
    ///
    /// If a stranger attempts, the challenge has not been accepted, and the number is below `cap`,
    /// counts one more failure of the identity whose [`OpenChallenge::total`] has paid. Of `n`
    /// callers, no more than `n` get [`CountedAttempt::failures`] up to `n`. A sign-in of the identity
    /// ends the count.
    fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        requester: Requester,
        cap: u32,
    ) -> impl Future<Output = StoreResult<Option<CountedAttempt>>> + Send;

    /// Forgets the failures of strangers for an identity.
    fn forget_failures(&self, realm: &Realm, identity: &Identity) -> impl Future<Output = StoreResult<()>> + Send;

    /// Counts one more challenge of an identity whose attempts were exhausted, and returns the
    /// count of the current day. A day begins with the first of them and lasts [`SendLimits::DAY`].
    ///
    /// No two callers get the same number within one day. Nothing else depends on the count: it
    /// does not change budgets, and budgets do not change it.
    fn count_exhausted(
        &self,
        realm: &Realm,
        identity: &Identity,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<u32>> + Send;
}

/// The result of [`SessionStore::advance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// This call replaced the generation. The session as it is now.
    Advanced(Session),
    /// The session was in another generation, revoked or expired. The session as it is now.
    Unchanged(Session),
    /// No session has this id.
    Unknown,
}

/// When a session is revoked, and how long its access tokens stay on the blacklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// The current time.
    pub now: Timestamp,
    /// When every access token issued so far has expired.
    pub blacklist_until: Timestamp,
}

impl Revocation {
    /// Ends now what is remembered until `blacklist_until`.
    #[must_use]
    pub const fn new(now: Timestamp, blacklist_until: Timestamp) -> Self {
        Self { now, blacklist_until }
    }

    /// The blacklist entry of a session that this revokes.
    pub(crate) const fn of_session(self, id: SessionId) -> BlacklistEntry {
        BlacklistEntry::new(*id.as_bytes(), BlacklistKind::Session, self.now, self.blacklist_until)
    }
}

/// The kind of id that a blacklist entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlacklistKind {
    /// A [`TokenId`]: one access token.
    Token,
    /// A [`SessionId`]: every access token of a session.
    Session,
    /// A [`SubjectId`]: every access token of a user who signed in before
    /// [`BlacklistEntry::blacklisted_at`].
    User,
}

impl BlacklistKind {
    /// The text form, as stores write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::User => "user",
        }
    }

    /// Reads the text form that [`as_str`](Self::as_str) returns.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Token, Self::Session, Self::User].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An entry of the blacklist: tokens that are no longer accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlacklistEntry {
    /// The bytes of a [`TokenId`], a [`SessionId`] or a [`SubjectId`].
    pub id: [u8; 16],
    /// Which kind of id it is.
    pub kind: BlacklistKind,
    /// Since when. For a user: earlier sign-ins are no longer accepted.
    pub blacklisted_at: Timestamp,
    /// When every access token that the entry affects has expired.
    pub expires_at: Timestamp,
}

impl BlacklistEntry {
    /// Creates an entry.
    #[must_use]
    pub const fn new(id: [u8; 16], kind: BlacklistKind, blacklisted_at: Timestamp, expires_at: Timestamp) -> Self {
        Self { id, kind, blacklisted_at, expires_at }
    }
}

/// How far a caller has read the blacklist of a realm. Only the store knows what the number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub i64);

/// Part of the blacklist.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocations {
    /// The entries, in no particular order. Some may have been returned before.
    pub entries: Vec<BlacklistEntry>,
    /// Where the next call continues.
    pub cursor: Cursor,
}

impl Revocations {
    /// Creates a part of the blacklist.
    #[must_use]
    pub const fn new(entries: Vec<BlacklistEntry>, cursor: Cursor) -> Self {
        Self { entries, cursor }
    }
}

/// Sessions, and the blacklist of tokens that are no longer accepted.
pub trait SessionStore: Send + Sync + 'static {
    /// The session with this id.
    fn session(&self, realm: &Realm, id: SessionId) -> impl Future<Output = StoreResult<Option<Session>>> + Send;

    /// Compare-and-swap on the generation: increments it and sets [`Session::refreshed_at`] if the
    /// session is in `generation` and is neither revoked nor expired.
    ///
    /// Of all callers with the same generation, exactly one gets [`Advance::Advanced`]. A revoked
    /// session never advances.
    fn advance(
        &self,
        realm: &Realm,
        id: SessionId,
        generation: u32,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Advance>> + Send;

    /// Compare-and-swap on [`Session::recovery`]: replaces it with `recovery` if it still is
    /// `expected`, and the session is in the generation that `recovery` names and is not revoked.
    /// Returns whether it did. Of all callers with the same `expected`, exactly one succeeds.
    fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Binds a session to another address if it is neither revoked nor expired at `now`. Returns
    /// whether it did.
    fn bind_session(
        &self,
        realm: &Realm,
        id: SessionId,
        binding: Binding,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Revokes a session and blacklists its id: both or neither. Returns whether this call revoked
    /// it. Idempotent: a session that was already revoked keeps its `revoked_at`. In any case,
    /// even for an unknown session, the entry is on the blacklist afterwards, until the later of
    /// the two expiry times.
    fn revoke_session(
        &self,
        realm: &Realm,
        id: SessionId,
        revocation: Revocation,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Revokes every session of a user and blacklists their ids. Returns the sessions that this
    /// call revoked.
    fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> impl Future<Output = StoreResult<Vec<SessionId>>> + Send;

    /// Deletes every session of a user in any state, and returns how many. Does not change the
    /// blacklist.
    fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> impl Future<Output = StoreResult<u64>> + Send;

    /// The sessions of a user that are neither revoked nor expired at `now`, latest sign-in first.
    fn user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Vec<Session>>> + Send;

    /// Adds an entry to the blacklist. Idempotent: an existing entry keeps the later `expires_at`
    /// and the later `blacklisted_at`. Once this returns, every process sees the entry.
    fn blacklist(
        &self,
        realm: &Realm,
        entry: &BlacklistEntry,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// Whether an access token is blacklisted at `now`: by its own id, its session or its user.
    fn is_blacklisted(
        &self,
        realm: &Realm,
        token: TokenRef,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// What was blacklisted since a cursor; without a cursor, every entry that has not expired at
    /// `now`.
    ///
    /// A caller who continues from cursor to cursor gets every entry that was added or extended and
    /// acknowledged before a call, however the clocks of the processes differ and in whatever order
    /// transactions commit. A store that cannot continue from the cursor returns every entry that
    /// has not expired.
    fn revocations(
        &self,
        realm: &Realm,
        since: Option<Cursor>,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Revocations>> + Send;
}

/// The ids in an access token that the blacklist check needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRef {
    /// Its session.
    pub session: SessionId,
    /// The token itself.
    pub token: TokenId,
    /// Its user.
    pub subject: SubjectId,
    /// When the user signed in.
    pub authenticated_at: Timestamp,
}

impl TokenRef {
    /// What a token of this session names.
    #[must_use]
    pub const fn new(session: SessionId, token: TokenId, subject: SubjectId, authenticated_at: Timestamp) -> Self {
        Self { session, token, subject, authenticated_at }
    }
}

/// A sign-in with a correct code.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignIn<U> {
    /// The challenge that the code is for.
    pub challenge: ChallengeKey,
    /// The identity that the challenge must have. All sign-ins of one address have the same
    /// identity, so a store can serialize them by locking its total, and create an empty one if
    /// there is none.
    pub identity: Identity,
    /// The MAC of the presented code. The challenge must still have it.
    pub code_mac: CodeMac,
    /// Who signs in.
    pub account: Account<U>,
    /// The session to add.
    pub session: NewSession,
    /// An older session of the same client, to revoke.
    pub replaces: Option<SessionId>,
    /// The current time, and how long revoked sessions stay on the blacklist.
    pub revocation: Revocation,
}

impl<U> SignIn<U> {
    /// A sign-in that replaces no session.
    #[must_use]
    pub const fn new(
        challenge: ChallengeKey,
        identity: Identity,
        code_mac: CodeMac,
        account: Account<U>,
        session: NewSession,
        revocation: Revocation,
    ) -> Self {
        Self { challenge, identity, code_mac, account, session, replaces: None, revocation }
    }
}

/// A session to add.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The address that was proven.
    pub binding: Binding,
    /// How the user authenticated. At most 512 bytes of ASCII.
    pub methods: AuthMethods,
    /// What helps the user recognize the session.
    pub client: Client,
}

impl NewSession {
    /// A session of an unknown client, by a code alone.
    #[must_use]
    pub fn new(id: SessionId, created_at: Timestamp, expires_at: Timestamp, binding: Binding) -> Self {
        let (methods, client) = (AuthMethods::OTP, Client::default());
        Self { id, created_at, expires_at, binding, methods, client }
    }

    /// The new session, for this user.
    #[must_use]
    pub fn of_user(&self, user_id: String) -> Session {
        Session {
            id: self.id,
            user_id,
            binding: self.binding,
            generation: 0,
            created_at: self.created_at,
            refreshed_at: self.created_at,
            recovery: None,
            expires_at: self.expires_at,
            revoked_at: None,
            methods: self.methods.clone(),
            client: self.client.clone(),
        }
    }
}

/// Who signs in. `Debug` does not reveal who.
#[derive(Clone)]
pub enum Account<U> {
    /// A user that the store returned.
    Existing {
        /// The user.
        user: U,
        /// The address that found the user, in its canonical form. The table may contain it in
        /// another form.
        email: String,
    },
    /// The address, in its canonical form, of someone without an account when the store looked.
    New(String),
}

impl<U> Account<U> {
    /// The address that was proven, in its canonical form.
    #[must_use]
    pub fn email(&self) -> &str {
        match self {
            Self::Existing { email, .. } | Self::New(email) => email,
        }
    }
}

impl<U> fmt::Debug for Account<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Existing { .. } => "Existing([redacted])",
            Self::New(_) => "New([redacted])",
        })
    }
}

/// The result of [`UserStore::sign_in`]. `Debug` shows the session but not the user.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one for each sign-in, and it is taken apart at once")]
pub enum SignInOutcome<U> {
    /// The code was accepted and the session created.
    SignedIn {
        /// The user, now verified.
        user: U,
        /// The new session.
        session: Session,
        /// Whether this sign-in created the user.
        created: bool,
        /// The sessions that this sign-in revoked, each once, without those that were already
        /// revoked.
        ended: Vec<SessionId>,
    },
    /// The challenge has already been accepted, has expired or does not exist. Nothing was changed.
    CodeSpent,
    /// The user of [`Account::Existing`] no longer exists or has another address, or a user with
    /// the address of [`Account::New`] exists now. Nothing was changed, so the code is still valid.
    AccountChanged,
    /// A row that the application's filter excludes has the address of [`Account::New`], and the
    /// table does not allow a second one; or the filter excludes the new user's row. Nothing was
    /// changed.
    Excluded,
}

impl<U> fmt::Debug for SignInOutcome<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedIn { session, created, .. } => {
                f.debug_struct("SignedIn").field("session", session).field("created", created).finish_non_exhaustive()
            }
            Self::CodeSpent => f.write_str("CodeSpent"),
            Self::AccountChanged => f.write_str("AccountChanged"),
            Self::Excluded => f.write_str("Excluded"),
        }
    }
}

/// The application's users.
pub trait UserStore<U: OtpUser>: Send + Sync + 'static {
    /// The user with this address, in its canonical form.
    fn user_by_email(&self, email: &str) -> impl Future<Output = StoreResult<Option<U>>> + Send;

    /// The user with this id.
    fn user_by_id(&self, id: &U::Id) -> impl Future<Output = StoreResult<Option<U>>> + Send;

    /// The user of an access token, in the same round trip as the check of
    /// [`SessionStore::is_blacklisted`]. `None` if the token is blacklisted or the user does not
    /// exist.
    fn current_user(
        &self,
        realm: &Realm,
        id: &U::Id,
        token: TokenRef,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Option<U>>> + Send;

    /// Accepts the code and signs the user in: all or nothing.
    ///
    /// 1. Accepts the challenge if it has the identity, still has the MAC, has not expired and has
    ///    not been accepted. Of all callers, exactly one accepts it. What the code was derived from
    ///    is erased, and the failures of strangers for the identity are forgotten.
    /// 2. Reads the user with the address again, and [`Account::decide`] decides who signs in. An
    ///    existing user must still be the same, and a new address must still have no user;
    ///    otherwise nothing happens. For a new address the user is created. Of several sign-ins
    ///    with the same new address, exactly one creates the user; for the others the account has
    ///    changed.
    /// 3. As [`Proof::of`] says: marks the user as verified, and revokes and blacklists every
    ///    earlier session under the user's id.
    /// 4. Revokes and blacklists the session that is replaced.
    /// 5. Adds the new session, in generation 0.
    ///
    /// If a concurrent caller changes the address of an existing user, or deletes the user, and
    /// then revokes their sessions, that revokes this session too, or this session is not created.
    fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> impl Future<Output = StoreResult<SignInOutcome<U>>> + Send;

    /// Finds faults in the user table and the store's own tables, as described at
    /// [`OtpAuth::check`](crate::OtpAuth::check); empty if there are none. Reads no rows and
    /// changes nothing. The default checks nothing.
    fn check(&self, sign_ups: SignUps) -> impl Future<Output = StoreResult<Vec<Finding>>> + Send {
        let _ = sign_ups;
        std::future::ready(Ok(Vec::new()))
    }
}

/// How many rows a cleanup deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Expired challenges.
    pub challenges: u64,
    /// Budgets that no longer have any effect, totals and counts of exhausted challenges whose day
    /// is over, and failures of strangers a year after that.
    pub budgets: u64,
    /// Expired sessions.
    pub sessions: u64,
    /// Expired blacklist entries.
    pub blacklisted: u64,
}

impl Removed {
    /// The sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.challenges + self.budgets + self.sessions + self.blacklisted
    }

    /// Whether this many rows of any kind were deleted.
    pub(crate) fn any_reached(&self, limit: u32) -> bool {
        [self.challenges, self.budgets, self.sessions, self.blacklisted].iter().any(|count| *count >= u64::from(limit))
    }
}

impl AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.challenges += other.challenges;
        self.budgets += other.budgets;
        self.sessions += other.sessions;
        self.blacklisted += other.blacklisted;
    }
}

/// How long sessions and blacklist entries are kept after they expire. A clock that is ahead by up
/// to this much in the process that cleans up must not sign anyone out, nor make revoked tokens
/// valid again.
pub const CLOCK_MARGIN: Duration = Duration::from_hours(24);

/// Maintenance of a store.
pub trait Maintenance: Send + Sync + 'static {
    /// Whether the store still works after a call to one of its methods is dropped at any point.
    /// Drivers often lose a connection then. So unless a store sets this,
    /// [`OtpAuth`](crate::OtpAuth) wraps it in [`Detached`], which costs a task per call: 7 to 8 %
    /// of the requests per second for the current user, as `benchmarks/README.md` says.
    const CANCEL_SAFE: bool = false;

    /// Deletes what is no longer needed at `now`, at most `limit` rows of each table, and returns
    /// how many. Never deletes what is still valid: sessions and blacklist entries are deleted only
    /// [`CLOCK_MARGIN`] after they expire. Safe to run in several processes at the same time.
    fn cleanup(&self, now: Timestamp, limit: u32) -> impl Future<Output = StoreResult<Removed>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signs_in_is_not_shown() {
        let existing = Account::Existing { user: "ann", email: "ann@x.com".to_owned() };
        let new = Account::<()>::New("ann@x.com".to_owned());
        assert_eq!(format!("{existing:?} {new:?}"), "Existing([redacted]) New([redacted])");
        let now = Timestamp::from_millis(0);
        let session = NewSession::new(SessionId::from_bytes([1; 16]), now, now, Binding::from_bytes([2; 16]));
        let session = session.of_user("7".to_owned());
        let shown = format!("SignedIn {{ session: {session:?}, created: true, .. }}");
        for (outcome, shown) in [
            (SignInOutcome::SignedIn { user: "ann", session, created: true, ended: Vec::new() }, shown.as_str()),
            (SignInOutcome::CodeSpent, "CodeSpent"),
            (SignInOutcome::AccountChanged, "AccountChanged"),
            (SignInOutcome::Excluded, "Excluded"),
        ] {
            assert_eq!(format!("{outcome:?}"), shown);
        }
    }

    #[test]
    fn the_rows_of_every_table_add_up() {
        assert_eq!(Removed { challenges: 1, budgets: 2, sessions: 4, blacklisted: 8 }.total(), 15);
    }
}
