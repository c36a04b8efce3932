//! JSON Web Signatures (RFC 7515) with HMAC-SHA-256 only.
//!
//! This uses no JWT library. Such libraries choose their cryptography provider per process, by the
//! features of all crates together, so our dependency would choose for the application.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Refused;
use crate::crypto::MacKey;
use crate::keys::Keys;
use crate::secret::Secret;

/// The kind of a token. Each has its own key and `typ` (RFC 8725 section 3.11 and 3.12).
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
    /// Header, dot and payload, which the signature covers.
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

/// The header members that matter. A token that names its own key (RFC 8725 section 3.10) or an
/// extension is rejected.
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
    /// `typ` is case-insensitive and may be the full media type.
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
    /// The encoded header of every token that this key signs.
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
    /// Our own tokens are recognized by their whole header, without parsing it. Others are parsed.
    /// `None` if the header names another key.
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

    /// Verifies the signature in constant time, then decodes the payload.
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

    /// A token with any header, signed with this key, for tests of forgeries.
    #[cfg(test)]
    pub(super) fn sign_with_header(&self, header: &str, payload: &str) -> String {
        let (id, key) = (self.id.clone(), self.key.clone());
        let forged = Self { kind: self.kind, id, header: URL_SAFE_NO_PAD.encode(header), key };
        forged.sign(payload.as_bytes()).expose().to_owned()
    }
}
