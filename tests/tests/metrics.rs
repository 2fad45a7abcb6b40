//! What a recorder of the host's counts, by the names that the documentation calls stable.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{Brittle, LIST, call, client, serve};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use oauth_blocking::{Leases as _, Lock, MemoryTokenStorage};
use oauth_core::client::describe_metrics;
use oauth_tests::world::Knobs;

/// What was counted, by name and labels; of a duration, how often it was measured.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<BTreeMap<String, u64>>>);

/// One of them.
struct One {
    counted: Counted,
    name: String,
}

impl Counted {
    fn one(&self, key: &Key) -> Arc<One> {
        let labels: Vec<_> =
            key.labels().map(|it| format!("{}={}", it.key(), it.value())).collect();
        Arc::new(One {
            counted: self.clone(),
            name: format!("{} {}", key.name(), labels.join(",")),
        })
    }

    fn of(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    fn describe(&self, name: KeyName, text: SharedString) {
        assert!(!text.is_empty());
        self.0.lock().unwrap().insert(format!("described {}", name.as_str()), 1);
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(name, text);
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        assert_eq!(unit, Some(Unit::Seconds));
        self.describe(name, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        *self.counted.0.lock().unwrap().entry(self.name.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {
        unreachable!("nothing is set");
    }
}

impl HistogramFn for One {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds), "{seconds} seconds of {}", self.name);
        self.increment(1);
    }
}

/// One test: a program has one recorder.
#[test]
fn logins_refreshes_requests_and_the_store_are_counted() {
    let counted = Counted::default();
    metrics::set_global_recorder(counted.clone()).ok().unwrap();
    describe_metrics();
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let oauth = client(&served, &store);
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert!(oauth.refresh_token().unwrap().is_some());
    for (name, expected) in [
        ("mcp_oauth_logins_total outcome=finished", 1),
        ("mcp_oauth_refreshes_total outcome=refreshed", 1),
        ("mcp_oauth_requests_total endpoint=token,status=200", 2),
        ("mcp_oauth_request_seconds endpoint=token", 2),
        ("mcp_oauth_store_seconds call=reserve", 1),
        ("mcp_oauth_refused_tokens_total status=401", 0),
    ] {
        assert_eq!(counted.of(name), expected, "{name}: {:?}", counted.0.lock().unwrap());
    }
    served.world().revoke_access_tokens();
    assert_eq!(call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!(counted.of("mcp_oauth_refused_tokens_total status=401"), 1);

    let key = common::key(&served);
    let lease = store.try_lock(&key, Lock::Refresh).unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| oauth.refresh_token());
        thread::sleep(Duration::from_millis(100));
        store.release(&key, lease.unwrap());
        assert!(waits.join().unwrap().unwrap().is_some());
    });
    let waits = "mcp_oauth_lock_wait_seconds lock=refresh,outcome=taken";
    assert_eq!(counted.of(waits), 1, "{:?}", counted.0.lock().unwrap());

    let brittle = Brittle::default();
    brittle.no_save.store(true, Ordering::SeqCst);
    assert!(call(&client(&served, &brittle), &served, LIST).is_err());
    let failed = ["true", "false"]
        .map(|it| counted.of(&format!("mcp_oauth_store_errors_total call=save,retryable={it}")));
    assert!(failed.iter().sum::<u64>() > 0, "{:?}", counted.0.lock().unwrap());

    let all = counted.0.lock().unwrap();
    let described = |name: &str| all.contains_key(&format!("described {name}"));
    let named = all.keys().filter_map(|name| name.split_once(' ')).map(|(name, _)| name);
    for name in named.filter(|name| *name != "described") {
        assert!(described(name), "{name} is not described");
    }
    let documented = include_str!("../../oauth-core/src/client/mod.rs");
    let names: Vec<_> = all.keys().filter_map(|name| name.strip_prefix("described ")).collect();
    for name in &names {
        assert!(documented.contains(&format!("| `{name}` |")), "{name} is not documented");
    }
    assert_eq!(documented.matches("| `mcp_oauth_").count(), names.len(), "{names:?}");
}
