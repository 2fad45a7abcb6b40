//! What a 401 or 403 says in `WWW-Authenticate`: a tokenizer, and the challenge that counts.
//!
//! The grammar is that of RFC 9110 §11, the parameters those of RFC 6750 §3 and RFC 9728 §5.1. The
//! tokenizer knows no scheme: what a parameter means is left to [`ResourceChallenge`]. `realm` and
//! `error_uri` are not kept, because nothing acts on them.
//!
//! # Broken header fields
//!
//! Each is read in one way, in one pass, without an error:
//!
//! 1. A parameter that is repeated counts where it stands first.
//! 2. An unquoted value may have any visible characters but commas and quotes (URLs are sent like that).
//! 3. A forgotten comma between two parameters is added; one between two challenges is not.
//! 4. A quoted string that does not end is dropped with its parameter, and with all that follows.
//! 5. Anything else is skipped up to the next comma outside of quotes, parameters before the first
//!    scheme as well.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::fmt;

use serde::{Deserialize, Serialize};

use self::pieces::{Param, Piece, Pieces};
use crate::json::{Gather as _, MemberNames};
use crate::scope::{GatheredScopes, Scopes};
use crate::signing_algorithm::SigningAlgorithms;
use crate::url::shown;

mod pieces;

/// What a resource wants before it answers, from all the challenges that it sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceChallenge {
    /// The scheme of the challenge that was chosen.
    pub scheme: Scheme,
    /// Where the resource's metadata is (RFC 9728 §5.1), unchecked.
    pub resource_metadata: Option<Box<str>>,
    /// The scopes that this request needs (RFC 6750 §3). What is no scope, or beyond
    /// [`Scopes::MAX_LENGTH`], is not among them.
    pub scope: Option<Scopes>,
    /// Names `scope` if something in it was left out.
    #[serde(default, skip_serializing_if = "MemberNames::is_empty")]
    pub misshapen: MemberNames,
    /// What proofs may be signed with, by the `algs` of a `DPoP` challenge, whichever was chosen (RFC 9449 §7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_algorithms: Option<SigningAlgorithms>,
    /// The error code; none if the request had no token (RFC 6750 §3.1).
    pub error: Option<Box<str>>,
    /// The server's explanation for developers, unchecked: escape it wherever it is shown.
    pub error_description: Option<Box<str>>,
}

/// The scheme of a [`ResourceChallenge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Scheme {
    /// `Bearer` (RFC 6750).
    Bearer,
    /// `DPoP` (RFC 9449 §7.1).
    Dpop,
    /// One that this crate does not know, but that names resource metadata.
    Other,
}

impl ResourceChallenge {
    /// Chooses from the values of all `WWW-Authenticate` lines of an answer.
    ///
    /// - `Bearer` is preferred, then `DPoP`, which so is chosen only where bearer tokens are not taken. Several
    ///   challenges of one scheme are read as one.
    /// - Of other schemes only `resource_metadata` is understood; those without it are ignored.
    /// - If the chosen scheme names no resource metadata but another one does, its URL is taken: it
    ///   describes the resource, whatever the scheme (RFC 9728 §5.1).
    /// - Of a repeated parameter the first one counts, and an empty one counts as absent.
    ///
    /// ```
    /// # use oauth_core::wire::{ResourceChallenge, Scheme};
    /// let lines = ["Basic realm=x, Bearer scope=mail", "DPoP resource_metadata=\"https://a.example/m\""];
    /// let challenge = ResourceChallenge::select(lines).unwrap();
    /// assert_eq!(challenge.scheme, Scheme::Bearer);
    /// assert_eq!(challenge.resource_metadata.as_deref(), Some("https://a.example/m"));
    /// ```
    #[must_use]
    pub fn select<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        Self::choose(values, Scheme::Bearer)
    }

    /// The same for the answer to a request whose token was bound to a key: `DPoP` is preferred, then `Bearer`. What
    /// is wrong with such a token, only that challenge says (RFC 9449 §7.2).
    ///
    /// ```
    /// # use oauth_core::wire::ResourceChallenge;
    /// let line = "Bearer, DPoP error=\"use_dpop_nonce\"";
    /// assert!(ResourceChallenge::select_bound([line]).unwrap().wants_dpop_nonce());
    /// assert_eq!(ResourceChallenge::select([line]).unwrap().error, None);
    /// ```
    #[must_use]
    pub fn select_bound<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        Self::choose(values, Scheme::Dpop)
    }

    fn choose<'a>(values: impl IntoIterator<Item = &'a str>, first: Scheme) -> Option<Self> {
        let [mut bearer, mut dpop, mut other] = [Found::default(); 3];
        for value in values {
            let mut found = None;
            for piece in Pieces::of(value) {
                match (piece, &mut found) {
                    (Piece::Scheme(name), _) => {
                        let own = match name.len() {
                            6 if name.eq_ignore_ascii_case("bearer") => &mut bearer,
                            4 if name.eq_ignore_ascii_case("dpop") => &mut dpop,
                            _ => &mut other,
                        };
                        own.is_there = true;
                        found = Some(own);
                    }
                    (Piece::Param(param), Some(found)) => found.note(param),
                    _ => {}
                }
            }
        }
        let metadata = bearer.metadata.or(dpop.metadata).or(other.metadata);
        let (scheme, found) = if bearer.is_there && !(first == Scheme::Dpop && dpop.is_there) {
            (Scheme::Bearer, bearer)
        } else if dpop.is_there {
            (Scheme::Dpop, dpop)
        } else {
            metadata.map(|_| (Scheme::Other, Found::default()))?
        };
        let GatheredScopes { scopes, is_cut } = found.scopes();
        let mut misshapen = MemberNames::default();
        if is_cut {
            misshapen.insert("scope");
        }
        Some(Self {
            scheme,
            resource_metadata: metadata.map(Param::into_boxed),
            scope: (!scopes.is_empty()).then_some(scopes),
            misshapen,
            dpop_algorithms: dpop.algorithms(),
            error: found.error.map(Param::into_boxed),
            error_description: found.description.map(Param::into_boxed),
        })
    }

    /// Whether the token is valid but lacks scopes (RFC 6750 §3.1). Any other 403 is no matter of
    /// authorization.
    #[must_use]
    pub fn is_insufficient_scope(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }

    /// Whether the proof lacks the nonce that the answer brings (RFC 9449 §9): the token is as good as it was.
    #[must_use]
    pub fn wants_dpop_nonce(&self) -> bool {
        self.scheme == Scheme::Dpop && self.error.as_deref() == Some("use_dpop_nonce")
    }

    /// Whether the proof is refused (RFC 9449 §7.1): that says nothing about the token.
    #[must_use]
    pub fn is_invalid_dpop_proof(&self) -> bool {
        self.scheme == Scheme::Dpop && self.error.as_deref() == Some("invalid_dpop_proof")
    }
}

