//! Why a request has no answer.

use core::net::IpAddr;

use crate::error::{Error, PeerMisbehaved};
use crate::flow::machine::unanswered;
use crate::http::Request;

/// Why a request has no answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoAnswer {
    /// None came.
    Unreachable,
    /// It was not sent: it would have gone to this address.
    Forbidden(IpAddr),
}

impl NoAnswer {
    pub(crate) fn error(self, request: &Request) -> Error {
        let (endpoint, url) = (request.endpoint(), request.url().as_str().into());
        match self {
            Self::Unreachable => unanswered(request),
            Self::Forbidden(address) => {
                PeerMisbehaved::PrivateAddress { endpoint, url, address }.into()
            }
        }
    }
}
