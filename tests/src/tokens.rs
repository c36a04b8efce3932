//! Taking tokens apart, and forging them without the key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The three parts of a compact token.
pub fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("a token has three parts")
}

/// Encodes bytes as tokens do.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The header of a token.
pub fn header(token: &str) -> Value {
    json(parts(token)[0])
}

/// The payload of a token, unverified.
pub fn payload(token: &str) -> Value {
    json(parts(token)[1])
}

fn json(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// Forgeries of a valid token. Each must be rejected everywhere.
pub fn forgeries(token: &str) -> Vec<(String, String)> {
    let [head, body, signature] = parts(token);
    let mut forged = Vec::new();
    let mut add = |name: &str, token: String| forged.push((name.to_owned(), token));
    for alg in ["none", "None", "nOnE", "HS384", "HS512", "RS256"] {
        let mut other = header(token);
        other["alg"] = alg.into();
        let head = encode(other.to_string());
        add(&format!("alg {alg}, no signature"), format!("{head}.{body}."));
        add(&format!("alg {alg}, old signature"), format!("{head}.{body}.{signature}"));
    }
    let mut claims = payload(token);
    claims["sub"] = "2".into();
    add("another subject", format!("{head}.{}.{signature}", encode(claims.to_string())));
    for (name, value) in [("exp", Value::from(99_999_999_999_i64)), ("exp", "1".into()), ("exp", Value::Null)] {
        let mut claims = payload(token);
        claims[name] = value;
        add("another expiry", format!("{head}.{}.{signature}", encode(claims.to_string())));
    }
    let mut typed = header(token);
    typed["typ"] = "JWT".into();
    add("another type", format!("{}.{body}.{signature}", encode(typed.to_string())));
    let mut key = header(token);
    key["kid"] = "../../dev/null' OR 1=1 --".into();
    add("another key", format!("{}.{body}.{signature}", encode(key.to_string())));
    add("no signature", format!("{head}.{body}."));
    add("no last part", format!("{head}.{body}"));
    add("four parts", format!("{token}.{signature}"));
    add("padded", format!("{token}=="));
    add("cut short", token[..token.len() - 1].to_owned());
    add("cut in half", token[..token.len() / 2].to_owned());
    add("doubled", format!("{token}{token}"));
    let mut flipped = token.to_owned();
    let at = head.len() + 3;
    let other = if &flipped[at..=at] == "A" { "B" } else { "A" };
    flipped.replace_range(at..=at, other);
    add("one character changed", flipped);
    add("not a token", "garbage".to_owned());
    add("dots", "..".to_owned());
    forged
}
