//! What a server wants to see in the next proof, and which server that is (RFC 9449 §8).

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::http::Response;
use crate::url::HttpUrl;
use crate::wire::DpopNonce;

/// What an authorization server wants to see in the next proof. It says nothing to another one, and goes to none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerNonce {
    origin: Box<str>,
    nonce: DpopNonce,
}

impl ServerNonce {
    /// What the answer of this endpoint says, if it says something.
    pub(crate) fn of(response: &Response, endpoint: &HttpUrl) -> Option<Box<Self>> {
        let nonce = DpopNonce::of(response)?;
        Some(Box::new(Self { origin: endpoint.origin().into(), nonce }))
    }

    /// What goes into the proof for this endpoint.
    pub(crate) fn at(&self, endpoint: &HttpUrl) -> Option<&DpopNonce> {
        (*self.origin == *endpoint.origin()).then_some(&self.nonce)
    }
}
