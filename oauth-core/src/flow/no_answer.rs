//! Why a request has no answer.

use core::net::IpAddr;

use crate::error::{Error, PeerMisbehaved, Unreachable};
use crate::http::Endpoint;
use crate::url::HttpUrl;

/// Why a request has no answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NoAnswer {
    /// None came.
    Unreachable,
    /// It was not sent: it would have gone to this address.
    Forbidden(IpAddr),
}

impl NoAnswer {
    /// The error for it.
    pub(crate) fn error(self, endpoint: Endpoint, url: &HttpUrl) -> Error {
        let url = url.as_str().into();
        match self {
            Self::Unreachable => {
                Unreachable { endpoint, url, status: None, retry_after: None }.into()
            }
            Self::Forbidden(address) => {
                PeerMisbehaved::PrivateAddress { endpoint, url, address }.into()
            }
        }
    }
}
