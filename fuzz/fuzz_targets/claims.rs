//! Arbitrary payloads under the right key: what is accepted has each registered claim once, of its
//! type, and is valid now.
#![no_main]

use std::fmt;
use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use otp_auth::delivery::Body;
use otp_auth::fuzzing::Readers;
use otp_auth::store::Timestamp;
use otp_auth::{MemoryStore, OtpAuth, OtpUser};
use otp_auth_fuzz::{Config, Issued, Key, User, base64url, runtime, settings};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};

#[derive(Arbitrary, Debug)]
struct Payload<'a> {
    refresh: bool,
    contents: Contents<'a>,
}

#[derive(Arbitrary, Debug)]
enum Contents<'a> {
    Raw(&'a [u8]),
    /// The members of an issued token, with these changes.
    Changed(Vec<Change<'a>>),
}

#[derive(Arbitrary, Debug)]
struct Change<'a> {
    name: Name<'a>,
    value: Scalar<'a>,
    how: How,
}

#[derive(Arbitrary, Debug)]
enum How {
    Replace,
    Remove,
    Again,
    First,
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Registered(u8),
    Other(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(i64),
    /// Seconds from now.
    Soon(i16),
    Float(f64),
    Text(&'a str),
    List(Vec<&'a str>),
    Json(&'a str),
}

const NAMES: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "bnd",
    "auth_time",
    "amr",
    "gen",
    "name",
    "acr",
    "scope",
    "",
];

impl Scalar<'_> {
    fn json(&self, now: i64) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Soon(seconds) => (now + i64::from(*seconds)).to_string(),
            Self::Float(value) => json!(value).to_string(),
            Self::Text(text) => json!(text).to_string(),
            Self::List(texts) => json!(texts).to_string(),
            Self::Json(text) => (*text).to_owned(),
        }
    }
}

struct State {
    readers: Readers,
    auth: OtpAuth<Config<Body>>,
    now: Timestamp,
    access: Kind,
    refresh: Kind,
}

/// A kind of token.
struct Kind {
    header: String,
    members: Vec<(String, String)>,
    key: Key,
}

impl Kind {
    fn of(token: &str, payload: Value, label: &str) -> Self {
        let header = token.split('.').next().expect("a header").to_owned();
        let members = payload.as_object().expect("an object").iter();
        let members = members.map(|(name, value)| (json!(name).to_string(), value.to_string())).collect();
        Self { header, members, key: Key::of(label) }
    }

    fn sign(&self, payload: &[u8]) -> String {
        let message = format!("{}.{}", self.header, base64url(payload));
        format!("{message}.{}", base64url(&self.key.sign(message.as_bytes())))
    }
}

static STATE: LazyLock<State> = LazyLock::new(|| {
    let issued = Issued::by(settings());
    let clock = issued.clock.clone();
    let now = clock.now();
    let readers = Readers::of(&Config::<Body>::new(settings())).expect("good settings");
    let auth = OtpAuth::with_clock(Config::new(settings()), MemoryStore::new(User::first), clock.clock());
    let access = readers.access::<Map<String, Value>>(&issued.access, now).expect("issued");
    let (session, generation) = readers.refresh(&issued.refresh, now).expect("issued");
    let (at, later) = (now.as_millis() / 1_000, now.as_millis() / 1_000 + 600);
    let refresh = json!({ "sid": session.to_string(), "gen": generation, "iat": at, "exp": later });
    State {
        readers,
        auth: auth.expect("good settings"),
        now,
        access: Kind::of(&issued.access, access, "access token"),
        refresh: Kind::of(&issued.refresh, refresh, "refresh token"),
    }
});

/// The members of an object in their order, with duplicates.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fuzz_target!(|input: Payload<'_>| {
    let State { readers, auth, now, access, refresh } = &*STATE;
    let seconds = now.as_millis() / 1_000;
    let kind = if input.refresh { refresh } else { access };
    let payload = match input.contents {
        Contents::Raw(bytes) => bytes.to_vec(),
        Contents::Changed(changes) => {
            let mut members = kind.members.clone();
            for Change { name, value, how } in changes.iter().take(8) {
                let name = match name {
                    Name::Registered(number) => NAMES[usize::from(*number) % NAMES.len()],
                    Name::Other(name) => name,
                };
                let (name, value) = (json!(name).to_string(), value.json(seconds));
                match how {
                    How::Remove | How::Replace => members.retain(|(other, _)| *other != name),
                    How::Again | How::First => {}
                }
                match how {
                    How::Remove => {}
                    How::First => members.insert(0, (name, value)),
                    How::Replace | How::Again => members.push((name, value)),
                }
            }
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            format!("{{{}}}", members.join(",")).into_bytes()
        }
    };
    let token = kind.sign(&payload);
    if input.refresh {
        assert!(readers.access::<Map<String, Value>>(&token, *now).is_none());
        if let Some((session, generation)) = readers.refresh(&token, *now)
            && let Some(claims) = once(&payload, &["sid", "gen", "iat", "exp"])
        {
            assert_eq!(claims["sid"], session.to_string());
            assert_eq!(claims["gen"], generation);
            assert_times(&claims, seconds);
        }
        return;
    }
    assert!(readers.refresh(&token, *now).is_none());
    let read = readers.access::<Map<String, Value>>(&token, *now);
    if let Some(read) = &read
        && let Some(claims) = once(&payload, &["sub", "exp", "iat", "jti", "sid", "bnd", "auth_time", "amr"])
    {
        assert_times(&claims, seconds);
        let [exp, iat] = ["exp", "iat"].map(|name| claims[name].as_i64().expect("a whole number"));
        assert!(exp - iat <= 3_600);
        for name in ["sub", "exp", "iat", "jti", "sid", "bnd", "auth_time"] {
            assert_eq!(read[name], claims[name], "{name}");
        }
        assert!(claims["sub"].is_string() && claims["auth_time"].is_i64());
        assert_eq!(claims["amr"][0], "otp");
        if let Some(nbf) = claims.get("nbf").filter(|nbf| !nbf.is_null()) {
            assert!(nbf.as_i64().expect("a whole number") <= seconds + 60);
        }
    }
    // With the claims of the application, and as an extractor passes them on.
    if readers.access::<<User as OtpUser>::Claims>(&token, *now).is_some()
        && let Ok(claims) = runtime().block_on(auth.claims(&token))
    {
        let _ = (claims.issued_at(), claims.expires_at(), claims.authenticated_at(), claims.methods().as_str());
        let subject = read.map(|read| read["sub"].as_str().map(str::parse));
        assert!(subject.is_none_or(|subject| subject == Some(Ok(*claims.user_id()))));
    }
});

/// The members. These names occur exactly once. `None` if nothing can hold them all: tokens may have
/// huge numbers and broken text where nobody reads them.
fn once(payload: &[u8], names: &[&str]) -> Option<Map<String, Value>> {
    let Members(members) = serde_json::from_slice(payload).ok()?;
    for name in names {
        assert_eq!(members.iter().filter(|(other, _)| other == name).count(), 1, "{name}");
    }
    Some(members.into_iter().collect())
}

fn assert_times(claims: &Map<String, Value>, now: i64) {
    assert!(claims["exp"].as_i64().expect("a whole number") > now);
    assert!(claims["iat"].as_i64().expect("a whole number") <= now + 60);
}
