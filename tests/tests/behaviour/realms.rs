//! Two configurations in one application: customers and staff, with one secret, on one database, in
//! one browser.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::routing::get;
use otp_auth::store::Timestamp;
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{Claims, CurrentUser, OtpAuth, OtpConfig, OtpUser, SqliteStore, VerifiedUser, otp_config};
use otp_auth_tests::{Answer, Client, ClientKind, SECRET, Target, secret};
use serde_json::json;
use tower::ServiceExt;

#[derive(Clone, serde::Serialize, OtpUser)]
#[otp_user(table = "customers", stores(sqlite))]
struct Customer {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

#[derive(Clone, serde::Serialize, OtpUser)]
#[otp_user(table = "staff", stores(sqlite))]
struct Staff {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

macro_rules! config {
    ($name:ident, $user:ident, $delivery:literal) => {
        #[otp_config(user = $user, secret_key = SECRET.as_str(), refresh_token_delivery = $delivery)]
        struct $name {
            #[otp(sender)]
            sender: CapturingSender,
        }
    };
}

config!(Shop, Customer, "cookie");
config!(Office, Staff, "cookie");
config!(ShopBody, Customer, "body");
config!(OfficeBody, Staff, "body");
config!(ShopBoth, Customer, "both");
config!(OfficeBoth, Staff, "both");

/// One half of the application, with its routes under its name.
#[derive(Clone)]
struct Half {
    router: Router,
    sender: CapturingSender,
    clock: TestClock,
    prefix: &'static str,
}

impl Target for Half {
    async fn answer(&self, mut request: Request<Body>) -> Response {
        let path = format!("{}{}", self.prefix, request.uri().path());
        *request.uri_mut() = path.parse().unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn sent_code(&self, email: &str) -> String {
        self.sender.code_for(email).expect("a code was sent")
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

async fn me<C: OtpConfig>(user: CurrentUser<C>) -> String {
    user.email().to_owned()
}

async fn verified<C: OtpConfig<User: otp_auth::OtpUser>>(user: VerifiedUser<C>) -> String
where
    C::User: otp_auth::user::VerifiableUser,
{
    user.email().to_owned()
}

async fn claims<C: OtpConfig>(claims: Claims<C>) -> String {
    claims.session_id().to_string()
}

fn routes<C>(auth: &OtpAuth<C>) -> Router
where
    C: OtpConfig,
    C::User: otp_auth::user::VerifiableUser,
{
    Router::new()
        .route("/me", get(me::<C>))
        .route("/verified", get(verified::<C>))
        .route("/claims", get(claims::<C>))
        .nest("/auth", auth.router())
        .with_state(auth.clone())
}

struct Application<A: OtpConfig, B: OtpConfig> {
    shop: OtpAuth<A>,
    office: OtpAuth<B>,
    halves: [Half; 2],
    _directory: tempfile::TempDir,
}

async fn store(directory: &tempfile::TempDir) -> SqliteStore {
    let url = format!("sqlite:{}?mode=rwc", directory.path().join("test.db").display());
    let store = SqliteStore::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    for table in ["customers", "staff"] {
        let table = format!(
            "CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, \
             is_verified BOOLEAN NOT NULL)"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(table)).execute(store.pool()).await.unwrap();
    }
    store
}

async fn application<A, B>(
    shop: impl FnOnce(CapturingSender) -> A,
    office: impl FnOnce(CapturingSender) -> B,
) -> Application<A, B>
where
    A: OtpConfig<User = Customer>,
    B: OtpConfig<User = Staff>,
{
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let (clock, senders) = (TestClock::default(), [CapturingSender::new(), CapturingSender::new()]);
    let shop = OtpAuth::with_clock(shop(senders[0].clone()), store.clone(), clock.clock()).unwrap();
    let office = OtpAuth::with_clock(office(senders[1].clone()), store, clock.clock()).unwrap();
    let router = Router::new().nest("/shop", routes(&shop)).nest("/office", routes(&office));
    let [first, second] = senders;
    let half = |sender, prefix| Half { router: router.clone(), sender, clock: clock.clone(), prefix };
    let halves = [half(first, "/shop"), half(second, "/office")];
    Application { shop, office, halves, _directory: directory }
}

/// Customer 1 and staff member 1, both signed in, in each delivery.
async fn nothing_crosses<A, B>(application: Application<A, B>, kind: ClientKind)
where
    A: OtpConfig<User = Customer>,
    B: OtpConfig<User = Staff>,
{
    let [shop, office] = application.halves.clone();
    let (mut customer, mut staff) = (Client::new(shop.clone(), kind), Client::new(office.clone(), kind));
    customer.sign_in("mallory@x.com").await;
    staff.sign_in("root@x.com").await;
    assert_eq!(customer.get("/me").await.ok().text(), "mallory@x.com");

    // An access token.
    for path in ["/me", "/verified", "/claims"] {
        customer.at(&office).get(path).await.problem(401, "invalid_token");
        staff.at(&shop).get(path).await.problem(401, "invalid_token");
    }
    // A refresh token, under any cookie name.
    let refresh = customer.jar.get("__Host-refresh_token-customers").map(str::to_owned);
    let refresh = refresh.or(customer.refresh_token.clone()).unwrap();
    let mut thief = Client::new(office.clone(), kind);
    thief.jar.plant("__Host-refresh_token-staff", &refresh);
    thief.jar.plant("__Host-refresh_token-customers", &refresh);
    let answer = match kind {
        ClientKind::Browser => thief.post_nothing("/auth/refresh").await,
        ClientKind::Native => thief.post("/auth/refresh", &json!({ "refresh_token": refresh })).await,
    };
    answer.problem(401, "invalid_refresh_token");
    // Signing out there has no effect here.
    match kind {
        ClientKind::Browser => thief.post_nothing("/auth/logout").await.ok(),
        ClientKind::Native => thief.post("/auth/logout", &json!({ "refresh_token": refresh })).await.ok(),
    };
    customer.get("/me").await.ok();
    customer.refresh().await.ok();

    // A code from the shop does not sign in at the office, whatever the name of its challenge
    // cookie.
    let mut guest = Client::new(shop.clone(), kind);
    guest.request("boss@x.com").await.ok();
    let code = shop.sent_code("boss@x.com").await;
    let mut crossing = guest.at(&office);
    if let Some(challenge) = guest.jar.get("__Host-otp_challenge-customers").map(str::to_owned) {
        crossing.jar.plant("__Host-otp_challenge-staff", &challenge);
    }
    crossing.verify("boss@x.com", &code).await.problem(401, "invalid_code");
    // Each address has a separate budget in each realm.
    let mut other = Client::new(office.clone(), kind);
    other.request("boss@x.com").await.ok();
    guest.verify("boss@x.com", &code).await.ok();
    other.verify_right("boss@x.com").await.ok();

    // Lists and revocations affect only the users of their own realm.
    assert_eq!(application.shop.sessions(&1).await.unwrap().len(), 1);
    assert_eq!(application.office.sessions(&1).await.unwrap().len(), 1);
    let of_staff = application.office.sessions(&1).await.unwrap()[0].id;
    assert!(!application.shop.revoke_session(&1, of_staff).await.unwrap());
    assert_eq!(application.shop.revoke_all_sessions(&1).await.unwrap(), 1);
    assert_eq!(application.shop.forget_user(&1).await.unwrap(), 1);
    application.shop.bar_user(&1, std::time::Duration::from_secs(3_600)).await.unwrap();
    for path in ["/me", "/verified", "/claims"] {
        customer.get(path).await.problem(401, "invalid_token");
        staff.get(path).await.ok();
    }
    staff.refresh().await.ok();
}

#[tokio::test]
async fn nothing_crosses_between_two_configurations_with_one_secret() {
    nothing_crosses(application(|sender| Shop { sender }, |sender| Office { sender }).await, ClientKind::Browser).await;
    nothing_crosses(
        application(|sender| ShopBody { sender }, |sender| OfficeBody { sender }).await,
        ClientKind::Native,
    )
    .await;
    for kind in [ClientKind::Browser, ClientKind::Native] {
        nothing_crosses(application(|sender| ShopBoth { sender }, |sender| OfficeBoth { sender }).await, kind).await;
    }
}

/// One browser is signed in to both: no cookie of one hides, replaces or deletes one of the other.
#[tokio::test]
async fn one_browser_can_be_signed_in_to_both() {
    let application = application(|sender| Shop { sender }, |sender| Office { sender }).await;
    let [shop, office] = application.halves.clone();
    let mut browser = Client::new(shop.clone(), ClientKind::Browser);
    browser.request("ann@x.com").await.ok();
    let mut there = browser.at(&office);
    there.request("ann@x.com").await.ok();
    there.verify_right("ann@x.com").await.ok();
    let staff_token = there.token();
    let mut here = there.at(&shop);
    here.verify_right("ann@x.com").await.ok();
    here.get("/me").await.ok();
    here.refresh().await.ok();
    let mut there = here.at(&office);
    there.refresh().await.ok();
    there.get_with("/me", &staff_token).await.ok();
    // Signing out of one leaves the other.
    let answer: Answer = there.logout().await.ok();
    assert_eq!(answer.cookie_names(), ["__Host-refresh_token-staff"]);
    there.at(&shop).refresh().await.ok();
}

/// The realm is an expression, so one struct serves several tenants.
#[otp_config(user = Customer, secret_key = SECRET.as_str(), realm = self.tenant)]
struct Tenant {
    tenant: String,
    #[otp(sender)]
    sender: CapturingSender,
}

#[tokio::test]
async fn one_struct_serves_several_tenants() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory).await;
    let clock = TestClock::default();
    let half = |tenant: &str| {
        let sender = CapturingSender::new();
        let config = Tenant { tenant: tenant.to_owned(), sender: sender.clone() };
        let auth = OtpAuth::with_clock(config, store.clone(), clock.clock()).unwrap();
        Half { router: Router::new().nest("/t", routes(&auth)), sender, clock: clock.clone(), prefix: "/t" }
    };
    let [red, blue] = ["red", "blue"].map(half);
    let mut client = Client::new(red, ClientKind::Browser);
    client.sign_in("ann@x.com").await;
    client.get("/me").await.ok();
    client.at(&blue).get("/me").await.problem(401, "invalid_token");
    client.at(&blue).refresh().await.problem(401, "invalid_refresh_token");
    assert!(client.jar.get("__Host-refresh_token-red").is_some());
}

#[test]
fn two_user_types_with_one_secret_in_one_realm_do_not_start() {
    #[otp_config(user = Staff, secret_key = SECRET_OF_ITS_OWN.as_str(), realm = "customers of its own")]
    struct Clashing {
        #[otp(sender)]
        sender: CapturingSender,
    }
    #[otp_config(user = Customer, secret_key = SECRET_OF_ITS_OWN.as_str(), realm = "customers of its own")]
    struct Plain {
        #[otp(sender)]
        sender: CapturingSender,
    }
    #[otp_config(user = Staff, secret_key = SECRET.as_str(), previous_secret_keys = [SECRET_OF_ITS_OWN.as_str()], realm = "customers of its own")]
    struct Rotated {
        #[otp(sender)]
        sender: CapturingSender,
    }
    static SECRET_OF_ITS_OWN: LazyLock<String> = LazyLock::new(|| secret("two user types in one realm"));
    let customers = || {
        otp_auth::MemoryStore::new(|new| Customer { id: new.number, email: new.email.to_owned(), is_verified: true })
    };
    let staff =
        || otp_auth::MemoryStore::new(|new| Staff { id: new.number, email: new.email.to_owned(), is_verified: true });
    let sender = CapturingSender::new;
    let first = OtpAuth::new(Plain { sender: sender() }, customers()).unwrap();
    // The same configuration again is no conflict: one application may create it twice.
    let again = OtpAuth::new(Plain { sender: sender() }, customers()).unwrap();
    for error in [
        OtpAuth::new(Clashing { sender: sender() }, staff()).err().unwrap(),
        OtpAuth::new(Rotated { sender: sender() }, staff()).err().unwrap(),
    ] {
        assert_eq!(error.faults()[0].key(), "realm");
        assert!(error.to_string().contains("`customers of its own`"), "{error}");
    }
    // After the others are dropped, the realm is free.
    drop((first, again));
    OtpAuth::new(Clashing { sender: sender() }, staff()).unwrap();
}
