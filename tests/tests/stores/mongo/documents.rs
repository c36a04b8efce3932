//! The documents of users: ids of every kind, missing fields, and whatever else an application may
//! have in its collection.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use mongodb::IndexModel;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::{BinarySubtype, ElementType};
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, doc};
use mongodb::options::{Collation, CollationStrength, IndexOptions};
use otp_auth::store::{MongoUser, UserStore};
use otp_auth::testing::conformance::Backend;
use otp_auth::{AuthError, MongoStore, OtpUser};
use serde::{Deserialize, Serialize};

use super::application::Application;
use super::server::{REPLICA_SET, STANDALONE, Server};
use super::{User, users};

/// A user type with another kind of id.
macro_rules! with_id {
    ($name:ident, $id:ty $(, $generate:expr)?) => {
        #[derive(Clone, Debug, OtpUser)]
        #[otp_user(collection = "users")]
        struct $name {
            #[otp(id $(, generate = $generate)?)]
            id: $id,
            #[otp(email)]
            email: String,
            #[otp(verified)]
            is_verified: bool,
        }
    };
}

/// An id as an application would wrap it.
macro_rules! newtype {
    ($name:ident, $of:ty) => {
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        struct $name($of);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = <$of as FromStr>::Err;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

newtype!(WrappedObjectId, ObjectId);
newtype!(WrappedUuid, uuid::Uuid);
newtype!(WrappedNumber, i64);

with_id!(ByNumber, i64, i64::from(ObjectId::new().timestamp().timestamp_millis() > 0) + 41);
with_id!(BySmallNumber, i32, 7);
with_id!(ByUnsigned, u32, 4_000_000_000);
with_id!(ByText, String, ObjectId::new().to_hex());
with_id!(ByBsonUuid, mongodb::bson::Uuid, mongodb::bson::Uuid::new());
with_id!(ByUuid, uuid::Uuid, uuid::Uuid::now_v7());
with_id!(ByWrappedObjectId, WrappedObjectId);
with_id!(ByWrappedUuid, WrappedUuid, WrappedUuid(uuid::Uuid::now_v7()));
with_id!(ByWrappedNumber, WrappedNumber, WrappedNumber(i64::MAX));

/// Signs up, finds the user in every way, and returns the stored form of the id.
async fn stored_id<U: MongoUser + Clone>() -> Bson {
    let store = STANDALONE.fresh_store().await;
    let application = Application::<U>::over(&store);
    let signed_in = application.sign_in("ann@x.com").await.unwrap();
    let id = signed_in.user.id();
    assert_eq!(signed_in.session.user_id, id.to_string());
    assert!(signed_in.user.verified() == Some(true));
    // The token's `sub` reads back as the id.
    let authenticated = application.auth.authenticate(signed_in.tokens.access_token.expose()).await.unwrap();
    assert!(authenticated.user.id() == id);
    application.auth.refresh(signed_in.tokens.refresh_token.expose()).await.unwrap();
    let found: Option<U> = store.user_by_id(id).await.unwrap();
    assert!(found.is_some_and(|found| found.id() == id));
    let again = application.sign_in("ann@x.com").await.unwrap();
    assert!(again.user.id() == id);
    assert_eq!(application.created(), 1);
    let document = users(&store).find_one(doc! {}).await.unwrap().unwrap();
    document.get("_id").cloned().unwrap()
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn ids_of_every_kind() {
    let uuid = |id: Bson| matches!(id, Bson::Binary(Binary { subtype: BinarySubtype::Uuid, .. }));
    assert_eq!(stored_id::<ByNumber>().await, Bson::Int64(42));
    assert_eq!(stored_id::<BySmallNumber>().await, Bson::Int32(7));
    assert_eq!(stored_id::<ByUnsigned>().await, Bson::Int64(4_000_000_000));
    assert_eq!(stored_id::<ByText>().await.element_type(), ElementType::String);
    assert!(uuid(stored_id::<ByBsonUuid>().await));
    assert!(uuid(stored_id::<ByUuid>().await));
    assert_eq!(stored_id::<ByWrappedObjectId>().await.element_type(), ElementType::ObjectId);
    assert!(uuid(stored_id::<ByWrappedUuid>().await));
    assert_eq!(stored_id::<ByWrappedNumber>().await, Bson::Int64(i64::MAX));
}

/// The driver's own `Collection<T>` writes a `uuid::Uuid` as bare bytes.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_uuid_is_found_in_either_form() {
    let store = STANDALONE.fresh_store().await;
    let id = uuid::Uuid::now_v7();
    let bytes = id.as_bytes().to_vec();
    for (subtype, email) in [(BinarySubtype::Generic, "bare@x.com"), (BinarySubtype::Uuid, "uuid@x.com")] {
        users(&store).delete_many(doc! {}).await.unwrap();
        let stored = Binary { subtype, bytes: bytes.clone() };
        users(&store).insert_one(doc! { "_id": stored, "email": email, "is_verified": true }).await.unwrap();
        let by_uuid: Option<ByUuid> = store.user_by_id(&id).await.unwrap();
        assert_eq!(by_uuid.map(|user| (user.id, user.email)), Some((id, email.to_owned())));
        let by_bson: Option<ByBsonUuid> = store.user_by_email(email).await.unwrap();
        assert_eq!(by_bson.map(|user| user.id.to_string()), Some(id.to_string()));
        let signed_in = Application::<ByUuid>::over(&store).sign_in(email).await.unwrap();
        assert_eq!(signed_in.user.id, id);
    }
}

/// A field other than `_id`, which the driver then fills.
#[derive(Clone, Debug, OtpUser)]
#[otp_user(collection = "users")]
struct Keyed {
    #[otp(id, column = "key", generate = "k-1".to_owned())]
    key: String,
    #[otp(email, column = "mail")]
    address: String,
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn the_id_may_be_another_field() {
    let store = STANDALONE.fresh_store().await;
    let signed_in = Application::<Keyed>::over(&store).sign_in("ann@x.com").await.unwrap();
    assert_eq!((signed_in.user.key.as_str(), signed_in.user.address.as_str()), ("k-1", "ann@x.com"));
    let document = users(&store).find_one(doc! { "key": "k-1", "mail": "ann@x.com" }).await.unwrap().unwrap();
    assert!(document.get_object_id("_id").is_ok());
    assert_eq!(document.len(), 3);
}

with_id!(ByNothing, WrappedNumber);

/// The macro cannot see inside the newtype. Nothing is written.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn an_id_that_nobody_makes_is_an_error() {
    let store = STANDALONE.fresh_store().await;
    let error = Application::<ByNothing>::over(&store).sign_in("ann@x.com").await.unwrap_err();
    assert!(error.to_string().contains("generate = …"), "{error}");
    assert_eq!(users(&store).count_documents(doc! {}).await.unwrap(), 0);
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    #[default]
    Guest,
    Editor,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Profile {
    colour: String,
    sizes: Vec<u8>,
}

/// A user with fields of many kinds.
#[derive(Clone, Debug, OtpUser)]
#[otp_user(collection = "users")]
struct Rich {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    confirmed: bool,
    role: Role,
    #[otp(default = Role::Editor)]
    first_role: Role,
    #[otp(default = "en", column = "lang")]
    language: String,
    #[otp(json, default = Profile { colour: "red".to_owned(), sizes: vec![1, 2] })]
    profile: Profile,
    visits: i64,
    nickname: Option<String>,
    #[otp(default = DateTime::from_millis(1_767_225_600_123))]
    since: DateTime,
    #[otp(default = "12.50".parse::<Decimal128>().unwrap_or_else(|_| unreachable!()))]
    balance: Decimal128,
    #[otp(skip)]
    cached: Option<u8>,
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_new_document_has_the_defaults_of_the_struct() {
    let store = STANDALONE.fresh_store().await;
    let signed_in = Application::<Rich>::over(&store).sign_in("ann@x.com").await.unwrap();
    let mut document = users(&store).find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(document.remove("_id"), Some(Bson::ObjectId(signed_in.user.id)));
    // No `nickname`, so that a unique and sparse index ignores it.
    let expected = doc! {
        "email": "ann@x.com",
        "confirmed": true,
        "role": "guest",
        "first_role": "editor",
        "lang": "en",
        "profile": { "colour": "red", "sizes": [1, 2] },
        "visits": 0_i64,
        "since": DateTime::from_millis(1_767_225_600_123),
        "balance": "12.50".parse::<Decimal128>().unwrap(),
    };
    assert_eq!(document, expected);
    let user: Rich = store.user_by_email("ann@x.com").await.unwrap().unwrap();
    assert_eq!((user.role, user.first_role, user.language.as_str()), (Role::Guest, Role::Editor, "en"));
    assert_eq!((user.visits, user.nickname, user.cached, user.confirmed), (0, None, None, true));
    assert_eq!((user.profile.sizes, user.since.timestamp_millis()), (vec![1, 2], 1_767_225_600_123));
    assert_eq!(user.balance.to_string(), "12.50");
    assert_eq!(user.email, "ann@x.com");
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn documents_without_our_fields_still_load() {
    let store = STANDALONE.fresh_store().await;
    let lacking = [
        doc! { "email": "less@x.com" },
        doc! { "email": "null@x.com", "confirmed": Bson::Null, "role": Bson::Null, "visits": Bson::Null, "profile": Bson::Null },
        doc! { "email": "more@x.com", "unknown": { "to": ["us"] }, "visits": 3 },
    ];
    users(&store).insert_many(lacking).await.unwrap();
    for email in ["less@x.com", "null@x.com", "more@x.com"] {
        let user: Rich = store.user_by_email(email).await.unwrap().unwrap();
        assert_eq!((user.confirmed, user.role, user.language.as_str()), (false, Role::Guest, "en"), "{email}");
        assert_eq!(user.visits, if email == "more@x.com" { 3 } else { 0 });
        // The first verification sets the flag, and changes nothing else.
        Application::<Rich>::over(&store).sign_in(email).await.unwrap();
        let document = users(&store).find_one(doc! { "email": email }).await.unwrap().unwrap();
        assert_eq!(document.get("confirmed"), Some(&Bson::Boolean(true)));
        assert!(!document.contains_key("lang"));
    }
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_field_of_another_type_is_an_error_without_its_value() {
    let store = STANDALONE.fresh_store().await;
    for (field, value) in [("visits", "secret"), ("profile", "secret"), ("_id", "secret"), ("confirmed", "secret")] {
        users(&store).delete_many(doc! {}).await.unwrap();
        users(&store).insert_one(doc! { "email": "ann@x.com", field: value }).await.unwrap();
        let error = UserStore::<Rich>::user_by_email(&store, "ann@x.com").await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(&format!("`{field}`")) && text.contains("stored as String"), "{text}");
        assert!(!text.contains("secret") && !text.contains("ann@x.com"), "{text}");
    }
}

async fn unique(store: &MongoStore, field: &str) {
    let options = IndexOptions::builder().unique(true).build();
    users(store).create_index(IndexModel::builder().keys(doc! { field: 1 }).options(options).build()).await.unwrap();
}

/// Many first sign-ins with one address create one user, also with the application's own unique
/// index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn an_application_may_have_a_unique_index() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        unique(&store, "email").await;
        let application = std::sync::Arc::new(Application::<User>::over(&store));
        for round in 0..5 {
            let email = format!("ann{round}@x.com");
            let mut codes = Vec::new();
            for _ in 0..5 {
                codes.push(application.request(&email).await.unwrap());
            }
            let tasks: Vec<_> = codes
                .into_iter()
                .map(|code| {
                    let application = std::sync::Arc::clone(&application);
                    tokio::spawn(async move { application.verify(&code).await.unwrap().user.id })
                })
                .collect();
            let mut ids = Vec::new();
            for task in tasks {
                ids.push(task.await.unwrap());
            }
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            assert_eq!(users(&store).count_documents(doc! { "email": &email }).await.unwrap(), 1);
        }
        assert_eq!(application.created(), 5);
    }
}

/// Another field is unique, and every new user has the same value in it: the error names the index,
/// but neither the value nor the address.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_duplicate_key_is_told_without_the_key() {
    let store = STANDALONE.fresh_store().await;
    unique(&store, "lang").await;
    let application = Application::<Rich>::over(&store);
    application.sign_in("ann@x.com").await.unwrap();
    let code = application.request("bob@x.com").await.unwrap();
    let error = application.verify(&code).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("11000") && text.contains("lang_1"), "{text}");
    assert!(!text.contains("bob@x.com") && !text.contains("\"en\""), "{text}");
    assert_eq!(users(&store).count_documents(doc! {}).await.unwrap(), 1);
    // The code still works after the application has deleted the other document.
    users(&store).delete_many(doc! {}).await.unwrap();
    assert_eq!(application.verify(&code).await.unwrap().user.email, "bob@x.com");
}

/// The application's validation rejects the document, which the server's answer contains in full.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_refused_document_is_not_told() {
    let store = STANDALONE.fresh_store().await;
    let rule = doc! { "$jsonSchema": { "required": ["age"] } };
    store.database().create_collection("users").validator(rule).await.unwrap();
    let error = Application::<User>::over(&store).sign_in("ann@x.com").await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("121") && !text.contains("ann@x.com"), "{text}");
}

