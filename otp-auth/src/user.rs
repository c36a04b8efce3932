//! What the library needs from an application's user type.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
pub use crate::email::{Address, InvalidAddress};

/// A user of the application. Implement it with `#[derive(OtpUser)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a user",
    label = "write `#[derive(OtpUser)]` on this type",
    note = "mark its fields with `#[otp(id)]` and `#[otp(email)]`"
)]
pub trait OtpUser: Sized + Send + Sync + 'static {
    /// The type of the id, which tokens carry as `sub`. Its text form must parse back to an equal
    /// id. Never reuse an id for another user.
    type Id: UserId;
    /// The claims that access tokens carry besides the registered ones.
    type Claims: TokenClaims;

    /// False if the derive found mistakes.
    #[doc(hidden)]
    const CHECKED: bool = true;

    /// The user's id.
    fn id(&self) -> &Self::Id;

    /// The user's address, as the table contains it.
    fn email(&self) -> &str;

    /// The claims for a new access token of this user.
    fn claims(&self) -> Self::Claims;

    /// Whether the address is verified; `None` if the user type does not record it.
    fn verified(&self) -> Option<bool> {
        None
    }

    /// Marks the address in this value as verified since `now`, unless it already is. The store has
    /// already written the change.
    fn mark_verified(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// The realm of a configuration that does not set one: the table or collection of the users, or
    /// else the name of the type.
    #[must_use]
    fn default_realm() -> &'static str {
        let whole = std::any::type_name::<Self>();
        let plain = whole.split('<').next().unwrap_or(whole);
        plain.rsplit("::").next().unwrap_or(plain)
    }
}

/// A user type that records whether the address is verified.
///
/// [`VerifiedUser`](crate::VerifiedUser) requires it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `#[otp(verified)]` field, so `VerifiedUser` cannot tell who is verified",
    label = "this type does not record whether the address is verified",
    note = "put `#[otp(verified)]` on a field of the type `bool`, or on an `Option` of a time",
    note = "or take `CurrentUser`, which does not ask whether the address is verified"
)]
pub trait VerifiableUser: OtpUser {}

/// Whether a proof of the address must mark this user as verified. A type without a flag counts as
/// verified.
pub(crate) fn is_unverified(user: &impl OtpUser) -> bool {
    user.verified() == Some(false)
}

/// Whether the flag says so. A type that has one must not leave it open.
pub(crate) fn is_verified(user: &impl VerifiableUser) -> bool {
    user.verified() == Some(true)
}

/// An id that fits into a token: integers, `Uuid`, `String`, and newtypes of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a user",
    label = "this type does not fit into the `sub` claim of a token",
    note = "it needs `Display`, `FromStr`, `Clone` and `PartialEq`, and its text must read back to an equal id"
)]
pub trait UserId: Display + FromStr + Clone + PartialEq + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Display + FromStr + Clone + PartialEq + Send + Sync + 'static> UserId for T {}

/// Claims in an access token: any type that serde can write as a map and read back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the claims of a token",
    label = "serde cannot write and read this type",
    note = "write `#[derive(Clone, serde::Serialize, serde::Deserialize)]` on it"
)]
pub trait TokenClaims: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> TokenClaims for T {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing_config::PlainUser;

    #[test]
    fn without_the_derive_a_user_type_records_nothing_and_names_the_realm() {
        let user = PlainUser { id: 7, email: "ann@x.com".to_owned() };
        assert_eq!((user.verified(), PlainUser::default_realm()), (None, "PlainUser"));
    }
}
