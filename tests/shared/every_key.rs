//! Every key of `#[otp_config]`, for the tests of the macros and of the runtime.

/// Passes the list to the macro `$then`: each key with a literal, an expression of the same value,
/// which is not the default, and rejected texts. The expressions for secrets have other values. For
/// numbers and durations, everything outside the range in the table is rejected.
macro_rules! every_key {
    ($then:ident) => {
        $then! {
            secret_key: env("OTP_AUTH_TEST_THAT_NOBODY_SETS"), "s".repeat(32), ["", "short", "abcdabcdabcdabcdabcdabcdabcdabcd"];
            previous_secret_keys: ["old", env("OTP_AUTH_TEST_THAT_NOBODY_SETS")], vec![String::from("old")], ["short"];
            realm: "staff", String::from("staff"), ["", " staff", "st\naff"];
            access_token_lifetime: "90s", Duration::from_secs(90), [];
            refresh_token_lifetime: "8d", Duration::from_hours(8 * 24), [];
            refresh_grace: "1500ms", Duration::from_millis(1_500), [];
            otp_length: 8, 4 + 4, [];
            otp_expiry: "1m30s", Duration::from_secs(90), [];
            max_otp_attempts: 4, 2 * 2, [];
            otp_rate_limit: "2m", Duration::from_mins(2), [];
            max_sends_per_hour: 3, 1 + 2, [];
            max_sends_per_day: 8, 2 * 4, [];
            max_sends_per_day_total: 30, 5 * 6, [];
            send_timeout: "5s", Duration::from_secs(5), [];
            request_limit: "30/hour burst 10", "30/hour burst 10".parse().unwrap(), ["0/hour", "60/hour burst 0", "100001/day"];
            verify_limit: "1/second", otp_auth::limit::Rate::per_second(1), ["0/second", "1/minute burst 100001"];
            refresh_limit: "unlimited", otp_auth::limit::Rate::UNLIMITED, ["0/hour", "60/hour burst 0"];
            logout_limit: "5000/day", otp_auth::limit::Rate::per_day(2_500 * 2).burst(5_000), ["0/hour", "60/hour burst 0"];
            strangers_limit: "1000/minute", otp_auth::limit::Rate::per_minute(500 * 2).burst(1_000), ["0/hour", "60/hour burst 0"];
            auto_create_user: false, !true, [];
            cookie_secure: false, !true, [];
            cookie_name: "session", String::from("session"), ["", "a b", "a;b", "\u{fc}", "__Host-otp_device"];
            cookie_path: "/account", format!("/{}", "account"), ["", "auth", "/a;b", "/\u{e4}"];
            previous_cookie_paths: ["/", "/old"], vec![String::from("/"), String::from("/old")], ["", "auth", "/a;b"];
            cookie_domain: "example.com", String::from("example.com"), ["", "localhost", "https://example.com", "a.."];
            cookie_same_site: "strict", otp_auth::config::SameSite::Strict, [];
            forget_device_at_logout: true, !false, [];
            trusted_origins: ["https://a.example"], vec![String::from("https://a.example")], ["", "https://A.example"];
            client_ip: "forwarded", String::from("forwarded"), ["", "x forwarded for"];
            trusted_proxies: ["10.0.0.0/8"], vec![String::from("10.0.0.0/8")], ["", "0.0.0.0/0", "10.0.0.1/8"];
            ipv6_prefix_length: 56, 28 * 2, [];
            issuer: "https://example.com", String::from("https://example.com"), ["", " "];
            audience: "app", String::from("app"), ["", " "];
            local_part_case: preserve, otp_auth::config::LocalPartCase::Preserve, [];
            developer_mode: allow_in_release(true), allow_in_release(!false), [];
            developer_hosts: ["laptop.local"], vec![String::from("laptop.local")], ["", "laptop.local:8000"];
            refresh_token_delivery: "body", "body", [];
        }
    };
}
