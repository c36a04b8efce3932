//! The use cases: requesting a code, signing in, refreshing, signing out and authenticating
//! requests. The routes call them, and so can other transports. No HTTP and no SQL.

mod arriving;
mod check;
mod cleanup;
mod device;
mod ending;
mod error;
mod follow;
mod hooks;
mod identify;
mod in_flight;
mod limit;
mod mailbox;
mod refresh;
mod registry;
mod request;
mod reuse;
mod sessions;
mod sign_in;
mod sign_out;
mod tokens;
mod verify;

use std::any::TypeId;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Once};
use std::time::Duration;

pub use error::AuthError;
pub(crate) use error::{Refusal, SignInFailed};
pub use identify::{Authenticated, Claims};
pub(crate) use limit::UseCase;
pub use request::{CodeRequest, CodeRequested};
pub use tokens::{DeviceToken, SignedIn, TokenPair};
pub use verify::Verification;

use crate::binding::Bound;
pub use crate::challenge::ChallengeKey;
use crate::challenge::code::CodeKind;
use crate::clock::{Clock, Timestamp};
use crate::config::{ConfigError, OtpConfig, Settings};
use crate::context::{Caller, RequestContext};
pub use crate::error::RandomError;
use crate::event;
use crate::keys::{KeyRing, Ring};
use crate::network::{AddressSource, Network};
use crate::session::Client;
use crate::store::{AnyStore, Store};
pub use crate::token::ClaimsError;
use crate::token::Tokens;
use crate::user::OtpUser as _;
use arriving::Arriving;
use follow::Following;
use in_flight::InFlight;
use registry::Registration;

/// The maximum number of concurrent sends, whether or not a client waits for them. It limits the
/// work that strangers can cause.
const MAX_SENDS: u32 = 512;

/// How many more there may be to known devices, so that strangers keep none of them from a code.
const MAX_SENDS_TO_KNOWN_DEVICES: u32 = 64;

/// How many refunds may be pending, each for at most half a minute. Beyond that, clients wait out
/// their cooldown.
const MAX_REFUNDS: u32 = 4_096;

/// How many bodies of requests are waited for at the same time. Each holds at most 16 KiB.
const MAX_ARRIVING: usize = 4_096;

/// Passwordless sign-in for an application: the configuration, the keys and the store. Cheap to
/// clone. Use it as the state of your router.
///
/// Its methods are the use cases behind the routes of [`router`](Self::router). Call them directly
/// for other transports.
pub struct OtpAuth<C> {
    inner: Arc<Inner<C>>,
    caller: Caller,
}

struct Inner<C> {
    config: C,
    settings: Settings,
    keys: KeyRing,
    tokens: Tokens,
    parts: Box<dyn Parts<C>>,
    clock: Clock,
    address_source: AddressSource,
    /// Whether the log has the warning about it.
    lacks_addresses: Once,
    following: Following,
    arriving: Arriving,
    sends: InFlight,
    sends_to_known_devices: InFlight,
    refunds: InFlight,
    /// Marks the keys as in use.
    _registration: Arc<Registration>,
}

impl<C: OtpConfig> Inner<C> {
    fn store(&self) -> &AnyStore<C::User> {
        self.parts.store()
    }

    fn limiter(&self) -> &C::Limiter {
        self.parts.limiter()
    }
}

/// The store and the limiter. Only the methods need a configuration, so that the compiler does not
/// report a `C` that is none again wherever [`OtpAuth`] is mentioned.
trait Parts<C>: Send + Sync {
    fn store(&self) -> &AnyStore<C::User>
    where
        C: OtpConfig;

    fn limiter(&self) -> &C::Limiter
    where
        C: OtpConfig;
}

impl<C: OtpConfig> Parts<C> for (AnyStore<C::User>, C::Limiter) {
    fn store(&self) -> &AnyStore<C::User> {
        &self.0
    }

    fn limiter(&self) -> &C::Limiter {
        &self.1
    }
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