/// A collection that ignores case when it compares text.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_collation_matches_no_other_address_and_no_other_id() {
    let store = STANDALONE.fresh_store().await;
    let collation = Collation::builder().locale("en".to_owned()).strength(CollationStrength::Primary).build();
    store.database().create_collection("users").collation(collation).await.unwrap();
    let stored = |id: &str, email: &str| doc! { "_id": id, "email": email, "is_verified": true };
    users(&store).insert_many([stored("a", "ann@x.com"), stored("b", "josé@x.com")]).await.unwrap();
    for email in ["Ann@x.com", "jose@x.com", "ANN@X.COM"] {
        let found: Option<ByText> = store.user_by_email(email).await.unwrap();
        assert!(found.is_none(), "{email}");
    }
    let by_id = |id: &str| {
        let (store, id) = (store.clone(), id.to_owned());
        async move { UserStore::<ByText>::user_by_id(&store, &id).await.unwrap() }
    };
    assert!(by_id("A").await.is_none());
    assert_eq!(by_id("a").await.map(|user| user.email), Some("ann@x.com".to_owned()));
    let application = Application::<ByText>::over(&store);
    let signed_in = application.sign_in("jose@x.com").await.unwrap();
    assert_ne!(signed_in.user.id, "b");
    application.auth.authenticate(signed_in.tokens.access_token.expose()).await.unwrap();
}

