//! Every fault of a configuration is found at startup, and all of them are reported together.

use std::time::Duration;

use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{
    ConsoleSender, MemoryStore, OtpAuth, OtpConfig,
    config::{ConfigError, SameSite, SecretSource, Settings, SettingsBuilder},
    limit::{MemoryLimiter, Rate},
    otp_config,
};
use otp_auth_rules::{KEYS, secret, setting};
use otp_auth_tests::config::CookieAuth;
use otp_auth_tests::{Mode, SECRET, Setup, TestConfig, TestHooks, User};

const HOUR: Duration = Duration::from_secs(3_600);

async fn start(
    tune: impl Fn(SettingsBuilder) -> SettingsBuilder + Send + Sync + 'static,
) -> Result<Settings, ConfigError> {
    let typed = Setup::new(Mode::Cookie).limited().tune(tune).attempt::<CookieAuth>().await?;
    Ok(typed.auth.settings().clone())
}

fn keys(error: &ConfigError) -> Vec<&'static str> {
    error.faults().iter().map(otp_auth::config::ConfigFault::key).collect()
}

type Change = fn(SettingsBuilder) -> SettingsBuilder;

#[tokio::test]
async fn otp_03_otp_04_ck_04_ck_05_jwt_23_key_01_key_02_every_fault_is_found() {
    let faults: &[(&str, Change)] = &[
        ("secret_key", |s| s.secret_key(SecretSource::value("0f3a9c5b7e1d2846f0a1b3c5d7e9f12"))),
        ("secret_key", |s| s.secret_key(SecretSource::value([b'a'; 64]))),
        ("secret_key", |s| s.secret_key(SecretSource::value("change-me-change-me-change-me-please-12"))),
        ("secret_key", |s| s.secret_key(SecretSource::env("OTP_AUTH_TEST_THAT_NOBODY_SETS"))),
        ("previous_secret_keys", |s| s.previous_secret_key(SecretSource::value("short"))),
        ("access_token_lifetime", |s| s.access_token_lifetime(24 * HOUR + Duration::from_millis(1))),
        ("access_token_lifetime", |s| s.access_token_lifetime(Duration::from_millis(999))),
        ("refresh_token_lifetime", |s| s.refresh_token_lifetime(HOUR)),
        ("refresh_token_lifetime", |s| s.refresh_token_lifetime(400 * 24 * HOUR + Duration::from_millis(1))),
        ("refresh_grace", |s| s.refresh_grace(Duration::from_millis(30_001))),
        ("otp_length", |s| s.otp_length(5)),
        ("otp_length", |s| s.otp_length(11)),
        ("otp_expiry", |s| s.otp_expiry(Duration::from_millis(59_999))),
        ("otp_expiry", |s| s.otp_expiry(Duration::from_millis(600_001))),
        ("max_otp_attempts", |s| s.max_otp_attempts(0)),
        ("max_otp_attempts", |s| s.max_otp_attempts(11).otp_length(8)),
        ("otp_rate_limit", |s| s.otp_rate_limit(24 * HOUR + Duration::from_millis(1))),
        ("otp_rate_limit", |s| s.otp_rate_limit(Duration::ZERO)),
        ("otp_rate_limit", |s| s.otp_rate_limit(Duration::from_millis(9_999))),
        ("otp_rate_limit", |s| s.send_timeout(Duration::from_secs(31)).otp_rate_limit(Duration::from_secs(30))),
        ("max_sends_per_hour", |s| s.max_sends_per_hour(0)),
        ("max_sends_per_day", |s| s.max_sends_per_day(0)),
        // The limit is one in ten thousand per day.
        ("max_sends_per_day_total", |s| s.max_sends_per_day_total(0)),
        ("max_sends_per_day_total", |s| s.max_sends_per_day_total(1_000)),
        ("max_sends_per_day_total", |s| s.max_sends_per_day(1_000)),
        ("max_sends_per_day_total", |s| s.max_sends_per_day_total(400).max_otp_attempts(10)),
        ("send_timeout", |s| s.send_timeout(Duration::from_millis(999))),
        ("send_timeout", |s| s.send_timeout(Duration::from_millis(60_001))),
        ("cookie_name", |s| s.cookie_name("")),
        ("cookie_name", |s| s.cookie_name("a b")),
        ("cookie_name", |s| s.cookie_name("a;b")),
        ("cookie_name", |s| s.cookie_name("a=b")),
        ("cookie_name", |s| s.cookie_name("a\r\nb")),
        ("cookie_name", |s| s.cookie_name("ü")),
        ("realm", |s| s.realm("")),
        ("realm", |s| s.realm("staff ")),
        ("realm", |s| s.realm("st\naff")),
        ("realm", |s| s.realm("s".repeat(65))),
        ("cookie_name", |s| s.cookie_name("__Host-otp_challenge-users")),
        ("cookie_name", |s| s.cookie_name("__Host-otp_challenge")),
        ("cookie_name", |s| s.cookie_name("__Host-otp_device")),
        ("cookie_name", |s| s.cookie_name("__Host-x").cookie_domain("example.com")),
        ("cookie_name", |s| s.cookie_name("__Host-x").cookie_path("/auth")),
        ("cookie_name", |s| s.cookie_name("__host-x").cookie_path("/auth")),
        ("cookie_name", |s| s.cookie_name("__Host-x").cookie_secure(false)),
        ("cookie_name", |s| s.cookie_name("__Secure-x").cookie_secure(false)),
        ("cookie_path", |s| s.cookie_path("auth")),
        ("cookie_path", |s| s.cookie_path("")),
        ("cookie_path", |s| s.cookie_path("/a;Domain=evil.test")),
        ("cookie_path", |s| s.cookie_path("/a\r\nSet-Cookie: x=y")),
        ("previous_cookie_paths", |s| s.previous_cookie_path("auth")),
        ("previous_cookie_paths", |s| s.previous_cookie_paths(["/", ""])),
        ("previous_cookie_paths", |s| s.previous_cookie_paths(["/a;Domain=evil.test", "/b"])),
        ("previous_cookie_paths", |s| s.previous_cookie_path("/a\r\nSet-Cookie: x=y")),
        ("previous_cookie_paths", |s| s.previous_cookie_path("/ä")),
        ("previous_cookie_paths", |s| s.previous_cookie_path(format!("/{}", "a".repeat(1_024)))),
        ("cookie_domain", |s| s.cookie_domain("localhost")),
        ("cookie_domain", |s| s.cookie_domain("example.com; Secure")),
        ("cookie_domain", |s| s.cookie_domain("")),
        ("cookie_same_site", |s| s.cookie_same_site(SameSite::None).cookie_secure(false)),
        ("trusted_origins", |s| s.trusted_origin("https://App.example.com")),
        ("trusted_origins", |s| s.trusted_origins(["https://a.example", "http://a.example"])),
        ("developer_hosts", |s| s.developer_host("laptop.local:8000")),
        ("developer_hosts", |s| s.developer_hosts(["laptop.local", "*"])),
        ("issuer", |s| s.issuer("")),
        ("issuer", |s| s.issuer("i".repeat(1_025))),
        ("audience", |s| s.audience("a".repeat(1_025))),
        ("audience", |s| s.audience(" ")),
    ];
    for (at, (key, change)) in faults.iter().enumerate() {
        let error = start(*change).await.err().unwrap_or_else(|| panic!("fault {at} of {key} was not found"));
        assert_eq!(keys(&error), [*key], "fault {at}: {error}");
        assert!(error.to_string().contains(&format!("`{key}`")));
    }
}

