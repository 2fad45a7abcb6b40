//! Identifiers of authorization servers, and the one slash in which their spellings differ.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::address_policy::AddressPolicy;
use crate::plain::is_plain;
use crate::policy::Policy;
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::UrlDefect;

/// An authorization server's identifier (RFC 8414 §2), kept and compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Issuer(Box<str>);

impl Issuer {
    /// Takes an identifier that is a URL as issuers have to be: no query, no fragment.
    pub(crate) fn parse(text: &str, address_policy: AddressPolicy<'_>) -> Result<Self, UrlDefect> {
        let url = address_policy.parse(text)?;
        // The text itself is kept, and shown.
        if !is_plain(text) {
            return Err(UrlDefect::Unparsable);
        }
        if url.query().is_empty() { Ok(Self(text.into())) } else { Err(UrlDefect::Query) }
    }

    /// The identifier as the server wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are names of one server: the same text, or a host alone with and without the slash
    /// that is its whole path. Where a server was used before, another spelling does not make it another
    /// one; what a document may say is [`speaker`](Self::speaker)'s business.
    pub(crate) fn is_same(&self, other: &str) -> bool {
        *self.0 == *other || slash_between(&self.0, other) == Some(Slash::OfRoot)
    }

    /// The issuer that a document speaks for, if that is this one, and what has to be tolerated for it
    /// (RFC 8414 §3.3).
    pub(crate) fn speaker(&self, found: &str, policy: &Policy) -> Option<(Self, Tolerances)> {
        let tolerated = if *self.0 == *found {
            Tolerances::NONE
        } else {
            let named: &[_] = match slash_between(&self.0, found)? {
                Slash::OfRoot => &[Tolerance::RootIssuerSlash, Tolerance::IssuerSlash],
                Slash::OfPath => &[Tolerance::IssuerSlash],
            };
            let needed = named.iter().find(|it| policy.tolerates.contains(**it))?;
            [*needed].into_iter().collect()
        };
        Some((Self(found.into()), tolerated))
    }

    /// Whether the texts differ by a slash at the end, and by nothing else.
    pub(crate) fn differs_by_slash(&self, other: &str) -> bool {
        slash_between(&self.0, other).is_some()
    }

    /// The path, without a slash at its end.
    pub(crate) fn path(&self) -> &str {
        path_of(&self.0).trim_end_matches('/')
    }
}

/// The slash that one of two texts has at its end, and the other has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slash {
    /// It is the whole path: a host has no other resource of that name.
    OfRoot,
    /// It ends a path. On a host that many share, who has the one may not have the other.
    OfPath,
}

fn slash_between(one: &str, other: &str) -> Option<Slash> {
    let shorter = if one.strip_suffix('/') == Some(other) {
        other
    } else if other.strip_suffix('/') == Some(one) {
        one
    } else {
        return None;
    };
    Some(if path_of(shorter).is_empty() { Slash::OfRoot } else { Slash::OfPath })
}

fn path_of(issuer: &str) -> &str {
    let host = issuer.find("://").map_or(0, |at| at + 3);
    issuer[host..].find('/').map_or("", |at| &issuer[host + at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::parse(text, AddressPolicy::PUBLIC).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn issuers_are_urls_without_query_and_fragment_and_stay_the_text_they_were() {
        for (text, defect) in [
            ("https://as.example?x", UrlDefect::Query),
            ("https://as.example#x", UrlDefect::Fragment),
            ("http://as.example", UrlDefect::Plaintext),
            ("as.example", UrlDefect::Unparsable),
            ("https://as.example/\u{202e}x", UrlDefect::Unparsable),
            ("https://as.example/\u{9b}2J", UrlDefect::Unparsable),
            ("https://as.example/\u{1b}[2J", UrlDefect::Unparsable),
            ("https://as.example/\nx", UrlDefect::Unparsable),
        ] {
            assert_eq!(Issuer::parse(text, AddressPolicy::PUBLIC), Err(defect), "{text}");
        }
        assert_eq!(issuer("https://AS.example:443/").as_str(), "https://AS.example:443/");
    }

    #[test]
    fn a_slash_is_tolerated_where_it_is_the_whole_path_and_elsewhere_by_name() {
        let by_name = Policy::default().tolerate(Tolerance::IssuerSlash);
        let strict = Policy::strict();
        let (root, any) = (Some(Tolerance::RootIssuerSlash), Some(Tolerance::IssuerSlash));
        for (expected, found, policy, needed) in [
            ("https://as.example", "https://as.example/", Policy::default(), root),
            ("https://as.example/", "https://as.example", Policy::default(), root),
            ("https://as.example", "https://as.example/", by_name, root),
            ("https://as.example", "https://as.example/", strict, None),
            (
                "https://as.example",
                "https://as.example/",
                strict.tolerate(Tolerance::IssuerSlash),
                any,
            ),
            ("https://as.example", "https://as.example//", by_name, None),
            ("https://as.example//", "https://as.example/", Policy::default(), None),
            ("https://as.example/t", "https://as.example/t/", Policy::default(), None),
            ("https://as.example/t", "https://as.example/t/", by_name, any),
            ("https://as.example/t/", "https://as.example/t", by_name, any),
            ("https://as.example", "https://as.example/t", by_name, None),
            ("https://as.example", "https://AS.example/", by_name, None),
            ("https://as.example", "https://as.example.evil/", by_name, None),
        ] {
            let result = issuer(expected).speaker(found, &policy);
            let expected = needed.map(|it| (issuer(found), [it].into_iter().collect()));
            assert_eq!(result, expected, "{found} {policy:?}");
        }
    }

    #[test]
    fn the_root_has_one_name_with_two_spellings() {
        for (one, other, same) in [
            ("https://as.example", "https://as.example", true),
            ("https://as.example", "https://as.example/", true),
            ("https://as.example/", "https://as.example", true),
            ("https://as.example/t", "https://as.example/t/", false),
            ("https://as.example", "https://as.example:443", false),
            ("https://as.example", "https://AS.example", false),
            ("https://as.example", "https://AS.example/", false),
            ("https://as.example", "", false),
        ] {
            assert_eq!(issuer(one).is_same(other), same, "{one} {other}");
        }
    }
}
