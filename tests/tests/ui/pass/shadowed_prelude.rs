//! Application types with the names of prelude types.
#![deny(warnings, missing_docs, clippy::pedantic)]
#![allow(dead_code, non_camel_case_types)]

/// Shadows.
pub mod app {
    /// Not the one of the prelude.
    #[derive(Debug)]
    pub struct Option;
    /// Not the one of the prelude.
    #[derive(Debug)]
    pub struct Result;
    /// Not the one of the prelude.
    #[derive(Debug)]
    pub struct Vec;
    /// Not the one of the prelude.
    pub trait From {}
    /// Not the one of the prelude.
    pub trait Into {}
    /// Not the one of the prelude.
    pub trait Clone {}
    /// Not the one of the prelude.
    pub trait Default {}
    /// Not the one of the prelude.
    pub trait Send {}
    /// Not the one of the prelude.
    #[derive(Debug)]
    pub struct Ok;
    /// Not the one of the prelude.
    #[derive(Debug)]
    pub struct Some;
    /// Not the one of the prelude.
    #[derive(Debug)]
    pub struct None;

    /// A user.
    #[derive(Debug, ::otp_auth::OtpUser)]
    #[otp_user(table = "users", stores(sqlite))]
    pub struct User {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: ::std::string::String,
        #[otp(verified)]
        is_verified: bool,
        #[otp(claim)]
        name: ::core::option::Option<::std::string::String>,
        #[otp(default = 7)]
        score: i32,
        #[otp(skip)]
        cache: ::core::option::Option<u8>,
    }

    /// A configuration.
    #[::otp_auth::otp_config(user = User, secret_key = env("OTP_AUTH_SECRET"), issuer = "me")]
    #[derive(Debug)]
    pub struct Auth {
        #[otp(sender)]
        sender: ::otp_auth::ConsoleSender,
    }
}

fn main() {}