/// Without a password or a query that somebody has put into the URL.
impl fmt::Debug for ResourceChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, resource_metadata, scope, misshapen, .. } = self;
        let Self { dpop_algorithms, error, error_description, .. } = self;
        f.debug_struct("ResourceChallenge")
            .field("scheme", scheme)
            .field("resource_metadata", &resource_metadata.as_deref().map(shown))
            .field("scope", scope)
            .field("misshapen", misshapen)
            .field("dpop_algorithms", dpop_algorithms)
            .field("error", error)
            .field("error_description", error_description)
            .finish()
    }
}

/// The parameters that count, where they lie in the header field.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    is_there: bool,
    metadata: Option<Param<'a>>,
    scope: Option<Param<'a>>,
    error: Option<Param<'a>>,
    description: Option<Param<'a>>,
    algorithms: Option<Param<'a>>,
}

impl<'a> Found<'a> {
    fn scopes(&self) -> GatheredScopes {
        self.scope.map_or_else(Default::default, |scope| GatheredScopes::of(&scope.value()))
    }

    fn algorithms(&self) -> Option<SigningAlgorithms> {
        let mut algorithms = SigningAlgorithms::NONE;
        algorithms.gather(&self.algorithms?.value());
        Some(algorithms)
    }

    fn note(&mut self, param: Param<'a>) {
        let slot = match param.name.len() {
            4 if param.is("algs") => &mut self.algorithms,
            5 if param.is("scope") => &mut self.scope,
            5 if param.is("error") => &mut self.error,
            17 if param.is("resource_metadata") => &mut self.metadata,
            17 if param.is("error_description") => &mut self.description,
            _ => return,
        };
        if slot.is_none() && !param.is_empty() {
            *slot = Some(param);
        }
    }
}

/// The challenges of one `WWW-Authenticate` value, in order. Nothing is allocated.
///
/// ```
/// # use oauth_core::wire::challenges;
/// let mut challenges = challenges(r#"Negotiate YQ==, Bearer realm="a, b", scope = mail"#);
/// assert_eq!(challenges.next().unwrap().token68(), Some("YQ=="));
/// let bearer = challenges.next().unwrap();
/// assert_eq!(bearer.scheme(), "Bearer");
/// assert_eq!(bearer.param("Scope").as_deref(), Some("mail"));
/// ```
pub fn challenges(value: &str) -> Challenges<'_> {
    Challenges(Pieces::of(value))
}

/// The iterator that [`challenges`] makes.
#[derive(Debug, Clone)]
pub struct Challenges<'a>(Pieces<'a>);

impl<'a> Iterator for Challenges<'a> {
    type Item = Challenge<'a>;

    fn next(&mut self) -> Option<Challenge<'a>> {
        let scheme = self.0.find_map(|piece| match piece {
            Piece::Scheme(scheme) => Some(scheme),
            _ => None,
        })?;
        Some(Challenge { scheme, inside: self.0 })
    }
}

/// One challenge.
#[derive(Debug, Clone)]
pub struct Challenge<'a> {
    scheme: &'a str,
    /// Up to the next scheme. It is not cut off there: what is junk shows only by what follows.
    inside: Pieces<'a>,
}

impl<'a> Challenge<'a> {
    /// The scheme as it was written; to be compared without regard to case (RFC 9110 §11.1).
    #[must_use]
    pub fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// The `token68` that stands in place of parameters, as in `Negotiate YQ==`.
    #[must_use]
    pub fn token68(&self) -> Option<&'a str> {
        // If there is one, it is the first piece.
        match { self.inside }.next() {
            Some(Piece::Token68(text)) => Some(text),
            _ => None,
        }
    }

    /// The first parameter of this name; the name in any case. Owned only if the value has escapes.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'a, str>> {
        self.pieces().find(|param| param.is(name)).map(Param::value)
    }

    /// Names and values of all parameters in order, repeated ones too.
    pub fn params(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        self.pieces().map(|param| (param.name, param.value()))
    }

    fn pieces(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let inside = self.inside.take_while(|piece| !matches!(piece, Piece::Scheme(_)));
        inside.filter_map(|piece| match piece {
            Piece::Param(param) => Some(param),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