/// `table` and `collection` on one struct.
#[derive(Clone, Debug, OtpUser)]
#[otp_user(table = "users", stores(sqlite), collection = "users")]
struct Anywhere {
    #[otp(id, generate = ObjectId::new().to_hex())]
    id: String,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn one_struct_may_be_in_a_table_and_in_a_collection() {
    let store = STANDALONE.fresh_store().await;
    let signed_in = Application::<Anywhere>::over(&store).sign_in("ann@x.com").await.unwrap();
    let sqlite = super::super::users::sqlite_url();
    let sqlite = otp_auth::SqliteStore::connect(&sqlite).await.unwrap();
    sqlx::raw_sql("CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT NOT NULL, is_verified BOOLEAN NOT NULL)")
        .execute(sqlite.pool())
        .await
        .unwrap();
    sqlx::query("INSERT INTO users VALUES (?1, ?2, TRUE)")
        .bind(&signed_in.user.id)
        .bind(&signed_in.user.email)
        .execute(sqlite.pool())
        .await
        .unwrap();
    let in_table: Option<Anywhere> = sqlite.user_by_id(&signed_in.user.id).await.unwrap();
    let in_collection: Option<Anywhere> = store.user_by_id(&signed_in.user.id).await.unwrap();
    assert!(in_table.is_some_and(|user| user.is_verified) && in_collection.is_some_and(|user| user.is_verified));
}

/// To the server, text that begins with `$` means a field.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn text_with_a_dollar_sign_is_text() {
    use otp_auth::session::Client;

