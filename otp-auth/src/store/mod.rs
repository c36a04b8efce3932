//! What the library keeps, and the contracts of a store.
//!
//! Each trait is one capability. The promise in the documentation of a method
//! **is** the contract: it holds under any concurrency, over any number of
//! processes, and what was acknowledged survives a crash. The conformance
//! suite in `testing::conformance` (feature `testing`) checks a store of your
//! own.
//!
//! A store decides nothing: times and limits come in as values, and what a
//! result means is decided by its caller.
//!
//! Every row belongs to a [`Realm`], and every method is told which. None
//! reads, changes or ends anything of another realm, whatever ids, addresses
//! or secrets the two share; only [`Maintenance`] is for all of them.

mod decision;
mod erased;
pub(crate) mod memory;
#[cfg(feature = "mongodb")]
pub(crate) mod mongo;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) mod sql;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres"))]
mod tls;

use std::fmt;
use std::future::Future;
use std::ops::AddAssign;
use std::time::Duration;

pub use self::decision::{Decision, Proof};
pub use self::erased::Detached;
pub use self::memory::{MemoryStore, NewUser};
pub use crate::binding::Binding;
pub use crate::challenge::budget::{Budget, Refund, Requester, SendLimits};
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

use crate::user::OtpUser;

/// What every method of a store returns.
pub type StoreResult<T> = Result<T, StoreError>;

/// Everything that [`OtpAuth`](crate::OtpAuth) needs from a store. It is
/// implemented for every type that has the capabilities.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot store users of type `{U}`",
    label = "takes a store that keeps `{U}`",
    note = "make a store with `SqliteStore::connect(\"…\").await?`, or from a pool with `SqliteStore::from_pool(pool)`",
    note = "`SqliteStore` keeps a user with `#[otp_user(table = \"…\", stores(sqlite))]`, `PostgresStore` with `stores(postgres)`, `MySqlStore` with `stores(mysql)`, `MongoStore` with `#[otp_user(collection = \"…\")]`"
)]
pub trait Store<U: OtpUser>: ChallengeStore + SessionStore + UserStore<U> + Maintenance {}

#[diagnostic::do_not_recommend]
impl<U: OtpUser, S: ChallengeStore + SessionStore + UserStore<U> + Maintenance> Store<U> for S {}

/// A challenge to be opened, if the budget allows a send.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenChallenge {
    /// Whose challenge.
    pub identity: Identity,
    /// Whose budget pays: the identity's own for strangers, and for a known
    /// device another one, which is this device's for this identity.
    pub payer: Identity,
    /// Who asks; budgets of different requesters are different ones.
    pub requester: Requester,
    /// What the budget allows.
    pub limits: SendLimits,
    /// The present.
    pub now: Timestamp,
    /// A challenge that the client already holds.
    pub resume: Option<Resume>,
    /// The challenge to add when there is none to resume.
    pub fresh: FreshChallenge,
}

impl OpenChallenge {
    /// A stranger's request, with nothing to resume.
    #[must_use]
    pub const fn new(identity: Identity, fresh: FreshChallenge, limits: SendLimits, now: Timestamp) -> Self {
        Self { identity, payer: identity, requester: Requester::Stranger, limits, now, resume: None, fresh }
    }
}

/// Which earlier challenge may be continued.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Resume {
    /// Its key.
    pub key: ChallengeKey,
    /// It must have fewer attempts than this.
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
    /// When it ends.
    pub expires_at: Timestamp,
}

impl FreshChallenge {
    /// A challenge until `expires_at`.
    #[must_use]
    pub const fn new(key: ChallengeKey, nonce: Nonce, code_mac: CodeMac, expires_at: Timestamp) -> Self {
        Self { key, nonce, code_mac, expires_at }
    }
}

/// What came of [`OpenChallenge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The fresh challenge was added.
    Opened(SendTicket),
    /// The earlier challenge goes on: same code, same attempts, same end.
    Resumed {
        /// What its code is derived from.
        nonce: Nonce,
        /// When it ends.
        expires_at: Timestamp,
        /// The send that was paid.
        ticket: SendTicket,
    },
    /// The budget allows no send now; nothing was changed.
    Wait(Duration),
}

/// A send that was paid, so that it can be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendTicket {
    /// Whose budget paid.
    pub payer: Identity,
    /// Who asked.
    pub requester: Requester,
    /// The end of the cooldown that this send began; it names the send.
    pub next_send_at: Timestamp,
}

impl SendTicket {
    /// A send that this budget paid.
    #[must_use]
    pub const fn new(payer: Identity, requester: Requester) -> Self {
        Self { payer, requester }
    }
}

