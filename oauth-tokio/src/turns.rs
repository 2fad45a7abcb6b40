//! The order in which a host's addresses are tried, and how often.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A resolver that gives what another finds in the order in which it is worth trying: hyper tries the addresses
/// of a family one after the other, and divides the time for a connection by their number, so that one that
/// swallows connections would hold up the next for half of it.
#[derive(Clone)]
pub(crate) struct InTurn {
    inner: Arc<dyn Resolve>,
    turns: Turns,
}

impl InTurn {
    pub(crate) fn new(inner: impl Resolve + 'static, turns: Turns) -> Self {
        Self { inner: Arc::new(inner), turns }
    }
}

impl Resolve for InTurn {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { inner, turns } = self.clone();
        Box::pin(async move {
            let host = Box::<str>::from(name.as_str());
            let found = inner.resolve(name).await?.collect();
            let ordered = turns.lock().order(host, found, Instant::now());
            Ok(Box::new(ordered.into_iter()) as Addrs)
        })
    }
}

/// What became of connections to hosts with several addresses. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<Hosts>>);

impl Turns {
    /// An answer of this host came from this address.
    pub(crate) fn reached(&self, host: &str, address: IpAddr) {
        self.lock().reached(host, address, Instant::now());
    }

    /// No address of this host took a connection in time.
    pub(crate) fn missed(&self, host: &str) {
        self.lock().missed(host, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Hosts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hosts with several addresses; the one that was asked for last is the last.
#[derive(Default)]
struct Hosts(Vec<Host>);

struct Host {
    name: Box<str>,
    /// What is tried first.
    first: IpAddr,
    /// What was reached although it was not tried first, and how long it is tried first for that.
    reached: Option<(IpAddr, Instant)>,
    /// How long each address gets one long turn, because none was reached in many short ones.
    patient: Option<Instant>,
}

impl Hosts {
    /// The addresses in the order in which they are to be tried: each of a family gets a turn, again and again.
    fn order(&mut self, name: Box<str>, found: Vec<SocketAddr>, now: Instant) -> Vec<SocketAddr> {
        let (mut found, known) = (found, self.take(&name));
        let later = |until: &Instant| now < *until;
        let reached = known.as_ref().and_then(|it| it.reached).filter(|(_, until)| later(until));
        let patient = known.and_then(|it| it.patient).filter(later);
        if let Some((address, _)) = reached {
            // Stable: the others stay as the resolver has them.
            found.sort_by_key(|it| it.ip() != address);
        }
        let [first, _, ..] = *found else { return found };
        self.0.push(Host { name, first: first.ip(), reached, patient });
        // The family that is tried first stays that.
        let (family, other): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|it| it.is_ipv4() == first.is_ipv4());
        let short = patient.is_none();
        let turns = |of: Vec<SocketAddr>| {
            let rounds = if short && of.len() > 1 { (TURNS / of.len()).max(1) } else { 1 };
            of.repeat(rounds)
        };
        [turns(family), turns(other)].concat()
    }

    fn reached(&mut self, name: &str, address: IpAddr, now: Instant) {
        if let Some(host) = self.0.iter_mut().find(|it| *it.name == *name)
            && host.first != address
        {
            host.reached = Some((address, now + REMEMBERED));
        }
    }

    fn missed(&mut self, name: &str, now: Instant) {
        if let Some(host) = self.0.iter_mut().find(|it| *it.name == *name) {
            host.patient = Some(now + REMEMBERED);
        }
    }

    /// Forgets a host that is about to be asked for again, or else one if there are too many.
    fn take(&mut self, name: &str) -> Option<Host> {
        let known = self.0.iter().position(|it| *it.name == *name).map(|at| self.0.remove(at));
        if self.0.len() >= HOSTS {
            self.0.remove(0);
        }
        known
    }
}

/// How many turns there are: with ten seconds for a connection, each is a second. That is when a lost packet
/// would be sent again, and more than connecting takes almost everywhere.
const TURNS: usize = 10;

/// How many hosts are remembered. One with few users talks to its MCP servers and their authorization servers.
const HOSTS: usize = 64;

/// How long it is remembered what was reached and what was not: an outage is over then, or costs another turn.
const REMEMBERED: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(addresses: &[&str]) -> Vec<SocketAddr> {
        let socket = |it: &&str| SocketAddr::new(ip(it), 0);
        addresses.iter().map(socket).collect()
    }

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap_or_else(|e| panic!("{address}: {e}"))
    }

