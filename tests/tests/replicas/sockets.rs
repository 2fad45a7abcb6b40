//! Sockets of this machine whose other end is gone.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits until the servers at these ports have read and answered all that those have sent who are dead now: their ends
/// of such connections are closed then. What comes later is of the living.
pub(crate) async fn settle(ports: &BTreeSet<u16>) {
    let begun = Instant::now();
    let first = half_closed(ports);
    while !first.is_disjoint(&half_closed(ports)) {
        assert!(begun.elapsed() < LIMIT, "the servers do not answer what the dead have sent");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Those at these ports that the other side has closed, by both addresses.
fn half_closed(ports: &BTreeSet<u16>) -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let closed = table.lines().skip(1).filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (local, remote, state) = (words[1], words[2], words[3]);
        let port = u16::from_str_radix(local.split_once(':')?.1, 16).ok()?;
        (state == CLOSE_WAIT && ports.contains(&port)).then(|| format!("{local} {remote}"))
    });
    closed.collect()
}

/// Of `/proc/net/tcp`.
const CLOSE_WAIT: &str = "08";

/// Many times what it takes.
const LIMIT: Duration = Duration::from_secs(20);
