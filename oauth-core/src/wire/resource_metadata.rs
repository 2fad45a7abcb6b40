//! Metadata of the protected resource: where it lies, and what it says (RFC 9728).
//!
//! Not read: `signed_metadata` (RFC 9728 §2.2 lets a client ignore it).

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::address_policy::AddressPolicy;
use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::http::Endpoint;
use crate::json::{Defect, Gather, MemberNames, Members, OnlyTrue, OtherMembers, Text, read_whole};
use crate::plain::is_plain;
use crate::policy::{Policy, ServerUrl};
use crate::scope::{Scopes, WrittenScopes};
use crate::signing_algorithm::SigningAlgorithms;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::{HttpUrl, UrlDefect, shown};

/// The resource metadata document as it came, unknown members kept (RFC 9728 §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResourceMetadata {
    /// The resource's identifier; byte for byte.
    pub resource: Box<str>,
    /// Issuers of the authorization servers; byte for byte. RFC 9728 lets a server leave them out.
    #[serde(default)]
    pub authorization_servers: Vec<Box<str>>,
    /// Scopes that are used at this resource.
    pub scopes_supported: Option<Vec<Box<str>>>,
    /// Everything else.
    #[serde(flatten)]
    pub other: OtherMembers,
}

impl ProtectedResourceMetadata {
    /// Reads a whole document. What cannot be read counts as left out, but for `resource`.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, Defect> {
        read_whole(body, &["resource"])
    }
}

/// What the machine acts on, for a resource that covers the MCP server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResourceMetadata {
    /// The document's own bytes, to be sent back as `resource` (RFC 8707 §2).
    pub(crate) resource: Box<str>,
    pub(crate) authorization_servers: Vec<Box<str>>,
    pub(crate) scopes: Option<Scopes>,
    /// It takes only tokens that are bound to a key (RFC 9728 §2).
    pub(crate) dpop_required: bool,
    /// What proofs may be signed with there; `None` where it lists none.
    pub(crate) dpop_algorithms: Option<SigningAlgorithms>,
    pub(crate) tolerated: Tolerances,
    pub(crate) misshapen: MemberNames,
}

/// The members that the machine acts on.
pub(crate) struct Document<'a> {
    resource: Text<'a>,
    authorization_servers: Option<Vec<Box<str>>>,
    scopes_supported: Option<WrittenScopes>,
    bearer_methods_supported: Option<HeaderMethod>,
    dpop_bound_access_tokens_required: OnlyTrue,
    dpop_signing_alg_values_supported: Option<SigningAlgorithms>,
    misshapen: MemberNames,
}

/// Whether a list of bearer methods names the header field (RFC 6750 §2.1).
#[derive(Default)]
struct HeaderMethod {
    listed: bool,
    any: bool,
}

impl Gather for HeaderMethod {
    fn gather(&mut self, text: &str) {
        self.any = true;
        self.listed |= text == "header";
    }
}

