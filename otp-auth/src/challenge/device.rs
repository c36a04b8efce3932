//! Known devices: browsers and applications that have signed in to an address before. A known
//! device is not signed in; it only has its own budget.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{DeviceId, Identity};
use crate::clock::Timestamp;
use crate::crypto;
use crate::id::SubjectId;
use crate::keys::{KeyRing, Keys, Ring};
use crate::secret::Secret;

/// How long a device is known after its last sign-in.
pub(crate) const DEVICE_LIFETIME: Duration = Duration::from_hours(180 * 24);

/// How many addresses a device is known for.
const MAX_ADDRESSES: usize = 5;

const ID_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// Bytes of a sign-in: half of the identity, the user, the time.
const SIGN_IN_BYTES: usize = 16 + 16 + 8;

/// A sign-in of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceSignIn {
    /// The first half of the identity. The token's MAC covers it, so nobody can search for a
    /// collision.
    identity: [u8; 16],
    /// The user's devices, as the blacklist names them.
    pub(crate) subject: SubjectId,
    pub(crate) at: Timestamp,
}

impl DeviceSignIn {
    fn is_over(&self, now: Timestamp) -> bool {
        self.at + DEVICE_LIFETIME <= now
    }

    fn is_to(&self, identities: &Ring<Identity>) -> bool {
        identities.iter().any(|identity| self.identity == half(identity))
    }
}

/// A device, and the addresses that it has signed in to, latest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    sign_ins: Vec<DeviceSignIn>,
}

impl Device {
    /// A device that has not signed in yet.
    pub(crate) const fn new(id: DeviceId) -> Self {
        Self { id, sign_ins: Vec::new() }
    }

    /// Parses a token signed with one of the keys.
    pub(crate) fn read(keys: &KeyRing, text: &str) -> Option<Self> {
        // Do not decode anything longer than a token can be.
        if text.len() > (ID_BYTES + MAX_ADDRESSES * SIGN_IN_BYTES + MAC_BYTES).div_ceil(3) * 4 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
        let (id, rest) = body.split_first_chunk::<ID_BYTES>()?;
        let (sign_ins, []) = rest.as_chunks::<SIGN_IN_BYTES>() else { return None };
        let is_ours = keys.iter().any(|keys| crypto::same(mac, &keys.device.mac(&[body])));
        let sign_ins = sign_ins.iter().map(parse).collect::<Option<Vec<_>>>()?;
        (is_ours && (1..=MAX_ADDRESSES).contains(&sign_ins.len())).then_some(Self { id: DeviceId(*id), sign_ins })
    }

    /// The sign-in to an address, given its identity under each key.
    pub(crate) fn sign_in_to(&self, identities: &Ring<Identity>, now: Timestamp) -> Option<DeviceSignIn> {
        self.sign_ins.iter().find(|sign_in| sign_in.is_to(identities) && !sign_in.is_over(now)).copied()
    }

    /// Whether it has signed in as this user.
    pub(crate) fn has_been(&self, subject: SubjectId) -> bool {
        self.sign_ins.iter().any(|sign_in| sign_in.subject == subject)
    }

    /// Its latest sign-in to any address.
    pub(crate) fn last_sign_in(&self) -> Option<Timestamp> {
        self.sign_ins.iter().map(|sign_in| sign_in.at).max()
    }

    /// The device after a sign-in to an address.
    pub(crate) fn signed_in(mut self, identities: &Ring<Identity>, subject: SubjectId, at: Timestamp) -> Self {
        self.sign_ins.retain(|sign_in| !sign_in.is_to(identities) && !sign_in.is_over(at));
        self.sign_ins.insert(0, DeviceSignIn { identity: half(identities.current()), subject, at });
        self.sign_ins.truncate(MAX_ADDRESSES);
        self
    }

