//! The value of the `Authorization` field from the shared handle, beside the same work done by hand: a
//! lock for reading, the clock, a comparison, and a copy of the value.

use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use oauth_tokio::{BearerAuth, MemoryTokenStorage, OAuth};
use tokio::runtime::Builder;

use crate::heap::Heap;
use crate::measure::{Meter, Work};
use crate::prepared::{builder, logged_in, serve};
use crate::rows::Row;

pub(crate) struct Case {
    name: &'static str,
    work: Work,
    /// A client of this kind that was never asked for the value.
    client: fn() -> OAuth,
}

pub(crate) const CASES: [Case; 2] = [
    Case {
        name: "bearer after a login",
        work: Work { operations: 500_000, machine: |_| machine(after_login), bare },
        client: after_login,
    },
    Case {
        name: "bearer that is fixed",
        work: Work { operations: 500_000, machine: |_| machine(fixed), bare },
        client: fixed,
    },
];

/// What the case with this name does.
pub(crate) fn work(name: &str) -> Option<Work> {
    CASES.iter().find(|case| case.name == name).map(|case| case.work)
}

impl Case {
    pub(crate) fn measure(&self, meter: Meter) -> Vec<Row> {
        let Self { name, work, client } = self;
        let costs = meter.measure(name, *work);
        let efforts = costs.map(|cost| cost.effort.unwrap_or(0));
        let (unit, efforts) = match meter {
            Meter::Instructions => ("instructions", efforts),
            Meter::Time => ("picoseconds, for want of valgrind", efforts),
        };
        let allocations = costs.map(|cost| cost.allocations.unwrap_or(0));
        let client = client();
        let held = Held::new();
        let first = [allocated(|| client.authorization()), allocated(|| held.authorization())];
        vec![
            Row::cost(format!("{name}: {unit}"), efforts, 1.3),
            Row::nothing("… allocations", allocations),
            Row::nothing("… allocations of the first call", first),
        ]
    }
}

/// A client that has a token from a login.
pub(crate) fn after_login() -> OAuth {
    let served = serve();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there are sockets on this machine");
    runtime.block_on(logged_in(&served, &MemoryTokenStorage::new()))
}

/// A client with a token that does not expire, and no login.
fn fixed() -> OAuth {
    let token = BearerAuth::new(TOKEN).expect("it is a token");
    let store = MemoryTokenStorage::new();
    builder(&serve(), &store).bearer(token).build().expect("the settings fit together")
}

fn machine(client: fn() -> OAuth) -> Box<dyn FnMut(usize)> {
    let client = client();
    assert!(client.authorization().is_some());
    Box::new(move |count| {
        for _ in 0..count {
            black_box(black_box(&client).authorization());
        }
    })
}

fn bare(_: usize) -> Box<dyn FnMut(usize)> {
    let held = Held::new();
    assert!(held.authorization().is_some());
    Box::new(move |count| {
        for _ in 0..count {
            black_box(black_box(&held).authorization());
        }
    })
}

/// A value, and until when it is good.
#[derive(Clone)]
pub(crate) struct Held(Arc<RwLock<(HeaderValue, u64)>>);

impl Held {
    pub(crate) fn new() -> Self {
        let value = HeaderValue::from_str(&format!("Bearer {TOKEN}")).expect("it is one");
        Self(Arc::new(RwLock::new((value, now() + 3600))))
    }

    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if now() < held.1 { Some(held.0.clone()) } else { None }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn allocated<T>(call: impl FnOnce() -> T) -> u64 {
    let before = Heap::now();
    drop(black_box(call()));
    Heap::now().allocations - before.allocations
}

const TOKEN: &str = "aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_";