    let store = STANDALONE.fresh_store().await;
    let application = Application::<Dollar>::over(&store);
    let sent = application.request("$email@x.com").await.unwrap();
    let auth = application.auth.for_request(Client::new(Some("$identity"), None), None);
    let signed_in = auth.verify_code(Application::<Dollar>::verification(&sent)).await.unwrap();
    assert_eq!((signed_in.user.id.as_str(), signed_in.user.email.as_str()), ("$_id", "$email@x.com"));
    let sessions = application.auth.sessions(&signed_in.user.id).await.unwrap();
    assert_eq!(sessions[0].client.user_agent.as_deref(), Some("$identity"));
    assert_eq!(sessions[0].user_id, "$_id");
    assert_eq!(application.sign_in("$email@x.com").await.unwrap().user.id, "$_id");
    let all: Vec<Document> = {
        let mut cursor = users(&store).find(doc! {}).await.unwrap();
        let mut all = Vec::new();
        while cursor.advance().await.unwrap() {
            all.push(cursor.deserialize_current().unwrap());
        }
        all
    };
    assert_eq!(all, [doc! { "_id": "$_id", "email": "$email@x.com", "is_verified": true }]);
}

with_id!(Dollar, String, "$_id".to_owned());

/// A document without an address or an id is not a user.
#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_document_without_an_address_or_an_id_is_no_user() {
    let store = STANDALONE.fresh_store().await;
    let application = Application::<User>::over(&store);
    let signed_in = application.sign_in("ann@x.com").await.unwrap();
    let token = signed_in.tokens.access_token.expose();
    for lost in [doc! { "$set": { "email": Bson::Null } }, doc! { "$unset": { "email": "" } }] {
        users(&store).update_one(doc! {}, doc! { "$set": { "email": "ann@x.com" } }).await.unwrap();
        application.auth.authenticate(token).await.unwrap();
        users(&store).update_one(doc! {}, lost).await.unwrap();
        assert_eq!(UserStore::<User>::user_by_id(&store, &signed_in.user.id).await.unwrap(), None);
        assert!(matches!(application.auth.authenticate(token).await, Err(AuthError::InvalidToken)));
    }

    // Beside a document without an id, another one with the address is found.
    users(&store).delete_many(doc! {}).await.unwrap();
    users(&store)
        .insert_many([doc! { "mail": "ann@x.com" }, doc! { "mail": "ann@x.com", "key": Bson::Null }])
        .await
        .unwrap();
    assert!(UserStore::<Keyed>::user_by_email(&store, "ann@x.com").await.unwrap().is_none());
    users(&store).insert_one(doc! { "mail": "ann@x.com", "key": "k-7" }).await.unwrap();
    let found: Option<Keyed> = store.user_by_email("ann@x.com").await.unwrap();
    assert_eq!(found.map(|user| (user.key, user.address)), Some(("k-7".to_owned(), "ann@x.com".to_owned())));
}

