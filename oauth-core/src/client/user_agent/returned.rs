//! A user who came back, and who looks at a page until it is known how the login ends.

use alloc::boxed::Box;

use crate::Secret;
use crate::loopback::Outcome;

/// A user who came back from the login page.
///
/// What a user agent promised to show in the end ([`showing`](Self::showing)) is shown once: when the
/// login [ends](Self::end), or when this is dropped, as [`Outcome::GoesOn`].
pub struct Returned {
    query: Secret,
    show: Option<Box<dyn FnOnce(Outcome) + Send>>,
}

impl Returned {
    /// A user who came back with this query, and does not wait for anything.
    #[must_use]
    pub fn new(query: Secret) -> Self {
        Self { query, show: None }
    }

    /// The same, but the user is shown how the login ends. `show` must not wait.
    #[must_use]
    pub fn showing(query: Secret, show: impl FnOnce(Outcome) + Send + 'static) -> Self {
        Self { query, show: Some(Box::new(show)) }
    }

    /// The query of the redirect.
    #[must_use]
    pub fn query(&self) -> &Secret {
        &self.query
    }

    /// Shows how the login ended.
    pub fn end(mut self, outcome: Outcome) {
        self.show(outcome);
    }

    fn show(&mut self, outcome: Outcome) {
        if let Some(show) = self.show.take() {
            show(outcome);
        }
    }
}

impl Drop for Returned {
    fn drop(&mut self) {
        self.show(Outcome::GoesOn);
    }
}

impl core::fmt::Debug for Returned {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Returned").field("query", &self.query).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;
    use std::sync::mpsc;

    use super::*;

    fn shown(end: impl FnOnce(Returned)) -> Vec<Outcome> {
        let (show, shown) = mpsc::channel();
        end(Returned::showing("code=planted".into(), move |outcome| {
            let _ = show.send(outcome);
        }));
        shown.iter().collect()
    }

    #[test]
    fn it_is_shown_once_how_the_login_ends() {
        assert_eq!(shown(|user| user.end(Outcome::Declined)), [Outcome::Declined]);
        assert_eq!(shown(drop), [Outcome::GoesOn]);
        Returned::new("code=planted".into()).end(Outcome::LoggedIn);
    }

    #[test]
    fn debug_shows_no_secret() {
        let user = Returned::new("code=planted".into());
        assert!(!format!("{user:?}").contains("planted"));
    }
}
