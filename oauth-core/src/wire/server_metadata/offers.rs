//! What a server offers beyond what every login needs.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::signing_algorithm::SigningAlgorithms;
use crate::wire::server_metadata::ServerMetadata;

/// What a server offers beyond what every login needs: in a box, as few clients want any of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offers {
    /// What proofs may be signed with (RFC 9449 §5.1); `None` where the server lists none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dpop_algorithms: Option<SigningAlgorithms>,
}

impl Offers {
    /// Nothing takes no room.
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// Which offers a client may take.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) dpop: bool,
}

impl ServerMetadata {
    /// What proofs may be signed with (RFC 9449 §5.1). `None` if the server does not say that it knows DPoP.
    #[must_use]
    pub fn dpop_algorithms(&self) -> Option<SigningAlgorithms> {
        self.offers.as_ref()?.dpop_algorithms
    }

    /// Forgets the offers that nobody takes: they would be stored with each grant.
    pub(crate) fn keep(&mut self, wanted: Wanted) {
        let Some(offers) = self.offers.take() else { return };
        let Offers { dpop_algorithms } = *offers;
        let kept = Offers { dpop_algorithms: dpop_algorithms.filter(|_| wanted.dpop) };
        self.offers = kept.boxed();
    }
}
