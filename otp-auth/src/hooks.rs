//! Where an application joins in.

use std::future::Future;

use crate::challenge::Identity;
pub use crate::context::RequestContext;
use crate::email::Address;
use crate::id::SessionId;
use crate::methods::AuthMethods;

/// The application's answer to a question of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Go on.
    Admit,
    /// Stop here.
    Refuse,
}

/// The application's answer to [`Hooks::before_sign_in`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInAnswer {
    /// Go on.
    Admit,
    /// Go on; the user has proven who they are in these ways as well. They
    /// are in `amr` of every token of the session, and in
    /// [`Claims::methods`](crate::Claims::methods).
    AdmitWith(AuthMethods),
    /// Stop here.
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

/// How many challenges of one address are used up in a day before that is
/// suspicious.
const EXHAUSTED_IS_SUSPICIOUS: u32 = 3;

/// Something that an honest client does not do. `Debug` shows no address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suspicion {
    /// An old refresh token was presented after its successor was in use:
    /// somebody has a copy. The session has been revoked.
    RefreshTokenReused {
        /// The session.
        session: SessionId,
        /// The id of its user, as in `sub`.
        user_id: String,
    },
    /// The last attempt that a challenge allows was wrong.
    TooManyAttempts {
        /// A short hash that is the same for the same address, as in the log.
        identity: String,
        /// The address that the code had been sent to. `None` when the last
        /// attempt was for another one.
        address: Option<Address>,
    },
    /// Several challenges of one address were used up in this way within a
    /// day: somebody is guessing. Raised once in a day.
    ChallengesExhausted {
        /// A short hash that is the same for the same address, as in the log.
        identity: String,
        /// The address that the codes had been sent to. `None` when the last
        /// attempt was for another one.
        address: Option<Address>,
        /// How many challenges.
        count: u32,
    },
}

impl Suspicion {
    pub(crate) fn too_many_attempts(identity: &Identity, address: Option<Address>) -> Self {
        Self::TooManyAttempts { identity: identity.short().to_string(), address }
    }

    /// For the one challenge of a day with which there are several.
    pub(crate) fn challenges_exhausted(identity: &Identity, address: Option<Address>, count: u32) -> Option<Self> {
        let identity = identity.short().to_string();
        (count == EXHAUSTED_IS_SUSPICIOUS).then_some(Self::ChallengesExhausted { identity, address, count })
    }
}

/// Called at the turning points of a sign-in. Every method has a default that
/// does nothing.
///
/// `#[otp_config]` writes an empty implementation. To write your own, either
/// put it on a field's type and mark the field with `#[otp(hooks)]`, or add
/// the bare key `hooks` to the attribute and implement this trait for the
/// config struct.
///
/// The questions [`before_create`](Self::before_create) and
/// [`before_sign_in`](Self::before_sign_in) fail closed: one that does not
/// answer in five seconds has refused. The notices come after the fact, may be
/// cut off after five seconds, and cannot undo anything. Both are told who
/// asks, in a [`RequestContext`]; where the application itself has asked
/// ([`revoke_all_sessions`](crate::OtpAuth::revoke_all_sessions), say), that
/// knows the time alone, unless it was called
/// [on behalf of a client](crate::OtpAuth::for_request).
pub trait Hooks<U>: Send + Sync + 'static {
    /// Somebody has proven control of `email` (in its canonical form) and
    /// has no account yet. May refuse; then nothing was created, and the code
    /// can still be used.
    fn before_create(&self, email: &str, context: &RequestContext) -> impl Future<Output = Admission> + Send {
        let _ = (email, context);
        async { Admission::Admit }
    }

    /// The right code of an existing user was presented. May refuse, for
    /// example to ask for a second factor first: then no token is issued, and
    /// the code can still be used. May say in which other ways the user has
    /// proven who they are.
    ///
    /// No user gets a session about whom this was not asked, but one whom the
    /// same sign-in makes: of that one nothing is known that
    /// [`before_create`](Self::before_create) was not told. When the store finds
    /// another account than the one that was asked about, because somebody has
    /// made or changed it in the meantime, this is asked again, about that one.
    ///
    /// Bind a second factor to [`RequestContext::challenge`]: it tells apart
    /// who asked for this code from everybody else who can read the mails.
    fn before_sign_in(&self, user: &U, context: &RequestContext) -> impl Future<Output = SignInAnswer> + Send {
        let _ = (user, context);
        async { SignInAnswer::Admit }
    }

    /// Whether this user may use the application now. Asked on sign-in, on
    /// refresh and by every extractor that loads the user, so it must be
    /// quick and must not block; it is about the user alone, not about the
    /// request. Tokens of a refused user are answered like
    /// those of a deleted one; a sign-in, where the address is proven, is told
    /// `sign_in_refused`.
    fn admit(&self, user: &U) -> Admission {
        let _ = user;
        Admission::Admit
    }

    /// A user was created by a first sign-in.
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

    /// Something that an honest client does not do.
    fn suspicious(&self, suspicion: &Suspicion, context: &RequestContext) -> impl Future<Output = ()> + Send {
        let _ = (suspicion, context);
        async {}
    }
}
