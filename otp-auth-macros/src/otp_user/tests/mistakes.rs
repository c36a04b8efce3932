//! Each mistake with the source text it points at and its message, in the files of `mistakes`.

use super::{FEATURES, derive};
use crate::testing::{assert_mistakes, errors, source};

/// Each text, put into `frame` in place of `@`.
fn assert_user(name: &str, frame: &str) {
    assert_mistakes(name, |text| derive(source(&frame.replace('@', text)), FEATURES));
}

#[test]
fn mistakes_in_the_attribute_of_the_struct() {
    assert_user("user_attribute", "@ struct User { #[otp(id)] id: i64, #[otp(email)] email: String }");
}

#[test]
fn mistakes_in_a_filter() {
    assert_user(
        "user_filters",
        "@ struct User { #[otp(id, generate = 1)] id: i64, #[otp(email, column = \"mail\")] email: String }",
    );
}

#[test]
fn mistakes_in_the_attributes_of_fields() {
    assert_user("user_fields", "struct User { #[otp(id)] id: i64, #[otp(email)] email: String, @ }");
}

#[test]
fn what_other_crates_say_and_types_that_a_database_lacks() {
    assert_user("user_foreign", "@");
}

#[test]
fn mistakes_in_the_struct() {
    assert_user("user_structs", "@");
}

#[test]
fn a_field_of_the_verified_role_may_hold_a_time() {
    for ty in ["bool", "Flag", "Option<DateTime<Utc>>", "Option<NaiveDateTime>", "std::option::Option<my::Stamp>"] {
        let text =
            format!("struct User {{ #[otp(id)] id: i64, #[otp(email)] email: String, #[otp(verified)] at: {ty} }}");
        assert_eq!(errors(&derive(source(&text), FEATURES)), [], "{ty}");
    }
}
