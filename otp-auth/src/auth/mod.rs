//! The use cases: asking for a code, signing in, refreshing, signing out, and
//! who is asking. No HTTP and no SQL.

mod check;
mod device;
mod follow;
mod identify;
mod in_flight;
mod refresh;
mod registry;
mod request;
mod sessions;
mod sign_out;
mod verify;

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

pub use identify::{Authenticated, Claims};
pub use request::{CodeRequest, CodeRequested};
pub(crate) use verify::Refusal;
pub use verify::{SignedIn, TokenPair, Verification};

use crate::binding::Bound;
use crate::challenge::code::CodeKind;
use crate::challenge::{CodeMac, Identity};
use crate::clock::{Clock, Timestamp};
use crate::config::{ConfigError, OtpConfig, Settings};
use crate::context::{Caller, RequestContext};
use crate::email::Address;
use crate::error::AuthError;
use crate::event;
use crate::hooks::{Admission, SignInAnswer};
use crate::methods::AuthMethods;
use crate::secret::Keys;
use crate::session::Client;
use crate::store::{AnyStore, Removed, Revocation, Store};
use crate::token::{self, Tokens};
use crate::user::OtpUser as _;
use follow::Following;
use in_flight::InFlight;
use registry::Registration;

/// How long a hook may take.
const HOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// Codes that may be on their way at once, whether somebody waits for them or
/// not. A stranger cannot pile up more work than this.
const MAX_SENDS: u32 = 512;

/// Sends that may be in the course of being given back, each for half a minute at
/// most. Beyond that the clients wait out their cooldowns.
const MAX_REFUNDS: u32 = 4_096;

/// Passwordless sign-in for an application: the configuration, the keys and
/// the store. Cheap to clone; it is the state of your router.
///
/// The methods are the use cases behind the routes of
/// [`router`](Self::router); call them yourself for other transports.
pub struct OtpAuth<C: OtpConfig> {
    inner: Arc<Inner<C>>,
    caller: Caller,
}

struct Inner<C: OtpConfig> {
    config: C,
    settings: Settings,
    /// The current keys, then the previous ones.
    keys: Vec<Keys>,
    tokens: Tokens,
    store: AnyStore<C::User>,
    clock: Clock,
    following: Following,
    sends: InFlight,
    refunds: InFlight,
    /// Says that the keys are in use.
    _registration: Arc<Registration>,
}

impl<C: OtpConfig> OtpAuth<C> {
    /// Checks the configuration and derives the keys.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] lists every fault of the configuration at once.
    pub fn new(config: C, store: impl Store<C::User>) -> Result<Self, ConfigError> {
        Self::with_clock(config, store, Clock::system())
    }

