//! What is generated when there are mistakes, and when there are none.

use super::{FEATURES, Features, derive};
use crate::testing::{errors, items, source};

/// The stand-ins, so that nothing else is reported about the user.
const STAND_IN: [&str; 7] = ["UserClaims", "OtpUser", "VerifiableUser", "SqlUser", "SqlUser", "SqlUser", "MongoUser"];

const FIELDS: &str = "#[otp(id)] id: i64, #[otp(email)] email: String, #[otp(claim)] name: String";

#[test]
fn an_item_without_mistakes_has_its_impls_and_no_errors() {
    let tokens = derive(source(&format!("struct User {{ {FIELDS}, #[otp(verified)] ok: bool }}")), FEATURES);
    assert_eq!(errors(&tokens), []);
    assert_eq!(items(&tokens), ["UserClaims", "OtpUser", "VerifiableUser"]);
}

#[test]
fn without_a_verified_field_a_user_is_not_verifiable() {
    let tokens = derive(source(&format!("struct User {{ {FIELDS} }}")), FEATURES);
    assert_eq!(items(&tokens), ["UserClaims", "OtpUser"]);
}

#[test]
fn a_store_without_its_feature_says_how_to_turn_it_on() {
    const NONE: Features = Features { sqlite: false, postgres: false, mysql: false, mongodb: false };
    for (store, features) in [
        ("sqlite", Features { sqlite: false, ..FEATURES }),
        ("postgres", Features { postgres: false, ..FEATURES }),
        ("mysql", Features { mysql: false, ..FEATURES }),
        ("mysql", NONE),
    ] {
        let text = format!("#[otp_user(table = \"users\", stores({store}))] struct User {{ {FIELDS} }}");
        let tokens = derive(source(&text), features);
        let message = format!(
            "the `{store}` store needs the crate feature of that name: add `\"{store}\"` to the `features` of \
             otp-auth in Cargo.toml"
        );
        assert_eq!(errors(&tokens), [(store.to_owned(), message)]);
    }
    let text = format!("#[otp_user(table = \"users\", stores(mysql))] struct User {{ {FIELDS} }}");
    let generated = items(&derive(source(&text), NONE));
    assert_eq!(generated, STAND_IN[..3], "the trait of the store does not exist then");
}

#[test]
fn a_collection_without_its_feature_says_how_to_turn_it_on() {
    let fields = FIELDS.replace("i64", "ObjectId");
    let text = format!("#[otp_user(collection = \"users\")] struct User {{ {fields} }}");
    let tokens = derive(source(&text), Features { mongodb: false, ..FEATURES });
    let message =
        "`collection` needs the crate feature `mongodb`: add `\"mongodb\"` to the `features` of otp-auth in Cargo.toml";
    assert_eq!(errors(&tokens), [("collection".to_owned(), message.to_owned())]);
    assert_eq!(items(&tokens), STAND_IN[..6], "the trait of the store does not exist then");
}

#[test]
fn a_half_typed_collection_leaves_its_impl_in_place() {
    for attribute in ["collection", "collection =", "collection = \"\"", "collec", "collection = \"users\", sto"] {
        let text = format!("#[otp_user({attribute})] struct User {{ {FIELDS} }}");
        let tokens = derive(source(&text), FEATURES);
        assert!(!errors(&tokens).is_empty(), "{text}");
        assert!(items(&tokens).contains(&"MongoUser".to_owned()), "{text}");
    }
}

#[test]
fn a_table_and_a_collection_stand_on_one_struct() {
    let fields = FIELDS.replace("#[otp(id)]", "#[otp(id, generate = 1)]");
    let attribute = "#[otp_user(table = \"users\", stores(sqlite), collection = \"users\")]";
    let tokens = derive(source(&format!("{attribute} struct User {{ {fields} }}")), FEATURES);
    assert_eq!(errors(&tokens), []);
    assert_eq!(items(&tokens), ["UserClaims", "OtpUser", "SqlUser", "MongoUser"]);
}

#[test]
fn half_typed_attributes_leave_every_impl_in_place() {
    for attribute in ["table", "table =", "table = \"users", "stores(", "stores(sql", "table = \"users\", sto", "tab"] {
        let open = attribute.matches('(').count() > attribute.matches(')').count();
        let quoted = attribute.matches('"').count() % 2 == 1;
        // An editor closes open brackets before it expands the macro.
        let closed = format!("{attribute}{}{}", if quoted { "\"" } else { "" }, if open { ")" } else { "" });
        let text = format!("#[otp_user({closed})] struct User {{ {FIELDS} }}");
        let tokens = derive(source(&text), FEATURES);
        assert!(!errors(&tokens).is_empty(), "{text}");
        assert_eq!(items(&tokens), STAND_IN, "{text}");
    }
    for attribute in ["", "cl", "claim =", "col", "column =", "default = ", "default = 1 +", "id, ", "verif"] {
        let text = format!("struct User {{ {FIELDS}, #[otp({attribute})] extra: bool }}");
        let tokens = derive(source(&text), FEATURES);
        assert!(!errors(&tokens).is_empty(), "{text}");
        assert_eq!(items(&tokens)[..2], ["UserClaims", "OtpUser"], "{text}");
    }
}

#[test]
fn the_stand_in_never_panics_by_itself_and_keeps_the_claims() {
    let text = format!("struct User<'a> {{ {FIELDS}, #[otp(claim = 5)] rest: &'a str }}");
    let tokens = derive(source(&text), FEATURES);
    assert_eq!(errors(&tokens).len(), 2);
    let generated = tokens.to_string();
    assert!(generated.contains("for User < 'static >"), "{generated}");
    assert!(generated.contains("pub name : String"), "{generated}");
    assert!(!generated.contains("panic") && !generated.contains("unreachable !"), "{generated}");
}

#[test]
fn a_type_that_ends_in_a_plus_leaves_every_impl_in_place() {
    let text = "struct User { #[otp(id)] id: Uuid +, #[otp(email)] email: String }";
    assert_eq!(items(&derive(source(text), FEATURES)), ["UserClaims", "OtpUser"]);
    let tokens = derive(source(&format!("#[otp_user(table = \"users\", stores(sqlite))] {text}")), FEATURES);
    assert_eq!(errors(&tokens).len(), 1);
    assert_eq!(items(&tokens), STAND_IN);
}

#[test]
fn what_is_no_item_is_one_error() {
    for text in ["", "fn user() {}", "struct", "struct User { id: }"] {
        assert_eq!(errors(&derive(source(text), FEATURES)).len(), 1, "{text}");
    }
}
