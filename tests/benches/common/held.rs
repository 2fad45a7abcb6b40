//! The value of the `Authorization` field from a handle that was made by hand: a lock for reading, the clock, a
//! comparison, and a copy of the value.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use http::HeaderValue;

/// A value, and until when it is good.
#[derive(Clone)]
pub(crate) struct Held(Arc<RwLock<(HeaderValue, SystemTime)>>);

impl Held {
    pub(crate) fn new() -> Self {
        let value = HeaderValue::from_str(&format!("Bearer {TOKEN}")).expect("it is one");
        let until = SystemTime::now() + Duration::from_secs(3600);
        Self(Arc::new(RwLock::new((value, until))))
    }

    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if SystemTime::now() < held.1 { Some(held.0.clone()) } else { None }
    }
}

const TOKEN: &str = "aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_aB3_";
