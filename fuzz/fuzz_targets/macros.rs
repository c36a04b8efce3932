//! The attributes of the macros, from any text: each macro returns items, with `compile_error!` for
//! mistakes, and never panics. A crate of macros cannot be linked, so its modules are compiled in.
#![no_main]
#![allow(dead_code, reason = "the entry points are in the root of their crate")]

#[path = "../../otp-auth-macros/src/diag.rs"]
mod diag;
#[path = "../../otp-auth-macros/src/entry.rs"]
mod entry;
#[path = "../../otp-auth-macros/src/generics.rs"]
mod generics;
#[path = "../../otp-auth-macros/src/otp_config/mod.rs"]
mod otp_config;
#[path = "../../otp-auth-macros/src/otp_user/mod.rs"]
mod otp_user;
#[path = "../../otp-auth-macros/src/reader.rs"]
mod reader;
#[path = "../../otp-auth-macros/src/slot.rs"]
mod slot;
#[path = "../../otp-auth-macros/src/syntax.rs"]
mod syntax;
#[path = "../../otp-auth-macros/src/value/mod.rs"]
mod value;

use libfuzzer_sys::{Corpus, fuzz_target};
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

// The first line has the arguments of `#[otp_config]`, the rest the item; without a line, the
// whole is a struct with `#[derive(OtpUser)]`.
fuzz_target!(|text: &str| -> Corpus {
    // The compiler itself overflows its stack on deep nesting.
    if text.len() > 2_048 || nesting(text) > 32 {
        return Corpus::Reject;
    }
    match text.split_once('\n') {
        Some((arguments, item)) => config(arguments, item),
        None => user(text),
    }
});

fn user(item: &str) -> Corpus {
    let Ok(item) = item.parse::<TokenStream>() else { return Corpus::Reject };
    let features = otp_user::Features::COMPILED;
    let expanded = otp_user::derive(item.clone(), features);
    assert_items(&expanded);
    if syn::parse2::<DeriveInput>(item).is_err() {
        assert!(expanded.to_string().contains("compile_error"));
    }
    Corpus::Keep
}

fn config(arguments: &str, item: &str) -> Corpus {
    let (Ok(arguments), Ok(item)) = (arguments.parse::<TokenStream>(), item.parse::<TokenStream>()) else {
        return Corpus::Reject;
    };
    let attributed = otp_config::attribute(&arguments, &item);
    if syn::parse2::<DeriveInput>(item.clone()).is_ok() {
        assert_items(&attributed);
        assert_items(&otp_config::derive(quote!(#[__otp_config(#arguments)] #item)));
    }
    Corpus::Keep
}

/// The rest of the file still compiles.
fn assert_items(tokens: &TokenStream) {
    if let Err(error) = syn::parse2::<syn::File>(tokens.clone()) {
        panic!("{error}: {tokens}");
    }
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'<' | b'&' | b'*' | b'-' | b'!' | b'|' | b'.' | b'?' => depth += 1,
            b')' | b']' | b'}' | b'>' | b',' | b';' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}
