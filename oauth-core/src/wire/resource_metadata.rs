//! Metadata of the protected resource: where it lies, and what it says (RFC 9728).
//!
//! Not read: `signed_metadata` (RFC 9728 §2.2 lets a client ignore it).

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible, PeerMisbehaved};
use crate::http::Endpoint;
use crate::json::{self, Defect, List, OnlyTrue, OtherMembers, Text};
use crate::policy::{Policy, ServerUrl};
use crate::scope::Scopes;
use crate::url::{HttpUrl, Plaintext, UrlDefect};

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
    /// Reads a whole document.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, Defect> {
        json::read(body)
    }
}

/// What the machine acts on, for a resource that covers the MCP server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResourceMetadata {
    /// The document's own bytes, to be sent back as `resource` (RFC 8707 §2).
    pub(crate) resource: Box<str>,
    /// At least one.
    pub(crate) authorization_servers: Vec<Box<str>>,
    pub(crate) scopes: Option<Scopes>,
}

#[derive(Deserialize)]
pub(crate) struct Document<'a> {
    #[serde(borrow)]
    resource: Option<Text<'a>>,
    authorization_servers: Option<List<Vec<Box<str>>>>,
    scopes_supported: Option<List<Scopes>>,
    bearer_methods_supported: Option<List<HeaderMethod>>,
    #[serde(default)]
    dpop_bound_access_tokens_required: OnlyTrue,
}

/// Whether a list of bearer methods names the header field (RFC 6750 §2.1).
#[derive(Default)]
struct HeaderMethod {
    listed: bool,
    any: bool,
}

impl json::Gather for HeaderMethod {
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
        let document: Document<'_> = json::read(body)?;
        if document
            .resource
            .as_ref()
            .is_none_or(|text| text.is_empty())
        {
            return Err(Defect::missing("resource"));
        }
        Ok(document)
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
        let resource: Box<str> = document.resource.as_deref().unwrap_or_default().into();
        if !candidate.is_about(&resource, server, policy) {
            let expected = server.as_str().into();
            return Err(PeerMisbehaved::ForeignResource {
                expected,
                found: resource,
            }
            .into());
        }
        let no_header = document
            .bearer_methods_supported
            .is_some_and(|list| list.0.any && !list.0.listed);
        if no_header || document.dpop_bound_access_tokens_required.0 {
            return Err(PeerIncompatible::NoBearerHeader { resource }.into());
        }
        let authorization_servers = document
            .authorization_servers
            .map(|list| list.0)
            .unwrap_or_default();
        if authorization_servers.is_empty() {
            return Err(PeerIncompatible::NoAuthorizationServer { resource }.into());
        }
        let scopes = document
            .scopes_supported
            .map(|list| list.0)
            .filter(|scopes| !scopes.as_str().is_empty());
        Ok(Self {
            resource,
            authorization_servers,
            scopes,
        })
    }
}

