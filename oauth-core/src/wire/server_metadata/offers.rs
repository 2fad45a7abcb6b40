//! What a server offers beyond what every login needs.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::signing_algorithm::SigningAlgorithms;
use crate::url::HttpUrl;
use crate::wire::grant_types::GrantTypes;

/// What a server offers beyond what every login needs: in a box, as few clients want any of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offers {
    /// What client assertions may be signed with; `None` where the server lists none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signing_algorithms: Option<SigningAlgorithms>,
    /// `None` where the server lists none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grants: Option<GrantTypes>,
    /// What proofs may be signed with (RFC 9449 §5.1); `None` where the server lists none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dpop_algorithms: Option<SigningAlgorithms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pushed_requests: Option<PushedRequests>,
    /// Where codes for other devices are got (RFC 8628 §4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) device_endpoint: Option<HttpUrl>,
}

/// Where requests of logins are pushed to (RFC 9126 §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PushedRequests {
    pub(crate) endpoint: HttpUrl,
    /// Logins that were not pushed are refused.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) required: bool,
}

/// Which offers a client may take, beyond what a server insists on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) dpop: bool,
    pub(crate) pushed_requests: bool,
    pub(crate) device_codes: bool,
}

impl Wanted {
    /// Whatever there is.
    pub(crate) const ALL: Self = Self { dpop: true, pushed_requests: true, device_codes: true };
}

impl Offers {
    /// Nothing takes no room.
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// Those that somebody may take.
    pub(super) fn kept(self, wanted: Wanted) -> Self {
        let Self { dpop_algorithms, pushed_requests, device_endpoint, .. } = self;
        Self {
            dpop_algorithms: dpop_algorithms.filter(|_| wanted.dpop),
            pushed_requests: pushed_requests.filter(|it| wanted.pushed_requests || it.required),
            device_endpoint: device_endpoint.filter(|_| wanted.device_codes),
            ..self
        }
    }
}
