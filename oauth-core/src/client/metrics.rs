//! What the client counts and measures, for a recorder of the host's.

use alloc::string::ToString as _;
use core::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::Endpoint;
use crate::client::event::Event;
use crate::client::storage::StorageError;
use crate::session::Lock;

/// Tells the host's recorder what the [metrics](crate::client#what-is-counted) are about. An exporter shows that beside
/// them; call it once, after the recorder is installed.
pub fn describe_metrics() {
    describe_counter!(REQUESTS, "Requests of logins and refreshes, by endpoint and status");
    describe_histogram!(REQUEST_TIME, Unit::Seconds, "How long such a request took, by endpoint");
    describe_counter!(REFRESHES, "Refreshes, by what came of them");
    describe_counter!(LOGINS, "Logins, by how they ended here");
    describe_counter!(REFUSALS, "Tokens that MCP servers refused, by status");
    describe_counter!(ADOPTIONS, "Tokens found in the store that another process has brought");
    describe_histogram!(LOCK_WAIT, Unit::Seconds, "Waits for a lock, by lock and outcome");
    describe_histogram!(STORE_TIME, Unit::Seconds, "How long a call of the token store took");
    describe_counter!(STORE_ERRORS, "Calls of the token store that failed, by call");
}

pub(super) fn event(event: &Event<'_>) {
    match event {
        Event::Refreshed { .. } => refresh("refreshed"),
        Event::RefreshPostponed { .. } => refresh("postponed"),
        Event::RefreshRefused { .. } => refresh("refused"),
        Event::RefreshFailed { .. } => refresh("failed"),
        Event::LoginFinished { .. } => login("finished"),
        Event::LoginHandedOut => login("handed_out"),
        Event::LoginCancelled => login("cancelled"),
        Event::LoginFailed { .. } => login("failed"),
        Event::TokenRefused { status } => {
            counter!(REFUSALS, "status" => status.to_string()).increment(1);
        }
        Event::Adopted { .. } => counter!(ADOPTIONS).increment(1),
        _ => {}
    }
}

fn refresh(outcome: &'static str) {
    counter!(REFRESHES, "outcome" => outcome).increment(1);
}

fn login(outcome: &'static str) {
    counter!(LOGINS, "outcome" => outcome).increment(1);
}

/// A request was answered with this status, or not at all.
pub(super) fn asked(endpoint: Endpoint, status: Option<u16>, took: Duration) {
    let status = status.map_or_else(|| "none".into(), |status| status.to_string());
    let endpoint = endpoint.name();
    counter!(REQUESTS, "endpoint" => endpoint, "status" => status).increment(1);
    histogram!(REQUEST_TIME, "endpoint" => endpoint).record(took);
}

/// A lock that somebody else held was waited for.
pub(super) fn waited(lock: Lock, is_taken: bool, waited: Duration) {
    let lock = match lock {
        Lock::Refresh => "refresh",
        Lock::Login => "login",
        Lock::Client => "client",
    };
    let outcome = if is_taken { "taken" } else { "timed_out" };
    histogram!(LOCK_WAIT, "lock" => lock, "outcome" => outcome).record(waited);
}

/// A call of the token store is done.
pub(super) fn stored<T>(call: &'static str, outcome: &Result<T, StorageError>, took: Duration) {
    histogram!(STORE_TIME, "call" => call).record(took);
    if let Err(error) = outcome {
        let retryable = if error.is_retryable() { "true" } else { "false" };
        counter!(STORE_ERRORS, "call" => call, "retryable" => retryable).increment(1);
    }
}

const REQUESTS: &str = "mcp_oauth_requests_total";
const REQUEST_TIME: &str = "mcp_oauth_request_seconds";
const REFRESHES: &str = "mcp_oauth_refreshes_total";
const LOGINS: &str = "mcp_oauth_logins_total";
const REFUSALS: &str = "mcp_oauth_refused_tokens_total";
const ADOPTIONS: &str = "mcp_oauth_adopted_tokens_total";
const LOCK_WAIT: &str = "mcp_oauth_lock_wait_seconds";
const STORE_TIME: &str = "mcp_oauth_store_seconds";
const STORE_ERRORS: &str = "mcp_oauth_store_errors_total";
