//! Each mistake with the source text it points at and its message, in the files of `mistakes`.

use super::attribute;
use crate::testing::{assert_mistakes, source};

const ITEM: &str = "struct Auth { #[otp(sender)] sender: ConsoleSender }";

/// Each list of arguments, put into `frame` in place of `@`.
fn assert_arguments(name: &str, frame: &str) {
    assert_mistakes(name, |arguments| attribute(source(&frame.replace('@', arguments)), source(ITEM)));
}

/// The frame of mistakes that have nothing to do with the required keys.
const FINE: &str = r#"user = User, secret_key = env("S"), @"#;

#[test]
fn mistakes_in_the_list_of_keys() {
    assert_arguments("config_keys", "@");
}

#[test]
fn mistakes_in_secrets() {
    assert_arguments("config_secrets", "@");
}

#[test]
fn words_about_the_environment() {
    assert_arguments("config_environment", "user = User, @");
}

#[test]
fn mistakes_in_values() {
    assert_arguments("config_values", FINE);
}

#[test]
fn mistakes_in_the_cookie() {
    assert_arguments("config_cookies", FINE);
}

#[test]
fn mistakes_in_the_item() {
    let arguments = r#"user = User, secret_key = env("S")"#;
    assert_mistakes("config_items", |item| attribute(source(arguments), source(item)));
    assert_mistakes("config_hooks", |item| attribute(source(&format!("{arguments}, hooks")), source(item)));
}
