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
        let redirects = self.redirects + 1;
        let location = response.header("location").next().filter(|_| redirects <= MAX_REDIRECTS)?;
        Some(Self { url: self.url.moved_to(location)?, redirects })
    }
}

/// How many redirects are followed to one document.
const MAX_REDIRECTS: u8 = 3;