/// An address with its own stored form: backwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
struct Backwards(String);

impl From<&str> for Backwards {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Backwards {
    fn from(stored: String) -> Self {
        Self(stored.chars().rev().collect())
    }
}

impl From<Backwards> for String {
    fn from(address: Backwards) -> Self {
        address.0.chars().rev().collect()
    }
}

impl AsRef<str> for Backwards {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, OtpUser)]
#[otp_user(collection = "users")]
struct Reversed {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: Backwards,
    #[otp(verified)]
    is_verified: bool,
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn an_address_with_a_form_of_its_own_makes_one_user() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        let application = Application::<Reversed>::over(&store);
        let signed_in = application.sign_in("ann@x.com").await.unwrap();
        let document = users(&store).find_one(doc! {}).await.unwrap().unwrap();
        assert_eq!(document.get("email"), Some(&Bson::String("moc.x@nna".to_owned())));
        // The first verification finds the document, too.
        users(&store).update_one(doc! {}, doc! { "$set": { "is_verified": false } }).await.unwrap();
        let again = application.sign_in("ann@x.com").await.unwrap();
        assert!(again.user.id() == signed_in.user.id() && again.user.verified() == Some(true));
        application.auth.authenticate(again.tokens.access_token.expose()).await.unwrap();
        assert!(UserStore::<Reversed>::user_by_email(&store, "moc.x@nna").await.unwrap().is_none());
        assert_eq!((application.created(), users(&store).count_documents(doc! {}).await.unwrap()), (1, 1));
    }
}

