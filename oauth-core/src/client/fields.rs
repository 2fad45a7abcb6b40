//! The fields that a request of the application is sent with.

use alloc::boxed::Box;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::BearerAuth;
use crate::flow::Possession;
use crate::session::Authorization;

/// The header fields of one request. Made anew each time it is sent: servers take a proof once.
#[derive(Debug, Clone)]
pub struct Fields {
    pub(super) authorization: HeaderValue,
    pub(super) proof: Option<HeaderValue>,
}

impl Fields {
    /// Puts them into a request, in the place of those that are there.
    pub fn add_to(self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.authorization);
        if let Some(proof) = self.proof {
            headers.insert(DPOP, proof);
        }
    }
}

/// A token that is about to be sent.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) authorization: HeaderValue,
    /// Boxed, because it is rare.
    pub(super) bound: Option<Box<(BearerAuth, Possession)>>,
}

impl Token {
    /// With the value of its field, which may be at hand.
    pub(super) fn new(token: &Authorization<'_>, authorization: HeaderValue) -> Self {
        let bound = token.possession().map(|it| Box::new((token.to_auth(), it.clone())));
        Self { authorization, bound }
    }
}

const DPOP: HeaderName = HeaderName::from_static("dpop");