/// A place where the document may lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ResourceCandidate {
    /// Where the challenge says (RFC 9728 §5.1). There is no other candidate then.
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
    /// Where to look first.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::UnsafeUrl`] if the challenge names a URL that must not be used.
    pub(crate) fn first(
        challenge: Option<&str>,
        server: &ServerUrl,
    ) -> Result<Self, PeerMisbehaved> {
        match challenge {
            Some(url) => match resolve(url, server) {
                Ok(url) => Ok(Self::Challenge(url)),
                Err(defect) => Err(PeerMisbehaved::UnsafeUrl {
                    endpoint: Endpoint::ResourceMetadata,
                    url: url.into(),
                    defect,
                }),
            },
            None if server.url().path_and_query() == "/" => Ok(Self::Root),
            None => Ok(Self::Path),
        }
    }

    /// Where to look when there is nothing here.
    pub(crate) fn next(&self, server: &ServerUrl) -> Option<Self> {
        match self {
            Self::Path if server.url().path() != "/" && server.url().path().ends_with('/') => {
                Some(Self::PathWithoutSlash)
            }
            Self::Path | Self::PathWithoutSlash => Some(Self::Root),
            Self::Challenge(_) | Self::Root => None,
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

    /// Whether a document from this place that names `resource` may be used for the server
    /// (RFC 9728 §3.3). By default the resource may also be a part of the server's URL that ends on a
    /// segment boundary, as all the official SDKs have it.
    fn is_about(&self, resource: &str, server: &ServerUrl, policy: &Policy) -> bool {
        if !policy.exact_resource {
            let plaintext = Plaintext::for_server(server.url());
            return HttpUrl::parse(resource, plaintext)
                .is_ok_and(|found| found.covers(server.url()));
        }
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

/// The challenge's URL; some servers send it relative to themselves.
fn resolve(url: &str, server: &ServerUrl) -> Result<HttpUrl, UrlDefect> {
    let plaintext = Plaintext::for_server(server.url());
    if url.starts_with('/') && !url.starts_with("//") {
        return HttpUrl::parse(&format!("{}{url}", server.url().origin()), plaintext);
    }
    HttpUrl::parse(url, plaintext)
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    fn server(url: &str) -> ServerUrl {
        ServerUrl::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"))
    }

    fn places(challenge: Option<&str>, url: &str) -> Vec<String> {
        let server = server(url);
        let first = ResourceCandidate::first(challenge, &server).unwrap_or_else(|e| panic!("{e}"));
        core::iter::successors(Some(first), |last| last.next(&server))
            .map(|candidate| candidate.url(&server).to_string())
            .collect()
    }

    #[test]
    fn places_are_tried_in_the_order_of_the_specification() {
        for (url, expected) in [
            (
                "https://h.example",
                &["https://h.example/.well-known/oauth-protected-resource"][..],
            ),
            (
                "https://h.example/public/mcp",
                &[
                    "https://h.example/.well-known/oauth-protected-resource/public/mcp",
                    "https://h.example/.well-known/oauth-protected-resource",
                ],
            ),
            (
                "https://h.example/mcp/?t=1",
                &[
                    "https://h.example/.well-known/oauth-protected-resource/mcp/?t=1",
                    "https://h.example/.well-known/oauth-protected-resource/mcp?t=1",
                    "https://h.example/.well-known/oauth-protected-resource",
                ],
            ),
            (
                "https://h.example:8443?t=1",
                &[
                    "https://h.example:8443/.well-known/oauth-protected-resource?t=1",
                    "https://h.example:8443/.well-known/oauth-protected-resource",
                ],
            ),
        ] {
            assert_eq!(places(None, url), expected, "{url}");
        }
    }

    #[test]
    fn the_challenges_place_is_the_only_one() {
        let named = "https://other.example/custom/location.json";
        assert_eq!(places(Some(named), "https://h.example/mcp"), [named]);
        assert_eq!(
            places(Some("/m.json"), "https://h.example/mcp"),
            ["https://h.example/m.json"]
        );
        for unsafe_url in [
            "http://h.example/m",
            "//evil.example/m",
            "javascript:1",
            "m.json",
            "",
        ] {
            let first =
                ResourceCandidate::first(Some(unsafe_url), &server("https://h.example/mcp"));
            assert!(
                matches!(first, Err(PeerMisbehaved::UnsafeUrl { .. })),
                "{unsafe_url}"
            );
        }
    }

    fn check(
        body: &str,
        candidate: &ResourceCandidate,
        url: &str,
        policy: &Policy,
    ) -> Result<ResourceMetadata, Error> {
        let document = ResourceMetadata::read(body.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        ResourceMetadata::check(document, candidate, &server(url), policy)
    }

    #[test]
    fn the_resource_has_to_cover_the_server() {
        let (lax, strict) = (Policy::default(), Policy::strict());
        let challenge = ResourceCandidate::Challenge(server("https://h.example/x").url().clone());
        for (candidate, resource, in_default, in_strict) in [
            (
                &ResourceCandidate::Path,
                "https://h.example/mcp",
                true,
                true,
            ),
            (&ResourceCandidate::Path, "https://h.example", true, false),
            (
                &ResourceCandidate::Path,
                "https://h.example/mc",
                false,
                false,
            ),
            (
                &ResourceCandidate::Path,
                "https://h.example/mcp/deeper",
                false,
                false,
            ),
            (
                &ResourceCandidate::Path,
                "https://h.example:8443/mcp",
                false,
                false,
            ),
            (
                &ResourceCandidate::Path,
                "https://evil.example/mcp",
                false,
                false,
            ),
            (
                &ResourceCandidate::Path,
                "https://u@h.example/mcp",
                false,
                false,
            ),
            (
                &ResourceCandidate::Path,
                "https://h.example/mcp#x",
                false,
                false,
            ),
            (&ResourceCandidate::Path, "not a url", false, false),
            (&ResourceCandidate::Root, "https://h.example", true, true),
            (&ResourceCandidate::Root, "https://h.example/", true, true),
            (
                &ResourceCandidate::Root,
                "https://h.example/mcp",
                true,
                false,
            ),
            (&challenge, "https://h.example/mcp", true, true),
        ] {
            let body = format!(
                r#"{{"resource":"{resource}","authorization_servers":["https://as.example"]}}"#
            );
            for (policy, fits) in [(&lax, in_default), (&strict, in_strict)] {
                let result = check(&body, candidate, "https://h.example/mcp", policy);
                assert_eq!(result.is_ok(), fits, "{candidate:?} {resource} {policy:?}");
                if !fits {
                    let expected = "https://h.example/mcp".into();
                    let found = resource.into();
                    assert_eq!(
                        result,
                        Err(PeerMisbehaved::ForeignResource { expected, found }.into())
                    );
                }
            }
        }
    }

    #[test]
    fn what_the_document_says_is_kept_to_the_byte() {
        let body = r#"{"resource":"https://H.example/mcp","authorization_servers":["https://AS.example/","x"],
            "scopes_supported":["b","a","b"],"bearer_methods_supported":["body","header"],"x":{"y":1}}"#;
        let found = check(
            body,
            &ResourceCandidate::Path,
            "https://h.example/mcp",
            &Policy::default(),
        );
        assert_eq!(
            found,
            Ok(ResourceMetadata {
                resource: "https://H.example/mcp".into(),
                authorization_servers: alloc::vec!["https://AS.example/".into(), "x".into()],
                scopes: Scopes::parse("b a"),
            })
        );
        let whole =
            ProtectedResourceMetadata::parse(body.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(whole.other.json("x").as_deref(), Some(r#"{"y":1}"#));
        let again = serde_json::to_vec(&whole).unwrap_or_default();
        assert_eq!(ProtectedResourceMetadata::parse(&again), Ok(whole));
    }

    #[test]
    fn unusable_documents_say_why() {
        let with = |more: &str| format!(r#"{{"resource":"https://h.example/mcp"{more}}}"#);
        let check = |more: &str| {
            check(
                &with(more),
                &ResourceCandidate::Path,
                "https://h.example/mcp",
                &Policy::default(),
            )
        };
        let resource = || "https://h.example/mcp".into();
        for more in [
            "",
            r#","authorization_servers":[]"#,
            r#","authorization_servers":null"#,
        ] {
            let expected = PeerIncompatible::NoAuthorizationServer {
                resource: resource(),
            };
            assert_eq!(check(more), Err(expected.into()));
        }
        for more in [
            r#","bearer_methods_supported":["query"]"#,
            r#","dpop_bound_access_tokens_required":true"#,
        ] {
            let expected = PeerIncompatible::NoBearerHeader {
                resource: resource(),
            };
            assert_eq!(check(more), Err(expected.into()));
        }
        let servers = r#","authorization_servers":["https://as.example"],"scopes_supported":[],"bearer_methods_supported":[]"#;
        assert_eq!(
            check(servers).map(|found| found.scopes),
            Ok(None),
            "an empty list says nothing"
        );
        for body in ["{}", r#"{"resource":""}"#, r#"{"resource":null}"#] {
            assert_eq!(
                ResourceMetadata::read(body.as_bytes()).err(),
                Some(Defect::missing("resource"))
            );
        }
    }
}
