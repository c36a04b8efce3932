//! Generated code compiles and works in hostile places: a shadowed or missing prelude, macros that
//! create the items, raw identifiers, generics, strict lints, another path to the runtime.
#![deny(warnings, missing_docs, unreachable_pub, private_interfaces, clippy::pedantic)]
// These structs stand for an application's, which need not implement `Debug`.
#![allow(missing_debug_implementations)]

mod stub;

use otp_auth_macros::{OtpUser, otp_config};

use crate::stub::__private::{Hooks, OtpConfig, OtpUser as _, SendOtp, VerifiableUser};

/// A sender that sends nothing.
#[derive(Debug)]
pub struct Nobody;

impl SendOtp for Nobody {}

#[test]
fn a_shadowed_prelude_does_not_matter() {
    #![allow(dead_code, non_camel_case_types)]
    struct Option;
    struct Some;
    struct None;
    struct Result;
    struct Ok;
    struct Err;
    struct String;
    struct Vec;
    struct Box;
    trait Send {}
    trait Sync {}
    trait Clone {}
    trait Default {}
    trait From {}
    trait AsRef {}
    trait Iterator {}
    struct bool;

    #[derive(OtpUser)]
    #[otp_user(crate = crate::stub)]
    struct User {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: std::string::String,
        #[otp(verified)]
        verified: ::core::primitive::bool,
        #[otp(claim)]
        name: std::option::Option<std::string::String>,
    }

    #[otp_config(
        crate = crate::stub,
        user = User,
        developer_mode = cfg!(debug_assertions),
        otp_length = 8,
        cookie_same_site = None,
        refresh_grace = "500ms",
    )]
    struct Auth {
        #[otp(sender)]
        sender: Nobody,
    }

    let user = User { id: 7, email: "a@b.c".into(), verified: false, name: std::option::Option::None };
    assert_eq!(*user.id(), 7);
    assert_eq!(serde_json::to_string(&user.claims()).unwrap_or_default(), "{}");
    let settings = Auth { sender: Nobody }.settings();
    let developing = format!("developer_mode = {}", cfg!(debug_assertions));
    assert_eq!(settings.0, ["refresh_grace = 500ms", "otp_length = 8", "cookie_same_site = None", &developing,]);
}

pub mod bare {
    //! A module without any prelude.
    #![no_implicit_prelude]

    use ::otp_auth_macros::{OtpUser, otp_config};

    /// A user.
    #[derive(OtpUser)]
    #[otp_user(crate = crate::stub)]
    pub struct User {
        #[otp(id)]
        id: ::std::string::String,
        #[otp(email)]
        email: ::std::string::String,
        #[otp(verified)]
        is_verified: bool,
        #[otp(claim)]
        nick: ::core::option::Option<u8>,
    }

