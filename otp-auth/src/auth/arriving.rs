//! What clients are still sending: a limited number is waited for at the same time. Beyond that,
//! the network that has the most gives way, with the one that has been waited for longest: a body
//! usually arrives with its head, so those who hold back theirs keep nobody else out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use crate::network::Network;

/// Everything that is being waited for.
pub(super) struct Arriving {
    most: usize,
    open: Mutex<Open>,
}

/// Arrivals by age. Dropping one tells its client to give way.
type Arrivals = BTreeMap<u64, oneshot::Sender<Infallible>>;

#[derive(Default)]
struct Open {
    next: u64,
    number: usize,
    by_network: HashMap<Network, Arrivals>,
    /// The networks by how many they have, and then by their oldest one.
    ranking: BTreeMap<(usize, Reverse<u64>), Network>,
}

impl Open {
    /// Changes what a network has.
    fn change<T>(&mut self, network: Network, change: impl FnOnce(&mut Arrivals) -> T) -> T {
        let mut arrivals = self.by_network.remove(&network).unwrap_or_default();
        let rank = |arrivals: &Arrivals| Some((arrivals.len(), Reverse(*arrivals.first_key_value()?.0)));
        if let Some(rank) = rank(&arrivals) {
            self.ranking.remove(&rank);
            self.number -= rank.0;
        }
        let result = change(&mut arrivals);
        if let Some(rank) = rank(&arrivals) {
            self.ranking.insert(rank, network);
            self.number += rank.0;
            self.by_network.insert(network, arrivals);
        }
        result
    }
}

/// One of them. Dropping it frees its place.
struct Place<'a> {
    all: &'a Arriving,
    network: Network,
    age: u64,
}

impl Arriving {
    /// At most this many at once.
    pub(super) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// Waits for something from this network. `None` if it has to give way.
    pub(super) async fn wait<T>(&self, network: Network, arrival: impl Future<Output = T>) -> Option<T> {
        let (place, gives_way) = self.enter(network);
        let result = match select(pin!(arrival), gives_way).await {
            Either::Left((arrived, _)) => Some(arrived),
            Either::Right(_) => None,
        };
        drop(place);
        result
    }

    fn enter(&self, network: Network) -> (Place<'_>, oneshot::Receiver<Infallible>) {
        let (sender, gives_way) = oneshot::channel();
        let mut open = self.lock();
        let age = open.next;
        open.next += 1;
        open.change(network, |arrivals| arrivals.insert(age, sender));
        if open.number > self.most
            && let Some((_, largest)) = open.ranking.last_key_value()
        {
            let largest = *largest;
            open.change(largest, Arrivals::pop_first);
        }
        (Place { all: self, network, age }, gives_way)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.all.lock().change(self.network, |arrivals| arrivals.remove(&self.age));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::{pending, ready};
    use std::net::Ipv4Addr;

    use futures_util::FutureExt as _;

    use super::*;

    fn network(number: u32) -> Network {
        Network::of(Some(Ipv4Addr::from_bits(number).into()), 64)
    }

    #[test]
    fn the_one_that_has_been_waited_for_longest_gives_way() {
        let all = Arriving::new(2);
        // In one network as in several.
        for networks in [[1, 1, 1], [1, 2, 3]] {
            let [mut oldest, mut second, mut third] =
                networks.map(|number| Box::pin(all.wait(network(number), pending::<()>())));
            for arrival in [&mut oldest, &mut second, &mut third] {
                assert_eq!(arrival.now_or_never(), None);
            }
            assert_eq!(oldest.now_or_never(), Some(None));
            // One that arrives at once is not kept out.
            assert_eq!(all.wait(network(4), ready(7)).now_or_never(), Some(Some(7)));
            assert_eq!(second.now_or_never(), Some(None));
            assert_eq!(third.as_mut().now_or_never(), None);
        }
        let open = all.lock();
        assert!(open.by_network.is_empty() && open.ranking.is_empty() && open.number == 0);
    }

    #[test]
    fn a_network_with_many_open_bodies_makes_no_other_one_give_way() {
        let all = Arriving::new(8);
        let wait = |number: u32| Box::pin(all.wait(network(number), pending::<()>()));
        let mut first = wait(1);
        assert_eq!(first.as_mut().now_or_never(), None);
        let mut flood = VecDeque::new();
        for _ in 0..100 {
            flood.push_back(wait(2));
            assert_eq!(flood.back_mut().unwrap().as_mut().now_or_never(), None);
            if flood.len() > 7 {
                assert_eq!(flood.pop_front().unwrap().now_or_never(), Some(None));
            }
        }
        assert_eq!(first.as_mut().now_or_never(), None);
    }

    /// Whatever comes and goes, the counts are those of the arrivals.
    #[test]
    fn the_ranking_is_that_of_what_is_open() {
        let all = Arriving::new(20);
        let mut places = Vec::new();
        for step in 0_u32..2_000 {
            places.push(all.enter(network(step * step % 7)));
            if step % 3 == 0 {
                places.remove(step as usize * 31 % places.len());
            }
            places.retain_mut(|(_, gives_way)| gives_way.try_recv() != Err(oneshot::error::TryRecvError::Closed));
            let open = all.lock();
            assert!(open.number == places.len() && open.number <= 20, "{step}");
            assert_eq!(open.by_network.values().map(Arrivals::len).sum::<usize>(), open.number);
            let ranks =
                open.by_network.iter().map(|(network, of)| ((of.len(), Reverse(*of.keys().min().unwrap())), *network));
            assert_eq!(ranks.collect::<BTreeMap<_, _>>(), open.ranking);
        }
    }
}
