//! What is seen while a login goes on: on standard error, and moving only where that is a terminal.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use oauth_tokio::{Event, Plain};

/// One line that says what is waited for, below what has happened.
#[derive(Clone, Debug)]
pub(crate) struct Spinner(Arc<ProgressBar>);

impl Spinner {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self(Arc::new(bar))
    }

    /// Shows what a person has to know of it.
    pub(crate) fn show(&self, event: &Event<'_>) {
        match event {
            Event::LoginBegun { reason } => self.says(&format!("Logging in: {reason}")),
            Event::Opening { url, moved_from, .. } => {
                if let Some(before) = moved_from {
                    let before = Plain(before.as_str());
                    self.says(&format!(
                        "Another server than before will ask you: it was {before}."
                    ));
                }
                self.says(&format!("If no browser opens, visit:\n\n  {}\n", url.as_str()));
            }
            Event::DeviceCode { page, .. } => self.says(&format!("On any device, {page}.")),
            Event::NoBrowser { .. } => {
                self.says(
                    "No browser could be opened here. Visit that page yourself, or try --paste.",
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
        self.0.finish_and_clear();
    }

    /// A line that stays.
    fn says(&self, text: &str) {
        if self.0.is_hidden() {
            eprintln!("{text}");
        } else {
            self.0.println(text);
        }
    }

    fn waits(&self, text: &str) {
        self.0.enable_steady_tick(TICK);
        self.0.set_message(text.to_owned());
    }
}

const TICK: Duration = Duration::from_millis(120);
