//! What is rejected, claim by claim and byte by byte (requirements JWT-*).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::config::{SecretSource, SettingsBuilder};
use crate::keys::Ring;
use crate::session::Client;
use crate::testing_config::{Plain, PlainUser, keys};

type NoClaims = std::collections::BTreeMap<String, Value>;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn settings(change: impl FnOnce(SettingsBuilder) -> SettingsBuilder) -> Settings {
    let secret = SecretSource::value(crate::crypto::random::<32>().unwrap());
    change(SettingsBuilder::new().secret_key(secret)).build::<Plain>().unwrap().0
}

fn tokens() -> Tokens {
    Tokens::new(&settings(|settings| settings), &Ring::new(keys(1), vec![]))
}

fn strict() -> Tokens {
    Tokens::new(
        &settings(|settings| settings.issuer("https://id.example").audience("api")),
        &Ring::new(keys(1), vec![]),
    )
}

fn session() -> Session {
    Session {
        id: SessionId::from_bytes([3; 16]),
        user_id: "7".to_owned(),
        binding: crate::binding::Binding::from_bytes([3; 16]),
        recovery: None,
        generation: 4,
        created_at: NOW,
        refreshed_at: NOW,
        expires_at: NOW + Duration::from_hours(7 * 24),
        revoked_at: None,
        methods: crate::methods::AuthMethods::OTP,
        client: Client::default(),
    }
}

fn user() -> PlainUser {
    PlainUser { id: 7, email: "ann@x.com".to_owned() }
}

/// A user with a claim of this name.
#[derive(Clone)]
struct Claiming(String);

impl OtpUser for Claiming {
    type Id = i64;
    type Claims = NoClaims;

    fn id(&self) -> &i64 {
        &7
    }

    fn email(&self) -> &'static str {
        "ann@x.com"
    }

    fn claims(&self) -> NoClaims {
        NoClaims::from([(self.0.clone(), json!("8"))])
    }
}

fn minted(tokens: &Tokens) -> String {
    tokens.mint_access(&user(), &session(), NOW).unwrap().token.expose().to_owned()
}

/// The payload of a token, to be modified and signed again.
fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn header() -> Value {
    json!({ "typ": "at+jwt", "alg": "HS256", "kid": keys(1).id })
}

fn sign(header: &Value, payload: &str) -> String {
    TokenKey::new(TokenKind::Access, &keys(1)).sign_with_header(&header.to_string(), payload)
}

fn read(tokens: &Tokens, token: &str) -> Result<AccessClaims<NoClaims>, Refused> {
    tokens.verify_access(token, NOW)
}

fn with_header(change: impl FnOnce(&mut Value)) -> Result<AccessClaims<NoClaims>, Refused> {
    let mut header = header();
    change(&mut header);
    read(&tokens(), &sign(&header, &payload(&minted(&tokens())).to_string()))
}

fn with_claims(tokens: &Tokens, change: impl FnOnce(&mut Value)) -> Result<AccessClaims<NoClaims>, Refused> {
    let mut payload = payload(&minted(tokens));
    change(&mut payload);
    read(tokens, &sign(&header(), &payload.to_string()))
}

#[test]
fn a_token_reads_back() {
    let claims = read(&tokens(), &minted(&tokens())).unwrap().registered;
    assert_eq!((claims.subject.as_str(), claims.session), ("7", session().id));
    assert_eq!((claims.issued_at, claims.expires_at), (NOW.as_secs(), NOW.as_secs() + 3_600));
}

#[test]
fn jwt_22_a_token_has_the_documented_claims_and_no_address() {
    let token = minted(&strict());
    let payload = payload(&token);
    let mut names: Vec<_> = payload.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["amr", "aud", "auth_time", "bnd", "exp", "iat", "iss", "jti", "sid", "sub"]);
    assert!(names.iter().all(|name| otp_auth_rules::text::RESERVED_CLAIMS.contains(name)));
    assert_eq!(payload["amr"], json!(["otp"]));
    assert!(!payload.to_string().contains("ann"));
}

#[test]
fn jwt_01_jwt_02_other_algorithms_are_refused() {
    for alg in ["none", "None", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256"] {
        assert!(with_header(|header| header["alg"] = json!(alg)).is_err(), "{alg}");
    }
    assert!(with_header(|header| drop(header.as_object_mut().unwrap().remove("alg"))).is_err());
    let token = minted(&tokens());
    let (message, _) = token.rsplit_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let unsigned = format!("{none}.{}.", token.split('.').nth(1).unwrap());
    for token in [format!("{message}."), message.to_owned(), unsigned] {
        assert!(read(&tokens(), &token).is_err(), "{token}");
    }
}