/// Challenges and the budgets that pay for them.
pub trait ChallengeStore: Send + Sync + 'static {
    /// Pays one send from the budget of [`OpenChallenge::payer`] and opens the
    /// challenge of [`OpenChallenge::identity`] that it is for, both or neither.
    ///
    /// * Of all callers within one cooldown exactly one is paid, and the
    ///   sends in an hour and a day stay within the limits, as
    ///   [`Budget::spend`] says. The others learn how long to wait.
    /// * [`OpenChallenge::resume`] is continued only when it has the same
    ///   identity, is neither accepted nor expired, and has attempts left; it
    ///   is not changed. Otherwise the fresh challenge is added.
    fn open_challenge(&self, realm: &Realm, open: &OpenChallenge) -> impl Future<Output = StoreResult<Opening>> + Send;

    /// Gives back a send that was not delivered, as [`Budget::refund`] says.
    /// Does nothing when a later send was paid meanwhile, so it may be
    /// repeated.
    fn refund_send(
        &self,
        realm: &Realm,
        ticket: &SendTicket,
        refund: Refund,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// Counts one more attempt, and then returns the challenge; `None` when there
    /// is none of this key.
    ///
    /// The count is durable before the method returns and is never rolled
    /// back. No two callers get the same [`CountedAttempt::number`] while it is
    /// below `cap`; a store need not count beyond that.
    fn count_attempt(
        &self,
        realm: &Realm,
        key: &ChallengeKey,
        cap: u32,
    ) -> impl Future<Output = StoreResult<Option<CountedAttempt>>> + Send;

    /// Counts one more challenge of an identity whose attempts were used up, and
    /// returns how many that are in the present day. A day begins with the
    /// first of them, and ends after [`SendLimits::DAY`].
    ///
    /// No two callers get the same number in one day. Nothing else depends on
    /// it: it changes no budget, and a budget does not change it.
    fn count_exhausted(
        &self,
        realm: &Realm,
        identity: &Identity,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<u32>> + Send;
}

/// What came of [`SessionStore::advance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// This call has replaced the generation; the session is as it is now.
    Advanced(Session),
    /// The session was in another generation, revoked or over; it is as it
    /// is now.
    Unchanged(Session),
    /// There is no such session.
    Unknown,
}

/// A session that ends, and how long its access tokens must be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// The present.
    pub now: Timestamp,
    /// No access token that exists is alive after this.
    pub blacklist_until: Timestamp,
}

impl Revocation {
    /// Ends now what is remembered until `blacklist_until`.
    #[must_use]
    pub const fn new(now: Timestamp, blacklist_until: Timestamp) -> Self {
        Self { now, blacklist_until }
    }
}

/// Which kind of id an entry of the blacklist has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlacklistKind {
    /// A [`TokenId`]: one access token.
    Token,
    /// A [`SessionId`]: every access token of a session.
    Session,
    /// A [`SubjectId`]: every access token of a user whose sign-in was before
    /// [`BlacklistEntry::blacklisted_at`].
    User,
}

impl BlacklistKind {
    /// How stores write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::User => "user",
        }
    }

    /// Reads what [`as_str`](Self::as_str) has written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Token, Self::Session, Self::User].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What must no longer be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlacklistEntry {
    /// The bytes of a [`TokenId`], a [`SessionId`] or a [`SubjectId`].
    pub id: [u8; 16],
    /// Which of them.
    pub kind: BlacklistKind,
    /// Since when. For a user: sign-ins before it do not count.
    pub blacklisted_at: Timestamp,
    /// When no access token needs the entry any more.
    pub expires_at: Timestamp,
}

impl BlacklistEntry {
    /// An entry.
    #[must_use]
    pub const fn new(id: [u8; 16], kind: BlacklistKind, blacklisted_at: Timestamp, expires_at: Timestamp) -> Self {
        Self { id, kind, blacklisted_at, expires_at }
    }
}

/// How far somebody has followed the blacklist of a realm. What the number
/// means is the store's own business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub i64);

/// A part of the blacklist.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocations {
    /// The entries, in no particular order. Some may have been told before.
    pub entries: Vec<BlacklistEntry>,
    /// Where to go on.
    pub cursor: Cursor,
}

impl Revocations {
    /// A part of the blacklist.
    #[must_use]
    pub const fn new(entries: Vec<BlacklistEntry>, cursor: Cursor) -> Self {
        Self { entries, cursor }
    }
}

