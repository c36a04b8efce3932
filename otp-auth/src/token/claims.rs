//! The claims of a token, read in one pass over its payload.
//!
//! An access token has the registered claims and the application's side by side. `serde(flatten)`
//! would copy the whole map first. Instead, the application's type reads the map directly, and the
//! registered names are removed on the way.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::binding::ShortBinding;
use crate::id::{SessionId, TokenId};
use crate::methods::AuthMethods;

/// The claims of an access token.
#[derive(Clone, Serialize)]
pub(crate) struct AccessClaims<C> {
    #[serde(flatten)]
    pub(crate) registered: Registered,
    #[serde(flatten)]
    pub(crate) custom: C,
}

/// The claims of every access token (RFC 9068 section 2.2; `sid` is from `OpenID` Connect, `amr`
/// from RFC 8176). `bnd` is our own: the proven address. Times are in seconds.
#[derive(Clone, Serialize)]
pub(crate) struct Registered {
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    #[serde(rename = "sub")]
    pub(crate) subject: String,
    #[serde(rename = "aud", skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<Audience>,
    #[serde(rename = "exp")]
    pub(crate) expires_at: i64,
    #[serde(rename = "nbf", skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<i64>,
    #[serde(rename = "iat")]
    pub(crate) issued_at: i64,
    #[serde(rename = "jti", serialize_with = "as_text")]
    pub(crate) token: TokenId,
    #[serde(rename = "sid", serialize_with = "as_text")]
    pub(crate) session: SessionId,
    #[serde(rename = "bnd", serialize_with = "as_text")]
    pub(crate) binding: ShortBinding,
    #[serde(rename = "auth_time")]
    pub(crate) authenticated_at: i64,
    #[serde(rename = "amr")]
    pub(crate) methods: AuthMethods,
}

/// `aud`: one or several (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(crate) fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

/// The claims of a refresh token. It names no user.
#[derive(Serialize, Deserialize)]
pub(crate) struct RefreshClaims {
    #[serde(rename = "iss", default, skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    #[serde(rename = "aud", default, skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
    #[serde(rename = "sid", serialize_with = "as_text", deserialize_with = "from_text")]
    pub(crate) session: SessionId,
    #[serde(rename = "gen")]
    pub(crate) generation: u32,
    #[serde(rename = "iat")]
    pub(crate) issued_at: i64,
    #[serde(rename = "exp")]
    pub(crate) expires_at: i64,
}

fn as_text<T: fmt::Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn from_text<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Id<T>(PhantomData<T>);

    impl<T: FromStr> Visitor<'_> for Id<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an id")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(|_| E::custom("not an id"))
        }
    }

    deserializer.deserialize_str(Id(PhantomData))
}

/// Handwritten, because an untagged enum would copy the value first.
impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Audience;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an audience, or a list of them")
            }

            fn visit_str<E: Error>(self, one: &str) -> Result<Audience, E> {
                Ok(Audience::One(one.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, several: A) -> Result<Audience, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(several)).map(Audience::Several)
            }
        }

        deserializer.deserialize_any(OneOrSeveral)
    }
}

/// Parses an id from text.
struct Text<T>(T);

impl<'de, T: FromStr> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer).map(Text)
    }
}

impl<'de, C: Deserialize<'de>> Deserialize<'de> for AccessClaims<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Payload<C>(PhantomData<C>);

        impl<'de, C: Deserialize<'de>> Visitor<'de> for Payload<C> {
            type Value = AccessClaims<C>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the claims of an access token")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Found::default();
                let custom = {
                    let mut rest = Rest { map: &mut map, found: &mut found };
                    let custom = C::deserialize(MapAccessDeserializer::new(&mut rest))?;
                    // A type that stops early leaves registered claims behind.
                    while rest.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                    custom
                };
                Ok(AccessClaims { registered: found.finish()?, custom })
            }
        }

        deserializer.deserialize_map(Payload(PhantomData))
    }
}

/// The registered claims found so far.
#[derive(Default)]
struct Found {
    issuer: Option<String>,
    subject: Option<String>,
    audience: Option<Audience>,
    expires_at: Option<i64>,
    not_before: Option<i64>,
    issued_at: Option<i64>,
    token: Option<TokenId>,
    session: Option<SessionId>,
    binding: Option<ShortBinding>,
    authenticated_at: Option<i64>,
    methods: Option<AuthMethods>,
}