#[tokio::test]
async fn values_at_their_limits_are_accepted() {
    let limits: &[Change] = &[
        |s| s.access_token_lifetime(24 * HOUR).refresh_token_lifetime(400 * 24 * HOUR),
        |s| s.access_token_lifetime(Duration::from_secs(1)),
        |s| s.refresh_token_lifetime(HOUR + Duration::from_millis(1)),
        |s| s.refresh_grace(Duration::from_secs(30)),
        |s| s.refresh_grace(Duration::ZERO),
        |s| s.otp_length(10),
        |s| s.otp_expiry(Duration::from_secs(60)),
        |s| s.otp_expiry(Duration::from_secs(600)),
        |s| s.max_otp_attempts(10).otp_length(7),
        |s| s.max_otp_attempts(1),
        |s| s.otp_rate_limit(24 * HOUR),
        |s| s.otp_rate_limit(Duration::from_secs(10)),
        |s| s.otp_rate_limit(Duration::from_secs(1)).send_timeout(Duration::from_secs(1)),
        |s| s.max_sends_per_day(10),
        |s| s.max_sends_per_day(100).otp_length(7),
        |s| s.send_timeout(Duration::from_secs(60)),
        |s| s.cookie_same_site(SameSite::None),
        |s| s.cookie_domain("a.example.com").cookie_path("/auth/x"),
    ];
    for (at, change) in limits.iter().enumerate() {
        start(*change).await.unwrap_or_else(|error| panic!("limit {at}: {error}"));
    }
}

