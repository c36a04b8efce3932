//! The decision of a sign-in: which account signs in, whether this is the first proof of the
//! address, and what is then revoked. A store reads the user while holding its lock and decides
//! with these functions, so the stores differ only in their statements.

use std::fmt;

use super::Account;
use crate::user::{OtpUser, is_unverified};

/// What a sign-in does with the account as it is when the code is accepted. `Debug` does not reveal
/// who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Decision<U> {
    /// No user has the address, as expected: create one.
    Create,
    /// The expected user still has the address.
    SignIn(U),
    /// The account is not the one that the caller looked up: nothing happens.
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
    /// Decides what to do, given the user who has the address now.
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
    /// The user is stored as unverified and must be marked as verified.
    pub marks_user: bool,
    /// This is the first proof, so earlier sessions under the user's id were not proven to be
    /// theirs and must be revoked. A database may reuse the id of a deleted user.
    pub ends_sessions: bool,
}

impl Proof {
    /// What changes for this user, where `created` says whether this sign-in created them. A user
    /// type without a flag counts as verified.
    #[must_use]
    pub fn of(user: &impl OtpUser, created: bool) -> Self {
        let is_unverified = is_unverified(user);
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
                // What the row contains now counts, not what it contained before.
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
