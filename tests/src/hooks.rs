//! Hooks that record their calls and answer on demand.

use std::sync::{Arc, Mutex, MutexGuard};

use otp_auth::{
    Admission, Hooks, RequestContext,
    hooks::{SendAnswer, SignInAnswer, Suspicion},
    session::{AuthMethods, SessionId},
    user::Address,
};
use tokio::sync::Notify;

use crate::user::User;

/// A call of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `before_create`, with the address.
    BeforeCreate(String),
    /// `before_sign_in`, with the user's id and whether they were verified.
    BeforeSignIn(i64, bool),
    /// `user_created`, with the user's id.
    UserCreated(i64),
    /// `signed_in`, with the user's id and the session.
    SignedIn(i64, SessionId),
    /// `signed_out`, with the session.
    SignedOut(SessionId),
    /// `suspicious`.
    Suspicious(Suspicion),
}

/// The answer to a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reply {
    /// Admits.
    #[default]
    Admit,
    /// Refuses.
    Refuse,
    /// Admits, but not before [`TestHooks::release`].
    Hold,
    /// Never answers.
    Hang,
    /// Panics.
    Panic,
}

/// What `before_send` was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The canonical address.
    pub email: String,
    /// The request.
    pub context: RequestContext,
    /// The proof.
    pub proof: Option<String>,
}

/// The answer of `before_send`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SendReply {
    /// That of the default method.
    #[default]
    Default,
    /// This one.
    Answer(SendAnswer),
    /// Asks strangers for the proof [`PROOF`], and known devices for nothing.
    AskStrangers,
    /// Never answers.
    Hang,
    /// Panics.
    Panic,
}

/// What [`SendReply::AskStrangers`] accepts.
pub const PROOF: &str = "the-proof-of-a-person";

#[derive(Debug, Default)]
struct State {
    asked: Vec<Asked>,
    before_send: SendReply,
    calls: Vec<(Call, RequestContext)>,
    before_create: Reply,
    before_sign_in: Reply,
    notices: Reply,
    methods: AuthMethods,
    released: Arc<Notify>,
    barred: Vec<i64>,
}

/// Hooks for tests. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct TestHooks(Arc<Mutex<State>>);

impl TestHooks {
    /// Every call except those of `admit`, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.contexts().into_iter().map(|(call, _)| call).collect()
    }

    /// The same, each with its request context.
    pub fn contexts(&self) -> Vec<(Call, RequestContext)> {
        self.lock().calls.clone()
    }

    /// What `before_send` was asked, the oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    /// What `before_send` answers from now on.
    pub fn on_send(&self, reply: SendReply) {
        self.lock().before_send = reply;
    }

    /// What `before_create` answers from now on.
    pub fn on_create(&self, reply: Reply) {
        self.lock().before_create = reply;
    }

    /// What `before_sign_in` answers from now on.
    pub fn on_sign_in(&self, reply: Reply) {
        self.lock().before_sign_in = reply;
    }

    /// What `before_sign_in` adds to `amr` when it admits.
    pub fn admit_with(&self, methods: AuthMethods) {
        self.lock().methods = methods;
    }

    /// Releases one held question.
    pub fn release(&self) {
        self.lock().released.notify_one();
    }

    /// From now on, every notification panics.
    pub fn panic_on_notices(&self) {
        self.lock().notices = Reply::Panic;
    }

    /// From now on, no notification returns.
    pub fn hang_on_notices(&self) {
        self.lock().notices = Reply::Hang;
    }

    /// From now on, `admit` refuses this user.
    pub fn bar(&self, user: i64) {
        self.lock().barred.push(user);
    }

    /// From now on, `admit` admits this user again.
    pub fn unbar(&self, user: i64) {
        self.lock().barred.retain(|barred| *barred != user);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    async fn question(&self, call: Call, context: &RequestContext, reply: impl Fn(&State) -> Reply) -> Admission {
        let (reply, released) = {
            let mut state = self.lock();
            state.calls.push((call, context.clone()));
            (reply(&state), Arc::clone(&state.released))
        };
        match reply {
            Reply::Admit => Admission::Admit,
            Reply::Refuse => Admission::Refuse,
            Reply::Hold => {
                released.notified().await;
                Admission::Admit
            }
            Reply::Hang => std::future::pending().await,
            Reply::Panic => panic!("a hook panicked, as it was told"),
        }
    }

    async fn notice(&self, call: Call, context: &RequestContext) {
        let _ = self.question(call, context, |state| state.notices).await;
    }
}

/// Hooks with the default methods.
struct Defaults;

impl Hooks<User> for Defaults {}

impl Hooks<User> for TestHooks {
    async fn before_send(&self, address: &Address, context: &RequestContext, proof: Option<&str>) -> SendAnswer {
        let reply = {
            let mut state = self.lock();
            let (email, proof) = (address.canonical().to_owned(), proof.map(str::to_owned));
            state.asked.push(Asked { email, context: context.clone(), proof });
            state.before_send
        };
        match reply {
            SendReply::Default => Hooks::<User>::before_send(&Defaults, address, context, proof).await,
            SendReply::Answer(answer) => answer,
            SendReply::AskStrangers if context.known_device || proof == Some(PROOF) => SendAnswer::Send,
            SendReply::AskStrangers => SendAnswer::RequireProof,
            SendReply::Hang => std::future::pending().await,
            SendReply::Panic => panic!("a hook panicked, as it was told"),
        }
    }

    async fn before_create(&self, email: &str, context: &RequestContext) -> Admission {
        self.question(Call::BeforeCreate(email.to_owned()), context, |state| state.before_create).await
    }

    async fn before_sign_in(&self, user: &User, context: &RequestContext) -> SignInAnswer {
        let call = Call::BeforeSignIn(user.id, user.is_verified);
        let admission = self.question(call, context, |state| state.before_sign_in).await;
        let methods = self.lock().methods.clone();
        match admission {
            Admission::Admit if methods != AuthMethods::OTP => SignInAnswer::AdmitWith(methods),
            admission => admission.into(),
        }
    }

    fn admit(&self, user: &User) -> Admission {
        if self.lock().barred.contains(&user.id) { Admission::Refuse } else { Admission::Admit }
    }

    async fn user_created(&self, user: &User, context: &RequestContext) {
        self.notice(Call::UserCreated(user.id), context).await;
    }

    async fn signed_in(&self, user: &User, session: SessionId, context: &RequestContext) {
        self.notice(Call::SignedIn(user.id, session), context).await;
    }

    async fn signed_out(&self, session: SessionId, context: &RequestContext) {
        self.notice(Call::SignedOut(session), context).await;
    }

    async fn suspicious(&self, suspicion: &Suspicion, context: &RequestContext) {
        self.notice(Call::Suspicious(suspicion.clone()), context).await;
    }
}
