//! The part of the runtime that generated code uses, so that expansions can be compiled and run
//! here. The signatures are those of the runtime's `__private`.
#![allow(
    missing_docs,
    missing_debug_implementations,
    dead_code,
    unreachable_pub,
    clippy::unnecessary_wraps,
    clippy::extra_unused_type_parameters
)]

pub mod __private {
    pub use core::time::Duration;
    use std::fmt::Display;
    use std::str::FromStr;

    pub use otp_auth_macros::OtpConfigItem;
    pub use otp_auth_rules::Rate;
    pub use serde;
    use serde::{Serialize, de::DeserializeOwned};

    /// Milliseconds.
    #[derive(Clone, Copy)]
    pub struct Timestamp(pub u64);

    pub fn moment<T: From<std::time::SystemTime>>(now: Timestamp) -> Option<T> {
        Some(T::from(std::time::UNIX_EPOCH + Duration::from_millis(now.0)))
    }

    pub fn moment_like<T: From<std::time::SystemTime>>(_: T, now: Timestamp) -> Option<T> {
        moment(now)
    }

    pub trait OtpUser: Sized + Send + Sync + 'static {
        type Id: Display + FromStr + Clone + Eq + Send + Sync + 'static;
        type Claims: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
        const CHECKED: bool = true;
        fn id(&self) -> &Self::Id;
        fn email(&self) -> &str;
        fn claims(&self) -> Self::Claims;
        fn verified(&self) -> Option<bool> {
            None
        }
        fn mark_verified(&mut self, _: Timestamp) {}
        fn default_realm() -> &'static str {
            ""
        }
    }

    pub trait VerifiableUser: OtpUser {}

    pub trait SendOtp: Send + Sync + 'static {}

    pub trait Hooks<U>: Send + Sync + 'static {}

    pub trait Limiter: Clone + Send + Sync + 'static {}

    #[derive(Debug, Clone, Default)]
    pub struct MemoryLimiter;

    impl Limiter for MemoryLimiter {}

    #[derive(Debug)]
    pub struct NoHooks;

    impl<U> Hooks<U> for NoHooks {}

    pub struct HasHooks<C, U>(std::marker::PhantomData<(C, U)>);

    impl<U, C: Hooks<U>> HasHooks<C, U> {
        pub const IT_HAS: bool = true;
    }

    pub trait Without {
        const IT_HAS: bool = false;
    }

    impl<T> Without for T {}

    pub trait Checked<const OK: bool> {
        type Type;
    }

    impl<T, const OK: bool> Checked<OK> for T {
        type Type = T;
    }

    pub const fn shared<T: Send + Sync>() -> bool {
        true
    }

    pub const fn user<U: OtpUser>() -> bool {
        U::CHECKED
    }

    pub const fn id<I: Display + FromStr>() -> bool {
        true
    }

    pub const fn claims<C: Serialize + DeserializeOwned>() -> bool {
        true
    }

    pub trait AddressField {
        fn text(&self) -> &str;
    }

    impl<T: AsRef<str>> AddressField for T {
        fn text(&self) -> &str {
            self.as_ref()
        }
    }

    #[cfg(feature = "sqlite")]
    pub trait Column<DB>: Sized {
        fn get(row: &sqlite::Row, index: usize) -> Result<Self, sqlite::Error>;
        fn get_or_default(row: &sqlite::Row, index: usize) -> Result<Self, sqlite::Error>
        where
            Self: Default;
    }

    #[cfg(feature = "sqlite")]
    impl<T: DeserializeOwned> Column<sqlite::Database> for T {
        fn get(row: &sqlite::Row, index: usize) -> Result<Self, sqlite::Error> {
            serde_json::from_value(row.0[index].clone()).map_err(|_| sqlite::Error)
        }

        fn get_or_default(row: &sqlite::Row, index: usize) -> Result<Self, sqlite::Error>
        where
            Self: Default,
        {
            if sqlite::is_null(row, index)? {
                Ok(Self::default())
            } else {
                <Self as Column<sqlite::Database>>::get(row, index)
            }
        }
    }

    #[cfg(feature = "sqlite")]
    pub trait WrittenColumn<DB>: Sized {
        fn get(row: &sqlite::Row, index: usize) -> Result<Self, sqlite::Error>;
        fn bind(self, arguments: &mut sqlite::Arguments) -> Result<(), sqlite::Error>;
        fn bind_compared(self, arguments: &mut sqlite::Arguments) -> Result<(), sqlite::Error>;
    }

    #[cfg(feature = "sqlite")]
    impl<T: Serialize + DeserializeOwned> WrittenColumn<sqlite::Database> for T {
        fn get(row: &sqlite::Row, index: usize) -> Result<Self, sqlite::Error> {
            <Self as Column<sqlite::Database>>::get(row, index)
        }

        fn bind(self, arguments: &mut sqlite::Arguments) -> Result<(), sqlite::Error> {
            arguments.0.push(serde_json::to_value(self).map_err(|_| sqlite::Error)?);
            Ok(())
        }

        fn bind_compared(self, arguments: &mut sqlite::Arguments) -> Result<(), sqlite::Error> {
            self.bind(arguments)
        }
    }

    #[derive(Debug)]
    pub struct Cookie;
    #[derive(Debug)]
    pub struct Body;
    #[derive(Debug)]
    pub struct Both;

    pub trait OtpConfig: Sized + Send + Sync + 'static {
        type User: OtpUser;
        type Delivery;
        type Sender: SendOtp;
        type Hooks: Hooks<Self::User>;
        type Limiter: Limiter;
        const DEBUG_BUILD: bool;
        const DEVELOPER_MODE_IN_RELEASE: bool = false;
        fn settings(&self) -> SettingsBuilder;
        fn sender(&self) -> &Self::Sender;
        fn hooks(&self) -> &Self::Hooks;
        fn limiter(&self) -> Self::Limiter;
    }

    #[derive(Debug)]
    pub enum SameSite {
        Lax,
        Strict,
        None,
    }

    #[derive(Debug)]
    pub enum LocalPartCase {
        Lower,
        Preserve,
    }

    pub struct SecretSource(String);

    impl SecretSource {
        pub fn env(name: impl Into<String>) -> Self {
            Self(format!("env {}", name.into()))
        }

        pub fn value(secret: impl AsRef<[u8]>) -> Self {
            Self(format!("{} bytes", secret.as_ref().len()))
        }
    }

    /// Writes down each call.
    #[derive(Default)]
    pub struct SettingsBuilder(pub Vec<String>);

    impl SettingsBuilder {
        pub fn new() -> Self {
            Self::default()
        }
    }

    impl SettingsBuilder {
        fn note(mut self, name: &str, value: impl Display) -> Self {
            self.0.push(format!("{name} = {value}"));
            self
        }

        #[must_use]
        pub fn secret_key(self, secret: SecretSource) -> Self {
            self.note("secret_key", secret.0)
        }

        #[must_use]
        pub fn previous_secret_key(self, secret: SecretSource) -> Self {
            self.note("previous_secret_key", secret.0)
        }

        #[must_use]
        pub fn previous_secret_keys<T: AsRef<[u8]>>(self, secrets: impl IntoIterator<Item = T>) -> Self {
            let texts: Vec<_> = secrets.into_iter().map(|secret| format!("{} bytes", secret.as_ref().len())).collect();
            self.note("previous_secret_keys", texts.join(", "))
        }
    }

    macro_rules! setter {
        ($key:ident time()) => {
            setter! { $key debug Duration }
        };
        ($key:ident count($number:ty)) => {
            setter! { $key debug $number }
        };
        ($key:ident flag($default:literal)) => {
            setter! { $key debug bool }
        };
        ($key:ident choice($type:ty: $($word:ident),*)) => {
            setter! { $key debug $type }
        };
        ($key:ident rate()) => {
            setter! { $key debug Rate }
        };
        ($key:ident debug $type:ty) => {
            #[must_use]
            pub fn $key(self, value: $type) -> Self {
                self.note(stringify!($key), format_args!("{value:?}"))
            }
        };
        ($key:ident list($one:ident)) => {
            setter! { $one text () }
            #[must_use]
            pub fn $key<T: Into<String>>(self, values: impl IntoIterator<Item = T>) -> Self {
                let texts: Vec<_> = values.into_iter().map(Into::into).collect();
                self.note(stringify!($key), texts.join(", "))
            }
        };
        ($key:ident $text:ident $of:tt) => {
            #[must_use]
            pub fn $key(self, value: impl Into<String>) -> Self {
                self.note(stringify!($key), value.into())
            }
        };
    }

    macro_rules! setters {
        ($($(#[$doc:meta])+ $key:ident: $kind:ident $of:tt $rule:tt $note:literal;)*) => {
            impl SettingsBuilder {
                $(setter! { $key $kind $of })*
            }
        };
    }

    otp_auth_rules::for_each_setting!(setters);

    #[cfg(feature = "sqlite")]
    pub mod sqlite {
        use super::{DeserializeOwned, OtpUser, Serialize, Timestamp};

        /// The columns of a row, as JSON.
        pub struct Row(pub Vec<serde_json::Value>);

        /// What was bound, as JSON.
        #[derive(Default)]
        pub struct Arguments(pub Vec<serde_json::Value>);

        #[derive(Debug)]
        pub struct Error;

        pub fn bind_json<T: Serialize>(arguments: &mut Arguments, value: T) -> Result<(), Error> {
            let text = serde_json::to_string(&value).map_err(|_| Error)?;
            arguments.0.push(text.into());
            Ok(())
        }

        pub fn is_null(row: &Row, index: usize) -> Result<bool, Error> {
            row.0.get(index).map(serde_json::Value::is_null).ok_or(Error)
        }

        pub fn get_json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T, Error> {
            serde_json::from_str(row.0[index].as_str().ok_or(Error)?).map_err(|_| Error)
        }

        pub struct Database;

        pub trait SqlUser<DB>: OtpUser {
            const SELECT_BY_ID: &'static str;
            const SELECT_CURRENT: &'static str;
            const SELECT_BY_EMAIL: &'static str;
            const SELECT_EXCLUDED: Option<&'static str> = None;
            const INSERT: &'static str;
            const MARK_VERIFIED: Option<&'static str>;
            fn from_row(row: &Row) -> Result<Option<Self>, Error>;
            fn bind_id(id: &Self::Id, arguments: &mut Arguments) -> Result<(), Error>;
            fn bind_email(email: &str, arguments: &mut Arguments) -> Result<(), Error>;
            fn bind_new(email: &str, now: Timestamp, arguments: &mut Arguments) -> Result<(), Error>;
            fn bind_proof(id: &Self::Id, now: Timestamp, arguments: &mut Arguments) -> Result<(), Error>;
            fn table() -> Option<Table> {
                None
            }
        }

        pub struct Table {
            pub schema: Option<&'static str>,
            pub name: &'static str,
            pub quoted: &'static str,
            pub id: &'static str,
            pub email: &'static str,
            pub verified: Option<&'static str>,
            pub filter: Option<Filter>,
            pub columns: Vec<Column>,
        }

        pub struct Filter {
            pub text: &'static str,
            pub probe: &'static str,
        }

        pub struct Column {
            pub name: &'static str,
            pub quoted: &'static str,
            pub probe: &'static str,
            pub given: Given,
            pub field: &'static str,
        }

        pub enum Given {
            Nothing,
            Default,
            Value,
        }

        pub struct FieldOf<T>(std::marker::PhantomData<T>);

        #[allow(clippy::unused_self, reason = "the real ones are told apart by it")]
        impl<T> FieldOf<T> {
            pub fn new() -> Self {
                Self(std::marker::PhantomData)
            }

            pub fn describe_json(self) -> &'static str {
                "JSON"
            }
        }

        #[allow(clippy::unused_self, reason = "the real ones are told apart by it")]
        impl<T: Serialize> FieldOf<T> {
            pub fn describe(self) -> &'static str {
                std::any::type_name::<T>()
            }
        }

        pub trait Unknown {
            fn describe(self) -> &'static str;
        }

        impl<T> Unknown for FieldOf<T> {
            fn describe(self) -> &'static str {
                "unknown"
            }
        }
    }

    #[cfg(feature = "mongodb")]
    pub mod mongodb {
        use super::{DeserializeOwned, OtpUser, Serialize, Timestamp};

        pub type Bson = serde_json::Value;

        /// The fields of a document, as JSON.
        #[derive(Default)]
        pub struct Document(pub serde_json::Map<String, Bson>);

        pub type Stored = Document;

        impl Document {
            pub fn new() -> Self {
                Self::default()
            }

            pub fn insert(&mut self, name: &str, value: Bson) {
                self.0.insert(name.to_owned(), value);
            }
        }

        #[derive(Debug)]
        pub struct Error;

        #[allow(clippy::unnecessary_wraps, reason = "the real one reads bytes")]
        pub fn is_absent(document: &Stored, name: &str) -> Result<bool, Error> {
            Ok(document.0.get(name).is_none_or(serde_json::Value::is_null))
        }

        pub fn value<T: Serialize>(_: &str, value: T) -> Result<Bson, Error> {
            id(&value)
        }

        pub fn required<T: DeserializeOwned>(document: &Stored, name: &str) -> Result<T, Error> {
            let value = document.0.get(name).ok_or(Error)?;
            serde_json::from_value(value.clone()).map_err(|_| Error)
        }

        pub fn or<T: DeserializeOwned>(document: &Stored, name: &str, default: impl FnOnce() -> T) -> Result<T, Error> {
            if document.0.contains_key(name) { required(document, name) } else { Ok(default()) }
        }

        pub fn id<T: Serialize>(id: &T) -> Result<Bson, Error> {
            serde_json::to_value(id).map_err(|_| Error)
        }

        pub fn generated<T: DeserializeOwned>() -> Result<T, Error> {
            serde_json::from_value(7.into()).map_err(|_| Error)
        }

        pub fn put<T: Serialize>(document: &mut Document, name: &str, value: T) -> Result<(), Error> {
            document.0.insert(name.to_owned(), id(&value)?);
            Ok(())
        }

        pub fn put_id<T: Serialize>(document: &mut Document, name: &str, value: T) -> Result<(), Error> {
            put(document, name, value)
        }

        pub trait MongoUser: OtpUser {
            const COLLECTION: &'static str;
            const ID: &'static str;
            const EMAIL: &'static str;
            const VERIFIED: Option<&'static str>;
            fn from_document(document: &Stored) -> Result<Option<Self>, Error>;
            fn id_value(id: &Self::Id) -> Result<Bson, Error>;
            fn email_value(email: &str) -> Result<Bson, Error>;
            fn new_document(email: &str, now: Timestamp) -> Result<Document, Error>;
            fn verified_value(_: Timestamp) -> Result<Bson, Error> {
                Ok(true.into())
            }
            fn filter() -> Document {
                Document::new()
            }
        }
    }
}
