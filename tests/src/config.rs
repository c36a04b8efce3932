//! The configurations, one for each delivery, and a way to change their settings.

use std::sync::LazyLock;

use otp_auth::testing::CapturingSender;
use otp_auth::{OtpConfig, config::SettingsBuilder, otp_config};

use crate::hooks::TestHooks;
use crate::user::User;

/// The secret of the applications. It is created at run time, because nothing in a repository can
/// be a secret.
pub static SECRET: LazyLock<String> = LazyLock::new(|| secret("the application"));

/// Another secret, for rotations and forgeries.
pub static OTHER_SECRET: LazyLock<String> = LazyLock::new(|| secret("somebody else"));

/// Text like the output of `openssl rand -hex 32`. The same name gives the same text, even in
/// another process of this build.
pub fn secret(name: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};

    (0..4_u8).fold(String::new(), |text, part| {
        let mut hasher = DefaultHasher::new();
        (name, part).hash(&mut hasher);
        format!("{text}{:016x}", hasher.finish())
    })
}

/// How refresh tokens travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `refresh_token_delivery = "cookie"`.
    Cookie,
    /// `refresh_token_delivery = "body"`.
    Body,
    /// `refresh_token_delivery = "both"`.
    Both,
}

impl Mode {
    /// Every delivery.
    pub const ALL: [Self; 3] = [Self::Cookie, Self::Body, Self::Both];

    /// Whether this route reads the body of a request, and so rejects one that it cannot read.
    #[must_use]
    pub fn reads_body(self, path: &str) -> bool {
        !(path.ends_with("/logout") || path.ends_with("/refresh") && self == Self::Cookie)
    }

    /// Whether responses may set cookies.
    pub fn sets_cookies(self) -> bool {
        self != Self::Body
    }

    /// Whether bodies contain challenges and refresh tokens.
    pub fn fills_bodies(self) -> bool {
        self != Self::Cookie
    }
}

/// A configuration that tests can create.
pub trait TestConfig: OtpConfig<User = User> {
    /// Its delivery, as a value.
    const MODE: Mode;

    /// Creates it from its parts.
    fn assemble(secret: &str, sender: CapturingSender, hooks: TestHooks) -> Self;
}

/// Tokens in cookies.
#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "cookie")]
#[derive(Debug)]
pub struct CookieAuth {
    secret: Vec<u8>,
    #[otp(sender)]
    sender: CapturingSender,
    #[otp(hooks)]
    hooks: TestHooks,
}

/// Tokens in bodies.
#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "body")]
#[derive(Debug)]
pub struct BodyAuth {
    secret: Vec<u8>,
    #[otp(sender)]
    sender: CapturingSender,
    #[otp(hooks)]
    hooks: TestHooks,
}

/// Tokens in both.
#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "both")]
#[derive(Debug)]
pub struct BothAuth {
    secret: Vec<u8>,
    #[otp(sender)]
    sender: CapturingSender,
    #[otp(hooks)]
    hooks: TestHooks,
}

impl TestConfig for CookieAuth {
    const MODE: Mode = Mode::Cookie;

    fn assemble(secret: &str, sender: CapturingSender, hooks: TestHooks) -> Self {
        Self { secret: secret.into(), sender, hooks }
    }
}

impl TestConfig for BodyAuth {
    const MODE: Mode = Mode::Body;

    fn assemble(secret: &str, sender: CapturingSender, hooks: TestHooks) -> Self {
        Self { secret: secret.into(), sender, hooks }
    }
}

impl TestConfig for BothAuth {
    const MODE: Mode = Mode::Both;

    fn assemble(secret: &str, sender: CapturingSender, hooks: TestHooks) -> Self {
        Self { secret: secret.into(), sender, hooks }
    }
}

/// Changes settings.
pub type Tune = std::sync::Arc<dyn Fn(SettingsBuilder) -> SettingsBuilder + Send + Sync>;

/// A configuration with some settings changed.
pub struct Tuned<C> {
    inner: C,
    tune: Tune,
}

impl<C> Tuned<C> {
    /// Wraps a configuration.
    pub fn new(inner: C, tune: Tune) -> Self {
        Self { inner, tune }
    }
}

impl<C: OtpConfig> OtpConfig for Tuned<C> {
    type User = C::User;
    type Delivery = C::Delivery;
    type Sender = C::Sender;
    type Hooks = C::Hooks;
    type Limiter = C::Limiter;

    const DEBUG_BUILD: bool = C::DEBUG_BUILD;
    const DEVELOPER_MODE_IN_RELEASE: bool = C::DEVELOPER_MODE_IN_RELEASE;

    fn settings(&self) -> SettingsBuilder {
        (self.tune)(self.inner.settings())
    }

    fn sender(&self) -> &C::Sender {
        self.inner.sender()
    }

    fn hooks(&self) -> &C::Hooks {
        self.inner.hooks()
    }

    fn limiter(&self) -> C::Limiter {
        self.inner.limiter()
    }
}

impl<C> std::fmt::Debug for Tuned<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tuned").finish_non_exhaustive()
    }
}
