//! The macros of `otp-auth`: `#[derive(OtpUser)]` and `#[otp_config(...)]`.
//!
//! Do not depend on this crate directly. The `otp-auth` crate re-exports both macros together with
//! their reference, and the code they generate names paths of that crate.
//!
//! Each macro has three steps: it reads the attributes as written (`attrs`), builds a model that is
//! valid by construction (`model`), and expands the model, which cannot fail (`expand`). If there
//! are mistakes, it reports all of them and generates a stand-in instead of the expansion
//! (`fallback`), so that each mistake causes one error.
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

/// The derive that `#[otp_config(...)]` adds to the struct, with its arguments in a helper
/// attribute.
#[doc(hidden)]
#[proc_macro_derive(OtpConfigItem, attributes(otp, __otp_config))]
pub fn derive_otp_config_item(input: TokenStream) -> TokenStream {
    otp_config::derive(input.into()).into()
}
