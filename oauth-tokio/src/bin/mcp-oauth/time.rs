//! Time, as people say it.

use std::time::SystemTime;

use oauth_tokio::UnixTime;

/// How long until then, for people.
pub(crate) fn duration(at: UnixTime, now: UnixTime) -> String {
    match at.since(now).as_secs() {
        0 => "it has expired".into(),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86400),
    }
}

pub(crate) fn now() -> UnixTime {
    SystemTime::now().into()
}
