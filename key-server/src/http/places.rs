use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rate_counters::network;

/// Counts the connections of each client, so that one can't take them all.
pub(super) struct Places {
    max: u32,
    taken: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection of a client.
pub(super) struct Place {
    places: Arc<Places>,
    client: IpAddr,
}

impl Places {
    /// Up to `max` for each.
    pub(super) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default() })
    }

    /// A place for one more, if there is one.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let client = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(client).or_default();
        if *count >= self.max {
            return None;
        }
        *count = count.saturating_add(1);
        drop(taken);
        Some(Place { places: Arc::clone(self), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = taken.get_mut(&self.client) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            taken.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_places_and_gets_them_back() {
        let places = Places::new(2);
        let take = |address: &str| places.take(address.parse().unwrap());
        let (first, second) = (take("2001:db8::1"), take("2001:db8::2"));
        assert!(first.is_some() && second.is_some());
        assert!(take("2001:db8::3").is_none(), "one network");
        let other = take("203.0.113.1");
        assert!(other.is_some());
        drop(first);
        assert!(take("2001:db8::3").is_some());
        drop((second, other));
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