    /// Like [`new`](Self::new), with the time from another clock.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] lists every fault of the configuration at once.
    pub fn with_clock(config: C, store: impl Store<C::User>, clock: Clock) -> Result<Self, ConfigError> {
        let (settings, secrets) = config.settings().build::<C>()?;
        let keys = std::iter::once(&secrets.current)
            .chain(&secrets.previous)
            .map(|secret| secret.derive(&settings.realm))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| ConfigError::random())?;
        let registration = registry::register(TypeId::of::<C::User>(), &keys)
            .ok_or_else(|| ConfigError::same_realm(settings.realm.as_str()))?;
        if settings.developer_mode {
            event::developer_mode(std::any::type_name::<C>());
        }
        let tokens = Tokens::new(&settings, &keys);
        let store = AnyStore::new(store, settings.realm.clone());
        let inner = Inner {
            config,
            settings,
            keys,
            tokens,
            store,
            clock,
            following: Following::new(),
            sends: InFlight::new(MAX_SENDS),
            refunds: InFlight::new(MAX_REFUNDS),
            _registration: registration,
        };
        let auth = Self { inner: Arc::new(inner), caller: Caller::default() };
        auth.follow();
        Ok(auth)
    }

    /// The same, on behalf of a client: events and hooks are told who asks,
    /// and a session notes it. `accept_language` is the header, or one tag.
    ///
    /// The routes do this. Do it where you call the use cases yourself, anew
    /// for each request; do not keep what it returns.
    ///
    /// ```
    /// # use otp_auth::{AuthError, Client, OtpAuth, OtpConfig, SignedIn};
    /// # async fn refresh<C: OtpConfig>(
    /// #     auth: &OtpAuth<C>, peer: std::net::SocketAddr, token: &str,
    /// # ) -> Result<SignedIn<C::User>, AuthError> {
    /// let client = Client::new(Some("my-cli/1.0"), Some(peer.ip()));
    /// auth.for_request(client, None).refresh(token).await
    /// # }
    /// ```
    #[must_use]
    pub fn for_request(&self, client: Client, accept_language: Option<&str>) -> Self {
        Self { inner: Arc::clone(&self.inner), caller: Caller::new(client, accept_language) }
    }

    /// The same, on behalf of a client of whom only the address matters.
    pub(crate) fn for_address(self, address: Option<IpAddr>) -> Self {
        Self { caller: Caller::at(address), ..self }
    }

    /// Where the present request came from.
    pub(crate) fn client_ip(&self) -> Option<IpAddr> {
        self.caller.client.address
    }

    /// What is known of the present request.
    fn context(&self, now: Timestamp) -> RequestContext {
        self.caller.context(now)
    }

    /// The checked settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Deletes what has expired, in batches, and returns how many rows went.
    /// Safe to run in every process at once. After each batch it rests for as
    /// long as the batch took.
    ///
    /// # Errors
    ///
    /// [`AuthError::Store`]; what was deleted before stays deleted.
    pub async fn cleanup(&self) -> Result<Removed, AuthError> {
        const BATCH: u32 = 500;
        let now = self.now();
        self.inner.following.revoked.forget_expired(now);
        let mut removed = Removed::default();
        loop {
            let began = tokio::time::Instant::now();
            let batch = self.inner.store.cleanup(now, BATCH).await?;
            removed += batch;
            if !batch.any_reached(BATCH) {
                return Ok(removed);
            }
            // Half of the time belongs to those who sign in meanwhile.
            tokio::time::sleep(began.elapsed()).await;
        }
    }

    /// Runs [`cleanup`](Self::cleanup) now and then after every interval, on
    /// the current Tokio runtime, until the last clone of this value is
    /// dropped or the returned task is aborted. Failures are logged and tried
    /// again after the interval.
    #[allow(clippy::must_use_candidate, reason = "the task goes on when its handle is dropped")]
    pub fn spawn_cleanup(&self, every: Duration) -> tokio::task::JoinHandle<()> {
        let weak = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            // The first tick is due at once. A zero interval would spin.
            let mut ticks = tokio::time::interval(every.max(Duration::from_secs(1)));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(inner) = weak.upgrade() else { return };
                // The store has already logged a failure.
                let _ = Self { inner, caller: Caller::default() }.cleanup().await;
            }
        })
    }

    /// Ends the sending of codes: takes no new ones, and waits for those that
    /// are on their way, but not for longer than `timeout`. Returns how many
    /// were not done by then; they are lost when the process ends, and the log
    /// says how many.
    ///
    /// Call it when the server has stopped, before `main` returns:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use otp_auth::{OtpAuth, OtpConfig};
    /// # async fn serve<C: OtpConfig>(
    /// #     listener: tokio::net::TcpListener, app: axum::Router, auth: OtpAuth<C>,
    /// #     ctrl_c: impl Future<Output = ()> + Send + 'static,
    /// # ) -> std::io::Result<()> {
    /// axum::serve(listener, app).with_graceful_shutdown(ctrl_c).await?;
    /// auth.shutdown(Duration::from_secs(10)).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Whoever asks for a code afterwards gets a 503.
    #[allow(clippy::must_use_candidate, reason = "waiting is what it is for; the log has the count, too")]
    pub async fn shutdown(&self, timeout: Duration) -> usize {
        let begun = tokio::time::Instant::now();
        let lost = self.inner.sends.close(timeout).await;
        if lost > 0 {
            event::sends_lost(lost);
        }
        // What is not given back only keeps somebody waiting.
        self.inner.refunds.close(timeout.saturating_sub(begun.elapsed())).await;
        lost
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn current_keys(&self) -> Result<&Keys, AuthError> {
        Ok(self.inner.keys.first().ok_or(crate::error::RandomError)?)
    }

    fn address(&self, typed: &str) -> Result<Address, AuthError> {
        Address::parse(typed, self.inner.settings.local_part_case).map_err(|_| {
            event::invalid_input("email", self.client_ip());
            AuthError::InvalidEmail
        })
    }

    /// Developer mode is a constant of the application's build, so where it
    /// cannot be on, the branch is not compiled.
    fn code_kind(&self) -> CodeKind {
        if (C::DEBUG_BUILD || C::DEVELOPER_MODE_IN_RELEASE) && self.inner.settings.developer_mode {
            CodeKind::Zeros
        } else {
            CodeKind::Random
        }
    }

    fn revocation(now: Timestamp) -> Revocation {
        Revocation { now, blacklist_until: now + token::ACCESS_HORIZON }
    }

    fn admits(&self, user: &C::User) -> bool {
        crate::hooks::Hooks::admit(self.inner.config.hooks(), user) == Admission::Admit
    }

    /// Whether the user has the address that was proven.
    fn is_bound(&self, user: &C::User, bound: Bound) -> bool {
        bound.holds(&self.inner.keys, user.email(), self.inner.settings.local_part_case)
    }
}

/// What an identity's code is worth under one set of keys.
struct Candidate {
    identity: Identity,
    mac: CodeMac,
}

/// Waits for a notice to the application, but not for long. It comes after
/// the fact: that it panics must not take away what has happened.
pub(crate) async fn notice(name: &'static str, hook: impl Future<Output = ()> + Send) {
    match tokio::time::timeout(HOOK_TIMEOUT, AssertUnwindSafe(hook).catch_unwind()).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => event::hook_panicked(name),
        Err(_) => event::hook_too_slow(name),
    }
}

/// Asks the application. No answer in time is a refusal. How else the user
/// has proven who they are.
async fn ask<A: Into<SignInAnswer>>(
    name: &'static str,
    hook: impl Future<Output = A> + Send,
) -> Result<AuthMethods, AuthError> {
    let answer = tokio::time::timeout(HOOK_TIMEOUT, hook).await;
    let answer = answer.inspect_err(|_| event::hook_too_slow(name)).map_or(SignInAnswer::Refuse, Into::into);
    match answer {
        SignInAnswer::Admit => Ok(AuthMethods::OTP),
        SignInAnswer::AdmitWith(methods) => Ok(methods),
        SignInAnswer::Refuse => Err(AuthError::SignInRefused),
    }
}

impl<C: OtpConfig> Clone for OtpAuth<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), caller: self.caller.clone() }
    }
}

impl<C: OtpConfig> fmt::Debug for OtpAuth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpAuth").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