impl ResourceMetadata {
    /// Reads a document that was found through `candidate`.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if there is no such document here, so that the next place may be tried.
    pub(crate) fn read(body: &[u8]) -> Result<Document<'_>, Defect> {
        let mut members = Members::of(body)?;
        let scopes_supported = members.optional::<WrittenScopes>("scopes_supported");
        if scopes_supported.as_ref().is_some_and(|scopes| !scopes.is_list) {
            members.note("scopes_supported");
        }
        let resource = members.required_text("resource")?;
        // It is sent back as it is, and shown.
        if !is_plain(&resource) {
            return Err(Defect::unusable("resource"));
        }
        let authorization_servers = members.list("authorization_servers");
        // Nobody can go on without them.
        if authorization_servers.is_none() && members.is_misshapen("authorization_servers") {
            return Err(Defect::unusable("authorization_servers"));
        }
        Ok(Document {
            resource,
            authorization_servers,
            scopes_supported,
            bearer_methods_supported: members.list("bearer_methods_supported"),
            dpop_bound_access_tokens_required: members
                .only_true("dpop_bound_access_tokens_required"),
            dpop_signing_alg_values_supported: members.list("dpop_signing_alg_values_supported"),
            misshapen: members.into_misshapen(),
        })
    }

    /// Takes a document if it is about this server, and usable.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::ForeignResource`] if it is about another (RFC 9728 §3.3), or a
    /// [`PeerIncompatible`] that says what is not supported.
    pub(crate) fn check(
        document: Document<'_>,
        candidate: &ResourceCandidate,
        server: &ServerUrl,
        policy: &Policy,
    ) -> Result<Self, Error> {
        let resource: Box<str> = (*document.resource).into();
        let misshapen = document.misshapen;
        let mut tolerated = misshapen.tolerance();
        if !candidate.is_about(&resource, server) {
            let tolerance = Tolerance::PartialResource;
            if !policy.tolerates.contains(tolerance) || !server.is_part_of(&resource) {
                let (expected, found) = (server.shown(), shown(&resource));
                return Err(PeerMisbehaved::ForeignResource { expected, found }.into());
            }
            tolerated.insert(tolerance);
        }
        let no_header =
            document.bearer_methods_supported.is_some_and(|list| list.any && !list.listed);
        if no_header {
            return Err(PeerIncompatible::NoBearerHeader { resource }.into());
        }
        let authorization_servers = document.authorization_servers.unwrap_or_default();
        let (endpoint, tolerates) = (Endpoint::ResourceMetadata, policy.tolerates);
        PeerMisbehaved::check(endpoint, tolerated, &misshapen, tolerates)?;
        let scopes = document.scopes_supported.map(|written| written.scopes);
        let scopes = scopes.filter(|scopes| !scopes.is_empty());
        Ok(Self {
            resource,
            authorization_servers,
            scopes,
            dpop_required: document.dpop_bound_access_tokens_required.0,
            dpop_algorithms: document.dpop_signing_alg_values_supported,
            tolerated,
            misshapen,
        })
    }
}

/// A place where the document may lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ResourceCandidate {
    /// Where the challenge says (RFC 9728 §5.1).
    Challenge(HttpUrl),
    /// The well-known path in front of the server's path and query (RFC 9728 §3.1).
    Path,
    /// The same without the slash at the end of the path: RFC 9728 §3.1 speaks only of a slash right
    /// behind the host, but many servers drop this one too.
    PathWithoutSlash,
    /// The well-known path alone: the document is about the whole origin then.
    Root,
}

impl ResourceCandidate {
    /// Where a challenge says that it lies; some servers say it relative to themselves.
    ///
    /// # Errors
    ///
    /// What it names is no URL that may be used.
    pub(crate) fn challenged(
        url: &str,
        server: &ServerUrl,
        address_policy: AddressPolicy<'_>,
    ) -> Result<Self, UrlDefect> {
        if url.starts_with('/') && !url.starts_with("//") {
            let url = format!("{}{url}", server.url().origin());
            return address_policy.parse(&url).map(Self::Challenge);
        }
        address_policy.parse(url).map(Self::Challenge)
    }

    /// Where to look first if no challenge says where.
    pub(crate) fn first(server: &ServerUrl) -> Self {
        if server.url().path_and_query() == "/" { Self::Root } else { Self::Path }
    }

    /// Where to look when there is nothing here. Challenges may be wrong about the place; a document
    /// that lies where it has to lie anyway is as good, because it has to name the server.
    pub(crate) fn next(&self, server: &ServerUrl) -> Option<Self> {
        match self {
            Self::Challenge(_) => Some(Self::first(server)),
            Self::Path if server.url().path() != "/" && server.url().path().ends_with('/') => {
                Some(Self::PathWithoutSlash)
            }
            Self::Path | Self::PathWithoutSlash => Some(Self::Root),
            Self::Root => None,
        }
    }

    /// The URL of this place.
    pub(crate) fn url(&self, server: &ServerUrl) -> HttpUrl {
        let url = server.url();
        let path = match self {
            Self::Challenge(url) => return url.clone(),
            Self::Path if url.path() == "/" => "",
            Self::Path => url.path(),
            Self::PathWithoutSlash => url.path().trim_end_matches('/'),
            Self::Root => return url.with_path(WELL_KNOWN),
        };
        url.with_path(&format!("{WELL_KNOWN}{path}{}", url.query()))
    }

    /// Whether a document from this place has to name `resource` (RFC 9728 §3.3).
    fn is_about(&self, resource: &str, server: &ServerUrl) -> bool {
        let origin = server.url().origin();
        match self {
            Self::Root => resource.strip_suffix('/').unwrap_or(resource) == origin,
            Self::PathWithoutSlash => server.as_str().strip_suffix('/') == Some(resource),
            Self::Challenge(_) | Self::Path => {
                resource == server.as_str() || resource == server.url().as_str()
            }
        }
    }
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests;
