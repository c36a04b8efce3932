//! The decision of a sign-in: which account it is, whether the address is
//! proven for the first time, and what ends then. A store looks up the user
//! under its lock and asks here; only its statements are its own.

use std::fmt;

use super::Account;
use crate::user::OtpUser;

/// What a sign-in does about the account, as it is when the code is accepted.
/// `Debug` does not show who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Decision<U> {
    /// There is no user with the address, as expected: make one.
    Create,
    /// The expected user still has the address.
    SignIn(U),
    /// The account is another one than the caller has looked at: nothing
    /// happens.
    AccountChanged,
}

impl<U> fmt::Debug for Decision<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "Create",
            Self::SignIn(_) => "SignIn([redacted])",
            Self::AccountChanged => "AccountChanged",
        })
    }
}

impl<U: OtpUser> Account<U> {
    /// What to do, where `found` has the address now.
    #[must_use]
    pub fn decide(&self, found: Option<U>) -> Decision<U> {
        match (self, found) {
            (Self::Existing { user, .. }, Some(found)) if found.id() == user.id() => Decision::SignIn(found),
            (Self::New(_), None) => Decision::Create,
            (Self::Existing { .. }, _) | (Self::New(_), Some(_)) => Decision::AccountChanged,
        }
    }
}

/// What the proof of an address changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// The user is stored as unverified, and is marked as verified.
    pub marks_user: bool,
    /// It is the first: what was signed in under the user's id before was not
    /// proven to be theirs, and ends. A database may give a new user the id of
    /// a deleted one.
    pub ends_sessions: bool,
}

impl Proof {
    /// What changes for this user, `created` by the sign-in or not. One who
    /// keeps no flag counts as verified.
    #[must_use]
    pub fn of(user: &impl OtpUser, created: bool) -> Self {
        let is_unverified = user.verified() == Some(false);
        Self { marks_user: is_unverified, ends_sessions: created || is_unverified }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq)]
    struct User {
        id: i64,
        verified: Option<bool>,
    }

    impl OtpUser for User {
        type Id = i64;
        type Claims = std::collections::BTreeMap<String, String>;

        fn id(&self) -> &i64 {
            &self.id
        }

        fn email(&self) -> &'static str {
            "ann@x.com"
        }

        fn claims(&self) -> Self::Claims {
            Self::Claims::new()
        }

        fn verified(&self) -> Option<bool> {
            self.verified
        }
    }

    fn user(id: i64, verified: Option<bool>) -> User {
        User { id, verified }
    }

    const FLAGS: [Option<bool>; 3] = [None, Some(false), Some(true)];

    #[test]
    fn only_the_account_that_was_looked_at_signs_in() {
        for before in FLAGS {
            let existing = Account::Existing { user: user(1, before), email: "ann@x.com".to_owned() };
            let new = Account::New("ann@x.com".to_owned());
            assert!(existing.decide(None) == Decision::AccountChanged);
            assert!(new.decide(None) == Decision::Create);
            for now in FLAGS {
                // What the row says now counts, not what it said before.
                assert!(existing.decide(Some(user(1, now))) == Decision::SignIn(user(1, now)));
                assert!(existing.decide(Some(user(2, now))) == Decision::AccountChanged);
                assert!(new.decide(Some(user(1, now))) == Decision::AccountChanged);
            }
        }
    }

    #[test]
    fn the_first_proof_ends_what_was_signed_in_before() {
        for (verified, created, marks_user, ends_sessions) in [
            (None, false, false, false),
            (Some(true), false, false, false),
            (Some(false), false, true, true),
            (None, true, false, true),
            (Some(true), true, false, true),
            (Some(false), true, true, true),
        ] {
            let proof = Proof::of(&user(1, verified), created);
            assert_eq!(proof, Proof { marks_user, ends_sessions }, "{verified:?}, created: {created}");
        }
    }
}