#[test]
fn jwt_04_keys_inside_a_token_are_refused() {
    for name in ["jwk", "jku", "x5u", "x5c", "x5t"] {
        assert!(with_header(|header| header[name] = json!("https://evil.example")).is_err(), "{name}");
    }
}

#[test]
fn jwt_05_a_key_id_is_only_compared() {
    let long = "k".repeat(10_000);
    for kid in ["", "other", "' OR 1=1 --", "../../etc/passwd", "*)(uid=*", long.as_str()] {
        assert!(with_header(|header| header["kid"] = json!(kid)).is_err(), "{kid}");
    }
    assert!(with_header(|header| header["kid"] = json!(7)).is_err());
    assert!(with_header(|header| drop(header.as_object_mut().unwrap().remove("kid"))).is_err());
}

#[test]
fn jwt_06_a_critical_extension_is_refused() {
    assert!(with_header(|header| header["crit"] = json!(["x"])).is_err());
    assert!(with_header(|header| header["crit"] = json!([])).is_err());
    assert!(with_header(|header| header["b64"] = json!(false)).is_err());
}

#[test]
fn jwt_07_only_the_one_encoding_is_read() {
    let token = minted(&tokens());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let mut changed = vec![
        format!("{token}="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!("{token}.a.b"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}{{.{signature}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        "..".to_owned(),
        ".".to_owned(),
        String::new(),
        "a".repeat(1_000_000),
    ];
    // The last character of a signature has two unused bits.
    let last = signature.chars().last().unwrap();
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/".chars().filter(|c| *c != last) {
        changed.push(format!("{}{other}", token.strip_suffix(last).unwrap()));
    }
    for token in changed {
        assert!(read(&tokens(), &token).is_err(), "{token}");
    }
}

#[test]
fn jwt_08_a_claim_that_stands_twice_is_refused() {
    let payload = payload(&minted(&tokens())).to_string();
    for twice in [
        r#""sub":"8""#,
        r#""exp":99999999999"#,
        r#""jti":"AAAAAAAAAAAAAAAAAAAAAA""#,
        r#""sid":"AAAAAAAAAAAAAAAAAAAAAA""#,
    ] {
        let doubled = payload.replacen('{', &format!("{{{twice},"), 1);
        assert!(read(&tokens(), &sign(&header(), &doubled)).is_err(), "{twice}");
        let doubled = format!("{},{twice}}}", payload.strip_suffix('}').unwrap());
        assert!(read(&tokens(), &sign(&header(), &doubled)).is_err(), "{twice}");
    }
}

#[test]
fn jwt_09_the_expiry_is_exact() {
    let tokens = tokens();
    let token = minted(&tokens);
    let lifetime = Duration::from_hours(1);
    let at = |now| tokens.verify_access::<NoClaims>(&token, now).is_ok();
    assert!(at(NOW + lifetime - Duration::from_millis(1)));
    assert!(!at(NOW + lifetime));
}

#[test]
fn jwt_09_t30_times_of_the_wrong_type_are_refused() {
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in [
            json!("99999999999"),
            json!(1.5),
            json!(9.0e18),
            json!(null),
            json!(true),
            json!([1]),
            json!({}),
            json!(u64::MAX),
        ] {
            assert!(with_claims(&tokens(), |claims| claims[name] = value.clone()).is_err(), "{name} {value}");
        }
    }
    for huge in ["1e400", "99999999999999999999999999", "-1"] {
        let payload = payload(&minted(&tokens())).to_string();
        let exp = format!(r#""exp":{}"#, NOW.as_secs() + 3_600);
        assert!(payload.contains(&exp));
        assert!(
            read(&tokens(), &sign(&header(), &payload.replace(&exp, &format!(r#""exp":{huge}"#)))).is_err(),
            "{huge}"
        );
    }
}

#[test]
fn jwt_09_jwt_11_jwt_17_the_registered_claims_are_required() {
    for name in ["sub", "exp", "iat", "jti", "sid", "auth_time"] {
        assert!(with_claims(&tokens(), |claims| drop(claims.as_object_mut().unwrap().remove(name))).is_err(), "{name}");
    }
    for name in ["jti", "sid"] {
        for value in [json!(""), json!("short"), json!("AAAAAAAAAAAAAAAAAAAAAA=="), json!(7), json!(null)] {
            assert!(with_claims(&tokens(), |claims| claims[name] = value.clone()).is_err(), "{name} {value}");
        }
    }
    assert!(with_claims(&tokens(), |claims| claims["sub"] = json!(7)).is_err());
}

#[test]
fn jwt_10_jwt_11_a_token_from_the_future_is_refused() {
    for name in ["iat", "nbf"] {
        assert!(with_claims(&tokens(), |claims| claims[name] = json!(NOW.as_secs() + 60)).is_ok());
        assert!(with_claims(&tokens(), |claims| claims[name] = json!(NOW.as_secs() + 61)).is_err());
    }
}

#[test]
fn jwt_12_the_tolerance_for_clocks_is_small() {
    assert!(SKEW <= Duration::from_mins(1));
}

#[test]
fn jwt_13_the_issuer_is_matched_exactly() {
    assert!(with_claims(&strict(), |_| {}).is_ok());
    for issuer in [
        json!("https://id.example/"),
        json!("https://id.exampl"),
        json!("HTTPS://id.example"),
        json!(null),
        json!(["https://id.example"]),
    ] {
        assert!(with_claims(&strict(), |claims| claims["iss"] = issuer.clone()).is_err(), "{issuer}");
    }
    assert!(with_claims(&strict(), |claims| drop(claims.as_object_mut().unwrap().remove("iss"))).is_err());
}

#[test]
fn jwt_14_the_audience_is_checked_when_set() {
    assert!(with_claims(&strict(), |claims| claims["aud"] = json!(["other", "api"])).is_ok());
    for audience in [json!("other"), json!(["other"]), json!([]), json!("API"), json!(null), json!(7)] {
        assert!(with_claims(&strict(), |claims| claims["aud"] = audience.clone()).is_err(), "{audience}");
    }
    assert!(with_claims(&strict(), |claims| drop(claims.as_object_mut().unwrap().remove("aud"))).is_err());
}

#[test]
fn jwt_15_the_type_is_required_in_any_case_and_form() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(with_header(|header| header["typ"] = json!(typ)).is_ok(), "{typ}");
    }
    for typ in ["JWT", "rt+jwt", "", "at+jwt ", "text/at+jwt", "application/application/at+jwt", "application+at+jwt"] {
        assert!(with_header(|header| header["typ"] = json!(typ)).is_err(), "{typ}");
    }
    assert!(with_header(|header| drop(header.as_object_mut().unwrap().remove("typ"))).is_err());
}

#[test]
fn jwt_16_access_and_refresh_tokens_do_not_stand_in_for_each_other() {
    let tokens = tokens();
    let refresh = tokens.mint_refresh(&session()).unwrap();
    assert!(read(&tokens, refresh.expose()).is_err());
    assert!(tokens.verify_refresh(&minted(&tokens), NOW).is_err());
    // Not even with the header of the other kind, because the keys differ.
    let relabelled = TokenKey::new(TokenKind::Refresh, &keys(1))
        .sign_with_header(&header().to_string(), &payload(&minted(&tokens)).to_string());
    assert!(read(&tokens, &relabelled).is_err());
}

#[test]
fn jwt_17_every_token_has_an_id_of_its_own() {
    let tokens = tokens();
    let ids: std::collections::HashSet<_> =
        (0..100_000).map(|_| read(&tokens, &minted(&tokens)).unwrap().registered.token).collect();
    assert_eq!(ids.len(), 100_000);
}

#[test]
fn jwt_25_any_flipped_bit_is_refused() {
    let tokens = tokens();
    for token in [minted(&tokens), tokens.mint_refresh(&session()).unwrap().expose().to_owned()] {
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(read(&tokens, &changed).is_err(), "{at} {bit}");
                assert!(tokens.verify_refresh(&changed, NOW).is_err(), "{at} {bit}");
            }
        }
    }
}

#[test]
fn key_06_a_previous_secret_verifies_and_does_not_sign() {
    let settings = settings(|settings| settings);
    let old = Tokens::new(&settings, &Ring::new(keys(1), vec![]));
    let rotated = Tokens::new(&settings, &Ring::new(keys(2), vec![keys(1)]));
    let replaced = Tokens::new(&settings, &Ring::new(keys(2), vec![]));
    assert!(read(&rotated, &minted(&old)).is_ok());
    assert!(read(&replaced, &minted(&old)).is_err());
    assert!(read(&old, &minted(&rotated)).is_err());
    assert!(read(&replaced, &minted(&rotated)).is_ok());
    let refresh = old.mint_refresh(&session()).unwrap();
    assert!(rotated.verify_refresh(refresh.expose(), NOW).is_ok());
    assert!(replaced.verify_refresh(refresh.expose(), NOW).is_err());
}

#[test]
fn the_refresh_token_of_a_generation_is_always_the_same() {
    let tokens = tokens();
    let first = tokens.mint_refresh(&session()).unwrap();
    assert_eq!(first, tokens.mint_refresh(&session()).unwrap());
    assert_ne!(first, tokens.mint_refresh(&Session { generation: 5, ..session() }).unwrap());
    let token = tokens.verify_refresh(first.expose(), NOW).unwrap();
    assert_eq!(token, RefreshToken { session: session().id, generation: 4 });
}

#[test]
fn rt_07_a_refresh_token_ends_with_its_session() {
    let tokens = tokens();
    let token = tokens.mint_refresh(&session()).unwrap();
    assert!(tokens.verify_refresh(token.expose(), session().expires_at - Duration::from_millis(1)).is_ok());
    assert!(tokens.verify_refresh(token.expose(), session().expires_at).is_err());
}

#[test]
fn an_access_token_does_not_outlive_its_session() {
    let tokens = tokens();
    let late = session().expires_at - Duration::from_secs(90);
    let minted = tokens.mint_access(&user(), &session(), late).unwrap();
    assert_eq!(minted.expires_in, Duration::from_secs(90));
}

/// JWT-20: colliding claims of the application are detected when minting, and never accepted.
#[test]
fn jwt_20_a_custom_claim_cannot_replace_a_registered_one() {
    let with_claim = |tokens: Tokens, name: &str| tokens.mint_access(&Claiming(name.to_owned()), &session(), NOW);
    for name in ["sub", "exp", "iat", "jti", "sid", "auth_time", "amr"] {
        assert!(matches!(with_claim(tokens(), name), Err(MintError::Claims(_))), "{name}");
    }
    for name in ["iss", "aud"] {
        assert!(matches!(with_claim(strict(), name), Err(MintError::Claims(_))), "{name}");
    }
    assert!(with_claim(tokens(), "role").is_ok());
}

#[test]
fn the_longest_token_is_minted_and_read_and_a_longer_one_is_neither() {
    let mint = |name: usize| tokens().mint_access(&Claiming("x".repeat(name)), &session(), NOW);
    let length = |name| match mint(name) {
        Ok(minted) => minted.token.expose().len(),
        Err(MintError::TooLong { bytes }) => bytes,
        Err(error) => panic!("{error}"),
    };
    let of_length = |bytes: usize| {
        // Three bytes are four characters of the token.
        let least = (bytes - length(0)) * 3 / 4;
        mint((least..least + 3).find(|name| length(*name) == bytes).unwrap())
    };
    for (bytes, is_long) in [(LARGE_TOKEN_BYTES, false), (LARGE_TOKEN_BYTES + 1, true), (MAX_TOKEN_BYTES, true)] {
        let minted = of_length(bytes).unwrap();
        assert_eq!(minted.is_long, is_long, "{bytes}");
        assert!(read(&tokens(), minted.token.expose()).is_ok(), "{bytes}");
    }
    assert!(matches!(of_length(MAX_TOKEN_BYTES + 1), Err(MintError::TooLong { .. })));
    let longer = with_claims(&tokens(), |claims| claims["x"] = json!("x".repeat(MAX_TOKEN_BYTES)));
    assert_eq!(longer.err(), Some(Refused("too long")));
}

#[test]
fn the_keys_of_tokens_are_not_printed() {
    assert_eq!(format!("{:?}", tokens()), "Tokens([redacted])");
}

#[test]
fn custom_claims_of_every_shape_are_read_in_one_pass() {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        role: String,
    }
    #[derive(Serialize, Deserialize)]
    struct Unit;
    #[derive(Serialize, Deserialize)]
    struct Empty {}
    #[derive(Serialize, Deserialize)]
    struct Optional {
        role: Option<String>,
        missing: Option<String>,
    }

    let mut payload = payload(&minted(&tokens()));
    payload["role"] = json!("admin");
    let token = sign(&header(), &payload.to_string());
    let tokens = tokens();
    assert_eq!(tokens.verify_access::<Strict>(&token, NOW).unwrap().custom.role, "admin");
    assert!(tokens.verify_access::<Empty>(&token, NOW).is_ok());
    assert!(tokens.verify_access::<serde::de::IgnoredAny>(&token, NOW).is_ok());
    let optional = tokens.verify_access::<Optional>(&token, NOW).unwrap().custom;
    assert_eq!((optional.role.as_deref(), optional.missing), (Some("admin"), None));
    // A type that reads no map cannot be claims. It is rejected.
    assert!(tokens.verify_access::<Unit>(&token, NOW).is_err());
    assert!(tokens.verify_access::<String>(&token, NOW).is_err());
}

#[test]
fn log_06_claims_that_do_not_fit_are_not_printed() {
    let source = serde_json::from_str::<u8>("\"ann@x.com\"").unwrap_err();
    assert!(source.to_string().contains("ann@x.com"));
    let error = MintError::from(ClaimsError::from(source));
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let printed = causes.fold(format!("{error:?} {error:#?}"), |printed, cause| format!("{printed} {cause}"));
    assert!(printed.contains("Data") && !printed.contains("ann"), "{printed}");
}
