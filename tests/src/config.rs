//! The configurations, one a delivery, and a way to change their settings.

use otp_auth::testing::CapturingSender;
use otp_auth::{OtpConfig, SettingsBuilder, WebDelivery, otp_config};

use crate::hooks::TestHooks;
use crate::user::User;

/// A secret like those that `openssl rand -hex 32` makes.
pub const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Another one, for rotations and for forgers.
pub const OTHER_SECRET: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

/// Where tokens travel.
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

    /// Whether the body of a request to this route matters, so that one that
    /// cannot be read is refused.
    #[must_use]
    pub fn reads_body(self, path: &str) -> bool {
        !(path.ends_with("/logout") || path.ends_with("/refresh") && self == Self::Cookie)
    }

    /// Whether responses may set cookies.
    pub fn sets_cookies(self) -> bool {
        self != Self::Body
    }

    /// Whether bodies have challenges and refresh tokens.
    pub fn fills_bodies(self) -> bool {
        self != Self::Cookie
    }
}

/// A configuration that a test can make.
pub trait TestConfig: OtpConfig<User = User, Delivery: WebDelivery> {
    /// Its delivery, as a value.
    const MODE: Mode;

    /// Makes it from its parts.
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
}

impl<C> std::fmt::Debug for Tuned<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tuned").finish_non_exhaustive()
    }
}