    pub(crate) fn to_token(&self, keys: &Keys) -> Secret {
        let mut bytes = self.id.0.to_vec();
        for sign_in in &self.sign_ins {
            bytes.extend(sign_in.identity);
            bytes.extend(sign_in.subject.as_bytes());
            bytes.extend(sign_in.at.as_millis().to_be_bytes());
        }
        let mac = keys.device.mac(&[&bytes]);
        bytes.extend(mac);
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn half(identity: &Identity) -> [u8; 16] {
    crypto::first(identity.as_bytes())
}

fn parse(bytes: &[u8; SIGN_IN_BYTES]) -> Option<DeviceSignIn> {
    let (identity, rest) = bytes.split_first_chunk()?;
    let (subject, at) = rest.split_first_chunk()?;
    Some(DeviceSignIn {
        identity: *identity,
        subject: SubjectId::from_bytes(*subject),
        at: Timestamp::from_millis(i64::from_be_bytes(*at.first_chunk()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing_config::keys;

    fn ring(secret: u8) -> KeyRing {
        Ring::new(keys(secret), vec![])
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn identity(number: u8) -> Ring<Identity> {
        Ring::new(Identity::from_bytes([number; 32]), vec![])
    }

    fn subject(number: u8) -> SubjectId {
        SubjectId::from_bytes([number; 16])
    }

    fn device() -> Device {
        Device::new(DeviceId([7; 16]))
    }

    fn known(device: &Device, now: Timestamp) -> Vec<u8> {
        (0..=u8::MAX).filter(|number| device.sign_in_to(&identity(*number), now).is_some()).collect()
    }

    #[test]
    fn a_device_is_known_to_its_identity_only_and_for_its_time() {
        let keys = ring(9);
        let now = at(1_000);
        let token = device().signed_in(&identity(1), subject(1), now).to_token(keys.current());
        let read = Device::read(&keys, token.expose()).unwrap();
        assert_eq!((read.id, known(&read, now)), (DeviceId([7; 16]), vec![1]));
        let sign_in = read.sign_in_to(&identity(1), now + DEVICE_LIFETIME - Duration::from_millis(1)).unwrap();
        assert_eq!((sign_in.subject, sign_in.at), (subject(1), now));
        assert_eq!(read.sign_in_to(&identity(1), now + DEVICE_LIFETIME), None);
    }

    #[test]
    fn a_device_keeps_the_last_five_addresses_each_once() {
        let keys = ring(9);
        let mut device = device();
        for number in 1..=7 {
            device = device.signed_in(&identity(number), subject(number), at(i64::from(number)));
            // The data must survive a round trip through the client.
            device = Device::read(&keys, device.to_token(keys.current()).expose()).unwrap();
        }
        assert_eq!(known(&device, at(7)), [3, 4, 5, 6, 7]);
        let device = device.signed_in(&identity(3), subject(3), at(8)).signed_in(&identity(8), subject(8), at(9));
        assert_eq!(known(&device, at(9)), [3, 5, 6, 7, 8]);
        assert_eq!(device.sign_in_to(&identity(3), at(9)).unwrap().at, at(8));
        // CK-06
        assert!(device.to_token(keys.current()).expose().len() <= 340);
    }

    #[test]
    fn a_sign_in_drops_expired_addresses() {
        let device = device().signed_in(&identity(1), subject(1), at(0)).signed_in(&identity(2), subject(2), at(1));
        let device = device.signed_in(&identity(3), subject(3), at(0) + DEVICE_LIFETIME);
        assert_eq!(device.sign_ins.len(), 2);
        assert_eq!(known(&device, at(0) + DEVICE_LIFETIME), [2, 3]);
    }

    #[test]
    fn a_sign_in_under_new_keys_replaces_the_one_under_the_old_ones() {
        let (old, new) = (keys(9), keys(8));
        let (under_old, under_new) = (Identity::from_bytes([1; 32]), Identity::from_bytes([2; 32]));
        let token = device().signed_in(&Ring::new(under_old, vec![]), subject(1), at(1)).to_token(&old);
        assert_eq!(Device::read(&Ring::new(new, vec![]), token.expose()), None);
        let both = Ring::new(keys(8), vec![keys(9)]);
        let read = Device::read(&both, token.expose()).unwrap();
        assert!(read.sign_in_to(&Ring::new(under_new, vec![under_old]), at(1)).is_some());
        let read = read.signed_in(&Ring::new(under_new, vec![under_old]), subject(1), at(2));
        assert_eq!((read.sign_ins.len(), read.sign_in_to(&Ring::new(under_old, vec![]), at(2))), (1, None));
        assert!(Device::read(&ring(8), read.to_token(&keys(8)).expose()).is_some());
    }

    #[test]
    fn nothing_but_a_whole_token_is_read() {
        let keys = ring(9);
        let token = device().signed_in(&identity(1), subject(1), at(1)).to_token(keys.current());
        let token = token.expose();
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Device::read(&keys, &URL_SAFE_NO_PAD.encode(flipped)), None, "bit {bit}");
        }
        for end in 0..token.len() {
            assert_eq!(Device::read(&keys, &token[..end]), None, "{end}");
        }
        let sealed = |body: &[u8]| URL_SAFE_NO_PAD.encode([body, &keys.current().device.mac(&[body])].concat());
        for length in [0, 15, 16, 17, 55, 57, 16 + 6 * SIGN_IN_BYTES, 10_000] {
            assert_eq!(Device::read(&keys, &sealed(&vec![1; length])), None, "{length}");
        }
        for odd in [format!("{token}="), format!(" {token}"), format!("{token}A"), "é".repeat(60)] {
            assert_eq!(Device::read(&keys, &odd), None, "{odd}");
        }
    }

    #[test]
    fn each_device_has_a_budget_of_its_own_for_each_address() {
        let keys = keys(9);
        let payers = [(1, 1), (1, 2), (2, 1), (2, 2)]
            .map(|(device, number)| DeviceId([device; 16]).payer(&keys, identity(number).current()));
        for (index, payer) in payers.iter().enumerate() {
            assert!(!payers[..index].contains(payer) && (0..9).all(|number| *payer != *identity(number).current()));
        }
        assert_eq!(payers[0], DeviceId([1; 16]).payer(&keys, identity(1).current()));
    }
}
