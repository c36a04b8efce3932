//! The owner's way out: every message has a token, and whoever presents it has read the mailbox and
//! is no stranger to it. It signs nobody in, and only gives its holder a budget.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{DeviceId, Identity};
use crate::clock::Timestamp;
use crate::crypto;
use crate::email::Address;
use crate::keys::{KeyRing, Keys};
use crate::secret::Secret;

/// How long a token is valid: as long as the longest window of a budget. So whenever strangers have
/// used up what a mailbox may receive, one of these very messages has a valid token.
pub(crate) const UNLOCK_LIFETIME: Duration = Duration::from_hours(24);

const MAC_BYTES: usize = 32;

/// The id of the budget, half of the identity of the address, the expiry.
const BODY_BYTES: usize = 16 + 16 + 8;

/// A token for the owner of an address, with a budget of this id.
pub(crate) fn token(keys: &Keys, address: &Address, id: DeviceId, now: Timestamp) -> Secret {
    let expires_at = (now + UNLOCK_LIFETIME).as_millis().to_be_bytes();
    let body = [&id.as_bytes()[..], &half(keys, address), &expires_at].concat();
    let mac = mac(keys, address, &body);
    Secret::new(URL_SAFE_NO_PAD.encode([&body[..], &mac].concat()))
}

/// Whose budget a token opens for an address.
///
/// The tokens of an alias count too, because strangers can use up the budget of a mailbox through
/// any of its aliases. In case that such an alias is in fact the mailbox of somebody else, all of
/// them together have one budget.
pub(crate) fn read(keys: &KeyRing, address: &Address, text: &str, now: Timestamp) -> Option<DeviceId> {
    // Do not decode anything that is longer.
    if text.len() != (BODY_BYTES + MAC_BYTES).div_ceil(3) * 4 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (body, presented) = bytes.split_last_chunk::<MAC_BYTES>()?;
    let (id, rest) = body.split_first_chunk()?;
    let (owner, expires_at) = rest.split_first_chunk::<16>()?;
    let expires_at = Timestamp::from_millis(i64::from_be_bytes(expires_at.try_into().ok()?));
    let keys = keys.iter().find(|keys| crypto::same(presented, &mac(keys, address, body)))?;
    let of_this_address = *owner == half(keys, address);
    (now < expires_at).then_some(if of_this_address { DeviceId(*id) } else { DeviceId::OF_ALIASES })
}

/// Bound to the mailbox. The key covers the rest.
fn mac(keys: &Keys, address: &Address, body: &[u8]) -> [u8; MAC_BYTES] {
    keys.unlock.mac(&[Identity::of_mailbox(keys, address).as_bytes(), body])
}

fn half(keys: &Keys, address: &Address) -> [u8; 16] {
    crypto::first(Identity::of(keys, address).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::LocalPartCase;
    use crate::keys::Ring;
    use crate::testing_config::keys;

    const ID: DeviceId = DeviceId([7; 16]);

    fn ring(secret: u8) -> KeyRing {
        Ring::new(keys(secret), vec![])
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn address(typed: &str) -> Address {
        Address::parse(typed, LocalPartCase::Lower).unwrap()
    }

    fn made(secret: u8, typed: &str) -> String {
        token(&keys(secret), &address(typed), ID, at(1_000)).expose().to_owned()
    }

    #[test]
    fn a_token_opens_its_mailbox_until_its_millisecond() {
        let token = made(9, "ann@x.com");
        let opens = |typed: &str, now| read(&ring(9), &address(typed), &token, now);
        let end = at(1_000) + UNLOCK_LIFETIME;
        assert_eq!(opens("Ann@X.com", at(1_000)), Some(ID));
        assert_eq!(opens("ann@x.com", end + Duration::ZERO), None);
        assert_eq!(opens("ann@x.com", at(end.as_millis() - 1)), Some(ID));
        assert_eq!(opens("bob@x.com", at(1_000)), None);
        assert_eq!(opens("ann@y.com", at(1_000)), None);
    }

    #[test]
    fn the_tokens_of_all_aliases_have_one_budget() {
        for alias in ["ann+1@gmail.com", "a.nn@gmail.com", "ann@googlemail.com"] {
            let token = made(9, alias);
            assert_eq!(read(&ring(9), &address("ann@gmail.com"), &token, at(1_000)), Some(DeviceId::OF_ALIASES));
            assert_eq!(read(&ring(9), &address(alias), &token, at(1_000)), Some(ID));
        }
    }

    #[test]
    fn key_06_a_token_is_read_under_every_secret_in_use() {
        let token = made(9, "ann@x.com");
        let read = |keys: &KeyRing| read(keys, &address("ann@x.com"), &token, at(1_000));
        assert_eq!(read(&Ring::new(keys(8), vec![keys(9)])), Some(ID));
        assert_eq!(read(&ring(8)), None);
    }

    #[test]
    fn nothing_but_a_whole_token_unlocks() {
        let token = made(9, "ann@x.com");
        let refused = |text: &str| assert_eq!(read(&ring(9), &address("ann@x.com"), text, at(1_000)), None, "{text}");
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            refused(&URL_SAFE_NO_PAD.encode(flipped));
        }
        for end in 0..token.len() {
            refused(&token[..end]);
        }
        for odd in [format!("{token}="), format!(" {token}"), format!("{token}A"), "é".repeat(48), "A".repeat(96)] {
            refused(&odd);
        }
    }
}