    fn order(hosts: &mut Hosts, found: &[&str], now: Instant) -> Vec<SocketAddr> {
        hosts.order("mcp.example".into(), at(found), now)
    }

    #[test]
    fn several_addresses_of_a_family_get_short_turns_and_one_keeps_all_of_its_time() {
        for (found, turns, rest) in [
            (&[A][..], 1, &[][..]),
            (&[A, B], 5, &[]),
            (&[A, B, C], 3, &[]),
            (&[A, V6], 1, &[V6]),
            (&[A, V6, B], 5, &[V6]),
            (&[V6, A, B], 1, &[A, B, A, B, A, B, A, B, A, B]),
            (&[], 1, &[]),
        ] {
            let is_first_family = |it: &&str| ip(it).is_ipv4() == ip(found[0]).is_ipv4();
            let family: Vec<_> = found.iter().copied().filter(is_first_family).collect();
            let expected = [at(&family.repeat(turns)), at(rest)].concat();
            assert_eq!(order(&mut Hosts::default(), found, Instant::now()), expected, "{found:?}");
        }
        let many: Vec<_> = (0..40).map(|last| SocketAddr::from(([192, 0, 2, last], 0))).collect();
        let now = Instant::now();
        assert_eq!(Hosts::default().order("mcp.example".into(), many.clone(), now), many);
    }

    #[test]
    fn what_swallowed_connections_is_not_tried_first_for_some_minutes() {
        let (mut hosts, now) = (Hosts::default(), Instant::now());
        assert_eq!(order(&mut hosts, &[A, B], now)[0], at(&[A])[0]);
        hosts.reached("mcp.example", ip(B), now);
        assert_eq!(order(&mut hosts, &[A, B], now)[..3], at(&[B, A, B]));
        // That it is reached again does not make it stay.
        let later = now + REMEMBERED / 2;
        hosts.reached("mcp.example", ip(B), later);
        assert_eq!(order(&mut hosts, &[A, B], later)[0], at(&[B])[0]);
        assert_eq!(order(&mut hosts, &[A, B], now + REMEMBERED)[0], at(&[A])[0]);
    }

    #[test]
    fn another_family_that_was_reached_is_tried_first() {
        let (mut hosts, now) = (Hosts::default(), Instant::now());
        order(&mut hosts, &[A, V6], now);
        hosts.reached("mcp.example", ip(V6), now);
        assert_eq!(order(&mut hosts, &[A, V6], now), at(&[V6, A]));
    }

    #[test]
    fn an_address_that_is_no_longer_the_hosts_is_not_tried() {
        let (mut hosts, now) = (Hosts::default(), Instant::now());
        order(&mut hosts, &[A, B], now);
        hosts.reached("mcp.example", ip(C), now);
        assert_eq!(order(&mut hosts, &[A, B], now)[..2], at(&[A, B]));
    }

    #[test]
    fn where_no_short_turn_was_enough_there_are_long_ones() {
        let (mut hosts, now) = (Hosts::default(), Instant::now());
        order(&mut hosts, &[A, B], now);
        hosts.missed("mcp.example", now);
        for _ in 0..2 {
            assert_eq!(order(&mut hosts, &[A, B], now), at(&[A, B]));
        }
        assert_eq!(order(&mut hosts, &[A, B], now + REMEMBERED).len(), TURNS);
    }

    #[test]
    fn a_bounded_number_of_hosts_is_remembered() {
        let (mut hosts, now) = (Hosts::default(), Instant::now());
        for number in 0..2 * HOSTS {
            let name = format!("{number}.example");
            hosts.order(name.clone().into(), at(&[A, B]), now);
            hosts.reached(&name, ip(B), now);
            assert!(hosts.0.len() <= HOSTS);
        }
        let mut first = |name: &str| hosts.order(name.into(), at(&[A, B]), now)[0];
        assert_eq!(first(&format!("{}.example", 2 * HOSTS - 1)), at(&[B])[0]);
        assert_eq!(first("0.example"), at(&[A])[0]);
    }

    const A: &str = "192.0.2.1";
    const B: &str = "192.0.2.2";
    const C: &str = "192.0.2.3";
    const V6: &str = "2001:db8::1";
}