    /// A configuration.
    #[otp_config(crate = crate::stub, user = User, secret_key = env("SECRET"), issuer = "me")]
    pub struct Auth(#[otp(sender)] super::Nobody);

    impl Auth {
        /// Creates one.
        #[must_use]
        pub fn make() -> Self {
            Self(super::Nobody)
        }
    }

    impl User {
        /// Creates one.
        #[must_use]
        pub fn make() -> Self {
            Self {
                id: ::std::convert::From::from("id"),
                email: ::std::convert::From::from("a@b.c"),
                is_verified: false,
                nick: ::core::option::Option::Some(3),
            }
        }
    }
}

#[test]
fn no_prelude_is_needed() {
    let mut user = bare::User::make();
    assert_eq!(user.email(), "a@b.c");
    assert_eq!(user.verified(), Some(false));
    user.mark_verified(stub::__private::Timestamp(1));
    assert_eq!(user.verified(), Some(true));
    assert_eq!(bare::Auth::make().settings().0, ["secret_key = env SECRET", "issuer = me"]);
}

/// Creates both items from parts, so that types and values arrive in invisible groups.
macro_rules! items {
    ($(#[$meta:meta])* $user:ident, $auth:ident, $id:ty, $email:ty, $flag:ty, $claim:ty, $length:expr, $grace:literal, $key:expr) => {
        $(#[$meta])*
        #[derive(OtpUser)]
        #[otp_user(crate = crate::stub)]
        pub struct $user {
            #[otp(id)]
            id: $id,
            #[otp(email)]
            email: $email,
            #[otp(verified)]
            flag: $flag,
            #[otp(claim = "claim")]
            claim: $claim,
        }

        /// A configuration.
        #[otp_config(
            crate = crate::stub,
            user = $user,
            secret_key = $key,
            otp_length = $length,
            refresh_grace = $grace,
            audience = self.audience,
        )]
        pub struct $auth {
            #[otp(sender)]
            sender: Nobody,
            audience: String,
        }
    };
}

items!(
    /// A user.
    Member, MemberAuth, u32, String, bool, Option<Vec<String>>, 6, "5s", env("SECRET")
);

#[test]
fn macros_can_make_the_items() {
    let member = Member { id: 1, email: "a@b.c".into(), flag: true, claim: Some(vec!["x".into()]) };
    assert_eq!(serde_json::to_string(&member.claims()).unwrap_or_default(), r#"{"claim":["x"]}"#);
    let auth = MemberAuth { sender: Nobody, audience: "us".into() };
    let settings = auth.settings();
    assert_eq!(settings.0, ["secret_key = env SECRET", "refresh_grace = 5s", "otp_length = 6", "audience = us"]);
}

/// As in a crate that re-exports otp-auth.
#[macro_export]
macro_rules! through_a_macro {
    ($user:ident) => {
        #[derive(OtpUser)]
        #[otp_user(crate = $crate::stub)]
        struct $user {
            #[otp(id)]
            id: u8,
            #[otp(email)]
            email: String,
            #[otp(claim)]
            color: u8,
        }
    };
}

through_a_macro!(Outside);

#[test]
fn the_path_can_begin_with_dollar_crate() {
    through_a_macro!(Inside);
    let inside = Inside { id: 1, email: String::new(), color: 4 };
    let outside = Outside { id: 1, email: String::new(), color: 5 };
    assert_eq!(serde_json::to_string(&inside.claims()).unwrap_or_default(), r#"{"color":4}"#);
    assert_eq!(serde_json::to_string(&outside.claims()).unwrap_or_default(), r#"{"color":5}"#);
}

/// A user with raw identifiers.
#[derive(OtpUser)]
#[otp_user(crate = crate::stub)]
pub struct r#Raw {
    #[otp(id)]
    r#fn: i16,
    #[otp(email)]
    r#use: String,
    /// What kind of user.
    #[otp(claim)]
    r#type: String,
}

#[test]
fn raw_identifiers_lose_their_mark() {
    let raw = Raw { r#fn: 1, r#use: "a@b.c".into(), r#type: "t".into() };
    assert_eq!(*raw.id(), 1);
    let claims: RawClaims = raw.claims();
    assert_eq!(serde_json::to_string(&claims).unwrap_or_default(), r#"{"type":"t"}"#);
}

/// A user with parameters.
#[derive(OtpUser)]
#[otp_user(crate = crate::stub)]
pub struct Generic<T, const N: usize>
where
    T: Send + Sync + 'static,
{
    #[otp(id)]
    id: u64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    verified: bool,
    /// Anything.
    #[otp(skip)]
    pub rest: [T; N],
}

/// A configuration with parameters, for a user with parameters.
#[otp_config(crate = crate::stub, user = Generic<S, 2>, secret_key = &self.secret, hooks)]
pub struct GenericAuth<S>
where
    S: Send + Sync + 'static,
{
    #[otp(sender)]
    sender: Nobody,
    secret: Vec<u8>,
    /// Marks the parameter.
    pub marker: std::marker::PhantomData<S>,
}

impl<S: Send + Sync + 'static> Hooks<Generic<S, 2>> for GenericAuth<S> {}

#[test]
fn generics_are_carried_over() {
    fn verifiable<U: VerifiableUser>(user: &U) -> bool {
        user.verified().unwrap_or_default()
    }
    assert!(verifiable(&Generic { id: 1, email: String::new(), verified: true, rest: [1, 2] }));
    let auth = GenericAuth::<u8> { sender: Nobody, secret: vec![0; 40], marker: std::marker::PhantomData };
    assert_eq!(auth.settings().0, ["secret_key = 40 bytes"]);
}

/// Claims that the application defines.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct OwnClaims {
    id: i64,
}

impl From<&WithOwnClaims> for OwnClaims {
    fn from(user: &WithOwnClaims) -> Self {
        Self { id: user.key }
    }
}

/// A user with those claims.
#[derive(OtpUser)]
#[otp_user(crate = crate::stub, claims = OwnClaims)]
pub struct WithOwnClaims {
    #[otp(id)]
    key: i64,
    #[otp(email)]
    address: String,
}

#[test]
fn own_claims_take_the_place_of_generated_ones() {
    let user = WithOwnClaims { key: 5, address: String::new() };
    assert_eq!(user.claims().id, 5);
}

/// A unit struct that is its own sender, with expressions for keys.
#[otp_config(
    crate = crate::stub,
    user = Member,
    secret_key = std::env::var("SECRET").unwrap_or_default(),
    previous_secret_keys = ["0123456789abcdef0123456789abcdef", env("OLD"), self.old()],
    realm = String::from("staff"),
    access_token_lifetime = std::time::Duration::from_mins(5),
    refresh_token_lifetime = std::time::Duration::from_hours(5),
    refresh_grace = std::time::Duration::from_secs(1),
    otp_length = 3 + 4,
    otp_expiry = "2m30s",
    max_otp_attempts = u8::from(true),
    otp_rate_limit = "30s",
    max_sends_per_hour = 2,
    max_sends_per_day = self.sends(),
    send_timeout = "5s",
    auto_create_user = !false,
    refresh_token_delivery = "body",
    cookie_secure = !cfg!(debug_assertions) || true,
    cookie_name = format!("{}-token", "refresh"),
    cookie_path = String::from("/auth"),
    previous_cookie_paths = ["/", String::from("/old")],
    cookie_domain = "example.com",
    cookie_same_site = crate::stub::__private::SameSite::Strict,
    forget_device_at_logout = !false,
    trusted_origins = ["https://app.example.com", format!("https://{}", "example.com")],
    client_ip = "forwarded",
    trusted_proxies = ["10.0.0.0/8"],
    ipv6_prefix_length = 56,
    issuer = "us",
    audience = "them",
    local_part_case = preserve,
    developer_mode = allow_in_release(cfg!(any())),
    developer_hosts = ["laptop.local", String::from("192.168.1.20")],
)]
pub struct Everything;

impl SendOtp for Everything {}

impl Everything {
    const fn old(&self) -> [u8; 33] {
        let Self = self;
        [1; 33]
    }

    const fn sends(&self) -> u32 {
        let Self = self;
        9
    }
}

#[test]
fn keys_can_be_expressions() {
    assert_eq!(
        Everything.settings().0,
        [
            "secret_key = 0 bytes",
            "previous_secret_key = 32 bytes",
            "previous_secret_key = env OLD",
            "previous_secret_key = 33 bytes",
            "realm = staff",
            "access_token_lifetime = 300s",
            "refresh_token_lifetime = 18000s",
            "refresh_grace = 1s",
            "otp_length = 7",
            "otp_expiry = 150s",
            "max_otp_attempts = 1",
            "otp_rate_limit = 30s",
            "max_sends_per_hour = 2",
            "max_sends_per_day = 9",
            "send_timeout = 5s",
            "auto_create_user = true",
            "cookie_secure = true",
            "cookie_name = refresh-token",
            "cookie_path = /auth",
            "previous_cookie_path = /",
            "previous_cookie_path = /old",
            "cookie_domain = example.com",
            "cookie_same_site = Strict",
            "forget_device_at_logout = true",
            "trusted_origin = https://app.example.com",
            "trusted_origin = https://example.com",
            "client_ip = forwarded",
            "trusted_proxy = 10.0.0.0/8",
            "ipv6_prefix_length = 56",
            "issuer = us",
            "audience = them",
            "local_part_case = Preserve",
            "developer_mode = false",
            "developer_host = laptop.local",
            "developer_host = 192.168.1.20",
        ]
    );
    const { assert!(Everything::DEVELOPER_MODE_IN_RELEASE) };
    const { assert!(!MemberAuth::DEVELOPER_MODE_IN_RELEASE) };
    assert_eq!(Everything::DEBUG_BUILD, cfg!(debug_assertions));
}

/// Lists whose length only the program knows.
#[otp_config(
    crate = crate::stub,
    user = Member,
    secret_key = env("SECRET"),
    previous_secret_keys = self.old,
    previous_cookie_paths = &self.paths,
    trusted_origins = self.origins,
    developer_hosts = self.hosts.iter().map(|host| host.to_lowercase()),
)]
pub struct Lists {
    #[otp(sender)]
    sender: Nobody,
    old: Vec<[u8; 33]>,
    paths: Vec<String>,
    origins: Vec<String>,
    hosts: Vec<&'static str>,
}