/// A collection that keeps deleted documents, and the time of verification.
#[derive(Clone, Debug, PartialEq, OtpUser)]
#[otp_user(collection = "users", filter(deleted = false, "left-at" = null, kind = "person"))]
pub(crate) struct Member {
    #[otp(id)]
    id: ObjectId,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    proven_at: Option<DateTime>,
}

/// The conformance suite on it: the filter removes a user.
pub(crate) struct Members(pub(crate) Server);

impl Backend for Members {
    type User = Member;
    type Store = MongoStore;

    async fn fresh(&self) -> MongoStore {
        self.0.fresh_store().await
    }

    async fn add_user(&self, store: &MongoStore, email: &str, verified: bool) -> Member {
        let proven_at = verified.then(|| DateTime::from_millis(1_700_000_000_000));
        let user = Member { id: ObjectId::new(), email: email.to_owned(), proven_at };
        let document =
            doc! { "_id": user.id, "email": email, "proven_at": proven_at, "deleted": false, "kind": "person" };
        users(store).insert_one(document).await.unwrap();
        user
    }

    async fn unverify(&self, store: &MongoStore, user: &Member) {
        users(store).update_one(doc! { "_id": user.id }, doc! { "$unset": { "proven_at": "" } }).await.unwrap();
    }

    async fn remove_user(&self, store: &MongoStore, user: &Member) {
        users(store).update_one(doc! { "_id": user.id }, doc! { "$set": { "deleted": true } }).await.unwrap();
    }

