//! A crate without a prelude.
#![no_implicit_prelude]
#![deny(warnings)]

mod app {
    #[derive(::otp_auth::OtpUser)]
    #[otp_user(table = "app.users", stores(sqlite))]
    pub struct User {
        #[otp(id, generate = ::uuid_like::new())]
        id: ::std::string::String,
        #[otp(email)]
        email: ::std::string::String,
        #[otp(claim = "r", json)]
        roles: ::std::vec::Vec<::std::string::String>,
    }

    #[::otp_auth::otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "both")]
    pub struct Auth {
        #[otp(sender)]
        sender: ::otp_auth::ConsoleSender,
        secret: ::std::string::String,
    }

    pub fn make(secret: ::std::string::String) -> Auth {
        Auth { sender: ::otp_auth::ConsoleSender, secret }
    }
}

extern crate self as uuid_like;

pub fn new() -> ::std::string::String {
    ::std::string::String::new()
}

fn main() {
    let _ = app::make(new());
}