#[derive(Clone, Copy)]
enum Name {
    Issuer,
    Subject,
    Audience,
    ExpiresAt,
    NotBefore,
    IssuedAt,
    Token,
    Session,
    Binding,
    AuthenticatedAt,
    Methods,
}

impl Name {
    fn registered(name: &str) -> Option<Self> {
        Some(match name {
            "iss" => Self::Issuer,
            "sub" => Self::Subject,
            "aud" => Self::Audience,
            "exp" => Self::ExpiresAt,
            "nbf" => Self::NotBefore,
            "iat" => Self::IssuedAt,
            "jti" => Self::Token,
            "sid" => Self::Session,
            "bnd" => Self::Binding,
            "auth_time" => Self::AuthenticatedAt,
            "amr" => Self::Methods,
            _ => return None,
        })
    }
}

impl Found {
    fn read<'de, A: MapAccess<'de>>(&mut self, name: Name, map: &mut A) -> Result<(), A::Error> {
        /// Rejects duplicate names (RFC 7519 section 4).
        fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
            slot: &mut Option<T>,
            map: &mut A,
        ) -> Result<(), A::Error> {
            if slot.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("a claim occurs twice"));
            }
            Ok(())
        }
        fn once_id<'de, T: FromStr, A: MapAccess<'de>>(slot: &mut Option<T>, map: &mut A) -> Result<(), A::Error> {
            let mut text = None;
            once::<Text<T>, A>(&mut text, map)?;
            if slot.is_some() {
                return Err(A::Error::custom("a claim occurs twice"));
            }
            *slot = text.map(|text| text.0);
            Ok(())
        }
        match name {
            Name::Issuer => once(&mut self.issuer, map),
            Name::Subject => once(&mut self.subject, map),
            Name::Audience => once(&mut self.audience, map),
            Name::ExpiresAt => once(&mut self.expires_at, map),
            Name::NotBefore => once(&mut self.not_before, map),
            Name::IssuedAt => once(&mut self.issued_at, map),
            Name::Token => once_id(&mut self.token, map),
            Name::Session => once_id(&mut self.session, map),
            Name::Binding => once_id(&mut self.binding, map),
            Name::AuthenticatedAt => once(&mut self.authenticated_at, map),
            Name::Methods => once(&mut self.methods, map),
        }
    }

    fn finish<E: Error>(self) -> Result<Registered, E> {
        Ok(Registered {
            issuer: self.issuer,
            subject: self.subject.ok_or_else(|| E::missing_field("sub"))?,
            audience: self.audience,
            expires_at: self.expires_at.ok_or_else(|| E::missing_field("exp"))?,
            not_before: self.not_before,
            issued_at: self.issued_at.ok_or_else(|| E::missing_field("iat"))?,
            token: self.token.ok_or_else(|| E::missing_field("jti"))?,
            session: self.session.ok_or_else(|| E::missing_field("sid"))?,
            binding: self.binding.ok_or_else(|| E::missing_field("bnd"))?,
            authenticated_at: self.authenticated_at.ok_or_else(|| E::missing_field("auth_time"))?,
            methods: self.methods.ok_or_else(|| E::missing_field("amr"))?,
        })
    }
}

/// The map as the application's claims see it, without registered names.
struct Rest<'a, A> {
    map: &'a mut A,
    found: &'a mut Found,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            match self.map.next_key_seed(Key(&mut seed))? {
                None => return Ok(None),
                Some(Either::Registered(name)) => self.found.read(name, self.map)?,
                Some(Either::Custom(key)) => return Ok(Some(key)),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Reads one key: a registered name, or whatever the application's type reads. Takes the seed only
/// in the second case.
struct Key<'a, K>(&'a mut Option<K>);

enum Either<T> {
    Registered(Name),
    Custom(T),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, K> {
    type Value = Either<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Key<'_, K> {
    type Value = Either<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a claim")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        if let Some(name) = Name::registered(name) {
            return Ok(Either::Registered(name));
        }
        let seed = self.0.take().ok_or_else(|| E::custom("a key was read twice"))?;
        seed.deserialize(StrDeserializer::new(name)).map(Either::Custom)
    }
}