#[tokio::test]
async fn all_faults_are_reported_at_once_and_without_the_secret() {
    let error = start(|settings| {
        settings
            .secret_key(SecretSource::value("hunter2"))
            .previous_secret_key(SecretSource::value("hunter3"))
            .access_token_lifetime(25 * HOUR)
            .refresh_token_lifetime(401 * 24 * HOUR)
            .refresh_grace(HOUR)
            .otp_length(4)
            .otp_expiry(HOUR)
            .max_otp_attempts(0)
            .otp_rate_limit(25 * HOUR)
            .max_sends_per_hour(0)
            .max_sends_per_day(0)
            .send_timeout(HOUR)
            .cookie_name("__Host-x")
            .cookie_path("auth")
            .previous_cookie_path("auth")
            .cookie_domain("x")
            .cookie_secure(false)
            .cookie_same_site(SameSite::None)
            .trusted_origins(["*", "http://a.example"])
            .developer_host("")
            .issuer("")
            .audience("")
    })
    .await
    .unwrap_err();
    let mut found = keys(&error);
    found.sort_unstable();
    found.dedup();
    assert_eq!(
        found,
        [
            "access_token_lifetime",
            "audience",
            "cookie_domain",
            "cookie_name",
            "cookie_path",
            "cookie_same_site",
            "developer_hosts",
            "issuer",
            "max_otp_attempts",
            "max_sends_per_day",
            "max_sends_per_hour",
            "otp_expiry",
            "otp_length",
            "otp_rate_limit",
            "previous_cookie_paths",
            "previous_secret_keys",
            "refresh_grace",
            "refresh_token_lifetime",
            "secret_key",
            "send_timeout",
            "trusted_origins",
        ]
    );
    // KEY-04
    let text = format!("{error} {error:?} {error:#?}");
    assert!(!text.contains("hunter"), "{text}");
    // Each is on a separate line.
    assert_eq!(error.to_string().lines().count(), 1 + error.faults().len());
}

#[tokio::test]
async fn rt_06_the_defaults_are_those_of_the_design() {
    let settings = start(|settings| settings).await.unwrap();
    assert_eq!(settings.access_token_lifetime, HOUR);
    assert_eq!(settings.refresh_token_lifetime, 7 * 24 * HOUR);
    assert_eq!(settings.refresh_grace, Duration::from_secs(10));
    assert_eq!((settings.otp_length, settings.otp_expiry), (6, Duration::from_secs(600)));
    assert_eq!((settings.max_otp_attempts, settings.otp_rate_limit), (5, Duration::from_secs(60)));
    assert_eq!((settings.max_sends_per_hour, settings.max_sends_per_day), (5, 10));
    assert_eq!((settings.max_sends_per_day_total, settings.short_codes_per_day()), (40, 4));
    assert_eq!(settings.request_limit, Rate::per_hour(60).burst(20));
    assert_eq!(settings.verify_limit, Rate::per_hour(240).burst(80));
    assert_eq!(settings.refresh_limit, Rate::per_hour(1_200).burst(200));
    assert_eq!(settings.logout_limit, Rate::per_hour(600).burst(100));
    assert!(settings.auto_create_user && settings.cookie_secure && !settings.developer_mode);
    assert_eq!(settings.cookie_name, "__Host-refresh_token-users");
    assert_eq!(settings.realm.as_str(), "users");
    assert_eq!((settings.cookie_path.as_str(), settings.cookie_domain.as_deref()), ("/", None));
    assert!(settings.previous_cookie_paths.is_empty() && !settings.forget_device_at_logout);
    assert_eq!(settings.cookie_same_site, SameSite::Lax);
    assert!(settings.trusted_origins.is_empty() && settings.developer_hosts.is_empty());
    assert_eq!((settings.issuer, settings.audience), (None, None));
    assert_eq!(settings.local_part_case, otp_auth::config::LocalPartCase::Lower);
}