    /// Like [`new`](Self::new), with another clock.
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
        let address_source = AddressSource::of(&settings);
        let tokens = Tokens::new(&settings, &keys);
        let parts = (AnyStore::new(store, settings.realm.clone()), config.limiter());
        let inner = Inner {
            config,
            settings,
            keys,
            tokens,
            parts: Box::new(parts),
            clock,
            address_source,
            lacks_addresses: Once::new(),
            following: Following::new(),
            arriving: Arriving::new(MAX_ARRIVING),
            sends: InFlight::new(MAX_SENDS),
            sends_to_known_devices: InFlight::new(MAX_SENDS_TO_KNOWN_DEVICES),
            refunds: InFlight::new(MAX_REFUNDS),
            _registration: registration,
        };
        let auth = Self { inner: Arc::new(inner), caller: Caller::default() };
        auth.follow();
        Ok(auth)
    }

    /// This `OtpAuth` on behalf of a client, whom events, hooks and new sessions record.
    /// `languages` are language tags such as `de-CH`, the preferred one first; `None` if unknown.
    ///
    /// The routes do this. If you call the use cases yourself, do it for each request, and do not
    /// keep the returned value.
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
    pub fn for_request<'a>(&self, client: Client, languages: impl IntoIterator<Item = &'a str>) -> Self {
        Self { inner: Arc::clone(&self.inner), caller: Caller::new(client, languages) }
    }

    /// The same, on behalf of a client of which only the IP address is known.
    pub(crate) fn for_address(self, address: Option<IpAddr>) -> Self {
        Self { caller: Caller::at(address), ..self }
    }

    /// Waits for something that the client is sending. `None` if too much is being waited for.
    pub(crate) async fn arrival<T>(&self, arriving: impl Future<Output = T>) -> Option<T> {
        self.inner.arriving.wait(self.network(), arriving).await
    }

    /// Where the current request came from.
    pub(crate) fn client_ip(&self) -> Option<IpAddr> {
        self.caller.client.address
    }

    /// What the current request counts towards.
    fn network(&self) -> Network {
        Network::of(self.client_ip(), self.inner.settings.ipv6_prefix_length)
    }

    /// How to find the address of a client.
    pub(crate) fn address_source(&self) -> &AddressSource {
        &self.inner.address_source
    }

    /// Logs, the first time, that requests come without an address.
    pub(crate) fn warn_of_no_address(&self) {
        self.inner.lacks_addresses.call_once(event::no_client_address);
    }

    /// What is known about the current request.
    fn context(&self, now: Timestamp) -> RequestContext {
        self.caller.context(now)
    }

    /// The checked settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Stops sending codes: accepts no new ones, and waits up to `timeout` for those being sent.
    /// Returns how many were unfinished. Those are lost when the process ends, and the log has
    /// their number.
    ///
    /// Call it after the server has stopped, before `main` returns:
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
    /// Later requests for a code get a 503.
    #[allow(clippy::must_use_candidate, reason = "callers may only want to wait; the log has the count")]
    pub async fn shutdown(&self, timeout: Duration) -> usize {
        let begun = tokio::time::Instant::now();
        let Inner { sends, sends_to_known_devices, .. } = &*self.inner;
        let (strangers, known) = tokio::join!(sends.close(timeout), sends_to_known_devices.close(timeout));
        let lost = strangers + known;
        if lost > 0 {
            event::sends_lost(lost);
        }
        // A lost refund only makes a client wait.
        self.inner.refunds.close(timeout.saturating_sub(begun.elapsed())).await;
        lost
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// `DEBUG_BUILD` and `DEVELOPER_MODE_IN_RELEASE` are constants, so a build that cannot use
    /// developer mode does not contain this branch.
    fn code_kind(&self) -> CodeKind {
        if (C::DEBUG_BUILD || C::DEVELOPER_MODE_IN_RELEASE) && self.inner.settings.developer_mode {
            CodeKind::Zeros
        } else {
            CodeKind::Random
        }
    }

    /// Whether the user still has the proven address.
    fn is_bound(&self, user: &C::User, bound: Bound) -> bool {
        bound.holds(&self.inner.keys, user.email(), self.inner.settings.local_part_case)
    }
}

impl<C> Clone for OtpAuth<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), caller: self.caller.clone() }
    }
}

impl<C> fmt::Debug for OtpAuth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpAuth").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
