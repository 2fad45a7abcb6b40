//! Two ways to a page and back in one login: whoever comes back first.
//!
//! ```text
//!  first ── where the user comes back to ─▶ a thread ─┬─ came back ─▶ the other is ended
//!  other ── takes the answer from anywhere ▶ a thread ─┴─ failed ────▶ the other goes on
//! ```

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use oauth_core::client::{AboutToAuthorize, Returned, UserAgentError, Waiting};
use oauth_core::wire::{AuthorizationUrl, DevicePage};

use super::{Prepared, SharedUserAgent, Until, UserAgent, Visit};

/// Two user agents in one login; made by [`UserAgent::or`].
#[derive(Debug, Clone)]
pub struct FirstOf {
    first: SharedUserAgent,
    other: SharedUserAgent,
}

impl FirstOf {
    pub(super) fn new(first: SharedUserAgent, other: SharedUserAgent) -> Self {
        Self { first, other }
    }
}

impl UserAgent for FirstOf {
    fn about_to_authorize(&self, login: &AboutToAuthorize) -> Result<(), UserAgentError> {
        self.first.about_to_authorize(login)?;
        self.other.about_to_authorize(login)
    }

    /// Each shows it, and one that can is enough.
    fn device(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (first, other) = (self.first.device(page), self.other.device(page));
        if other.is_ok() { Ok(()) } else { first }
    }

    fn device_beside(&self, page: &DevicePage) -> Result<(), UserAgentError> {
        let (first, other) = (self.first.device_beside(page), self.other.device_beside(page));
        if other.is_ok() { Ok(()) } else { first }
    }

    fn prepare(&self, registered: Option<&str>) -> Result<Prepared, UserAgentError> {
        let (redirect_uri, first) = self.first.prepare(registered)?.into_parts();
        let Some(first) = first else { return Ok(Prepared::elsewhere(redirect_uri)) };
        let other = self.other.prepare(Some(redirect_uri.as_str()))?.into_parts().1;
        Ok(Prepared::with_page(redirect_uri, move |url, until, waiting| match other {
            Some(other) => race([first, other], url, until, waiting),
            None => first(url, until, waiting),
        }))
    }
}

/// What a visit says.
enum Said {
    Waiting(Waiting),
    Over(usize, Result<Returned, UserAgentError>),
}

/// The first one who comes back; if none does, why the first one of the two did not.
fn race(
    visits: [Box<Visit>; 2],
    url: &AuthorizationUrl,
    until: &Until,
    waiting: &mut dyn FnMut(Waiting),
) -> Result<Returned, UserAgentError> {
    let (says, heard) = channel();
    let each = [Until::new(until.deadline()), Until::new(until.deadline())];
    // However this ends, those who look at it end as well.
    let _ends = each.each_ref().map(Until::end_when_dropped);
    for (number, visit) in visits.into_iter().enumerate() {
        begin(number, visit, url.clone(), each[number].clone(), says.clone())
            .map_err(|error| UserAgentError::Listen { kind: error.kind() })?;
    }
    drop(says);
    let (mut failed, mut is_over) = ([None, None], [false, false]);
    let outcome = loop {
        if let Err(over) = until.check() {
            break Err(over);
        }
        match heard.recv_timeout(BETWEEN_LOOKS.min(until.left())) {
            Ok(Said::Waiting(word)) => waiting(word),
            Ok(Said::Over(number, said)) => {
                is_over[number] = true;
                match said {
                    Ok(returned) => break Ok(returned),
                    // Whoever gives up at the first one gives up the login.
                    Err(UserAgentError::Cancelled) if number == 0 => {
                        break Err(UserAgentError::Cancelled);
                    }
                    Err(error) => failed[number] = Some(error),
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Whoever has said nothing has panicked.
            Err(RecvTimeoutError::Disconnected) => {
                let error = failed.into_iter().flatten().next();
                return Err(error.unwrap_or(UserAgentError::Cancelled));
            }
        }
    };
    each.iter().for_each(Until::end);
    let begun = Instant::now();
    // The next login may want its port.
    let is_open = |is_over: &[bool; 2]| (0..2).any(|it| !is_over[it] && each[it].is_looked_at());
    while is_open(&is_over) && begun.elapsed() < GIVES_BACK {
        match heard.recv_timeout(GIVES_BACK) {
            Ok(Said::Over(number, _)) => is_over[number] = true,
            Ok(Said::Waiting(_)) => {}
            Err(_) => break,
        }
    }
    outcome
}

/// Begins a visit on a thread of its own. Only the first one is heard while it waits: two would contradict each other.
fn begin(
    number: usize,
    visit: Box<Visit>,
    url: AuthorizationUrl,
    until: Until,
    says: Sender<Said>,
) -> io::Result<()> {
    let run = move || {
        let outcome = visit(&url, &until, &mut |word| {
            if number == 0 {
                let _ = says.send(Said::Waiting(word));
            }
        });
        // Whoever has lost shows their page as one that goes on.
        let _ = says.send(Said::Over(number, outcome));
    };
    thread::Builder::new().name("oauth".into()).spawn(run).map(drop)
}

/// How often is looked whether the login is still wanted while nobody comes back.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// How long those who have not come back are given to close what is open.
const GIVES_BACK: Duration = Duration::from_millis(200);