/// The same, from expressions that are not fields.
#[otp_config(
    crate = crate::stub,
    user = Member,
    secret_key = env("SECRET"),
    previous_secret_keys = std::env::var("OLD").ok(),
    trusted_origins = ORIGINS,
    developer_hosts = &["laptop.local"],
)]
pub struct OtherLists(#[otp(sender)] Nobody);

const ORIGINS: [&str; 1] = ["https://app.example.com"];

#[test]
fn a_list_can_be_an_expression() {
    let lists = Lists {
        sender: Nobody,
        old: vec![[1; 33], [2; 33]],
        paths: vec!["/a".into(), "/b".into()],
        origins: vec!["https://a.example".into(), "https://b.example".into()],
        hosts: vec!["Laptop.local"],
    };
    assert_eq!(
        lists.settings().0,
        [
            "secret_key = env SECRET",
            "previous_secret_keys = 33 bytes, 33 bytes",
            "previous_cookie_paths = /a, /b",
            "trusted_origins = https://a.example, https://b.example",
            "developer_hosts = laptop.local",
        ]
    );
    assert_eq!(
        OtherLists(Nobody).settings().0,
        [
            "secret_key = env SECRET",
            "previous_secret_keys = ",
            "trusted_origins = https://app.example.com",
            "developer_host = laptop.local",
        ]
    );
}

#[cfg(feature = "sqlite")]
mod sqlite {
    //! The `SQLite` store of a user.

    use otp_auth_macros::OtpUser;
    use serde_json::json;

    use crate::stub::__private::sqlite::{Arguments, Row, SqlUser as _};
    use crate::stub::__private::{OtpUser as _, Timestamp};

    #[derive(OtpUser)]
    #[otp_user(crate = crate::stub, table = "app.users", stores(sqlite))]
    struct User {
        #[otp(id, generate = format!("u{}", 1))]
        id: String,
        #[otp(email, column = "mail")]
        email: String,
        #[otp(verified)]
        is_verified: bool,
        #[otp(default = "member")]
        role: String,
        #[otp(default)]
        visits: u8,
        #[otp(json, default = vec![1, 2])]
        tags: Vec<u8>,
        #[otp(skip)]
        cached: Option<u8>,
        nick: Option<String>,
    }

    /// A time type of the application.
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Seconds(u64);

    impl From<std::time::SystemTime> for Seconds {
        fn from(time: std::time::SystemTime) -> Self {
            Self(time.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
        }
    }

    #[derive(OtpUser)]
    #[otp_user(crate = crate::stub, table = "users", stores(sqlite), filter = "gone = 0 OR 'a)' > 'b'")]
    struct Living {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        proven_at: Option<Seconds>,
    }

    #[test]
    fn a_filter_is_in_every_statement_that_finds_a_user() {
        let filter = " AND (gone = 0 OR 'a)' > 'b')";
        for (statement, times) in [
            (Living::SELECT_BY_ID, 1),
            (Living::SELECT_CURRENT, 1),
            (Living::SELECT_BY_EMAIL, 1),
            (Living::MARK_VERIFIED.unwrap_or_default(), 1),
            (Living::INSERT, 0),
            (Living::SELECT_EXCLUDED.unwrap_or_default(), 2),
        ] {
            assert_eq!(statement.matches(filter).count(), times, "{statement}");
        }
        let excluded = Living::SELECT_EXCLUDED.is_some_and(|statement| statement.contains("'b') IS NOT TRUE"));
        assert!(excluded && User::SELECT_EXCLUDED.is_none());
    }

    #[test]
    fn a_time_of_the_proof_is_the_present() {
        let now = Timestamp(5_000);
        let mut arguments = Arguments::default();
        assert!(Living::bind_new("a@b.c", now, &mut arguments).is_ok());
        assert_eq!(arguments.0, [json!("a@b.c"), json!(5)]);
        let mut arguments = Arguments::default();
        assert!(Living::bind_proof(&7, now, &mut arguments).is_ok());
        assert_eq!(arguments.0, [json!(7), json!(5)]);
        assert_eq!(
            Living::MARK_VERIFIED.unwrap_or_default().split(" AND (gone").next(),
            Some("UPDATE `users` SET `proven_at` = ?2 WHERE `id` = ?1 AND `proven_at` IS NULL")
        );
        let read = |proven_at| {
            let row = Row(vec![json!(7), json!("a@b.c"), proven_at]);
            Living::from_row(&row).ok().flatten().unwrap_or_else(|| unreachable!())
        };
        let mut user = read(json!(null));
        assert_eq!((user.verified(), user.id()), (Some(false), &7));
        user.mark_verified(now);
        assert_eq!((user.verified(), &user.proven_at), (Some(true), &Some(Seconds(5))));
        let mut user = read(json!(3));
        user.mark_verified(now);
        assert_eq!((user.proven_at, user.email.as_str()), (Some(Seconds(3)), "a@b.c"));
    }

    #[test]
    fn statements_and_binds_fit_together() {
        assert!(User::INSERT.starts_with(
            "INSERT INTO `app`.`users` (`id`, `mail`, `is_verified`, `role`, `visits`, `tags`) \
             VALUES (?1, ?2, TRUE, ?3, ?4, ?5)"
        ));
        let mut arguments = Arguments::default();
        assert!(User::bind_email("a@b.c", &mut arguments).is_ok());
        assert_eq!(arguments.0, [json!("a@b.c")]);
        let mut arguments = Arguments::default();
        assert!(User::bind_new("a@b.c", Timestamp(1), &mut arguments).is_ok());
        assert_eq!(arguments.0, [json!("u1"), json!("a@b.c"), json!("member"), json!(0), json!("[1,2]")]);
    }

    #[test]
    fn a_row_reads_in_the_order_of_the_columns() {
        let row =
            Row(vec![json!("u1"), json!("a@b.c"), json!(true), json!("member"), json!(2), json!("[3]"), json!(null)]);
        let read = |row: &Row| User::from_row(row).unwrap_or_else(|_| unreachable!());
        let user = read(&row).unwrap_or_else(|| unreachable!());
        assert_eq!(user.tags, [3]);
        assert_eq!((user.cached, user.nick), (None, None));
        assert_eq!((user.visits, user.role.as_str(), user.is_verified), (2, "member", true));
        let with_null = |index: usize| {
            let mut row = Row(row.0.clone());
            row.0[index] = json!(null);
            row
        };
        assert!(read(&with_null(0)).is_none() && read(&with_null(1)).is_none());
        assert!(read(&with_null(2)).is_some_and(|user| !user.is_verified));
        assert!(User::from_row(&with_null(3)).is_err());
    }
}

#[cfg(feature = "mongodb")]
mod mongodb {
    //! The `MongoDB` store of a user.

    use otp_auth_macros::OtpUser;
    use serde_json::json;

    use crate::stub::__private::mongodb::{Document, MongoUser};
    use crate::stub::__private::{OtpUser as _, Timestamp};

    /// Stands for an `ObjectId`.
    type Key = u64;

    #[derive(OtpUser)]
    #[otp_user(crate = crate::stub, collection = "users")]
    struct User {
        #[otp(id)]
        id: Key,
        #[otp(email, column = "mail")]
        email: String,
        #[otp(verified)]
        is_verified: bool,
        #[otp(default = "member")]
        role: String,
        #[otp(json, default = vec![1, 2])]
        tags: Vec<u8>,
        #[otp(skip)]
        cached: Option<u8>,
        r#type: u8,
        nick: Option<String>,
    }

    #[derive(OtpUser)]
    #[otp_user(crate = crate::stub, collection = "users")]
    struct Named {
        #[otp(id, column = "key", generate = "k1".to_owned())]
        id: String,
        #[otp(email)]
        email: String,
    }

    #[test]
    fn a_new_document_has_every_field_with_its_first_value() {
        let document = User::new_document("a@b.c", Timestamp(1)).unwrap_or_else(|_| unreachable!());
        let expected = json!({
            "_id": 7, "mail": "a@b.c", "is_verified": true, "role": "member", "tags": [1, 2], "type": 0, "nick": null
        });
        assert_eq!(json!(document.0), expected);
        assert_eq!((User::COLLECTION, User::ID, User::EMAIL), ("users", "_id", "mail"));
        assert_eq!((User::VERIFIED, Named::VERIFIED), (Some("is_verified"), None));
        let document = Named::new_document("a@b.c", Timestamp(1)).unwrap_or_else(|_| unreachable!());
        assert_eq!(json!(document.0), json!({ "key": "k1", "email": "a@b.c" }));
        assert_eq!(Named::ID, "key");
    }

    #[derive(OtpUser)]
    #[otp_user(crate = crate::stub, collection = "users", filter(deleted = false, left = null, kind = "person", level = -1))]
    struct Living {
        #[otp(id)]
        id: Key,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        proven_at: Option<std::time::SystemTime>,
    }

    #[test]
    fn a_filter_is_a_document_and_a_time_of_the_proof_is_the_present() {
        let filter = json!({ "deleted": false, "left": null, "kind": "person", "level": -1 });
        assert_eq!(json!(Living::filter().0), filter);
        assert_eq!(json!(User::filter().0), json!({}));
        let document = Living::new_document("a@b.c", Timestamp(5_000)).unwrap_or_else(|_| unreachable!());
        let present = json!({ "secs_since_epoch": 5, "nanos_since_epoch": 0 });
        assert_eq!(document.0.get("proven_at"), Some(&present));
        assert_eq!(Living::verified_value(Timestamp(5_000)).ok(), Some(present));
        assert_eq!(User::verified_value(Timestamp(5_000)).ok(), Some(json!(true)));
        let read =
            |document: &Document| Living::from_document(document).ok().flatten().unwrap_or_else(|| unreachable!());
        let user = read(&document);
        assert_eq!((user.verified(), user.id, user.email.as_str()), (Some(true), 7, "a@b.c"));
        let mut document = document;
        document.0.remove("proven_at");
        let mut user = read(&document);
        assert_eq!(user.verified(), Some(false));
        user.mark_verified(Timestamp(5_000));
        assert_eq!(user.proven_at, Some(std::time::UNIX_EPOCH + std::time::Duration::from_secs(5)));
    }

    #[test]
    fn a_document_without_a_field_has_its_default() {
        let mut document = Document::new();
        assert!(matches!(User::from_document(&document), Ok(None)));
        for (name, value) in [("_id", json!(3)), ("mail", json!("a@b.c"))] {
            document.0.insert(name.to_owned(), value);
        }
        let user = User::from_document(&document).ok().flatten().unwrap_or_else(|| unreachable!());
        assert_eq!(User::email_value("a@b.c").ok(), Some(json!("a@b.c")));
        assert_eq!((user.id, user.email.as_str(), user.is_verified), (3, "a@b.c", false));
        assert_eq!((user.role.as_str(), user.tags, user.r#type), ("member", vec![1, 2], 0));
        assert_eq!((user.cached, user.nick), (None, None));
        document.0.insert("role".to_owned(), json!(5));
        assert!(User::from_document(&document).is_err());
    }
}