    async fn count_users(&self, store: &MongoStore, email: &str) -> usize {
        let count = users(store).count_documents(doc! { "email": email, "deleted": false }).await.unwrap();
        usize::try_from(count).unwrap()
    }
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_new_user_passes_the_filter_and_has_the_time_of_the_proof() {
    for server in [REPLICA_SET, STANDALONE] {
        let store = server.fresh_store().await;
        let application = Application::<Member>::over(&store);
        let signed_in = application.sign_in("ann@x.com").await.unwrap();
        let present = DateTime::from_millis(application.clock.clock().now().as_millis());
        let document = users(&store).find_one(doc! {}).await.unwrap().unwrap();
        let expected = doc! {
            "_id": signed_in.user.id, "email": "ann@x.com", "proven_at": present, "deleted": false, "kind": "person",
        };
        assert_eq!(document.into_iter().collect::<BTreeMap<_, _>>(), expected.into_iter().collect());
        assert_eq!(signed_in.user.proven_at, Some(present));

        // A verification is recorded once, and only if there is none.
        let again = application.sign_in("ann@x.com").await.unwrap();
        assert_eq!(again.user, signed_in.user);
        users(&store).update_one(doc! {}, doc! { "$set": { "proven_at": Bson::Null } }).await.unwrap();
        let proven = application.sign_in("ann@x.com").await.unwrap();
        assert!(proven.user.proven_at > Some(present));
        assert!(matches!(
            application.auth.authenticate(again.tokens.access_token.expose()).await,
            Err(AuthError::InvalidToken)
        ));
    }
}

#[tokio::test]
#[ignore = "needs MongoDB: scripts/test starts one"]
async fn a_document_that_the_filter_excludes_is_no_user() {
    let store = STANDALONE.fresh_store().await;
    let application = Application::<Member>::over(&store);
    let signed_in = application.sign_in("ann@x.com").await.unwrap();
    let token = signed_in.tokens.access_token.expose();
    for excluded in [doc! { "deleted": true }, doc! { "left-at": DateTime::from_millis(1) }, doc! { "kind": "robot" }] {
        application.auth.authenticate(token).await.unwrap();
        users(&store).update_one(doc! {}, doc! { "$set": excluded }).await.unwrap();
        assert_eq!(UserStore::<Member>::user_by_id(&store, &signed_in.user.id).await.unwrap(), None);
        assert_eq!(UserStore::<Member>::user_by_email(&store, "ann@x.com").await.unwrap(), None);
        assert!(matches!(application.auth.authenticate(token).await, Err(AuthError::InvalidToken)));
        assert!(matches!(
            application.auth.refresh(signed_in.tokens.refresh_token.expose()).await,
            Err(AuthError::InvalidRefreshToken)
        ));
        let back = doc! { "$set": { "deleted": false, "kind": "person" }, "$unset": { "left-at": "" } };
        users(&store).update_one(doc! {}, back).await.unwrap();
    }

    // If it blocks a new user, the sign-in is rejected, until it is a user again.
    unique(&store, "email").await;
    users(&store).update_one(doc! {}, doc! { "$set": { "deleted": true, "proven_at": Bson::Null } }).await.unwrap();
    let code = application.request("ann@x.com").await.unwrap();
    for _ in 0..2 {
        assert!(matches!(application.verify(&code).await, Err(AuthError::SignInRefused)));
    }
    let document = users(&store).find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!([document.get("deleted"), document.get("proven_at")], [Some(&Bson::Boolean(true)), Some(&Bson::Null)]);
    users(&store).update_one(doc! {}, doc! { "$set": { "deleted": false } }).await.unwrap();
    assert_eq!(application.verify(&code).await.unwrap().user.id, signed_in.user.id);

    // Also with another spelling, if the index considers both equal.
    users(&store).drop_indexes().await.unwrap();
    let spelling = Collation::builder().locale("en".to_owned()).strength(CollationStrength::Secondary).build();
    let options = IndexOptions::builder().unique(true).collation(spelling).build();
    users(&store).create_index(IndexModel::builder().keys(doc! { "email": 1 }).options(options).build()).await.unwrap();
    for deleted in [true, false] {
        let other = doc! { "$set": { "email": "Ann@x.com", "deleted": deleted } };
        users(&store).update_one(doc! {}, other).await.unwrap();
        let refused = application.sign_in("ann@x.com").await.unwrap_err();
        // If it belongs to a user, the sign-in must not be rejected permanently.
        assert_eq!(matches!(refused, AuthError::SignInRefused), deleted, "{refused:?}");
    }
    users(&store).update_one(doc! {}, doc! { "$set": { "email": "ann@x.com" } }).await.unwrap();

    // Without a unique index, a new user is created beside it.
    users(&store).drop_indexes().await.unwrap();
    users(&store).update_one(doc! {}, doc! { "$set": { "deleted": true } }).await.unwrap();
    let new = application.sign_in("ann@x.com").await.unwrap();
    assert_ne!(new.user.id, signed_in.user.id);
    assert_eq!(users(&store).count_documents(doc! { "email": "ann@x.com" }).await.unwrap(), 2);
}
