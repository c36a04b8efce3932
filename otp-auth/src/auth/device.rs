//! Known devices: whose budget pays for a code, which device a sign-in belongs to, and how a user's
//! devices are revoked.

use super::error::AuthError;
use super::mailbox::Mailbox;
use super::{DeviceToken, OtpAuth};
use crate::challenge::device::{self, Device};
use crate::challenge::{Challenge, DeviceId, Identity};
use crate::clock::{SKEW, Timestamp};
use crate::config::OtpConfig;
use crate::email::Address;
use crate::id::{SessionId, SubjectId, TokenId};
use crate::store::{BlacklistEntry, BlacklistKind, TokenRef};

impl<C: OtpConfig> OtpAuth<C> {
    /// The device of a token, if it has signed in to this address recently enough and has not been
    /// revoked.
    pub(super) async fn known_device(
        &self,
        mailbox: &Mailbox,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<DeviceId>, AuthError> {
        let device = token.and_then(|token| Device::read(&self.inner.keys, token));
        let Some((device, sign_in)) =
            device.and_then(|device| Some((device.id, device.sign_in_to(&mailbox.identities, now)?)))
        else {
            return Ok(None);
        };
        let ended = self.is_revoked(TokenRef {
            session: SessionId::from_bytes([0; 16]),
            token: TokenId::from_bytes([0; 16]),
            subject: sign_in.subject,
            authenticated_at: sign_in.at,
        });
        Ok((!ended.await?).then_some(device))
    }

    /// Whether this is a device token.
    pub(crate) fn is_device_token(&self, token: &str) -> bool {
        Device::read(&self.inner.keys, token).is_some()
    }

    /// Which of several tokens to use for an address: the one with the latest sign-in to it, or
    /// else the latest sign-in at all.
    pub(crate) fn device_for<'a>(&self, email: &str, tokens: &[&'a str]) -> Option<&'a str> {
        if let [] | [_] = tokens {
            return tokens.first().copied();
        }
        // Whoever needs a valid address reports an invalid one.
        let address = Address::parse(email, self.inner.settings.local_part_case);
        let identities = address.map(|address| self.inner.keys.map(|keys| Identity::of(keys, &address)));
        let now = self.now();
        let rank = |token: &&str| {
            let device = Device::read(&self.inner.keys, token)?;
            let sign_in = identities.as_ref().ok().and_then(|identities| device.sign_in_to(identities, now));
            Some((sign_in.map(|sign_in| sign_in.at), device.last_sign_in()))
        };
        tokens.iter().copied().max_by_key(rank)
    }

    /// The device that signs in: the one that paid for the challenge, else the one of the token,
    /// else a new one. So only what strangers may send can add a device to an address.
    ///
    /// The other addresses in the token carry over only to its own device, so a device is known
    /// only for sign-ins that it made.
    pub(super) fn device_of(&self, token: Option<&str>, challenge: &Challenge) -> Result<Device, AuthError> {
        let present = token.and_then(|token| Device::read(&self.inner.keys, token));
        Ok(match (challenge.device(), present) {
            (Some(paid), Some(present)) if present.id == paid => present,
            (Some(paid), _) => Device::new(paid),
            (None, Some(present)) => present,
            (None, None) => Device::new(DeviceId::random()?),
        })
    }

    /// The token of a device that signed in.
    pub(super) fn device_token(&self, device: Device, mailbox: &Mailbox, user_id: &str, now: Timestamp) -> DeviceToken {
        let subject = SubjectId::devices_of(user_id);
        // A sign-in after all devices were revoked makes the device known at once, as far as this
        // process knows.
        let at = self.inner.following.revoked.since(&subject, now).map_or(now, |ended| ended.max(now));
        let token = device.signed_in(&mailbox.identities, subject, at).to_token(self.inner.keys.current());
        DeviceToken { token, expires_in: device::DEVICE_LIFETIME }
    }

    /// Revokes all devices of a user. The entry lives as long as a device could be known.
    pub(super) async fn end_devices_of(&self, user_id: &str) -> Result<(), AuthError> {
        // The device may have signed in at a process whose clock is ahead.
        let moment = self.now() + SKEW;
        let id = *SubjectId::devices_of(user_id).as_bytes();
        self.blacklist(BlacklistEntry::new(id, BlacklistKind::User, moment, moment + device::DEVICE_LIFETIME)).await
    }
}
