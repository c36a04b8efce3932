//! A whole application on a store, for any user type.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use otp_auth::store::{MongoUser, Store};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{
    AuthError, Hooks, MongoStore, OtpAuth, RequestContext,
    auth::{CodeRequest, SignedIn, Verification},
    otp_config,
};

/// Each user type has its own secret, because the tests share one process.
#[otp_config(user = U, secret_key = otp_auth_tests::secret(std::any::type_name::<U>()), hooks)]
pub(super) struct Auth<U>
where
    U: MongoUser + Clone,
{
    #[otp(sender)]
    sender: CapturingSender,
    created: Arc<AtomicUsize>,
    user: PhantomData<fn() -> U>,
}

impl<U: MongoUser + Clone> Hooks<U> for Auth<U> {
    async fn user_created(&self, _: &U, _: &RequestContext) {
        self.created.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone)]
pub(super) struct Application<U: MongoUser + Clone> {
    pub(super) auth: OtpAuth<Auth<U>>,
    pub(super) clock: TestClock,
    sender: CapturingSender,
    created: Arc<AtomicUsize>,
}

/// A code that was sent, and what its client holds.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) email: String,
    code: String,
    challenge: String,
}

impl<U: MongoUser + Clone> Application<U>
where
    MongoStore: Store<U>,
{
    pub(super) fn over(store: &MongoStore) -> Self {
        Self::with(store, TestClock::default(), CapturingSender::new(), Arc::default())
    }

    /// The same application in another process, with another store on the same database.
    pub(super) fn again_over(&self, store: &MongoStore) -> Self {
        Self::with(store, self.clock.clone(), self.sender.clone(), Arc::clone(&self.created))
    }

    fn with(store: &MongoStore, clock: TestClock, sender: CapturingSender, created: Arc<AtomicUsize>) -> Self {
        let config = Auth { sender: sender.clone(), created: Arc::clone(&created), user: PhantomData };
        let auth = OtpAuth::with_clock(config, store.clone(), clock.clock()).unwrap();
        Self { auth, clock, sender, created }
    }

    /// Requests a code, one cooldown after the previous request.
    pub(super) async fn request(&self, email: &str) -> Result<Sent, AuthError> {
        self.clock.advance(Duration::from_mins(1));
        let requested = self.auth.request_code(CodeRequest::new(email)).await?;
        Ok(Sent {
            email: email.to_owned(),
            code: self.sender.code_for(email).unwrap(),
            challenge: requested.challenge.expose().to_owned(),
        })
    }

    /// What its client sends.
    pub(super) fn verification(sent: &Sent) -> Verification<'_> {
        Verification::new(&sent.email, &sent.code).challenge(sent.challenge.as_str())
    }

    pub(super) async fn verify(&self, sent: &Sent) -> Result<SignedIn<U>, AuthError> {
        self.auth.verify_code(Self::verification(sent)).await
    }

    pub(super) async fn sign_in(&self, email: &str) -> Result<SignedIn<U>, AuthError> {
        let sent = self.request(email).await?;
        self.verify(&sent).await
    }

    /// How often the application was notified of a new user.
    pub(super) fn created(&self) -> usize {
        self.created.load(Ordering::SeqCst)
    }
}