/// The configuration of an application built without debug assertions.
struct WithoutAssertions {
    inner: CookieAuth,
    change: Change,
}

impl OtpConfig for WithoutAssertions {
    type User = User;
    type Delivery = otp_auth::delivery::Cookie;
    type Sender = CapturingSender;
    type Hooks = TestHooks;
    type Limiter = MemoryLimiter;

    fn settings(&self) -> SettingsBuilder {
        (self.change)(self.inner.settings())
    }

    fn sender(&self) -> &CapturingSender {
        self.inner.sender()
    }

    fn hooks(&self) -> &TestHooks {
        self.inner.hooks()
    }

    fn limiter(&self) -> MemoryLimiter {
        MemoryLimiter::new()
    }
}

fn without_assertions(change: Change) -> Result<OtpAuth<WithoutAssertions>, ConfigError> {
    let inner = CookieAuth::assemble(&SECRET, CapturingSender::new(), TestHooks::default());
    OtpAuth::with_clock(
        WithoutAssertions { inner, change },
        MemoryStore::new(User::first),
        TestClock::default().clock(),
    )
}

#[test]
fn otp_13_ck_09_key_03_a_build_without_debug_assertions_refuses_developer_mode_insecure_cookies_and_weak_secrets() {
    without_assertions(|settings| settings).unwrap();
    assert_eq!(keys(&without_assertions(|settings| settings.developer_mode(true)).unwrap_err()), ["developer_mode"]);
    assert_eq!(keys(&without_assertions(|settings| settings.cookie_secure(false)).unwrap_err()), ["cookie_secure"]);
    let weak = without_assertions(|settings| settings.developer_mode(true).secret_key(SecretSource::value("short")));
    assert_eq!(keys(&weak.unwrap_err()), ["developer_mode", "secret_key"]);
}

#[tokio::test]
async fn developer_mode_takes_a_short_or_a_missing_secret() {
    start(|s| s.developer_mode(true).secret_key(SecretSource::value("short"))).await.unwrap();
    start(|s| s.developer_mode(true).secret_key(SecretSource::env("OTP_AUTH_TEST_THAT_NOBODY_SETS"))).await.unwrap();
}

#[tokio::test]
async fn an_unset_previous_secret_ends_a_rotation() {
    start(|s| s.previous_secret_key(SecretSource::env("OTP_AUTH_TEST_THAT_NOBODY_SETS"))).await.unwrap();
}

/// The names of the cookies follow from the realm, each byte as three characters.
#[tokio::test]
async fn a_realm_of_any_letters_and_of_full_length_starts() {
    for realm in ["ü".repeat(32), "商".repeat(21), "a b ".repeat(15) + "ccc", "s".repeat(64)] {
        for mode in Mode::ALL {
            let name = realm.clone();
            let app = Setup::new(mode)
                .tune(move |s| s.realm(name.clone()).issuer("i".repeat(1_024)).audience("a".repeat(1_024)))
                .start()
                .await;
            let mut client = app.client();
            client.request("ann@example.com").await.ok();
        }
    }
}

#[macro_use]
#[path = "../../shared/every_key.rs"]
mod list;

macro_rules! configurations {
    ($($key:ident: $literal:expr, $expression:expr, [$($refused:literal),*];)*) => {
        #[otp_config(user = User, crate = ::otp_auth, hooks, $($key = $literal),*)]
        struct Literals {
            #[otp(sender)]
            sender: ConsoleSender,
        }

        #[otp_config(user = User, crate = ::otp_auth, hooks, $($key = $expression),*)]
        struct Expressions {
            #[otp(sender)]
            sender: ConsoleSender,
        }

        /// The keys, each with the texts that it rejects.
        const LISTED: &[(&str, &[&str])] = &[
            ("user", &[]), ("hooks", &[]), ("crate", &[]), $((stringify!($key), &[$($refused),*])),*
        ];
    };
}

every_key!(configurations);

impl otp_auth::Hooks<User> for Literals {}
impl otp_auth::Hooks<User> for Expressions {}

#[test]
fn every_key_is_listed() {
    let mut keys: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    let mut listed: Vec<_> = LISTED.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, keys, "tests/shared/every_key.rs and the table of otp-auth-rules differ");
}

