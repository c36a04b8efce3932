//! The address of a request.

use super::OtpAuth;
use super::error::AuthError;
use crate::challenge::Identity;
use crate::config::OtpConfig;
use crate::email::Address;
use crate::event;
use crate::keys::Ring;

/// An address, and its identity under each key, computed once per request.
pub(super) struct Mailbox {
    pub(super) address: Address,
    pub(super) identities: Ring<Identity>,
}

impl Mailbox {
    /// Under the current key.
    pub(super) const fn identity(&self) -> &Identity {
        self.identities.current()
    }
}

impl<C: OtpConfig> OtpAuth<C> {
    /// The mailbox of an address, as typed or stored.
    pub(super) fn mailbox(&self, typed: &str) -> Result<Mailbox, AuthError> {
        let address = Address::parse(typed, self.inner.settings.local_part_case).map_err(|_| {
            event::invalid_input("email", self.client_ip());
            AuthError::InvalidEmail
        })?;
        let identities = self.inner.keys.map(|keys| Identity::of(keys, &address));
        Ok(Mailbox { address, identities })
    }
}
