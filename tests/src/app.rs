//! An application: the routes of otp-auth under `/auth`, and one route for each extractor.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use otp_auth::store::{Realm, Timestamp};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{
    AuthRejection, Claims, CurrentUser, MemoryStore, OtpAuth, OtpConfig, SqliteStore, VerifiedUser,
    config::{ConfigError, SettingsBuilder},
    limit::Rate,
};
use serde_json::{Value, json};
use tower::ServiceExt;
use utoipa::OpenApi;

use crate::client::{Client, ClientKind, Target};
use crate::config::{BodyAuth, BothAuth, CookieAuth, Mode, SECRET, TestConfig, Tune, Tuned};
use crate::faults::{Faults, Faulty};
use crate::hooks::TestHooks;
use crate::user::User;

/// The store of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `MemoryStore`.
    Memory,
    /// `SqliteStore`, in a separate file.
    Sqlite,
}

impl Backend {
    /// Every backend.
    pub const ALL: [Self; 2] = [Self::Memory, Self::Sqlite];
}

/// The store of an application. Clones share the rows.
#[derive(Debug, Clone)]
enum Database {
    Memory(Faulty<MemoryStore<User>>),
    /// The directory is deleted with the last clone.
    Sqlite {
        store: Faulty<SqliteStore>,
        _directory: Arc<tempfile::TempDir>,
    },
}

impl Database {
    async fn open(backend: Backend, faults: Faults) -> Self {
        match backend {
            Backend::Memory => Self::Memory(Faulty::new(MemoryStore::new(User::first), faults)),
            Backend::Sqlite => {
                let directory = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}?mode=rwc", directory.path().join("test.db").display());
                let store = SqliteStore::connect(&url).await.unwrap();
                store.migrate().await.unwrap();
                sqlx::raw_sql(User::SCHEMA).execute(store.pool()).await.unwrap();
                Self::Sqlite { store: Faulty::new(store, faults), _directory: Arc::new(directory) }
            }
        }
    }
}

/// Without limits per network.
fn unlimited(settings: SettingsBuilder) -> SettingsBuilder {
    let none = Rate::UNLIMITED;
    settings.request_limit(none).verify_limit(none).refresh_limit(none).logout_limit(none)
}

/// How to create an application.
#[derive(Clone)]
pub struct Setup {
    mode: Mode,
    backend: Backend,
    secret: String,
    tune: Tune,
    limited: bool,
    shared: Option<App>,
    clock: Option<TestClock>,
}

