//! What is said to `tracing`; the crate's documentation lists the names.
//!
//! Nothing here is secret, nor from a query: URLs are those of the [`Timeline`], and of errors there is the
//! code. A span is entered only while its work is polled, never across a wait.

use tracing::{Instrument as _, debug, info_span, warn};

use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::obstacle::{Unanswered, silence};
use crate::error::Silence;
use crate::session::Key;
use crate::{Endpoint, Entry, ServerUrl, Timeline};

/// A piece of work.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// A token is looked for that is not at hand.
    Access,
    /// A refresh, from its lock to the release.
    Refresh,
    /// A login, from the decision to its end.
    Login,
    /// The end of a login that was handed out.
    Resume,
    /// A logout.
    Logout,
    /// A look ahead at a login.
    Diagnose,
}

/// What happens during a piece of work is said in its span.
#[derive(Debug, Clone)]
pub(super) struct Span(tracing::Span);

impl Span {
    /// Of work for the grant of this key, which is for this server.
    pub(super) fn of(work: Work, server: &ServerUrl, key: &Key) -> Self {
        macro_rules! span {
            ($name:literal) => {{
                let server = server.url().without_query();
                info_span!(target: "oauth", $name, server, profile = &*key.profile)
            }};
        }
        Self(match work {
            Work::Access => span!("oauth.access"),
            Work::Refresh => span!("oauth.refresh"),
            Work::Login => span!("oauth.login"),
            Work::Resume => span!("oauth.resume"),
            Work::Logout => span!("oauth.logout"),
            Work::Diagnose => span!("oauth.diagnose"),
        })
    }

    /// The one that work is done in.
    pub(super) fn current() -> Self {
        Self(tracing::Span::current())
    }

    /// No `async fn`: it would have room for the work twice.
    pub(super) fn around<W: Future>(self, work: W) -> impl Future<Output = W::Output> {
        work.instrument(self.0)
    }

    /// The same for what does not wait.
    pub(super) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.in_scope(work)
    }

    /// Says that the work has failed, if it has, and the last step has not said so.
    pub(super) fn outcome<T, E: core::error::Error>(
        &self,
        outcome: &Result<T, ClientError<E>>,
        timeline: &Timeline,
    ) {
        let Err(error) = outcome else { return };
        let last = timeline.entries().last().and_then(|entry| entry.finding.code());
        let (code, advice) = (error.code(), error.advice());
        // The words of others may quote a URL, or a server.
        let words = match error {
            ClientError::Storage(error) => Some(tracing::field::display(error)),
            _ => None,
        };
        match error {
            _ if last == Some(code) => {}
            ClientError::Authentication(_) => {
                debug!(target: "oauth", parent: &self.0, code, "{advice}");
            }
            _ => warn!(target: "oauth", parent: &self.0, code, error = words, "{advice}"),
        }
    }
}

/// Says the last step, and why no answer came if none did.
pub(super) fn last_step(timeline: &Timeline, unanswered: Option<&Unanswered>) {
    if let Some(entry) = timeline.entries().last() {
        step(entry, unanswered);
    }
}

/// Says all steps.
pub(super) fn steps(timeline: &Timeline) {
    timeline.entries().iter().for_each(|entry| step(entry, None));
}

fn step(entry: &Entry, unanswered: Option<&Unanswered>) {
    let Entry { endpoint, url, status, finding: said, .. } = entry;
    let (endpoint, url, finding) = (endpoint.name(), &**url, said.name());
    match said.code() {
        None => debug!(target: "oauth", endpoint, url, status, finding, "{said}"),
        Some(code) => {
            let error = unanswered.map(|error| silence(error.as_ref()));
            let error = error.as_ref().map(Silence::words);
            warn!(target: "oauth", endpoint, url, status, finding, code, error, "{said}");
        }
    }
}

/// Says what is not in a timeline. Requests of the application are the host's to log.
pub(super) fn event(event: &Event<'_>) {
    match event {
        Event::Opening { url, .. } => {
            let endpoint = Endpoint::Authorization.name();
            let url = url.as_str().split('?').next();
            debug!(target: "oauth", endpoint, url, "the user is sent to a page");
        }
        Event::DeviceCode { page, .. } => {
            let endpoint = Endpoint::DeviceAuthorization.name();
            let url = page.verification_uri.without_query();
            debug!(target: "oauth", endpoint, url, "the user is shown a code for another device");
        }
        Event::PortBusy { port } => {
            debug!(target: "oauth", port, "another login has the port: waiting")
        }
        Event::NoBrowser { .. } => debug!(target: "oauth", "no browser could be opened"),
        Event::LoginElsewhere => debug!(target: "oauth", "another process logs in: waiting"),
        Event::RefreshElsewhere => debug!(target: "oauth", "another process refreshes: waiting"),
        Event::DamagedRecord { kept } => {
            let code = "damaged_record";
            warn!(target: "oauth", code, kept, "a stored record cannot be read");
        }
        Event::ClientNotStored { error } => {
            let (code, error) = ("client_not_stored", tracing::field::display(error));
            warn!(target: "oauth", code, error, "what is known of the client is not stored");
        }
        Event::SaveFailed { error, again_in } => {
            let (code, error) = ("storage", tracing::field::display(error));
            let again_in = again_in.map(|pause| pause.as_millis() as u64);
            warn!(target: "oauth", code, error, again_in, "tokens are not stored yet");
        }
        Event::StoreFailed { error } => {
            let (code, error) = ("storage", tracing::field::display(error));
            warn!(target: "oauth", code, error, "the store fails: a living token is used");
        }
        Event::LoginFailed { code, .. } | Event::RefreshFailed { code } => end(event, Some(code)),
        Event::RefreshPostponed { code } | Event::RefreshRefused { code } => end(event, Some(code)),
        Event::LoginNeeded { reason } | Event::LoginBegun { reason } => {
            debug!(target: "oauth", event = event.name(), reason = reason.name());
        }
        Event::StepUp { .. }
        | Event::LoginFinished { .. }
        | Event::LoginHandedOut
        | Event::LoginCancelled
        | Event::TokenRefused { .. }
        | Event::Refreshed { .. }
        | Event::Adopted { .. }
        | Event::LoggedOut { .. } => end(event, None),
        Event::Answered { .. } | Event::Exchange { .. } | Event::Waiting(_) | Event::Redirected => {
        }
    }
}

/// Says by its name what began or ended. What went wrong is a warning already, of the step or of the work.
fn end(event: &Event<'_>, code: Option<&str>) {
    debug!(target: "oauth", event = event.name(), code);
}
