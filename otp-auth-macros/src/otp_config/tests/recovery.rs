//! What is generated when there are mistakes, and when there are none.

use super::attribute;
use crate::testing::{errors, items, source};

const ITEM: &str = "struct Auth { #[otp(sender)] sender: ConsoleSender }";

fn expand(arguments: &str, item: &str) -> proc_macro2::TokenStream {
    attribute(source(arguments), source(item))
}

#[test]
fn an_item_without_mistakes_has_its_impls_and_no_errors() {
    let tokens = expand(r#"user = User, secret_key = env("SECRET")"#, ITEM);
    assert_eq!(errors(&tokens), []);
    assert_eq!(items(&tokens), ["Auth", "OtpConfig", "Hooks"]);
}

#[test]
fn hooks_are_left_to_the_user_where_asked() {
    let tokens = expand(r#"user = User, secret_key = env("SECRET"), hooks"#, ITEM);
    assert_eq!(items(&tokens), ["Auth", "OtpConfig"]);
    let field = "struct Auth { #[otp(sender)] a: A, #[otp(hooks)] b: B }";
    let tokens = expand(r#"user = User, secret_key = env("SECRET")"#, field);
    assert_eq!(items(&tokens), ["Auth", "OtpConfig"]);
    assert!(tokens.to_string().contains("type Hooks = B"));
}

#[test]
fn the_attributes_of_fields_are_removed_and_all_else_is_kept() {
    let item = "
        /// Docs.
        #[derive(Clone)]
        pub struct Auth<T>(#[otp(sender)] #[allow(dead_code)] pub T) where T: SendOtp;
    ";
    let tokens = expand("user = User, developer_mode = cfg!(debug_assertions)", item).to_string();
    let kept = "# [doc = \" Docs.\"] # [derive (Clone)] pub struct Auth < T > (# [allow (dead_code)] pub T) where T : \
                SendOtp ;";
    assert!(tokens.starts_with(kept), "{tokens}");
    assert!(tokens.contains("type Sender = T"), "{tokens}");
    assert!(tokens.contains("& self . 0"), "{tokens}");
}

#[test]
fn the_attributes_are_removed_from_a_wrong_item_too() {
    let tokens = expand("user = User", "enum Auth { A { #[otp(sender)] a: u8 } }");
    assert_eq!(items(&tokens), ["Auth"]);
    assert!(!tokens.to_string().contains("# [otp"), "{tokens}");
}

#[test]
fn half_typed_attributes_leave_the_item_in_place() {
    let fine = r#"user = User, secret_key = env("SECRET"), "#;
    for rest in
        ["otp", "otp_length =", "otp_length = ,", "cookie_name = \"", "developer_mode = cfg!(", "secret_key = env("]
    {
        let quoted = rest.matches('"').count() % 2 == 1;
        let open = rest.matches('(').count() > rest.matches(')').count();
        // An editor closes what is open before it expands the macro.
        let closed = format!("{fine}{rest}{}{}", if quoted { "\"" } else { "" }, if open { ")" } else { "" });
        let tokens = expand(&closed, ITEM);
        assert_eq!(items(&tokens)[..2], ["Auth", "OtpConfig"], "{closed}");
    }
    for arguments in ["", "user", "user =", "user = ,", "use", "="] {
        let tokens = expand(arguments, ITEM);
        assert!(!errors(&tokens).is_empty(), "{arguments}");
        assert_eq!(items(&tokens)[0], "Auth", "{arguments}");
    }
    for field in ["#[otp]", "#[otp()]", "#[otp(s)]", "#[otp(sen)]", "#[otp(sender =)]"] {
        let item = format!("struct Auth {{ {field} sender: ConsoleSender }}");
        let tokens = expand(fine, &item);
        assert_eq!(items(&tokens), ["Auth", "OtpConfig", "Hooks"], "{item}");
        assert!(tokens.to_string().contains("type Sender = ConsoleSender"), "{tokens}");
    }
}

#[test]
fn an_item_that_does_not_parse_comes_back_as_it_was() {
    let text = "struct Auth { sender: }";
    let tokens = expand("user = User", text);
    assert_eq!(tokens.to_string(), source(text).to_string());
}

#[test]
fn a_literal_developer_mode_is_refused_by_builds_without_debug_assertions_only() {
    let guard = "# [cfg (not (debug_assertions))] :: core :: compile_error !";
    let tokens = expand("user = User, developer_mode = true", ITEM).to_string();
    assert!(tokens.contains(guard), "{tokens}");
    for mode in ["false", "cfg!(debug_assertions)", "allow_in_release(true)", "self.developing"] {
        let tokens =
            expand(&format!("user = User, secret_key = env(\"S\"), developer_mode = {mode}"), ITEM).to_string();
        assert!(!tokens.contains(guard), "{tokens}");
        assert_eq!(
            tokens.contains("DEVELOPER_MODE_IN_RELEASE : :: core :: primitive :: bool = true"),
            mode == "allow_in_release(true)",
            "{tokens}"
        );
    }
}

#[test]
fn rules_about_several_values_wait_for_values_that_are_computed() {
    for arguments in [
        "otp_length = self.length, max_sends_per_day = 1000",
        "refresh_token_lifetime = self.lifetime",
        "access_token_lifetime = self.lifetime, refresh_token_lifetime = \"1s\"",
        "cookie_secure = self.secure, cookie_name = \"__Host-a\"",
        "cookie_secure = !cfg!(debug_assertions), cookie_path = \"/auth\"",
        "cookie_name = self.name.clone(), cookie_domain = \"example.com\"",
        "cookie_name = \"a\", cookie_domain = \"example.com\", cookie_path = \"/auth\"",
        "cookie_same_site = SITE, local_part_case = my::CASE",
        "otp_length = 7, max_sends_per_day = 100",
        "max_otp_attempts = 10, max_sends_per_day = 5",
        "developer_mode = self.developing, previous_secret_keys = [\"short\"]",
    ] {
        let tokens = expand(&format!("user = User, secret_key = env(\"S\"), {arguments}"), ITEM);
        assert_eq!(errors(&tokens), [], "{arguments}");
    }
    for arguments in
        ["developer_mode = true", "developer_mode = self.developing", "developer_mode = allow_in_release(true)"]
    {
        for secret in ["", ", secret_key = \"short\""] {
            let tokens = expand(&format!("user = User, {arguments}{secret}"), ITEM);
            assert!(items(&tokens).contains(&"OtpConfig".to_owned()), "{arguments}{secret}");
            assert!(!tokens.to_string().contains("loop"), "{arguments}{secret}");
        }
    }
}
