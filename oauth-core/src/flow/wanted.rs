//! What an assertion is wanted for.

use crate::flow::binding::Binding;
use crate::flow::grant_kind::GrantKind;

/// What an assertion is for: what a host tells whoever makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WantedAssertion<'a> {
    /// With [`GrantKind::WorkloadIdentity`] a JWT about this workload; with [`GrantKind::EnterpriseManaged`] what the
    /// identity provider has given for its user.
    pub kind: GrantKind,
    /// The issuer of the authorization server: the audience of a workload's JWT.
    pub audience: &'a str,
    /// Its token endpoint, which some servers want as the audience.
    pub token_endpoint: &'a str,
    /// The MCP server.
    pub resource: &'a str,
    /// Whose token it will be, where one client serves several: the profile. Empty where who drives the machine does not
    /// say.
    pub profile: &'a str,
}

impl<'a> WantedAssertion<'a> {
    pub(crate) fn of(binding: &'a Binding) -> Self {
        Self {
            kind: binding.grant,
            audience: binding.server.issuer.as_str(),
            token_endpoint: binding.server.token_endpoint.as_str(),
            resource: &binding.resource,
            profile: "",
        }
    }
}
