//! What clients are still sending: a limited number is waited for at the same time. Beyond that, the
//! one that has been waited for longest gives way: a body usually arrives with its head, so those
//! who hold back theirs keep nobody else out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;

/// Everything that is being waited for.
pub(super) struct Arriving {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// By age. Dropping one tells its client to give way.
    places: BTreeMap<u64, oneshot::Sender<Infallible>>,
}

/// One of them. Dropping it frees its place.
struct Place<'a> {
    all: &'a Arriving,
    number: u64,
}

impl Arriving {
    /// At most this many at once.
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// Waits for this. `None` if it has to give way.
    pub(super) async fn wait<T>(&self, arrival: impl Future<Output = T>) -> Option<T> {
        let (place, gives_way) = self.enter();
        let result = match select(pin!(arrival), gives_way).await {
            Either::Left((arrived, _)) => Some(arrived),
            Either::Right(_) => None,
        };
        drop(place);
        result
    }

    fn enter(&self) -> (Place<'_>, oneshot::Receiver<Infallible>) {
        let (sender, gives_way) = oneshot::channel();
        let mut open = self.lock();
        let number = open.next;
        open.next += 1;
        open.places.insert(number, sender);
        if open.places.len() > self.most {
            open.places.pop_first();
        }
        (Place { all: self, number }, gives_way)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.all.lock().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_one_that_has_been_waited_for_longest_gives_way() {
        let all = Arriving::new(2);
        let [mut oldest, mut second, mut third] = [(); 3].map(|()| Box::pin(all.wait(pending::<()>())));
        for arrival in [&mut oldest, &mut second, &mut third] {
            assert_eq!(arrival.now_or_never(), None);
        }
        assert_eq!(oldest.now_or_never(), Some(None));
        // One that arrives at once is not kept out.
        assert_eq!(all.wait(ready(7)).now_or_never(), Some(Some(7)));
        assert_eq!(second.now_or_never(), Some(None));
        assert_eq!(third.as_mut().now_or_never(), None);
        drop(third);
        assert!(all.lock().places.is_empty());
    }
}
