//! What a login is to, once that is found.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::scope::Scopes;
use crate::signing_algorithm::SigningAlgorithms;
use crate::wire::{ResourceMetadata, ServerMetadata};

/// The resource, and the authorization server that speaks for it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) server: ServerMetadata,
    /// As `resource` names it; byte for byte.
    pub(crate) resource: Box<str>,
    /// The scopes that the resource lists.
    pub(crate) scopes: Option<Scopes>,
    pub(crate) dpop: ResourceDpop,
}

/// What the resource says about keys that tokens are bound to.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct ResourceDpop {
    /// It takes only tokens that are.
    pub(crate) is_required: bool,
    /// What proofs may be signed with there; `None` where it lists none.
    pub(crate) algorithms: Option<SigningAlgorithms>,
}

impl From<&ResourceMetadata> for ResourceDpop {
    fn from(found: &ResourceMetadata) -> Self {
        Self { is_required: found.dpop_required, algorithms: found.dpop_algorithms }
    }
}

impl Target {
    /// A server that the host has named, of a resource that says nothing.
    pub(crate) fn unsaid(server: ServerMetadata, resource: Box<str>) -> Self {
        Self { server, resource, scopes: None, dpop: ResourceDpop::default() }
    }
}
