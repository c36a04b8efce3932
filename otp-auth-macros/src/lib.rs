//! The macros of `otp-auth`: `#[derive(OtpUser)]` and `#[otp_config(...)]`.
//!
//! Do not depend on this crate directly. The `otp-auth` crate re-exports both macros together with
//! their reference, and the code they generate names paths of that crate.
//!
//! Each macro is three steps: attributes as written (`attrs`), a model that is valid by
//! construction (`model`), and an expansion that cannot fail (`expand`). When a step finds
//! mistakes, all of them are reported at once and a stand-in takes the place of the expansion
//! (`fallback`), so that one mistake gives one error.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use proc_macro::TokenStream;

mod diag;
mod entry;
mod generics;
mod otp_config;
mod otp_user;
mod reader;
mod slot;
mod syntax;
#[cfg(test)]
mod testing;
mod value;

/// Implements `OtpUser` for a struct with named fields. See the reference in the `otp-auth` crate.
#[proc_macro_derive(OtpUser, attributes(otp, otp_user))]
pub fn derive_otp_user(input: TokenStream) -> TokenStream {
    otp_user::derive(input.into(), otp_user::Features::COMPILED).into()
}

/// Implements `OtpConfig` for a struct. See the reference in the `otp-auth` crate.
#[proc_macro_attribute]
pub fn otp_config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    otp_config::attribute(&arguments.into(), &item.into()).into()
}

/// What `#[otp_config(...)]` puts on the struct, with its arguments in an attribute.
#[doc(hidden)]
#[proc_macro_derive(OtpConfigItem, attributes(otp, __otp_config))]
pub fn derive_otp_config_item(input: TokenStream) -> TokenStream {
    otp_config::derive(input.into()).into()
}
