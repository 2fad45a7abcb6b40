//! A place where a document may lie, and what is there.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::{Endpoint, Request, Response};
use crate::json::Defect;
use crate::timeline::Finding;
use crate::url::HttpUrl;
use crate::wire::accepted;

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
}

impl Place {
    pub(crate) fn new(url: HttpUrl) -> Self {
        Self { url, redirects: 0 }
    }

    pub(crate) fn request(&self, endpoint: Endpoint) -> Request {
        Request::get(endpoint, self.url.clone())
    }

    /// What an answer means: a document as `read` takes it, or none.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`]: nothing is known about what is there.
    pub(crate) fn look<'a, D>(
        &self,
        response: &'a Response,
        endpoint: Endpoint,
        read: impl FnOnce(&'a [u8]) -> Result<D, Defect>,
    ) -> Result<Found<D>, Error> {
        let defect = match accepted(response, endpoint, &self.url) {
            Ok(body) => match read(body) {
                Ok(document) => return Ok(Found::Document(document)),
                Err(defect) => Some(defect),
            },
            Err(error @ Error::Unreachable(_)) => return Err(error),
            Err(Error::Malformed(malformed)) if malformed.defect == Defect::Redirect => {
                match self.moved(response) {
                    Some(place) => {
                        let to = place.url.without_query().into();
                        return Ok(Found::Moved(place, Finding::Moved { to }));
                    }
                    None => Some(Defect::Redirect),
                }
            }
            // A 404, a web page, a refusal: the status says it all.
            Err(_) => None,
        };
        Ok(Found::Nothing(Finding::NothingHere { defect }))
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

/// How many redirects are followed to one document.
const MAX_REDIRECTS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Plaintext;

    /// How many there were is stored, and what is stored may be anything.
    #[test]
    fn redirects_are_counted_whatever_was_stored() {
        let url = HttpUrl::parse("https://a.example/m", Plaintext::Forbidden);
        let url = url.unwrap_or_else(|defect| panic!("{defect}"));
        let response = Response::new(308, alloc::vec![]).with_header("location", "/n");
        for (redirects, follows) in [(0, true), (2, true), (3, false), (u8::MAX, false)] {
            let place = Place { url: url.clone(), redirects };
            assert_eq!(place.moved(&response).is_some(), follows, "{redirects}");
        }
    }
}
