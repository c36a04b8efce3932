//! Each mistake with the source text it points at and its message.

use super::attribute;
use crate::testing::{Mistakes, errors, source};

const ITEM: &str = "struct Auth { #[otp(sender)] sender: ConsoleSender }";

fn assert_mistake(arguments: &str, item: &str, expected: &[(&str, &str)]) {
    let tokens = attribute(source(arguments), source(item));
    let found = errors(&tokens);
    let expected: Vec<_> =
        expected.iter().map(|(place, message)| ((*place).to_owned(), (*message).to_owned())).collect();
    assert_eq!(found, expected, "{arguments}: {item}");
}

/// Asserts that each list of arguments, put into `frame` in place of `@`, has exactly the given
/// errors.
fn assert_mistakes(frame: &str, mistakes: Mistakes) {
    for (text, expected) in mistakes {
        assert_mistake(&frame.replace('@', text), ITEM, expected);
    }
}

/// The frame of mistakes that have nothing to do with the required keys.
const FINE: &str = r#"user = User, secret_key = env("S"), @"#;

#[test]
fn mistakes_in_the_list_of_keys() {
    assert_mistakes("@", KEYS);
}

const KEYS: Mistakes = &[
    (
        r#"model = User, jwt_secret = env("S"), dev_mode = false"#,
        &[
            ("model", "`#[otp_config(...)]` has no key `model`: write `user = User`"),
            (
                "jwt_secret",
                r#"`#[otp_config(...)]` has no key `jwt_secret`: write `secret_key = env("OTP_AUTH_SECRET")`"#,
            ),
            ("dev_mode", "`#[otp_config(...)]` has no key `dev_mode`: write `developer_mode = cfg!(debug_assertions)`"),
        ],
    ),
    (
        r#"user = User, secret_key = env("S"), cookie_http_only = true, hooks = MyHooks"#,
        &[
            (
                "cookie_http_only",
                "`cookie_http_only` does not belong in `#[otp_config(...)]`: every cookie of otp-auth is `HttpOnly`, so remove it",
            ),
            ("hooks", "`hooks` takes no value: write `#[otp(hooks)] hooks: MyHooks` in the struct"),
        ],
    ),
    (
        r#"user = User; #[cfg(debug_assertions)] secret_key = env("S")"#,
        &[
            (";", "expected `,` in place of `;`"),
            (
                "#",
                "attributes are not allowed inside `#[otp_config(...)]`: put `#[cfg_attr(condition, …)]` with a whole attribute on the struct",
            ),
        ],
    ),
    (
        r#"secret_key = env("S")"#,
        &[("Auth", "`user` is missing: name the struct that derives `OtpUser`; write `user = User`")],
    ),
    (
        "",
        &[
            ("Auth", "`user` is missing: name the struct that derives `OtpUser`; write `user = User`"),
            (
                "Auth",
                r#"`secret_key` is missing, and outside developer mode a secret is required: write `secret_key = env("OTP_AUTH_SECRET")`"#,
            ),
        ],
    ),
    (r#"usr = User, secret_key = env("S")"#, &[("usr", "`#[otp_config(...)]` has no key `usr`; did you mean `user`?")]),
    (
        r#"user = User, secert_key = env("S")"#,
        &[("secert_key", "`#[otp_config(...)]` has no key `secert_key`; did you mean `secret_key`?")],
    ),
    (
        r#"user = User, pepper = env("S")"#,
        &[(
            "pepper",
            "`#[otp_config(...)]` has no key `pepper`; the nearest are `user`, `issuer` and `realm`, and all are at https://docs.rs/otp-auth/latest/otp_auth/attr.otp_config.html",
        )],
    ),
    (
        r#"user = "User", secret_key = env("S")"#,
        &[(r#""User""#, "`user` takes a type, without quotes: write `user = User`")],
    ),
    (r#"user, secret_key = env("S")"#, &[("user", "`user` needs a value: write `user = User`")]),
    (r#"user = , secret_key = env("S")"#, &[("user", "`user =` needs a value: write `user = User`")]),
    (
        "user =",
        &[
            ("user", "`user =` needs a value: write `user = User`"),
            (
                "Auth",
                r#"`secret_key` is missing, and outside developer mode a secret is required: write `secret_key = env("OTP_AUTH_SECRET")`"#,
            ),
        ],
    ),
    (r#"user = User secret_key = env("S")"#, &[("secret_key", "expected `,` before this")]),
    (r#"user: User, secret_key = env("S")"#, &[(":", "expected `=` in place of `:`: write `user = User`")]),
    (
        r#"user = User, user = User, secret_key = env("S")"#,
        &[("user", "`user` is given twice: remove this one or the first")],
    ),
    (
        r#""User""#,
        &[
            (
                r#""User""#,
                r#"`#[otp_config(...)]` expects a key here, such as `user = User`, `secret_key = env("OTP_AUTH_SECRET")`, `previous_secret_keys = [env("OTP_AUTH_OLD_SECRET")]`, `realm = "customers"` or `access_token_lifetime = "1h"`"#,
            ),
            ("Auth", "`user` is missing: name the struct that derives `OtpUser`; write `user = User`"),
            (
                "Auth",
                r#"`secret_key` is missing, and outside developer mode a secret is required: write `secret_key = env("OTP_AUTH_SECRET")`"#,
            ),
        ],
    ),
    (
        r#"user = User, secret_key = env("S"),, otp_length = 6"#,
        &[(",", "there is nothing before this comma: remove it")],
    ),
    (
        r#"user = User, scret_key = "short", otp_lenght = 3, otp_expiry = 5, cookie_path = "x", nonsense"#,
        &[
            ("scret_key", "`#[otp_config(...)]` has no key `scret_key`; did you mean `secret_key`?"),
            ("otp_lenght", "`#[otp_config(...)]` has no key `otp_lenght`; did you mean `otp_length`?"),
            (
                "nonsense",
                "`#[otp_config(...)]` has no key `nonsense`; the nearest are `audience`, `user` and `hooks`, and all are at https://docs.rs/otp-auth/latest/otp_auth/attr.otp_config.html",
            ),
            ("3", "`otp_length` must be 6 to 10 digits: a 3-digit code is too easy to guess; write `otp_length = 6`"),
            ("5", r#"`otp_expiry` needs a unit, in a string: write `otp_expiry = "5m"` for minutes"#),
            (r#""x""#, r#"`cookie_path` does not start with `/`: write `cookie_path = "/auth"`"#),
            (
                r#""short""#,
                r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
            ),
        ],
    ),
];

#[test]
fn mistakes_in_secrets() {
    assert_mistakes("@", SECRETS);
}

const SECRETS: Mistakes = &[
    (
        "user = User",
        &[(
            "Auth",
            r#"`secret_key` is missing, and outside developer mode a secret is required: write `secret_key = env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"user = User, secret_key = "short""#,
        &[(
            r#""short""#,
            r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"user = User, secret_key = b"short""#,
        &[(
            r#"b"short""#,
            r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"user = User, secret_key = &"short""#,
        &[(
            r#"&"short""#,
            r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"user = User, secret_key = "short".to_owned()"#,
        &[(
            r#""short".to_owned()"#,
            r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"user = User, secret_key = String::from("short")"#,
        &[(
            r#"String::from("short")"#,
            r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        "user = User, secret_key = [7; 16]",
        &[(
            "[7; 16]",
            r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        "user = User, secret_key = 5",
        &[(
            "5",
            r#"`secret_key` takes a string, the name of an environment variable or an expression: write `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        "user = User, secret_key = env()",
        &[("env", r#"`env` takes the name of one environment variable: write `env("OTP_AUTH_SECRET")`"#)],
    ),
    (
        r#"user = User, secret_key = env("")"#,
        &[(r#""""#, r#"this cannot be the name of an environment variable: write `env("OTP_AUTH_SECRET")`"#)],
    ),
    (
        r#"user = User, secret_key = env("A=B")"#,
        &[(r#""A=B""#, r#"this cannot be the name of an environment variable: write `env("OTP_AUTH_SECRET")`"#)],
    ),
    (
        "user = User, secret_key = env(5)",
        &[("5", r#"this cannot be the name of an environment variable: write `env("OTP_AUTH_SECRET")`"#)],
    ),
    (
        r#"user = User, secret_key = env("A", "B")"#,
        &[("env", r#"`env` takes the name of one environment variable: write `env("OTP_AUTH_SECRET")`"#)],
    ),
    (
        "user = User, secret_key",
        &[("secret_key", r#"`secret_key` needs a value: write `secret_key = env("OTP_AUTH_SECRET")`"#)],
    ),
    (
        "user = User, developer_mode = false",
        &[(
            "Auth",
            r#"`secret_key` is missing, and outside developer mode a secret is required: write `secret_key = env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"user = User, developer_mode = false, secret_key = "short""#,
        &[(
            r#""short""#,
            r#"`secret_key` is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"user = User, secret_key = env("S"), trusted_origins = "https://a.example""#,
        &[(
            r#""https://a.example""#,
            r#"`trusted_origins` takes a list: write `trusted_origins = ["https://app.example.com"]`"#,
        )],
    ),
    (
        r#"user = User, secret_key = env("S"), trusted_origins = ["a.example", "https://a.example/", "https://A.example", "http://localhost:80", "http://a.example", "*", 5, "https://b.example:8443", "tauri://localhost", ORIGIN]"#,
        &[
            (r#""a.example""#, "`trusted_origins` needs origins with a scheme: write `https://a.example`"),
            (
                r#""https://a.example/""#,
                "`trusted_origins` needs origins of a scheme, a host and an optional port, with nothing after them: write `https://a.example`",
            ),
            (
                r#""https://A.example""#,
                "`trusted_origins` needs origins as browsers send them, in lower case: write `https://a.example`",
            ),
            (
                r#""http://localhost:80""#,
                "`trusted_origins` needs origins as browsers send them, without the default port: write `http://localhost`",
            ),
            (
                r#""http://a.example""#,
                "`trusted_origins` accepts `http://` only for this machine, such as `http://localhost:3000`: anyone on the network could impersonate that origin: write `https://a.example`",
            ),
            (
                r#""*""#,
                r#"`trusted_origins` does not accept patterns, so list each one, but this is "*": write, for example, `https://app.example.com`"#,
            ),
            ("5", r#"`trusted_origins` takes strings: write `trusted_origins = ["https://app.example.com"]`"#),
        ],
    ),
    (
        r#"user = User, secret_key = env("S"), developer_hosts = "laptop.local""#,
        &[(r#""laptop.local""#, r#"`developer_hosts` takes a list: write `developer_hosts = ["192.168.1.20"]`"#)],
    ),
    (
        r#"user = User, secret_key = env("S"), developer_hosts = ["http://Laptop.local:8000", "", "laptop.local", self.host]"#,
        &[
            (
                r#""http://Laptop.local:8000""#,
                "`developer_hosts` needs hosts as browsers send them: in lower case, without a scheme, port or path: write `laptop.local`",
            ),
            (r#""""#, "`developer_hosts` does not accept an empty string: write, for example, `192.168.1.20`"),
        ],
    ),
    (
        r#"user = User, secret_key = env("S"), previous_secret_keys = env("OLD")"#,
        &[(
            r#"env("OLD")"#,
            r#"`previous_secret_keys` takes a list: write `previous_secret_keys = [env("OTP_AUTH_OLD_SECRET")]`"#,
        )],
    ),
    (
        r#"user = User, secret_key = env("S"), previous_secret_keys = ["short", 5, env("OLD")]"#,
        &[
            (
                "5",
                r#"`previous_secret_keys` takes a string, the name of an environment variable or an expression: write `env("OTP_AUTH_SECRET")`"#,
            ),
            (
                r#""short""#,
                r#"`previous_secret_keys` contains a secret that is shorter than 32 bytes: make one with `openssl rand -hex 32` and keep it out of the code, with `env("OTP_AUTH_OLD_SECRET")`"#,
            ),
        ],
    ),
];

#[test]
fn words_about_the_environment() {
    assert_mistakes("user = User, @", ENVIRONMENT);
}

const ENVIRONMENT: Mistakes = &[
    (
        r#"secret_key = env!("X")"#,
        &[(r#"env!("X")"#, r#"`env!` compiles the secret into your program: write `secret_key = env("X")`"#)],
    ),
    (
        r#"secret_key = { concat!("a", std::env!("X")).trim() }"#,
        &[(
            r#"{ concat!("a", std::env!("X")).trim() }"#,
            r#"`env!` compiles the secret into your program: write `secret_key = env("X")`"#,
        )],
    ),
    (
        r#"secret_key = option_env!("X").unwrap_or("dev")"#,
        &[(
            r#"option_env!("X").unwrap_or("dev")"#,
            r#"`option_env!` compiles the secret into your program: write `secret_key = env("X")`"#,
        )],
    ),
    (
        r#"secret_key = include_str!("secret").trim()"#,
        &[(
            r#"include_str!("secret").trim()"#,
            r#"`include_str!` compiles the secret into your program: write `secret_key = env("OTP_AUTH_SECRET")`"#,
        )],
    ),
    (
        r#"secret_key = env("S"), previous_secret_keys = [include_bytes!("old"), env("OLD").into_bytes()]"#,
        &[
            (
                r#"include_bytes!("old")"#,
                r#"`include_bytes!` compiles the secret into your program: write `previous_secret_keys = [env("OTP_AUTH_OLD_SECRET")]`"#,
            ),
            (
                r#"env("OLD").into_bytes()"#,
                r#"`env("OLD")` is read at startup and must stand alone: write `previous_secret_keys = [env("OLD")]`, or fill a field of the configuration and write `previous_secret_keys = self.previous_secret_keys`"#,
            ),
        ],
    ),
    (
        r#"secret_key = env("X").unwrap()"#,
        &[(
            r#"env("X").unwrap()"#,
            r#"`env("X")` is read at startup and must stand alone: write `secret_key = env("X")`, or fill a field of the configuration and write `secret_key = self.secret_key`"#,
        )],
    ),
    (
        r#"secret_key = std::env("X")?"#,
        &[(
            r#"std::env("X")?"#,
            r#"`env("X")` is read at startup and must stand alone: write `secret_key = env("X")`, or fill a field of the configuration and write `secret_key = self.secret_key`"#,
        )],
    ),
    (
        r#"secret_key = std::env::var("X")"#,
        &[(r#"std::env::var("X")"#, r#"`std::env::var` returns a `Result`: write `secret_key = env("X")`"#)],
    ),
    (
        r#"secret_key = std::env::var_os("X")"#,
        &[(r#"std::env::var_os("X")"#, r#"`std::env::var_os` returns an `Option`: write `secret_key = env("X")`"#)],
    ),
    (r#"secret_key = crate::config::var("X")"#, &[]),
    (
        r#"secret_key = std::r#env!("X")"#,
        &[(r#"std::r#env!("X")"#, r#"`env!` compiles the secret into your program: write `secret_key = env("X")`"#)],
    ),
    (
        r#"secret_key = env(env!("X"))"#,
        &[(
            r#"env!("X")"#,
            r#"`env` takes the name of a variable, and `env!` compiles its value into your program: write `env("X")`"#,
        )],
    ),
    (
        r#"secret_key = dotenvy_macro::dotenv!("X")"#,
        &[(
            r#"dotenvy_macro::dotenv!("X")"#,
            r#"`dotenv!` compiles the secret into your program: write `secret_key = env("X")`"#,
        )],
    ),
    (
        r#"secret_key = env::var("X")?"#,
        &[(r#"env::var("X")?"#, r#"`?` cannot return from here: write `secret_key = env("X")`"#)],
    ),
    (
        r#"secret_key = env("S"), issuer = env("X").unwrap()"#,
        &[(
            r#"env("X").unwrap()"#,
            r#"`env(…)` is for secrets: write `issuer = self.issuer` and fill that field from `std::env::var("X")`"#,
        )],
    ),
    (
        r#"secret_key = env("S"), otp_length = load()?"#,
        &[("load()?", "`?` cannot return from here: write `otp_length = self.otp_length` and fill that field first")],
    ),
    (r#"secret_key = std::env::var("X").unwrap(), issuer = env!("CARGO_PKG_NAME"), audience = config.env("A")"#, &[]),
];

#[test]
fn mistakes_in_values() {
    assert_mistakes(FINE, VALUES);
}

const VALUES: Mistakes = &[
    (
        "access_token_lifetime = 1h",
        &[(
            "1h",
            r#"`access_token_lifetime` takes whole numbers with units, in a string: write `access_token_lifetime = "1h"`"#,
        )],
    ),
    (
        r#"access_token_lifetime = "1.5h""#,
        &[(
            r#""1.5h""#,
            r#"`access_token_lifetime` takes whole numbers with units, in a string: write `access_token_lifetime = "1h30m"`"#,
        )],
    ),
    (
        "access_token_lifetime = 60 * 60",
        &[(
            "60 * 60",
            r#"`access_token_lifetime` needs a unit, in a string: write `access_token_lifetime = "3600s"` for seconds or `access_token_lifetime = "3600ms"` for milliseconds"#,
        )],
    ),
    ("realm = \"\"", &[("\"\"", r#"`realm` is empty: write `realm = "customers"`"#)]),
    (
        "realm = \" staff\"",
        &[(
            "\" staff\"",
            r#"`realm` contains a control character, or starts or ends with whitespace: write `realm = "customers"`"#,
        )],
    ),
    ("realm = 7", &[("7", r#"`realm` takes a string: write `realm = "customers"`"#)]),
    (
        "otp_length = 4",
        &[("4", "`otp_length` must be 6 to 10 digits: a 4-digit code is too easy to guess; write `otp_length = 6`")],
    ),
    (
        "otp_length = 12",
        &[(
            "12",
            "`otp_length` must be 6 to 10 digits: 12 digits are hard to type without a mistake; write `otp_length = 10`",
        )],
    ),
    (r#"otp_length = "6""#, &[(r#""6""#, "`otp_length` takes a number, without quotes: write `otp_length = 6`")]),
    ("otp_length = -6", &[("-6", "`otp_length` must be 6 to 10 digits; write `otp_length = 6`")]),
    ("otp_length = true", &[("true", "`otp_length` takes a whole number: write `otp_length = 6`")]),
    (
        "otp_length = 99999999999999999999999",
        &[(
            "99999999999999999999999",
            "`otp_length` must be 6 to 10 digits: this number is too large; write `otp_length = 10`",
        )],
    ),
    (
        "otp_expiry = 600",
        &[("600", r#"`otp_expiry` needs a unit, in a string: write `otp_expiry = "600s"` for seconds"#)],
    ),
    (
        r#"otp_expiry = "10""#,
        &[(r#""10""#, r#"`otp_expiry` needs a unit, in a string: write `otp_expiry = "10m"` for minutes"#)],
    ),
    (
        r#"otp_expiry = "10 minutes""#,
        &[(
            r#""10 minutes""#,
            r#"`otp_expiry` takes whole numbers with units, in a string: write `otp_expiry = "10m"`"#,
        )],
    ),
    (
        r#"otp_expiry = "1h""#,
        &[(
            r#""1h""#,
            r#"`otp_expiry` must be 1m to 10m: an e-mail needs time to arrive, and a long-lived code is easier to guess; write `otp_expiry = "10m"`"#,
        )],
    ),
    (
        r#"otp_expiry = "5s""#,
        &[(
            r#""5s""#,
            r#"`otp_expiry` must be 1m to 10m: an e-mail needs time to arrive, and a long-lived code is easier to guess; write `otp_expiry = "1m"`"#,
        )],
    ),
    (
        r#"otp_expiry = """#,
        &[(
            r#""""#,
            r#"`otp_expiry` takes a number and a unit (`ms`, `s`, `m`, `h` or `d`), in a string: write `otp_expiry = "10m"`"#,
        )],
    ),
    (
        r#"otp_expiry = "ten minutes""#,
        &[(
            r#""ten minutes""#,
            r#"`otp_expiry` takes whole numbers with units, in a string: write `otp_expiry = "10m"`"#,
        )],
    ),
    (
        "otp_expiry = true",
        &[(
            "true",
            r#"`otp_expiry` takes a number and a unit (`ms`, `s`, `m`, `h` or `d`), in a string: write `otp_expiry = "10m"`"#,
        )],
    ),
    (
        r#"access_token_lifetime = "2d""#,
        &[(
            r#""2d""#,
            r#"`access_token_lifetime` must be 1s to 1d: access tokens are short-lived; the refresh token carries the session; write `access_token_lifetime = "1d"`"#,
        )],
    ),
    (
        r#"refresh_token_lifetime = "500d""#,
        &[(
            r#""500d""#,
            r#"`refresh_token_lifetime` must be 1s to 400d: browsers delete a cookie after 400 days; write `refresh_token_lifetime = "400d"`"#,
        )],
    ),
    (
        r#"refresh_token_lifetime = "30m""#,
        &[(
            "refresh_token_lifetime",
            "`refresh_token_lifetime` must be longer than `access_token_lifetime` (1h), but is 30m: lengthen it, or shorten `access_token_lifetime`",
        )],
    ),
    (
        r#"refresh_grace = "1m""#,
        &[(
            r#""1m""#,
            r#"`refresh_grace` must be 0s to 30s: it only covers simultaneous refreshes; write `refresh_grace = "30s"`"#,
        )],
    ),
    (
        r#"otp_rate_limit = "0s""#,
        &[(
            "otp_rate_limit",
            "`otp_rate_limit` must be at least `send_timeout` (10s), but is 0s: otherwise a failed send cannot be refunded once the next one is counted; lengthen it, or shorten `send_timeout`",
        )],
    ),
    (
        r#"send_timeout = "30s", otp_rate_limit = "29s""#,
        &[(
            "otp_rate_limit",
            "`otp_rate_limit` must be at least `send_timeout` (30s), but is 29s: otherwise a failed send cannot be refunded once the next one is counted; lengthen it, or shorten `send_timeout`",
        )],
    ),
    (
        r#"send_timeout = "2m""#,
        &[(
            r#""2m""#,
            r#"`send_timeout` must be 1s to 1m: a request waits this long for the sender; write `send_timeout = "1m"`"#,
        )],
    ),
    (
        "max_otp_attempts = 0",
        &[("0", "`max_otp_attempts` must be 1 to 10 attempts: no one could sign in; write `max_otp_attempts = 1`")],
    ),
    (
        "max_otp_attempts = 11",
        &[(
            "11",
            "`max_otp_attempts` must be 1 to 10 attempts: each attempt is a guess at the code; write `max_otp_attempts = 10`",
        )],
    ),
    (
        "max_otp_attempts = 10",
        &[(
            "max_otp_attempts",
            "`max_otp_attempts` allows too many guesses: with 10 e-mails a day, 10 attempts each and 6 digits, the chance of guessing a code exceeds 1 in 10 000 a day; write `otp_length = 7`, or allow fewer",
        )],
    ),
    (
        "max_sends_per_day = 100",
        &[(
            "max_sends_per_day",
            "`max_sends_per_day` allows too many guesses: with 100 e-mails a day, 5 attempts each and 6 digits, the chance of guessing a code exceeds 1 in 10 000 a day; write `otp_length = 7`, or allow fewer",
        )],
    ),
    (
        "max_sends_per_day = 4000000000, otp_length = 10",
        &[(
            "max_sends_per_day",
            "`max_sends_per_day` allows too many guesses: with 4000000000 e-mails a day, 5 attempts each and 10 digits, the chance of guessing a code exceeds 1 in 10 000 a day; allow fewer",
        )],
    ),
    (
        "max_sends_per_hour = 0",
        &[(
            "0",
            "`max_sends_per_hour` must be at least 1 e-mail: no one could sign in; write `max_sends_per_hour = 1`",
        )],
    ),
    (
        "max_sends_per_hour = 5000000000",
        &[(
            "5000000000",
            "`max_sends_per_hour` must be at least 1 e-mail: this number is too large; write `max_sends_per_hour = 4294967295`",
        )],
    ),
    (
        r#"auto_create_user = "true""#,
        &[(r#""true""#, "`auto_create_user` takes `true` or `false`, without quotes: write `auto_create_user = true`")],
    ),
    ("auto_create_user = 1", &[("1", "`auto_create_user` takes `true` or `false`: write `auto_create_user = true`")]),
    ("auto_create_user", &[("auto_create_user", "`auto_create_user` needs a value: write `auto_create_user = true`")]),
    (
        r#"refresh_token_delivery = "cookies""#,
        &[(r#""cookies""#, r#"`refresh_token_delivery` is `"cookie"`, `"body"` or `"both"`"#)],
    ),
    (
        "refresh_token_delivery = cookie",
        &[(
            "cookie",
            r#"`refresh_token_delivery` picks the types of the routes, so it must be a literal: write `"cookie"`, `"body"` or `"both"`"#,
        )],
    ),
    (
        "refresh_token_delivery = self.delivery",
        &[(
            "self.delivery",
            r#"`refresh_token_delivery` picks the types of the routes, so it must be a literal: write `"cookie"`, `"body"` or `"both"`"#,
        )],
    ),
    (r#"local_part_case = "upper""#, &[(r#""upper""#, "`local_part_case` is `lower` or `preserve`")]),
    (r#"issuer = """#, &[(r#""""#, r#"`issuer` is empty: write `issuer = "https://example.com"`"#)]),
    ("audience = 5", &[("5", r#"`audience` takes a string: write `audience = "https://api.example.com"`"#)]),
    (
        r#"developer_mode = "true""#,
        &[(r#""true""#, "`developer_mode` takes `true` or `false`, without quotes: write `developer_mode = true`")],
    ),
    (
        "developer_mode = allow_in_release()",
        &[("allow_in_release", "`allow_in_release` takes one value: write `allow_in_release(true)`")],
    ),
    ("hooks = Hooks", &[("hooks", "`hooks` takes no value: write `#[otp(hooks)] hooks: Hooks` in the struct")]),
    (r#"crate = "otp""#, &[(r#""otp""#, "`crate` takes a path, without quotes: write `crate = path::to::otp_auth`")]),
    (
        "sender = ConsoleSender",
        &[(
            "sender",
            "`sender` does not belong in `#[otp_config(...)]`: mark a field of the struct: `#[otp(sender)] sender: ConsoleSender`",
        )],
    ),
    (
        r#"table = "users""#,
        &[(
            "table",
            r#"`table` does not belong in `#[otp_config(...)]`: it goes on the user struct: `#[otp_user(table = "users")]`"#,
        )],
    ),
    (
        r#"algorithm = "RS256""#,
        &[(
            "algorithm",
            "`algorithm` does not belong in `#[otp_config(...)]`: otp-auth signs with HMAC-SHA-256, always",
        )],
    ),
    (
        "5",
        &[(
            "5",
            r#"`#[otp_config(...)]` expects a key here, such as `user = User`, `secret_key = env("OTP_AUTH_SECRET")`, `previous_secret_keys = [env("OTP_AUTH_OLD_SECRET")]`, `realm = "customers"` or `access_token_lifetime = "1h"`"#,
        )],
    ),
    ("developer_mode = 1", &[("1", "`developer_mode` takes `true` or `false`: write `developer_mode = true`")]),
    (
        r#"refresh_grace = "99999999999999999999s""#,
        &[(
            r#""99999999999999999999s""#,
            r#"`refresh_grace` takes a number and a unit (`ms`, `s`, `m`, `h` or `d`), in a string: write `refresh_grace = "10s"`"#,
        )],
    ),
    (
        r#"access_token_lifetime = "10m", refresh_token_lifetime = "10m""#,
        &[(
            "refresh_token_lifetime",
            "`refresh_token_lifetime` must be longer than `access_token_lifetime` (10m), but is 10m: lengthen it, or shorten `access_token_lifetime`",
        )],
    ),
    (
        r#"access_token_lifetime = "10 parsecs""#,
        &[(
            r#""10 parsecs""#,
            r#"`access_token_lifetime` takes a number and a unit (`ms`, `s`, `m`, `h` or `d`), in a string: write `access_token_lifetime = "1h"`"#,
        )],
    ),
    (
        "access_token_lifetime = -5",
        &[(
            "-5",
            r#"`access_token_lifetime` takes a number and a unit (`ms`, `s`, `m`, `h` or `d`), in a string: write `access_token_lifetime = "1h"`"#,
        )],
    ),
    ("hooks, hooks", &[("hooks", "`hooks` is given twice: remove this one or the first")]),
    ("hooks()", &[("hooks", "`hooks` takes no value: write `hooks` alone")]),
    ("otp_length(6)", &[("otp_length", "`otp_length` is not written in this form: write `otp_length = 6`")]),
    (
        r#"otp_length = 4 otp_expiry = "1s""#,
        &[
            ("otp_expiry", "expected `,` before this"),
            ("4", "`otp_length` must be 6 to 10 digits: a 4-digit code is too easy to guess; write `otp_length = 6`"),
            (
                r#""1s""#,
                r#"`otp_expiry` must be 1m to 10m: an e-mail needs time to arrive, and a long-lived code is easier to guess; write `otp_expiry = "1m"`"#,
            ),
        ],
    ),
    (
        "claims = X",
        &[(
            "claims",
            "`claims` does not belong in `#[otp_config(...)]`: it goes on the user struct: `#[otp_user(claims = MyClaims)]`",
        )],
    ),
    (
        "store = X",
        &[(
            "store",
            "`store` does not belong in `#[otp_config(...)]`: give the store to `OtpAuth::new(config, store)`",
        )],
    ),
    (
        r#"otp_rate_limit = "2d""#,
        &[(
            r#""2d""#,
            r#"`otp_rate_limit` must be 0s to 1d: a user waits this long for another code; write `otp_rate_limit = "1d"`"#,
        )],
    ),
    (r#"issuer = " ""#, &[(r#"" ""#, r#"`issuer` is empty: write `issuer = "https://example.com"`"#)]),
];

#[test]
fn mistakes_in_the_cookie() {
    assert_mistakes(FINE, COOKIES);
}

const COOKIES: Mistakes = &[
    (r#"cookie_name = """#, &[(r#""""#, r#"`cookie_name` is empty: write `cookie_name = "__Host-refresh_token"`"#)]),
    (
        r#"cookie_name = "a b""#,
        &[(
            r#""a b""#,
            r#"`cookie_name` contains a character that cookie names do not allow (use letters, digits, `-` and `_`): write `cookie_name = "__Host-refresh_token"`"#,
        )],
    ),
    ("cookie_name = 5", &[("5", r#"`cookie_name` takes a string: write `cookie_name = "__Host-refresh_token"`"#)]),
    (
        r#"cookie_path = "auth""#,
        &[(r#""auth""#, r#"`cookie_path` does not start with `/`: write `cookie_path = "/auth"`"#)],
    ),
    // The default name always fits.
    (r#"cookie_path = "/auth""#, &[]),
    (
        r#"cookie_path = "/auth", cookie_name = "__Host-a""#,
        &[(
            "cookie_name",
            r#"`cookie_name` begins with `__Host-`, but browsers reject that when the cookie has a path other than `/`: write `cookie_name = "__Secure-a"`, or remove `cookie_path`"#,
        )],
    ),
    (
        r#"cookie_domain = "https://example.com""#,
        &[(
            r#""https://example.com""#,
            r#"`cookie_domain` must be a host name without a scheme: write `cookie_domain = "example.com"`"#,
        )],
    ),
    (r#"cookie_domain = "example.com""#, &[]),
    (
        r#"cookie_domain = self.domain, cookie_name = "__host-a""#,
        &[(
            "cookie_name",
            r#"`cookie_name` begins with `__Host-`, but browsers reject that when the cookie has a domain: write `cookie_name = "__Secure-a"`, or remove `cookie_domain`"#,
        )],
    ),
    (
        r#"cookie_secure = false, cookie_name = "__Host-a""#,
        &[(
            "cookie_name",
            r#"`cookie_name` begins with `__Host-`, but browsers reject that when the cookie is not secure: write `cookie_name = "a"`, or remove `cookie_secure = false`"#,
        )],
    ),
    (
        r#"cookie_secure = false, cookie_name = "__Secure-a""#,
        &[(
            "cookie_name",
            r#"`cookie_name` begins with `__Secure-`, but browsers reject that when the cookie is not secure: write `cookie_name = "a"`, or remove `cookie_secure = false`"#,
        )],
    ),
    (
        r#"cookie_secure = false, cookie_same_site = "none""#,
        &[(
            "cookie_same_site",
            r#"`cookie_same_site` is `none`, but browsers reject that when the cookie is not secure: remove `cookie_secure = false`, or write `cookie_same_site = "lax"`"#,
        )],
    ),
    (
        r#"previous_cookie_paths = ["/old", "old", "", "/a;b", "/ä", 5, OLD]"#,
        &[
            (
                r#""old""#,
                r#"`previous_cookie_paths` has a path that does not start with `/`: write, for example, `"/auth"`"#,
            ),
            (
                r#""""#,
                r#"`previous_cookie_paths` has a path that does not start with `/`: write, for example, `"/auth"`"#,
            ),
            (
                r#""/a;b""#,
                r#"`previous_cookie_paths` has a path that contains a character that cookie paths do not allow: write, for example, `"/auth"`"#,
            ),
            (
                r#""/ä""#,
                r#"`previous_cookie_paths` has a path that contains a character that cookie paths do not allow: write, for example, `"/auth"`"#,
            ),
            ("5", r#"`previous_cookie_paths` takes strings: write `previous_cookie_paths = ["/auth"]`"#),
        ],
    ),
    (
        r#"previous_cookie_paths = "/old""#,
        &[(r#""/old""#, r#"`previous_cookie_paths` takes a list: write `previous_cookie_paths = ["/auth"]`"#)],
    ),
    (
        r#"forget_device_at_logout = "yes""#,
        &[(r#""yes""#, "`forget_device_at_logout` takes `true` or `false`: write `forget_device_at_logout = true`")],
    ),
    (r#"cookie_same_site = "laxx""#, &[(r#""laxx""#, "`cookie_same_site` is `lax`, `strict` or `none`")]),
    ("cookie_same_site = strct", &[("strct", "`cookie_same_site` is `lax`, `strict` or `none`")]),
    ("cookie_same_site = 5", &[("5", "`cookie_same_site` is `lax`, `strict` or `none`")]),
    (
        r#"cookie_path = "/a;b""#,
        &[(
            r#""/a;b""#,
            r#"`cookie_path` contains a character that cookie paths do not allow: write `cookie_path = "/auth"`"#,
        )],
    ),
    (r#"cookie_domain = """#, &[(r#""""#, r#"`cookie_domain` is empty: write `cookie_domain = "example.com"`"#)]),
    (
        r#"cookie_domain = "ex ample""#,
        &[(r#""ex ample""#, r#"`cookie_domain` is not a host name: write `cookie_domain = "example.com"`"#)],
    ),
    (
        r#"cookie_name = "__host-OTP_challenge""#,
        &[(
            r#""__host-OTP_challenge""#,
            r#"`cookie_name` is reserved for another otp-auth cookie: write `cookie_name = "__Host-refresh_token"`"#,
        )],
    ),
    (
        r#"cookie_name = "__host-""#,
        &[(r#""__host-""#, r#"`cookie_name` is only a prefix: write `cookie_name = "__Host-refresh_token"`"#)],
    ),
    (
        r#"cookie_domain = "localhost", cookie_name = "a""#,
        &[(
            r#""localhost""#,
            r#"`cookie_domain` must contain a `.`, or browsers ignore the cookie (remove the key for `localhost`): write `cookie_domain = "example.com"`"#,
        )],
    ),
];

#[test]
fn mistakes_in_the_item() {
    let fine = r#"user = User, secret_key = env("S")"#;
    let mistakes: Mistakes = &[
        (
            "struct Auth<S> { #[otp(sender)] sender: S }",
            &[("S", "`S` needs a bound, because threads share the configuration: write `S: otp_auth::SendOtp`")],
        ),
        ("struct Auth<S> where S: SendOtp { #[otp(sender)] sender: S }", &[]),
        (
            "struct Auth<'a> { #[otp(sender)] sender: ConsoleSender, name: &'a str }",
            &[(
                "'a",
                "the configuration must own its data, so it cannot have `'a`: write for example `String` instead of `&str`",
            )],
        ),
        (
            "struct Auth { #[otp(sendr)] sender: ConsoleSender }",
            &[("sendr", "`#[otp(...)]` has no key `sendr`; did you mean `sender`?")],
        ),
        (
            "struct Auth { #[otp(mailer)] sender: ConsoleSender }",
            &[("mailer", "`#[otp(...)]` has no key `mailer`: write `sender`")],
        ),
        (
            "struct Auth { #[otp] sender: ConsoleSender }",
            &[("otp", "this attribute is empty: write `#[otp(...)]` with `sender` or `hooks`")],
        ),
        (
            "struct Auth { #[otp(sender)] a: A, #[otp(sender)] b: B }",
            &[("sender", "only one field can be the `sender`, and `a` already is: remove one of the two")],
        ),
        ("struct Auth { #[otp(sender = true)] a: A }", &[("sender", "`sender` takes no value: write `sender` alone")]),
        (
            "struct Auth { #[otp(secret_key)] a: A }",
            &[(
                "secret_key",
                "`secret_key` does not belong in `#[otp(...)]`: it is a key of `#[otp_config(...)]`; write `secret_key = self.field` there",
            )],
        ),
        (
            "struct Auth { #[otp(id)] a: A }",
            &[(
                "id",
                "`id` does not belong in `#[otp(...)]`: it goes on a field of the user struct, which derives `OtpUser`",
            )],
        ),
        (
            "enum Auth { A }",
            &[(
                "Auth",
                "`#[otp_config(...)]` goes on a struct, and this is an enum: write `struct Auth { #[otp(sender)] sender: ConsoleSender }`",
            )],
        ),
        (
            "fn auth() {}",
            &[(
                "auth",
                "`#[otp_config(...)]` goes on a struct, and this is a function: write `struct Auth { #[otp(sender)] sender: ConsoleSender }`",
            )],
        ),
        (
            "union Auth { a: u8 }",
            &[(
                "Auth",
                "`#[otp_config(...)]` goes on a struct, and this is a union: write `struct Auth { #[otp(sender)] sender: ConsoleSender }`",
            )],
        ),
        (
            "struct Auth { #[otp(hooks)] a: A, #[otp(hooks)] b: B }",
            &[("hooks", "only one field can be the `hooks`, and `a` already is: remove one of the two")],
        ),
    ];
    for (item, expected) in mistakes {
        assert_mistake(fine, item, expected);
    }
    assert_mistake(
        r#"user = User, secret_key = env("S"), hooks"#,
        "struct Auth { #[otp(hooks)] a: A }",
        &[("hooks", "the key `hooks` already says that the struct has the hooks: remove the key, or this attribute")],
    );
}
