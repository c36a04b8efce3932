//! What several targets need: an application, tokens that it has issued, and the keys as
//! SECURITY.md describes them, derived here once more.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use otp_auth::auth::{CodeRequest, Verification};
use otp_auth::config::{SecretSource, SettingsBuilder};
use otp_auth::delivery::{Body, Delivery};
use otp_auth::hooks::SendAnswer;
use otp_auth::limit::{MemoryLimiter, Rate};
use otp_auth::store::NewUser;
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::user::Address;
use otp_auth::{Hooks, MemoryStore, OtpAuth, OtpConfig, OtpUser, RequestContext};

/// The user of every application here.
#[derive(Clone, Debug, OtpUser)]
pub struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
    #[otp(claim)]
    name: Option<String>,
}

impl User {
    /// The user that a first sign-in creates.
    pub fn first(new: NewUser<'_>) -> Self {
        Self { id: new.number, email: new.email.to_owned(), is_verified: true, name: None }
    }
}

/// A request for a code as the application sees it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub address: Address,
    pub context: RequestContext,
    pub proof: Option<String>,
}

/// Hooks that keep what they were asked last. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Hooked(Arc<Mutex<Option<Asked>>>);

impl Hooked {
    pub fn take(&self) -> Option<Asked> {
        self.0.lock().expect("nobody panics").take()
    }
}

impl Hooks<User> for Hooked {
    async fn before_send(&self, address: &Address, context: &RequestContext, proof: Option<&str>) -> SendAnswer {
        let (address, context, proof) = (address.clone(), context.clone(), proof.map(str::to_owned));
        *self.0.lock().expect("nobody panics") = Some(Asked { address, context, proof });
        SendAnswer::SendAndWait
    }
}

/// A configuration without limits per network, so that no request is a deliberate 429 or 503.
#[derive(Debug)]
pub struct Config<D> {
    pub settings: SettingsBuilder,
    pub sender: CapturingSender,
    pub hooks: Hooked,
    delivery: PhantomData<fn() -> D>,
}

impl<D> Config<D> {
    pub fn new(settings: SettingsBuilder) -> Self {
        let (sender, hooks) = (CapturingSender::new(), Hooked::default());
        Self { settings, sender, hooks, delivery: PhantomData }
    }
}

impl<D: Delivery> OtpConfig for Config<D> {
    type User = User;
    type Delivery = D;
    type Sender = CapturingSender;
    type Hooks = Hooked;
    type Limiter = MemoryLimiter;

    fn settings(&self) -> SettingsBuilder {
        self.settings.clone()
    }

    fn sender(&self) -> &CapturingSender {
        &self.sender
    }

    fn hooks(&self) -> &Hooked {
        &self.hooks
    }

    fn limiter(&self) -> MemoryLimiter {
        MemoryLimiter::new()
    }
}

/// The settings of the targets.
pub fn settings() -> SettingsBuilder {
    let none = Rate::UNLIMITED;
    SettingsBuilder::new()
        .secret_key(SecretSource::value(secret()))
        .realm("users")
        .request_limit(none)
        .verify_limit(none)
        .refresh_limit(none)
        .logout_limit(none)
}

/// The secret, created at run time, because nothing in a repository can be one.
fn secret() -> String {
    (0..4_u8).fold(String::new(), |text, part| {
        let mut hasher = DefaultHasher::new();
        ("fuzzing", part).hash(&mut hasher);
        format!("{text}{:016x}", hasher.finish())
    })
}

/// One of each kind, for [`ANN`], and when they were issued.
pub struct Issued {
    pub access: String,
    pub refresh: String,
    pub device: String,
    pub challenge: String,
    pub unlock: String,
    pub clock: TestClock,
}

/// Whose tokens they are.
pub const ANN: &str = "ann@example.com";

impl Issued {
    /// Signs in.
    pub fn by(settings: SettingsBuilder) -> Self {
        let clock = TestClock::default();
        let config = Config::<Body>::new(settings);
        let sender = config.sender.clone();
        let auth = OtpAuth::with_clock(config, MemoryStore::new(User::first), clock.clock()).expect("good settings");
        runtime().block_on(async {
            let requested = auth.request_code(CodeRequest::new(ANN)).await.expect("a code");
            let code = sender.code_for(ANN).expect("a message");
            let challenge = requested.challenge.expose();
            let signed_in = auth.verify_code(Verification::new(ANN, &code).challenge(challenge)).await.expect("right");
            Self {
                access: signed_in.tokens.access_token.expose().to_owned(),
                refresh: signed_in.tokens.refresh_token.expose().to_owned(),
                device: signed_in.device.expect("a device").token.expose().to_owned(),
                challenge: challenge.to_owned(),
                unlock: sender.messages()[0].unlock.clone(),
                clock,
            }
        })
    }

    /// Every token.
    pub fn all(&self) -> [&str; 5] {
        [&self.access, &self.refresh, &self.device, &self.challenge, &self.unlock]
    }
}

/// A runtime for one input. Dropping it ends what runs in the background.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// A key of the realm `users`, by its label.
pub struct Key(hmac::Key);

impl Key {
    pub fn of(label: &str) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"otp-auth/v1").extract(secret().as_bytes());
        let mut bytes = [0; 32];
        let info = [label.as_bytes(), b"\0", b"users"];
        prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut bytes)).expect("32 bytes");
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// Over a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, message).as_ref().to_vec()
    }

    /// Over fields, each after its length.
    pub fn mac(&self, fields: &[&[u8]]) -> Vec<u8> {
        let framed = fields.iter().flat_map(|field| [&(field.len() as u64).to_be_bytes(), *field].concat());
        self.sign(&framed.collect::<Vec<_>>())
    }
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A change to a token. Positions wrap around.
#[derive(Arbitrary, Debug)]
pub enum Edit<'a> {
    Flip { at: u16, bit: u8 },
    Set { at: u16, byte: u8 },
    Insert { at: u16, text: &'a str },
    Remove { at: u16, len: u8 },
    Truncate { at: u16 },
    Repeat { at: u16, len: u8 },
}

/// The token with these changes, if it is still text.
pub fn edited(token: &str, edits: &[Edit<'_>]) -> Option<String> {
    let mut bytes = token.as_bytes().to_vec();
    for edit in edits.iter().take(16) {
        let size = bytes.len();
        let place = |at: &u16| usize::from(*at) % (size + 1);
        let range = |at: &u16, len: &u8| place(at)..(place(at) + usize::from(*len)).min(size);
        match edit {
            Edit::Flip { at, bit } => bytes.get_mut(place(at)).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8)),
            Edit::Set { at, byte } => bytes.get_mut(place(at)).into_iter().for_each(|old| *old = *byte),
            Edit::Insert { at, text } => drop(bytes.splice(place(at)..place(at), text.bytes())),
            Edit::Remove { at, len } => drop(bytes.drain(range(at, len))),
            Edit::Truncate { at } => bytes.truncate(place(at)),
            Edit::Repeat { at, len } => {
                let part = bytes[range(at, len)].to_vec();
                bytes.splice(place(at)..place(at), part);
            }
        }
    }
    String::from_utf8(bytes).ok()
}