impl Setup {
    /// Default settings over a store in memory, except that networks are not limited.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            backend: Backend::Memory,
            secret: SECRET.clone(),
            tune: Arc::new(|settings| settings),
            limited: false,
            shared: None,
            clock: None,
        }
    }

    /// With this store.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// With this secret.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        secret.clone_into(&mut self.secret);
        self
    }

    /// With these changes to the settings.
    #[must_use]
    pub fn tune(mut self, tune: impl Fn(SettingsBuilder) -> SettingsBuilder + Send + Sync + 'static) -> Self {
        self.tune = Arc::new(tune);
        self
    }

    /// With the default limits per network.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.limited = true;
        self
    }

    /// With the rows, clock, sender and hooks of another application, as after a restart.
    #[must_use]
    pub fn after(mut self, other: &App) -> Self {
        self.shared = Some(other.clone());
        self
    }

    /// With a separate clock.
    #[must_use]
    pub fn clock(mut self, clock: &TestClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Starts it.
    pub async fn start(self) -> App {
        match self.mode {
            Mode::Cookie => self.typed::<CookieAuth>().await.app,
            Mode::Body => self.typed::<BodyAuth>().await.app,
            Mode::Both => self.typed::<BothAuth>().await.app,
        }
    }

    /// Starts it, and also returns its typed `OtpAuth`.
    pub async fn typed<C: TestConfig>(self) -> Typed<C> {
        self.attempt().await.expect("the settings are good")
    }

    /// Starts it, if its settings are valid.
    ///
    /// # Errors
    ///
    /// Those of `OtpAuth::new`.
    pub async fn attempt<C: TestConfig>(self) -> Result<Typed<C>, ConfigError> {
        let (sender, hooks, clock, faults, database) = if let Some(app) = self.shared {
            (app.sender, app.hooks, app.clock, app.faults, app.database)
        } else {
            let faults = Faults::default();
            let database = Database::open(self.backend, faults.clone()).await;
            (CapturingSender::new(), TestHooks::default(), TestClock::default(), faults, database)
        };
        let clock = self.clock.unwrap_or(clock);
        let tune = if self.limited { self.tune } else { Arc::new(move |settings| (self.tune)(unlimited(settings))) };
        let config = Tuned::new(C::assemble(&self.secret, sender.clone(), hooks.clone()), tune);
        let auth = match &database {
            Database::Memory(store) => OtpAuth::with_clock(config, store.clone(), clock.clock()),
            Database::Sqlite { store, .. } => OtpAuth::with_clock(config, store.clone(), clock.clock()),
        }?;
        let router = router(&auth);
        let app = App { mode: C::MODE, router, sender, hooks, clock, faults, database };
        Ok(Typed { auth, app })
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("mode", &self.mode).field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// An application, and its `OtpAuth`.
#[derive(Debug, Clone)]
pub struct Typed<C: TestConfig> {
    /// For everything that is not a route.
    pub auth: OtpAuth<Tuned<C>>,
    /// For the routes.
    pub app: App,
}

/// An application and everything around it. Clones are the same application.
#[derive(Debug, Clone)]
pub struct App {
    /// Its delivery.
    pub mode: Mode,
    /// Its routes.
    pub router: Router,
    /// Its sender.
    pub sender: CapturingSender,
    /// Its hooks.
    pub hooks: TestHooks,
    /// Its clock, which starts at a whole second.
    pub clock: TestClock,
    /// The faults of its store.
    pub faults: Faults,
    database: Database,
}

impl App {
    /// The usual kind of client for the delivery: a browser if it sets cookies.
    pub fn client(&self) -> Client {
        Client::new(self.clone(), if self.mode.sets_cookies() { ClientKind::Browser } else { ClientKind::Native })
    }

    /// A client of this kind.
    pub fn client_of(&self, kind: ClientKind) -> Client {
        Client::new(self.clone(), kind)
    }

    /// Advances the clock.
    pub fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// The latest code for an address.
    pub fn code_for(&self, email: &str) -> String {
        self.sender.code_for(email).expect("a code was sent")
    }

    /// A wrong code of the same length as the latest one for an address.
    pub fn wrong_code_for(&self, email: &str) -> String {
        wrong(&self.code_for(email))
    }

    /// How many messages were sent.
    pub fn mails(&self) -> usize {
        self.sender.messages().len()
    }

    /// Adds a user, as an application would.
    pub async fn add_user(&self, email: &str, verified: bool) -> User {
        let id = 1 + self.users().await.iter().map(|user| user.id).max().unwrap_or(0);
        let user = User { id, email: email.to_owned(), is_verified: verified, username: Some(format!("user {id}")) };
        match &self.database {
            Database::Memory(store) => store.inner().insert_user(user.clone()),
            Database::Sqlite { store, .. } => {
                sqlx::query("INSERT INTO users (id, email, is_verified, username) VALUES (?1, ?2, ?3, ?4)")
                    .bind(user.id)
                    .bind(&user.email)
                    .bind(user.is_verified)
                    .bind(&user.username)
                    .execute(store.inner().pool())
                    .await
                    .unwrap();
            }
        }
        user
    }

    /// Deletes a user, as an application would.
    pub async fn remove_user(&self, id: i64) {
        match &self.database {
            Database::Memory(store) => store.inner().remove_user(&id),
            Database::Sqlite { store, .. } => {
                sqlx::query("DELETE FROM users WHERE id = ?1").bind(id).execute(store.inner().pool()).await.unwrap();
            }
        }
    }

    /// Marks the address of a user as not verified, as an application would.
    pub async fn unverify(&self, user: &User) {
        match &self.database {
            Database::Memory(store) => {
                store.inner().remove_user(&user.id);
                store.inner().insert_user(User { is_verified: false, ..user.clone() });
            }
            Database::Sqlite { store, .. } => {
                sqlx::query("UPDATE users SET is_verified = FALSE WHERE id = ?1")
                    .bind(user.id)
                    .execute(store.inner().pool())
                    .await
                    .unwrap();
            }
        }
    }

    /// Changes the address of a user, as an application would.
    pub async fn change_address(&self, user: &User, email: &str) -> User {
        let changed = User { email: email.to_owned(), ..user.clone() };
        match &self.database {
            Database::Memory(store) => {
                store.inner().remove_user(&user.id);
                store.inner().insert_user(changed.clone());
            }
            Database::Sqlite { store, .. } => {
                sqlx::query("UPDATE users SET email = ?2 WHERE id = ?1")
                    .bind(user.id)
                    .bind(email)
                    .execute(store.inner().pool())
                    .await
                    .unwrap();
            }
        }
        changed
    }

    /// Every user.
    pub async fn users(&self) -> Vec<User> {
        match &self.database {
            Database::Memory(store) => store.inner().users(),
            Database::Sqlite { store, .. } => {
                let rows: Vec<(i64, String, bool, Option<String>)> =
                    sqlx::query_as("SELECT id, email, is_verified, username FROM users ORDER BY id")
                        .fetch_all(store.inner().pool())
                        .await
                        .unwrap();
                rows.into_iter()
                    .map(|(id, email, is_verified, username)| User { id, email, is_verified, username })
                    .collect()
            }
        }
    }

    /// The live sessions of a user, the latest first.
    pub async fn sessions(&self, user: i64) -> Vec<otp_auth::session::Session> {
        use otp_auth::store::SessionStore;
        let (realm, user, now) = (Realm::new("users").unwrap(), user.to_string(), self.clock.now());
        match &self.database {
            Database::Memory(store) => store.inner().user_sessions(&realm, &user, now).await.unwrap(),
            Database::Sqlite { store, .. } => store.inner().user_sessions(&realm, &user, now).await.unwrap(),
        }
    }

    /// The pool of an application over `SQLite`.
    pub fn pool(&self) -> &sqlx::SqlitePool {
        match &self.database {
            Database::Sqlite { store, .. } => store.inner().pool(),
            Database::Memory(_) => panic!("this application is not over SQLite"),
        }
    }
}

impl Target for App {
    async fn answer(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn sent_code(&self, email: &str) -> String {
        self.code_for(email)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A wrong code of the same length.
pub fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { char::from(digit as u8 + 1) }).collect()
}

/// The routes that need an access token, one for each extractor.
pub const PROTECTED: [&str; 3] = ["/me", "/verified", "/claims"];

/// The routes where an access token is optional.
pub const OPTIONAL: [&str; 3] = ["/maybe", "/maybe-verified", "/maybe-claims"];

/// The routes of otp-auth.
pub const AUTH: [&str; 4] = ["/auth/request-otp", "/auth/verify-otp", "/auth/refresh", "/auth/logout"];

fn router<C: TestConfig>(auth: &OtpAuth<Tuned<C>>) -> Router {
    Router::new()
        .route("/me", get(me::<Tuned<C>>))
        .route("/verified", get(verified::<Tuned<C>>))
        .route("/claims", get(claims::<Tuned<C>>))
        .route("/maybe", get(maybe::<Tuned<C>>))
        .route("/maybe-verified", get(maybe_verified::<Tuned<C>>))
        .route("/maybe-claims", get(maybe_claims::<Tuned<C>>))
        .nest("/auth", auth.router())
        .with_state(auth.clone())
}

/// Some of the application's own routes, for the page at `/docs`.
#[derive(Debug, OpenApi)]
#[openapi(info(title = "An application", version = "1.0.0"), paths(me))]
pub struct Api;

/// Any user who is signed in.
#[utoipa::path(
    get, path = "/me", security(("bearer" = [])),
    responses((status = 200, description = "The user", body = User), AuthRejection),
)]
async fn me<C: OtpConfig<User = User>>(user: CurrentUser<C>) -> Json<User> {
    Json(user.into_inner())
}

async fn verified<C: OtpConfig<User = User>>(user: VerifiedUser<C>) -> Json<User> {
    Json(user.into_inner())
}

async fn claims<C: OtpConfig<User = User>>(claims: Claims<C>) -> Json<Value> {
    Json(json!({
        "user_id": claims.user_id(),
        "session": claims.session_id().to_string(),
        "token": claims.token_id().to_string(),
        "issued_at": claims.issued_at().as_millis(),
        "expires_at": claims.expires_at().as_millis(),
        "authenticated_at": claims.authenticated_at().as_millis(),
        "username": claims.username,
    }))
}

async fn maybe<C: OtpConfig<User = User>>(user: Option<CurrentUser<C>>) -> Json<Option<i64>> {
    Json(user.map(|user| user.id))
}

async fn maybe_verified<C: OtpConfig<User = User>>(user: Option<VerifiedUser<C>>) -> Json<Option<i64>> {
    Json(user.map(|user| user.id))
}

async fn maybe_claims<C: OtpConfig<User = User>>(claims: Option<Claims<C>>) -> Json<Option<i64>> {
    Json(claims.map(|claims| *claims.user_id()))
}
