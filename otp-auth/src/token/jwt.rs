//! JSON Web Signatures (RFC 7515) with HMAC-SHA-256, and nothing else.
//!
//! No JWT library is behind this. Which provider such a library uses is
//! decided once for a process by the features that all its crates turn on: a
//! dependency of ours would decide for the application.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Refused;
use crate::crypto::MacKey;
use crate::keys::Keys;
use crate::secret::Secret;

/// What a token is for. Each kind has a key and a `typ` of its own (RFC 8725
/// section 3.11 and 3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Access,
    Refresh,
}

impl TokenKind {
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }
}

/// The three parts of a compact token.
pub(super) struct Parts<'a> {
    /// Header and payload with the dot between them: what is signed.
    message: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, Refused> {
        let malformed = Refused("malformed");
        let (message, signature) = token.rsplit_once('.').ok_or(malformed)?;
        let (header, payload) = message.split_once('.').ok_or(malformed)?;
        if payload.contains('.') {
            return Err(malformed);
        }
        Ok(Self { message, header, payload, signature })
    }
}

/// The members of a header that decide anything. Whatever makes a token speak
/// for its own key (RFC 8725 section 3.10), or asks for an extension, is
/// refused by its presence.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    typ: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    kid: std::borrow::Cow<'a, str>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Header<'_> {
    /// `typ` may be written in any case and with its full media type.
    fn has_type(&self, typ: &str) -> bool {
        let own = match self.typ.split_at_checked("application/".len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
            _ => &self.typ,
        };
        own.eq_ignore_ascii_case(typ)
    }
}

/// One key for one kind of token.
pub(super) struct TokenKey {
    kind: TokenKind,
    id: String,
    /// The header of every token this key signs, encoded.
    header: String,
    key: MacKey,
}

impl TokenKey {
    pub(super) fn new(kind: TokenKind, keys: &Keys) -> Self {
        let key = match kind {
            TokenKind::Access => &keys.access,
            TokenKind::Refresh => &keys.refresh,
        };
        let header = format!(r#"{{"typ":"{}","alg":"HS256","kid":"{}"}}"#, kind.typ(), keys.id);
        Self { kind, id: keys.id.clone(), header: URL_SAFE_NO_PAD.encode(header), key: key.clone() }
    }

    /// Whether the header names this key, this kind and our algorithm.
    ///
    /// Tokens of our own making are told by their header as a whole, without
    /// parsing it. Others are read member by member. `None` when the header
    /// names another key.
    pub(super) fn accepts(&self, parts: &Parts<'_>) -> Result<Option<&Self>, Refused> {
        if parts.header == self.header {
            return Ok(Some(self));
        }
        let json = URL_SAFE_NO_PAD.decode(parts.header).map_err(|_| Refused("malformed header"))?;
        let header: Header<'_> = serde_json::from_slice(&json).map_err(|_| Refused("malformed header"))?;
        if header.kid != self.id {
            return Ok(None);
        }
        if header.alg != "HS256" {
            return Err(Refused("wrong algorithm"));
        }
        if !header.has_type(self.kind.typ()) {
            return Err(Refused("wrong type"));
        }
        if ["crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "zip", "cty"]
            .iter()
            .any(|name| header.rest.contains_key(*name))
        {
            return Err(Refused("header not allowed"));
        }
        Ok(Some(self))
    }

    /// Checks the signature, in constant time, and only then decodes the
    /// payload.
    pub(super) fn verify(&self, parts: &Parts<'_>) -> Result<Vec<u8>, Refused> {
        let signature = URL_SAFE_NO_PAD.decode(parts.signature).map_err(|_| Refused("malformed signature"))?;
        if !self.key.verify(parts.message.as_bytes(), &signature) {
            return Err(Refused("wrong signature"));
        }
        URL_SAFE_NO_PAD.decode(parts.payload).map_err(|_| Refused("malformed payload"))
    }

    pub(super) fn sign(&self, payload: &[u8]) -> Secret {
        let mut token = String::with_capacity(self.header.len() + payload.len() * 4 / 3 + 48);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Secret::new(token)
    }

    /// A token with any header, under this key: for tests that forge.
    #[cfg(test)]
    pub(super) fn sign_with_header(&self, header: &str, payload: &str) -> String {
        let (id, key) = (self.id.clone(), self.key.clone());
        let forged = Self { kind: self.kind, id, header: URL_SAFE_NO_PAD.encode(header), key };
        forged.sign(payload.as_bytes()).expose().to_owned()
    }
}
