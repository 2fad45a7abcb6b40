//! What is seen while a login goes on: on standard error, and moving only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use oauth_tokio::{Event, Plain};

use crate::said::note;

/// One line that says what is waited for, below what has happened.
#[derive(Debug)]
pub(crate) struct Spinner {
    bar: ProgressBar,
    /// Whether something else shows the page that the user has to open, and reads what they type: nothing may move there.
    has_page_elsewhere: bool,
}

impl Spinner {
    pub(crate) fn new(has_page_elsewhere: bool) -> Self {
        let bar = match has_page_elsewhere {
            true => ProgressBar::hidden(),
            false => ProgressBar::new_spinner(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar, has_page_elsewhere }
    }

    /// Shows what a person has to know of it.
    pub(crate) fn show(&self, event: &Event<'_>) {
        self.warns(event);
        match event {
            Event::Opening { .. } | Event::DeviceCode { .. } if self.has_page_elsewhere => {}
            Event::LoginBegun { reason } => self.says(&format!("Logging in: {reason}")),
            Event::Opening { url, .. } => {
                self.says(&format!("If no browser opens, visit:\n\n  {}\n", url.as_str()));
            }
            Event::DeviceCode { page, .. } => self.says(&format!("To log in, {page}.")),
            Event::NoBrowser { .. } => {
                self.says(
                    "No browser could be opened here. Visit that page yourself, or try `login --paste`.",
                );
            }
            Event::LoginElsewhere => self.waits("another program is at its login page"),
            Event::PortBusy { port } => self.waits(&format!("another login has port {port}")),
            Event::Waiting(waiting) => {
                let left = waiting.left.as_secs();
                self.waits(&format!("waiting for you, {}:{:02} left", left / 60, left % 60));
            }
            Event::Redirected => self.waits("you are back: asking for tokens"),
            Event::DamagedRecord { kept } => {
                self.says(&format!("A login could not be read; it is kept as {kept}"));
            }
            _ => {}
        }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Says what to think about before one consents.
    fn warns(&self, event: &Event<'_>) {
        let (Event::Opening { moved_from, .. } | Event::DeviceCode { moved_from, .. }) = event
        else {
            return;
        };
        if let Some(before) = moved_from {
            let before = Plain(before.as_str());
            self.says(&format!("Another server than before will ask you: it was {before}."));
        }
        if let Event::Opening { unconfirmed_issuer: Some(issuer), .. } = event {
            let issuer = Plain(issuer.as_str());
            self.says(&format!(
                "{issuer} will get the client's secret, and only the MCP server says that it should: \
                 `--set client_issuer={issuer}`, if that is right."
            ));
        }
    }

    /// A line that stays, as it is: it may be copied.
    fn says(&self, text: &str) {
        self.bar.suspend(|| note(text));
    }

    fn waits(&self, text: &str) {
        self.bar.enable_steady_tick(TICK);
        self.bar.set_message(text.to_owned());
    }
}

const TICK: Duration = Duration::from_millis(120);