/// A key, the fault, and the setter that causes it.
type Refused = (&'static str, String, Box<dyn Fn(SettingsBuilder) -> SettingsBuilder + Send + Sync>);

macro_rules! every_setting {
    ($($(#[$doc:meta])+ $key:ident: $kind:ident $of:tt $rule:tt $note:literal;)*) => {
        /// The value of every setting, by its key.
        fn values(settings: &Settings) -> Vec<(&'static str, String)> {
            vec![$((stringify!($key), format!("{:?}", settings.$key))),*]
        }

        /// The values that every setting rejects, each with the fault.
        fn refused() -> Vec<Refused> {
            let mut refused = Vec::<Refused>::new();
            $(refuse! { refused $key $kind $of })*
            refused
        }
    };
}

macro_rules! refuse {
    ($refused:ident $key:ident time()) => {
        let (rule, step) = (setting::$key, Duration::from_millis(1));
        for length in [rule.shortest.checked_sub(step), rule.longest.checked_add(step)].into_iter().flatten() {
            $refused.push((rule.key, rule.fault(length).unwrap(), Box::new(move |s| s.$key(length))));
        }
    };
    ($refused:ident $key:ident count($number:ty)) => {
        let rule = setting::$key;
        for number in [rule.least.checked_sub(1), rule.most.checked_add(1)].into_iter().flatten() {
            $refused.push((rule.key, rule.fault(number.into()).unwrap(), Box::new(move |s| s.$key(number))));
        }
    };
    ($refused:ident $key:ident flag($default:literal)) => {};
    ($refused:ident $key:ident choice($type:ident: $($word:ident),*)) => {};
    ($refused:ident $key:ident rate()) => {
        let rule = setting::$key;
        for rate in texts_refused_by(rule.key).iter().map(|text| text.parse().unwrap()) {
            $refused.push((rule.key, rule.fault(rate).unwrap(), Box::new(move |s| s.$key(rate))));
        }
    };
    ($refused:ident $key:ident list($one:ident)) => {
        let rule = setting::$key;
        for &text in texts_refused_by(rule.key) {
            $refused.push((rule.key, rule.fault(text).unwrap(), Box::new(move |s| s.$key([text]))));
            $refused.push((rule.key, rule.fault(text).unwrap(), Box::new(move |s| s.$one(text))));
        }
    };
    ($refused:ident $key:ident $text:ident $of:tt) => {
        let rule = setting::$key;
        for &text in texts_refused_by(rule.key) {
            $refused.push((rule.key, rule.fault(text).unwrap(), Box::new(move |s| s.$key(text))));
        }
    };
}

otp_auth_rules::for_each_setting!(every_setting);

fn texts_refused_by(key: &str) -> &'static [&'static str] {
    let (_, texts) = LISTED.iter().find(|(listed, _)| *listed == key).unwrap();
    assert!(!texts.is_empty(), "tests/shared/every_key.rs has nothing that `{key}` refuses");
    texts
}

#[test]
fn every_key_means_the_same_as_a_literal_and_as_an_expression() {
    let store = || MemoryStore::new(User::first);
    let literals = OtpAuth::new(Literals { sender: ConsoleSender }, store()).unwrap();
    let expressions = OtpAuth::new(Expressions { sender: ConsoleSender }, store()).unwrap();
    let defaults = without_assertions(|settings| settings).unwrap();
    let defaults = values(defaults.settings());
    let literals = values(literals.settings());
    assert_eq!(literals, values(expressions.settings()));
    for (value, default) in literals.iter().zip(&defaults) {
        assert_ne!(value, default, "the list has the default");
    }
}

#[tokio::test]
async fn every_expression_outside_its_range_is_refused_in_the_words_of_the_rule() {
    for (key, fault, change) in refused() {
        let error = start(change).await.err().unwrap_or_else(|| panic!("`{key}` takes what it refuses: {fault}"));
        assert_eq!(error.faults()[0].to_string(), format!("`{key}` {fault}"));
    }
    for (key, what) in [("secret_key", ""), ("previous_secret_keys", "contains a secret that ")] {
        for text in texts_refused_by(key).iter().copied() {
            let source = SecretSource::value(text);
            let error = start(move |s| match key {
                "secret_key" => s.secret_key(source.clone()),
                _ => s.previous_secret_key(source.clone()),
            });
            let fault = secret::weakness(text.as_bytes()).unwrap();
            assert_eq!(error.await.unwrap_err().faults()[0].to_string(), format!("`{key}` {what}{fault}"));
        }
    }
}
