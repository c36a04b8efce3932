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
    assert_eq!(items(&tokens), ["Auth", "OtpConfig"]);
    assert!(tokens.to_string().contains("type Hooks = :: otp_auth :: __private :: NoHooks"), "{tokens}");
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
fn all_of_the_item_is_kept() {
    let item = "
        /// Docs.
        #[derive(Clone)]
        pub struct Auth<T>(#[otp(sender)] #[allow(dead_code)] pub T) where T: SendOtp;
    ";
    let tokens = expand("user = User, developer_mode = cfg!(debug_assertions)", item).to_string();
    let kept = "# [doc = \" Docs.\"] # [derive (Clone)] pub struct Auth < T > (# [otp (sender)] # [allow (dead_code)] pub T) \
                where T : SendOtp ;";
    assert!(tokens.contains(kept), "{tokens}");
    assert!(tokens.contains("type Sender = T"), "{tokens}");
    assert!(tokens.contains("& self . 0"), "{tokens}");
}

#[test]
fn an_item_that_is_no_struct_gets_a_stand_in() {
    let arguments = "user = User, secret_key = env(\"S\")";
    for (item, expected) in [
        ("enum Auth { A { #[otp(sender)] a: u8 } }", &["Auth", "OtpConfig"][..]),
        ("union Auth { a: u8 }", &["OtpConfig"]),
        ("impl Auth { fn a() {} }", &["OtpConfig"]),
        ("fn auth() {}", &[]),
        ("fn auth() -> Result<Auth, Error> {}", &[]),
        ("fn auth() -> Auth {}", &["OtpConfig"]),
        ("type Auth = Inner;", &["OtpConfig"]),
    ] {
        let tokens = expand(arguments, item);
        assert_eq!(errors(&tokens).len(), 1, "{tokens}");
        assert_eq!(items(&tokens), expected, "{tokens}");
    }
}

#[test]
fn a_missing_user_is_most_likely_called_user() {
    for arguments in
        ["secret_key = env(\"S\")", "user =, secret_key = env(\"S\")", "user = &User, secret_key = env(\"S\")"]
    {
        let tokens = expand(arguments, ITEM);
        assert_eq!(errors(&tokens).len(), 1, "{tokens}");
        assert!(tokens.to_string().contains("type User = < User as"), "{tokens}");
    }
}

#[test]
fn a_type_that_no_thread_may_share_gives_way_to_the_mistake() {
    for (ty, write) in [
        ("std::rc::Rc<u8>", "::shared::<std::rc::Rc<u8>>()"),
        ("Arc<Cell<u8>>", "::shared::<Arc<Cell<u8>>>()"),
        ("Box<dyn Fn(&str)>", "::shared::<Box<dynFn(&str)>>()"),
        ("Box<dyn SendOtp>", "compile_error!{\"`SendOtp`isnotdyn-compatible:write`otp_auth::send::AnySender`"),
    ] {
        let tokens =
            expand("user = User, developer_mode = true", &format!("struct Auth {{ #[otp(sender)] sender: {ty} }}"));
        let text = tokens.to_string().replace(' ', "");
        assert!(text.contains(write), "{text}");
    }
    let item = "struct Auth { #[otp(sender)] a: A, #[otp(limiter)] b: Box<dyn Limiter<Receipt = ()>> }";
    assert!(expand("user = User, developer_mode = true", item).to_string().contains("`Limiter` is not dyn-compatible"));
    for ty in ["Arc<u8>", "CellRange"] {
        let tokens =
            expand("user = User, developer_mode = self.on", &format!("struct Auth {{ #[otp(sender)] sender: {ty} }}"));
        assert!(tokens.to_string().contains(&format!("sender : {}", source(ty))), "{tokens}");
    }
}

#[test]
fn without_a_path_to_the_derive_the_attribute_reports() {
    for path in ["\"framework::auth\"", "5"] {
        let tokens = expand(&format!("user = User, developer_mode = true, crate = {path}"), ITEM);
        assert_eq!(errors(&tokens).len(), 1, "{tokens}");
        let text = tokens.to_string();
        assert!(!text.contains("OtpConfigItem") && !text.contains("# [otp"), "{text}");
    }
}

#[test]
fn a_field_that_cfg_removes_has_no_part() {
    // The compiler resolves `#[cfg]` before it runs the derive.
    let tokens = expand(
        "user = User, developer_mode = self.on",
        "struct Auth { #[cfg(smtp)] #[otp(hooks)] hooks: Smtp, #[cfg_attr(all(), otp(sender))] sender: ConsoleSender }",
    );
    let text = tokens.to_string();
    assert!(
        text.starts_with("# [derive (:: otp_auth :: __private :: OtpConfigItem)] # [__otp_config (user = User"),
        "{text}"
    );
    assert!(text.contains("# [cfg (smtp)] # [otp (hooks)] hooks : Smtp"), "{text}");
}

#[test]
fn half_typed_attributes_leave_the_item_in_place() {
    let fine = r#"user = User, secret_key = env("SECRET"), "#;
    for rest in
        ["otp", "otp_length =", "otp_length = ,", "cookie_name = \"", "developer_mode = cfg!(", "secret_key = env("]
    {
        let quoted = rest.matches('"').count() % 2 == 1;
        let open = rest.matches('(').count() > rest.matches(')').count();
        // An editor closes open brackets before it expands the macro.
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
        assert_eq!(items(&tokens), ["Auth", "OtpConfig"], "{item}");
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
