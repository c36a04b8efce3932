//! Hooks: how your application takes part in a sign-in.

use std::future::Future;

use crate::challenge::Identity;
pub use crate::context::RequestContext;
use crate::email::Address;
use crate::id::SessionId;
use crate::methods::AuthMethods;

/// The application's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Continue.
    Admit,
    /// Reject.
    Refuse,
}

/// The application's response to [`Hooks::before_sign_in`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInAnswer {
    /// Continue.
    Admit,
    /// Continue, and record further ways in which the user authenticated. They appear in `amr` of
    /// every token of the session, and in [`Claims::methods`](crate::Claims::methods).
    AdmitWith(AuthMethods),
    /// Reject.
    Refuse,
}

impl From<Admission> for SignInAnswer {
    fn from(admission: Admission) -> Self {
        match admission {
            Admission::Admit => Self::Admit,
            Admission::Refuse => Self::Refuse,
        }
    }
}

/// The application's response to [`Hooks::before_send`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendAnswer {
    /// Send the code in the background. The client cannot tell this from [`Suppress`](Self::Suppress),
    /// not even by the time that the response takes. As with `auto_create_user = false`, it does
    /// not learn that a send failed, and a failed send counts.
    Send,
    /// Send the code. With `auto_create_user = true` the client waits, learns that a send failed,
    /// and gets it refunded. This is the default.
    ///
    /// Such a response takes as long as the sender does, which tells it from a suppressed one.
    SendAndWait,
    /// Send nothing, and let the client believe that a code was sent. The challenge and the budget
    /// are real, but nobody knows the code.
    ///
    /// Decide by the address. If you suppress what certain clients request for an address that you
    /// serve, they use up its budget, and its owner gets no e-mail with a way out
    /// ([`OtpMessage::unlock`](crate::OtpMessage::unlock)). For those, use
    /// [`RequireProof`](Self::RequireProof).
    Suppress,
    /// Send nothing, and ask the client for a proof. It gets a 403 `proof_required`, and nothing is
    /// counted.
    RequireProof,
}

/// How many exhausted challenges of one address in a day are suspicious.
const SUSPICIOUS_CHALLENGES_PER_DAY: u32 = 3;

/// Something that an honest client does not do. `Debug` shows no address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suspicion {
    /// An old refresh token was presented after its successor had been used, so somebody has a
    /// copy.
    RefreshTokenReused {
        /// The session.
        session: SessionId,
        /// The user's id, as in `sub`.
        user_id: String,
        /// Whether the session was revoked. `false` if the store failed. The session may then
        /// continue until an old token is presented again.
        revoked: bool,
    },
    /// The last attempt that a challenge allows was wrong.
    TooManyAttempts {
        /// A short hash of the address, as in the log.
        identity: String,
        /// The address that the code was sent to. `None` if the last attempt was for another one.
        address: Option<Address>,
    },
    /// Several challenges of one address were exhausted within a day, so somebody is guessing.
    /// Raised once a day.
    ChallengesExhausted {
        /// A short hash of the address, as in the log.
        identity: String,
        /// The address that the codes were sent to. `None` if the last attempt was for another one.
        address: Option<Address>,
        /// The number of challenges.
        count: u32,
    },
    /// Strangers have entered 100 wrong codes in a row for one address, and can no longer sign in to
    /// it ([`AuthError::AddressLocked`](crate::AuthError::AddressLocked)). Tell the user.
    AddressLocked {
        /// A short hash of the address, as in the log.
        identity: String,
        /// The address that the codes were sent to. `None` if the last attempt was for another one.
        address: Option<Address>,
    },
}

impl Suspicion {
    pub(crate) fn too_many_attempts(identity: &Identity, address: Option<Address>) -> Self {
        Self::TooManyAttempts { identity: identity.short().to_string(), address }
    }

    pub(crate) fn address_locked(identity: &Identity, address: Option<Address>) -> Self {
        Self::AddressLocked { identity: identity.short().to_string(), address }
    }

    /// Returns a value only for the challenge that reaches the limit.
    pub(crate) fn challenges_exhausted(identity: &Identity, address: Option<Address>, count: u32) -> Option<Self> {
        let identity = identity.short().to_string();
        (count == SUSPICIOUS_CHALLENGES_PER_DAY).then_some(Self::ChallengesExhausted { identity, address, count })
    }
}

