//! The token of a known device: proof that this browser has signed in to an
//! identity before. It signs nobody in; it only opens a budget of its own.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Identity;
use crate::clock::Timestamp;
use crate::secret::{self, Keys, Secret};

/// How long a device is remembered after its last sign-in.
pub(crate) const LIFETIME: Duration = Duration::from_hours(180 * 24);

/// Bytes of the moment, then the MAC.
const LENGTH: usize = 8 + 32;

pub(crate) fn issue(keys: &Keys, identity: &Identity, now: Timestamp) -> Secret {
    let moment = now.as_millis().to_be_bytes();
    let mac = keys.device.mac(&[identity.as_bytes(), &moment]);
    Secret::new(URL_SAFE_NO_PAD.encode([&moment[..], &mac].concat()))
}

/// Whether the text was issued to this identity, not too long ago.
pub(crate) fn is_known(keys: &Keys, identity: &Identity, text: &str, now: Timestamp) -> bool {
    if text.len() != LENGTH.div_ceil(3) * 4 - 2 {
        return false;
    }
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else {
        return false;
    };
    let Some((moment, mac)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    let issued_at = Timestamp::from_millis(i64::from_be_bytes(*moment));
    secret::same(mac, &keys.device.mac(&[identity.as_bytes(), moment])) && now < issued_at + LIFETIME
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::MasterSecret;
    use zeroize::Zeroizing;

    #[test]
    fn a_device_is_known_to_its_identity_only_and_for_its_time() {
        let keys =
            MasterSecret::new(Zeroizing::new(vec![9; 32])).derive(&crate::realm::Realm::new("users").unwrap()).unwrap();
        let (mine, yours) = (Identity::from_bytes([1; 32]), Identity::from_bytes([2; 32]));
        let now = Timestamp::from_millis(1_000);
        let token = issue(&keys, &mine, now);
        assert!(is_known(&keys, &mine, token.expose(), now));
        assert!(!is_known(&keys, &yours, token.expose(), now));
        assert!(is_known(&keys, &mine, token.expose(), now + LIFETIME - Duration::from_millis(1)));
        assert!(!is_known(&keys, &mine, token.expose(), now + LIFETIME));
        let mut forged = token.expose().to_owned();
        let last = forged.pop();
        forged.push(if last == Some('A') { 'E' } else { 'A' });
        for text in ["", "AAAA", forged.as_str()] {
            assert!(!is_known(&keys, &mine, text, now), "{text}");
        }
    }
}
