//! A place where a document may lie, and what is there.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Unreachable};
use crate::http::{Endpoint, Request, Response};
use crate::json::Defect;
use crate::timeline::Finding;
use crate::url::HttpUrl;
use crate::wire::read_success;

/// Where a document is asked for: a place that was derived, or where that has moved to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) url: HttpUrl,
    #[serde(default)]
    redirects: u8,
}

/// What is there.
pub(crate) enum Found<D> {
    Document(D),
    /// The same document is elsewhere in the origin. It is checked as one from the first place.
    Moved(Place, Finding),
    /// Look elsewhere.
    Nothing(Finding),
    /// Nobody knows what is here. Look elsewhere, but if nothing is there either, it may be here.
    OutOfReach(Unreachable),
}

impl Place {
    pub(crate) fn new(url: HttpUrl) -> Self {
        Self { url, redirects: 0 }
    }

    pub(crate) fn request(&self, endpoint: Endpoint) -> Request {
        Request::get(endpoint, self.url.clone())
    }

    /// What an answer means: a document as `read` takes it, or none.
    pub(crate) fn look<'a, D>(
        &self,
        response: &'a Response,
        endpoint: Endpoint,
        read: impl FnOnce(&'a [u8]) -> Result<D, Defect>,
    ) -> Found<D> {
        let defect = match read_success(response, endpoint, &self.url) {
            Ok(body) => match read(body) {
                Ok(document) => return Found::Document(document),
                Err(defect) => Some(defect),
            },
            Err(Error::Unreachable(unreachable)) => return Found::OutOfReach(unreachable),
            Err(Error::Malformed(malformed)) if malformed.defect == Defect::Redirect => {
                match self.moved(response) {
                    Some(place) => {
                        let to = place.url.without_query().into();
                        return Found::Moved(place, Finding::Moved { to });
                    }
                    None => Some(Defect::Redirect),
                }
            }
            // A 404, a web page, a refusal: the status says it all.
            Err(_) => None,
        };
        Found::Nothing(Finding::NothingHere { defect })
    }

    /// Where a redirect leads, if it may be followed: a GET without credentials, within the origin, and
    /// only a few times.
    fn moved(&self, response: &Response) -> Option<Self> {
        if self.redirects >= MAX_REDIRECTS {
            return None;
        }
        let url = self.url.moved_to(response.header("location").next()?)?;
        Some(Self { url, redirects: self.redirects + 1 })
    }
}

/// What kept places out of reach. Where no document is found anywhere else, this is why: a proxy that has
/// no route, or a server in trouble, is no sign that there is none.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct OutOfReach(Option<Box<Unreachable>>);

impl OutOfReach {
    /// Keeps the one that tells most: first of all one that says when to come back, then one that came
    /// as an answer. Of equals, the place that came first is the likelier one.
    pub(crate) fn note(&mut self, unreachable: Unreachable) {
        let tells = |it: &Unreachable| (it.retry_after.is_some(), it.status.is_some());
        if self.0.as_deref().is_none_or(|kept| tells(kept) < tells(&unreachable)) {
            self.0 = Some(Box::new(unreachable));
        }
    }

    /// Adds what this kept; nothing is left in it.
    pub(crate) fn take_from(&mut self, other: &mut Self) {
        if let Some(unreachable) = other.0.take() {
            self.note(*unreachable);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The error, if anything was out of reach.
    pub(crate) fn into_error(self) -> Option<Error> {
        self.0.map(|unreachable| (*unreachable).into())
    }
}

/// How many redirects are followed to one document.
const MAX_REDIRECTS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::HttpAllowance;

    #[test]
    fn what_tells_most_is_kept() {
        let at = |url: &str, status, pause: Option<u64>| Unreachable {
            endpoint: Endpoint::ServerMetadata,
            url: url.into(),
            status,
            retry_after: pause.map(core::time::Duration::from_secs),
            obstacle: None,
        };
        let silent = || at("silent", None, None);
        let (first, second) = (|| at("first", Some(502), None), || at("second", Some(503), None));
        let pause = || at("pause", Some(429), Some(7));
        for (noted, kept) in [
            (alloc::vec![silent(), first(), second()], "first"),
            (alloc::vec![first(), silent()], "first"),
            (alloc::vec![silent(), first(), pause(), second()], "pause"),
            (alloc::vec![silent()], "silent"),
        ] {
            let mut all = OutOfReach::default();
            noted.into_iter().for_each(|it| all.note(it));
            let mut whole = OutOfReach::default();
            whole.take_from(&mut all);
            assert!(all.is_empty());
            let Some(Error::Unreachable(it)) = whole.into_error() else { panic!("{kept}") };
            assert_eq!(&*it.url, kept);
        }
    }

    /// How many there were is stored, and what is stored may be anything.
    #[test]
    fn redirects_are_counted_whatever_was_stored() {
        let url = HttpUrl::parse("https://a.example/m", HttpAllowance::Forbidden);
        let url = url.unwrap_or_else(|defect| panic!("{defect}"));
        let response = Response::new(308, alloc::vec![]).with_header("location", "/n");
        for (redirects, follows) in [(0, true), (2, true), (3, false), (u8::MAX, false)] {
            let place = Place { url: url.clone(), redirects };
            assert_eq!(place.moved(&response).is_some(), follows, "{redirects}");
        }
    }
}