/// Called at the turning points of a sign-in. Every method has a default that does nothing.
///
/// There are two ways to provide hooks: implement this trait for a field's type and mark the field
/// with `#[otp(hooks)]`, or implement it for the config struct and add the bare key `hooks` to the
/// attribute.
///
/// [`before_send`](Self::before_send), [`before_create`](Self::before_create) and
/// [`before_sign_in`](Self::before_sign_in) fail closed: without a response within five seconds,
/// nothing is sent and nobody is signed in. Notifications come after the fact. They may
/// be cut off after five seconds, and cannot undo anything. All of them receive a [`RequestContext`]. If
/// your application made the call (for example
/// [`revoke_all_sessions`](crate::OtpAuth::revoke_all_sessions)), the context has only the time,
/// unless the call was [on behalf of a client](crate::OtpAuth::for_request).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no hooks for the users of type `{U}`",
    label = "write `impl Hooks<{U}> for {Self} {{}}`",
    note = "add the key `hooks` to `#[otp_config(...)]` if the struct implements them, or mark the field that does with `#[otp(hooks)]`"
)]
pub trait Hooks<U>: Send + Sync + 'static {
    /// Somebody requests a code for an address. May suppress it, for example because the domain is
    /// disposable or not on a list, or ask for a proof that the client is no robot. `proof` is what
    /// the client sent as `"proof"`, at most 8 KiB and not checked: ask the service that issued it.
    ///
    /// [`RequestContext::known_device`] tells your users from strangers, so that only strangers
    /// need a proof. No user has been looked up yet, and the answer should not depend on whether
    /// there is one.
    ///
    /// This runs before all limits except that of the network, for any number of requests at the same
    /// time, and its cost is yours: decide without I/O where you can. Without a response within five seconds, or after a panic,
    /// nothing is sent and the client gets a 503 `delivery_failed`.
    fn before_send(
        &self,
        address: &Address,
        context: &RequestContext,
        proof: Option<&str>,
    ) -> impl Future<Output = SendAnswer> + Send {
        let _ = (address, context, proof);
        async { SendAnswer::SendAndWait }
    }

    /// Somebody proved control of `email` (in canonical form) and has no account yet. May reject;
    /// then nothing is created, and the code remains valid.
    fn before_create(&self, email: &str, context: &RequestContext) -> impl Future<Output = Admission> + Send {
        let _ = (email, context);
        async { Admission::Admit }
    }

    /// The correct code for an existing user was presented. May reject, for example to ask for a
    /// second factor first; then no token is issued, and the code remains valid. May also report
    /// further ways in which the user authenticated.
    ///
    /// Every user passes this hook before getting a session, except one whom the same sign-in
    /// creates: nothing is known of that user beyond what [`before_create`](Self::before_create)
    /// received. If the account is created or changed in the meantime, this is called again with
    /// the new account.
    ///
    /// Tie a second factor to [`RequestContext::challenge`]. It distinguishes the client that
    /// requested this code from everybody else who can read the mailbox.
    fn before_sign_in(&self, user: &U, context: &RequestContext) -> impl Future<Output = SignInAnswer> + Send {
        let _ = (user, context);
        async { SignInAnswer::Admit }
    }

    /// Whether this user may use the application now. Called on sign-in, on refresh, and by every
    /// extractor that loads the user, so it must be fast and must not block. It depends on the user
    /// only, not on the request. Tokens of a rejected user get the same response as those of a
    /// deleted one. A sign-in, which has proved the address, returns `sign_in_refused`.
    fn admit(&self, user: &U) -> Admission {
        let _ = user;
        Admission::Admit
    }

    /// A first sign-in created a user.
    fn user_created(&self, user: &U, context: &RequestContext) -> impl Future<Output = ()> + Send {
        let _ = (user, context);
        async {}
    }

    /// A user signed in.
    fn signed_in(&self, user: &U, session: SessionId, context: &RequestContext) -> impl Future<Output = ()> + Send {
        let _ = (user, session, context);
        async {}
    }

    /// A session was signed out.
    fn signed_out(&self, session: SessionId, context: &RequestContext) -> impl Future<Output = ()> + Send {
        let _ = (session, context);
        async {}
    }

    /// A client did something that an honest one does not do.
    fn suspicious(&self, suspicion: &Suspicion, context: &RequestContext) -> impl Future<Output = ()> + Send {
        let _ = (suspicion, context);
        async {}
    }
}