/// Sessions, and the blacklist of what must no longer be accepted.
pub trait SessionStore: Send + Sync + 'static {
    /// The session of this id.
    fn session(&self, realm: &Realm, id: SessionId) -> impl Future<Output = StoreResult<Option<Session>>> + Send;

    /// Compare-and-swap on the generation: replaces `generation` by the next
    /// one and sets [`Session::refreshed_at`], if the session is in that
    /// generation, not revoked and not over.
    ///
    /// Of all callers with one generation exactly one is told
    /// [`Advance::Advanced`]. A session that has been revoked never advances.
    fn advance(
        &self,
        realm: &Realm,
        id: SessionId,
        generation: u32,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Advance>> + Send;

    /// Compare-and-swap on [`Session::recovery`]: notes `recovery` in its place,
    /// if the session is in the generation that it names, still has the
    /// `expected` one, and is not revoked. Returns whether it did: of all
    /// callers with one expectation exactly one does.
    fn recover(
        &self,
        realm: &Realm,
        id: SessionId,
        expected: Option<Recovery>,
        recovery: Recovery,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Binds a session that is neither revoked nor over at `now` to another
    /// address; whether there was one.
    fn bind_session(
        &self,
        realm: &Realm,
        id: SessionId,
        binding: Binding,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Revokes a session and blacklists its id, both or neither. Returns
    /// whether this call revoked it. Idempotent: a session that was revoked
    /// before keeps its time, and the blacklist entry is there afterwards in
    /// any case, until the later of both times.
    fn revoke_session(
        &self,
        realm: &Realm,
        id: SessionId,
        revocation: Revocation,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Revokes every session of a user and blacklists their ids; returns those
    /// that this call revoked.
    fn revoke_user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        revocation: Revocation,
    ) -> impl Future<Output = StoreResult<Vec<SessionId>>> + Send;

    /// Deletes every session of a user, whatever its state; how many it was.
    /// The blacklist stays as it is.
    fn delete_user_sessions(&self, realm: &Realm, user_id: &str) -> impl Future<Output = StoreResult<u64>> + Send;

    /// The sessions of a user that are neither revoked nor over at `now`, the
    /// latest sign-in first.
    fn user_sessions(
        &self,
        realm: &Realm,
        user_id: &str,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Vec<Session>>> + Send;

    /// Adds an entry to the blacklist. Idempotent: of an entry that is there
    /// already the later of both ends and of both moments stays. Every process
    /// sees it once this returns.
    fn blacklist(
        &self,
        realm: &Realm,
        entry: &BlacklistEntry,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    /// Whether an access token is blacklisted at `now`: by its own id, by its
    /// session, or by its user.
    fn is_blacklisted(
        &self,
        realm: &Realm,
        token: TokenRef,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// What was blacklisted since a cursor, or without one everything that is
    /// live at `now`.
    ///
    /// Whoever goes on from cursor to cursor is told of every entry that was
    /// acknowledged before a call, and of every entry that was extended,
    /// whatever the clocks of the processes say and in whatever order
    /// transactions are committed. A store that cannot go on from the cursor
    /// returns everything that is live.
    fn revocations(
        &self,
        realm: &Realm,
        since: Option<Cursor>,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Revocations>> + Send;
}

/// What an access token names, for the blacklist check.
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

/// A code that was found right, to be turned into a session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignIn<U> {
    /// The challenge.
    pub challenge: ChallengeKey,
    /// Whose challenge it must be. Sign-ins of one address have one identity,
    /// so a store can lock the strangers' budget of it to let them take turns,
    /// and make an empty one where there is none.
    pub identity: Identity,
    /// The MAC of the presented code: the challenge must still hold it.
    pub code_mac: CodeMac,
    /// Who signs in.
    pub account: Account<U>,
    /// The session to add.
    pub session: NewSession,
    /// An older session of the same client, which ends.
    pub replaces: Option<SessionId>,
    /// The present, and the times for the sessions that end.
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

/// A session to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The address that was proven.
    pub binding: Binding,
    /// How the user has proven who they are. At most 512 bytes of ASCII.
    pub methods: AuthMethods,
    /// What the user will recognize it by.
    pub client: Client,
}

impl NewSession {
    /// A session of an unknown client, by a code alone.
    #[must_use]
    pub fn new(id: SessionId, created_at: Timestamp, expires_at: Timestamp, binding: Binding) -> Self {
        let (methods, client) = (AuthMethods::OTP, Client::default());
        Self { id, created_at, expires_at, binding, methods, client }
    }

    /// The session of this user, as it begins.
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

/// Who signs in. `Debug` does not show who.
#[derive(Clone)]
pub enum Account<U> {
    /// A user that the store has returned.
    Existing {
        /// The user.
        user: U,
        /// The address by which they were found, in its canonical form. The
        /// table may hold it in another one.
        email: String,
    },
    /// The address, in its canonical form, of somebody who had no account a
    /// moment ago.
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

/// What came of a [`SignIn`]. `Debug` shows the session, not the user.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one for each sign-in, and it is taken apart at once")]
pub enum SignInOutcome<U> {
    /// The code has been accepted, and the session is there.
    SignedIn {
        /// The user, verified now.
        user: U,
        /// The new session.
        session: Session,
        /// Whether the user was made by this sign-in.
        created: bool,
        /// The sessions that it has ended, each once, and none that was over
        /// already.
        ended: Vec<SessionId>,
    },
    /// The challenge was accepted before, has expired or is gone. Nothing was
    /// changed.
    CodeSpent,
    /// The user of [`Account::Existing`] is gone, or has another address now;
    /// or there is a user with the address of [`Account::New`] now. Nothing was
    /// changed, so the code can still be used.
    AccountChanged,
    /// The address of [`Account::New`] stands in a row that is no user, because
    /// the application's filter excludes it, and the table takes no second
    /// one; or the filter excludes the row of a new user. Nothing was changed.
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

    /// The user of an access token, in one round trip with the check of
    /// [`SessionStore::is_blacklisted`]; `None` when the token is blacklisted,
    /// or there is no such user.
    fn current_user(
        &self,
        realm: &Realm,
        id: &U::Id,
        token: TokenRef,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Option<U>>> + Send;

    /// Accepts the code and signs the user in, all or nothing:
    ///
    /// 1. The challenge is accepted if it has the identity, still holds the
    ///    MAC, is not expired and was not accepted before. Of all callers exactly one
    ///    accepts it; what the code was derived from is erased.
    /// 2. The user with the address is read again, and [`Account::decide`] says
    ///    who signs in: an existing user must still be the same, and of a new
    ///    address there must still be none; otherwise nothing happens. For a
    ///    new address the user is made. Of several sign-ins for one new address
    ///    exactly one makes the user; to the others the account has changed.
    /// 3. What [`Proof::of`] says happens: the user is marked as verified, and
    ///    everything that was signed in under their id before is revoked and
    ///    blacklisted.
    /// 4. The session that is replaced is revoked and blacklisted.
    /// 5. The new session is added, in generation 0.
    ///
    /// Whoever changes the address of an existing user, or removes the user,
    /// while this is under way, and then ends their sessions, ends this one as
    /// well, or it is not made.
    fn sign_in(&self, realm: &Realm, sign_in: SignIn<U>) -> impl Future<Output = StoreResult<SignInOutcome<U>>> + Send;

    /// What is wrong with the users' table and with the store's own, as
    /// [`OtpAuth::check`](crate::OtpAuth::check) says; empty when nothing is.
    /// It reads no row and changes nothing. By default nothing is checked.
    fn check(&self, sign_ups: SignUps) -> impl Future<Output = StoreResult<Vec<Finding>>> + Send {
        let _ = sign_ups;
        std::future::ready(Ok(Vec::new()))
    }
}

/// How many rows a cleanup removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Expired challenges.
    pub challenges: u64,
    /// Budgets whose windows are over, and counts of used-up challenges whose
    /// day is.
    pub budgets: u64,
    /// Sessions that are over.
    pub sessions: u64,
    /// Blacklist entries that no token needs any more.
    pub blacklisted: u64,
}

impl Removed {
    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.challenges + self.budgets + self.sessions + self.blacklisted
    }

    /// Whether any table had at least this many.
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

/// How much longer than needed a session and an entry of the blacklist stay.
/// The clock of the process that cleans up may be ahead by as much: it must
/// sign nobody out, and let nobody in again.
pub const CLOCK_MARGIN: Duration = Duration::from_hours(24);

/// How a store is kept going.
pub trait Maintenance: Send + Sync + 'static {
    /// Whether a call to any method of the store may be dropped at any moment,
    /// and the store works on. Drivers often lose a connection then; so, unless
    /// a store says otherwise, [`OtpAuth`](crate::OtpAuth) has it [`Detached`],
    /// which costs a task a call.
    const CANCEL_SAFE: bool = false;

    /// Deletes what is of no use at `now`, at most `limit` rows of each
    /// table, and returns how many. Never deletes what is still valid: a session
    /// and an entry of the blacklist only [`CLOCK_MARGIN`] after their end. Safe
    /// to run in every process at once.
    fn cleanup(&self, now: Timestamp, limit: u32) -> impl Future<Output = StoreResult<Removed>> + Send;
}
