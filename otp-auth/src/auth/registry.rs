//! The configurations in this process. Two for different user types must not share keys.

use std::any::TypeId;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::keys::KeyRing;

/// A configuration in use.
pub(super) struct Registration {
    user: TypeId,
    /// The names of its keys, which are the same for the same secret and realm.
    keys: Vec<String>,
}

static IN_USE: Mutex<Vec<Weak<Registration>>> = Mutex::new(Vec::new());

/// Registers a configuration. `None` if one with another user type has one of the same secrets in
/// the same realm, because each would accept the other's tokens.
pub(super) fn register(user: TypeId, keys: &KeyRing) -> Option<Arc<Registration>> {
    let new = Arc::new(Registration { user, keys: keys.iter().map(|keys| keys.id.clone()).collect() });
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|other| other.strong_count() > 0);
    let clashes = |other: Arc<Registration>| other.user != user && other.keys.iter().any(|key| new.keys.contains(key));
    if in_use.iter().filter_map(Weak::upgrade).any(clashes) {
        return None;
    }
    in_use.push(Arc::downgrade(&new));
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Ring;
    use crate::testing_config::keys;

    #[test]
    fn a_configuration_is_forgotten_when_it_is_dropped() {
        let keys = Ring::new(keys(77), vec![]);
        for user in [TypeId::of::<i32>(), TypeId::of::<i64>()] {
            assert!(register(user, &keys).is_some());
        }
        for _ in 0..1_000 {
            drop(register(TypeId::of::<i32>(), &keys));
        }
        // Other tests have a few.
        assert!(IN_USE.lock().unwrap_or_else(PoisonError::into_inner).len() < 500);
    }
}
