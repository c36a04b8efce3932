//! What the library asks of an application's user.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
pub use crate::email::{Address, InvalidAddress};

/// A user of the application. `#[derive(OtpUser)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a user",
    label = "write `#[derive(OtpUser)]` on this type",
    note = "mark its fields with `#[otp(id)]` and `#[otp(email)]`"
)]
pub trait OtpUser: Sized + Send + Sync + 'static {
    /// What names the user in tokens (`sub`). Its text form must read back to
    /// an equal id, and must never be given to another user.
    type Id: UserId;
    /// The claims that access tokens carry beside the registered ones.
    type Claims: TokenClaims;

    /// The user's id.
    fn id(&self) -> &Self::Id;

    /// The user's address, as it stands in the table.
    fn email(&self) -> &str;

    /// The claims for a new access token of this user.
    fn claims(&self) -> Self::Claims;

    /// Whether the address is verified; `None` when the user type does not
    /// keep that.
    fn verified(&self) -> Option<bool> {
        None
    }

    /// Notes in this value that the address is verified, since `now` unless it
    /// was before. The store has already written it.
    fn mark_verified(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// The realm of a configuration that names none: the table or the
    /// collection of the users. Without either it is the name of the type.
    #[must_use]
    fn default_realm() -> &'static str {
        let whole = std::any::type_name::<Self>();
        let plain = whole.split('<').next().unwrap_or(whole);
        plain.rsplit("::").next().unwrap_or(plain)
    }
}

/// A user type that keeps whether the address is verified.
///
/// Without it, [`VerifiedUser`](crate::VerifiedUser) does not compile.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `#[otp(verified)]` field, so `VerifiedUser` cannot tell who is verified",
    label = "this user type keeps no verified flag",
    note = "put `#[otp(verified)]` on a field of the type `bool`, or on an `Option` of a time",
    note = "or take `CurrentUser`, which does not ask whether the address is verified"
)]
pub trait VerifiableUser: OtpUser {}

/// An id that fits into a token: integers, `Uuid`, `String`, and newtypes
/// over one of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a user",
    label = "this type does not fit into the `sub` claim of a token",
    note = "it needs `Display`, `FromStr`, `Clone` and `PartialEq`, and its text must read back to an equal id"
)]
pub trait UserId: Display + FromStr + Clone + PartialEq + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Display + FromStr + Clone + PartialEq + Send + Sync + 'static> UserId for T {}

/// Claims that an access token carries: any type that serde writes as a map
/// and reads back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the claims of a token",
    label = "serde does not write and read this type",
    note = "write `#[derive(Clone, serde::Serialize, serde::Deserialize)]` on it"
)]
pub trait TokenClaims: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> TokenClaims for T {}
