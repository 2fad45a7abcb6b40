//! What a login is to, once that is found.

use alloc::boxed::Box;

use crate::scope::Scopes;
use crate::wire::ServerMetadata;

/// The resource, and the authorization server that speaks for it.
pub(crate) struct Target {
    pub(crate) server: ServerMetadata,
    /// As `resource` names it; byte for byte.
    pub(crate) resource: Box<str>,
    /// The scopes that the resource lists.
    pub(crate) scopes: Option<Scopes>,
}
