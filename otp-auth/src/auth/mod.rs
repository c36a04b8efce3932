//! The use cases: asking for a code, signing in, refreshing, signing out, and
//! who is asking. No HTTP and no SQL.

mod ask;
mod check;
mod cleanup;
mod device;
mod error;
mod follow;
mod identify;
mod in_flight;
mod mailbox;
mod refresh;
mod registry;
mod request;
mod sessions;
mod sign_in;
mod sign_out;
mod tokens;
mod verify;

use std::any::TypeId;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use error::AuthError;
pub use identify::{Authenticated, Claims};
pub use request::{CodeRequest, CodeRequested};
pub use tokens::{DeviceToken, SignedIn, TokenPair};
pub use verify::Verification;
pub(crate) use verify::{Refusal, SignInFailed};

use crate::binding::Bound;
pub use crate::challenge::ChallengeKey;
use crate::challenge::code::CodeKind;
use crate::clock::{Clock, Timestamp};
use crate::config::{ConfigError, OtpConfig, Settings};
use crate::context::{Caller, RequestContext};
pub use crate::error::RandomError;
use crate::event;
use crate::keys::{KeyRing, Ring};
use crate::session::Client;
use crate::store::{AnyStore, Revocation, Store};
pub use crate::token::ClaimsError;
use crate::token::{self, Tokens};
use crate::user::OtpUser as _;
use follow::Following;
use in_flight::InFlight;
use registry::Registration;

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
    keys: KeyRing,
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
        let keys = Ring::new(secrets.current, secrets.previous)
            .try_map(|secret| secret.derive(&settings.realm))
            .map_err(|error| ConfigError::of("secret_key", error.to_string()))?;
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
    /// # use otp_auth::{AuthError, OtpAuth, OtpConfig, session::Client, auth::SignedIn};
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

    /// Whether the user has the address that was proven.
    fn is_bound(&self, user: &C::User, bound: Bound) -> bool {
        bound.holds(&self.inner.keys, user.email(), self.inner.settings.local_part_case)
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
