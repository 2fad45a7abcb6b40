//! Why a request has no answer.

use core::net::IpAddr;

use crate::error::{Error, PeerMisbehaved, Silence, Unreachable};
use crate::http::Endpoint;
use crate::url::{HttpUrl, shown};

/// Why a request has no answer.
#[derive(Debug, Clone)]
pub(crate) enum NoAnswer {
    /// None came.
    Unreachable(Silence),
    /// It was not sent: it would have gone to this address.
    Forbidden(IpAddr),
}

impl NoAnswer {
    /// What is to be noted about it.
    pub(crate) fn silence(&self) -> Option<Silence> {
        match self {
            Self::Unreachable(silence) => Some(silence.clone()),
            Self::Forbidden(_) => None,
        }
    }

    /// The error for it.
    pub(crate) fn error(self, endpoint: Endpoint, url: &HttpUrl) -> Error {
        let url = shown(url.as_str());
        match self {
            Self::Unreachable(silence) => {
                let obstacle = silence.obstacle();
                Unreachable { endpoint, url, status: None, retry_after: None, obstacle }.into()
            }
            Self::Forbidden(address) => {
                PeerMisbehaved::PrivateAddress { endpoint, url, address }.into()
            }
        }
    }
}
