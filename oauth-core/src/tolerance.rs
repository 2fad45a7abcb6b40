//! Where servers stray from the specifications, and how far they are followed.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::json::Text;
use crate::plain::Plain;
use crate::written::{DidYouMean, MAX_NAME, nearest};

/// One way in which servers stray from a specification, and which a client can put up with.
///
/// Those that only widen what can be read are put up with unless a [`Policy`](crate::Policy) refuses
/// them; the others only if it says so. What was needed is reported with what it was needed for
/// ([`Binding::tolerated`](crate::flow::Binding::tolerated),
/// [`TokenData::tolerated`](crate::TokenData)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tolerance {
    /// The resource of the metadata is not the server's URL but a part of it that ends on a segment
    /// boundary, where RFC 9728 §3.3 wants them equal. By default yes: the official SDKs do.
    PartialResource,
    /// The issuer in the server metadata differs from the expected one by the slash that is its whole
    /// path: `https://as.example` and `https://as.example/` (RFC 8414 §3.3). By default yes: both can only
    /// be names of that host, and every other client lets it pass. The `iss` of a redirect may then have
    /// either spelling.
    RootIssuerSlash,
    /// The issuer differs by a slash at its end, whatever its path, in the server metadata or in the `iss`
    /// of a redirect (RFC 8414 §3.3, RFC 9207 §2.4). By default no.
    ///
    /// # Security
    ///
    /// Harmless where both names can only be the same server's, as on a host of its own.
    IssuerSlash,
    /// What is known of a provider by its issuer is applied to logins there: parameters that it wants, what
    /// it refuses, endpoints that it does not publish. By default yes, but for what the host sets itself.
    /// Refusing it ends no login that works without.
    ProviderProfile,
    /// The server metadata does not say which PKCE methods are supported, and the issuer is known to
    /// support S256 all the same (Microsoft Entra, Amazon Cognito). By default yes.
    KnownS256,
    /// The same from any other issuer. By default no. Metadata that lists methods without S256 is
    /// refused in any case.
    ///
    /// # Security
    ///
    /// A server that silently ignores PKCE leaves authorization codes open to theft (RFC 9700 §4.8).
    UnlistedS256,
    /// The server is one of the MCP specification of 2025-03-26, without resource metadata: the
    /// authorization server is its own origin, and without metadata there its endpoints are
    /// `/authorize`, `/token` and `/register`. By default no; used only where both kinds of metadata are
    /// definitely absent: neither out of reach nor refused, as by a firewall.
    ///
    /// # Security
    ///
    /// Nothing confirms such endpoints, nor that they support PKCE (which is sent all the same).
    Legacy20250326,
    /// A token answer is a form instead of JSON (RFC 6749 §5.1). By default yes.
    FormEncodedTokens,
    /// A token answer does not say of which type the token is, so it counts as bearer (RFC 6749 §5.1).
    /// By default yes.
    UntypedToken,
    /// The lifetime of a token, or of a request that was pushed, is a text instead of a number (RFC 6749 §5.1, RFC 9126
    /// §2.2). By default yes.
    TextualLifetime,
    /// The scopes of a token are a list instead of a text (RFC 6749 §5.1). By default yes.
    ScopeList,
    /// The scopes of a token are separated by commas instead of spaces (RFC 6749 §3.3), as GitHub and Slack
    /// write them. By default yes. A comma may stand in a scope: one that was asked for with it stays
    /// whole, and that needs no tolerance.
    CommaScopes,
    /// The token lies in `authed_user`, a member of the answer, where Slack puts a person's (RFC 6749
    /// §5.1). It counts only where the answer itself has none. By default yes.
    NestedToken,
    /// The type of a token is `user` or `bot`: Slack's names for whose bearer token it is (RFC 6749
    /// §7.1). By default yes. Any other type that is not known is refused in any case.
    MisnamedBearer,
    /// A member of a document or an answer is not as the specification says: of another kind, there more
    /// than once, not a text that can be read. By default yes. It is read as what it must mean (a list of
    /// one text as that text, one text as a list of it, a client id that is a whole number as its digits),
    /// or counts as left out if it is not required. Where it was needed, the members are named.
    MisshapenMembers,
    /// A `client_secret` is set without `client_issuer`, and the authorization server that gets it is on another
    /// host than the MCP server, which alone says that it is the right one (MCP 2026-07-28, Authorization
    /// Server Binding). By default yes: the page for the user, and a look ahead, name it first.
    ///
    /// # Security
    ///
    /// An MCP server that was taken over can name a server of its own, and gets the secret.
    UnconfirmedIssuer,
    /// A request that was pushed is answered with another status of success than 201 (RFC 9126 §2.2). By default yes.
    PushedStatus,
}

impl Tolerance {
    /// All there are.
    pub const ALL: [Self; 17] = [
        Self::PartialResource,
        Self::RootIssuerSlash,
        Self::IssuerSlash,
        Self::ProviderProfile,
        Self::KnownS256,
        Self::UnlistedS256,
        Self::Legacy20250326,
        Self::FormEncodedTokens,
        Self::UntypedToken,
        Self::TextualLifetime,
        Self::ScopeList,
        Self::CommaScopes,
        Self::NestedToken,
        Self::MisnamedBearer,
        Self::MisshapenMembers,
        Self::UnconfirmedIssuer,
        Self::PushedStatus,
    ];

    /// Its name where it is written down; it never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PartialResource => "partial_resource",
            Self::RootIssuerSlash => "root_issuer_slash",
            Self::IssuerSlash => "issuer_slash",
            Self::ProviderProfile => "provider_profile",
            Self::KnownS256 => "known_s256",
            Self::UnlistedS256 => "unlisted_s256",
            Self::Legacy20250326 => "legacy_2025_03_26",
            Self::FormEncodedTokens => "form_encoded_tokens",
            Self::UntypedToken => "untyped_token",
            Self::TextualLifetime => "textual_lifetime",
            Self::ScopeList => "scope_list",
            Self::CommaScopes => "comma_scopes",
            Self::NestedToken => "nested_token",
            Self::MisnamedBearer => "misnamed_bearer",
            Self::MisshapenMembers => "misshapen_members",
            Self::UnconfirmedIssuer => "unconfirmed_issuer",
            Self::PushedStatus => "pushed_status",
        }
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No tolerance has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no tolerance is called \"{}\"{}", Plain(.name), DidYouMean(*.nearest))]
pub struct UnknownTolerance {
    /// What was looked for; of a very long text, the beginning.
    pub name: Box<str>,
    /// The name that was meant, as it seems.
    pub nearest: Option<&'static str>,
}

/// By its [name](Tolerance::name), as in a configuration or on a command line.
impl FromStr for Tolerance {
    type Err = UnknownTolerance;

    fn from_str(name: &str) -> Result<Self, UnknownTolerance> {
        let known = Self::ALL.into_iter().find(|it| it.name() == name);
        known.ok_or_else(|| {
            let name: String = name.chars().take(MAX_NAME).collect();
            let nearest = nearest(&name, Self::ALL.into_iter().map(Self::name));
            UnknownTolerance { name: name.into(), nearest }
        })
    }
}

impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of them. Written down as a list of names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tolerances(u32);

impl Tolerances {
    /// None at all.
    pub const NONE: Self = Self(0);

    pub(crate) fn none() -> Self {
        Self::NONE
    }

    /// Whether it is among them.
    #[must_use]
    pub fn contains(self, tolerance: Tolerance) -> bool {
        self.0 & tolerance.bit() != 0
    }

    /// Those that are among them.
    pub fn iter(self) -> impl Iterator<Item = Tolerance> {
        Tolerance::ALL.into_iter().filter(move |tolerance| self.contains(*tolerance))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    pub(crate) fn insert(&mut self, tolerance: Tolerance) {
        self.0 |= tolerance.bit();
    }

    pub(crate) fn remove(&mut self, tolerance: Tolerance) {
        self.0 &= !tolerance.bit();
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Whether all of these are among the others.
    #[inline]
    pub(crate) const fn are_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// The first of these that is not among the others.
    pub(crate) fn first_beyond(self, others: Self) -> Option<Tolerance> {
        Self(self.0 & !others.0).iter().next()
    }
}

/// Those that a [`Policy`](crate::Policy) starts with.
impl Default for Tolerances {
    fn default() -> Self {
        use Tolerance as It;
        let by_default = [
            It::PartialResource,
            It::RootIssuerSlash,
            It::ProviderProfile,
            It::KnownS256,
            It::FormEncodedTokens,
            It::UntypedToken,
            It::TextualLifetime,
            It::ScopeList,
            It::CommaScopes,
            It::NestedToken,
            It::MisnamedBearer,
            It::MisshapenMembers,
            It::UnconfirmedIssuer,
            It::PushedStatus,
        ];
        by_default.into_iter().collect()
    }
}

impl FromIterator<Tolerance> for Tolerances {
    fn from_iter<I: IntoIterator<Item = Tolerance>>(tolerances: I) -> Self {
        let mut all = Self::NONE;
        tolerances.into_iter().for_each(|tolerance| all.insert(tolerance));
        all
    }
}

impl fmt::Debug for Tolerances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Behind other words: `, tolerating scope_list and untyped_token`; nothing if there are none.
impl fmt::Display for Tolerances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, tolerance) in self.iter().enumerate() {
            write!(f, "{}{tolerance}", if at == 0 { ", tolerating " } else { " and " })?;
        }
        Ok(())
    }
}

impl Serialize for Tolerances {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// What a later version knows beyond these is left out.
impl<'de> Deserialize<'de> for Tolerances {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Tolerances;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tolerances")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Tolerances, A::Error> {
                let mut all = Tolerances::NONE;
                while let Some(name) = names.next_element::<Text<'_>>()? {
                    all.0 |= name.parse().map_or(0, Tolerance::bit);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_seq(Names)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for tolerance in Tolerance::ALL {
            assert_eq!(tolerance.name().parse(), Ok(tolerance));
        }
        let unknown = "Scope_Lst".parse::<Tolerance>();
        let nearest = Some("scope_list");
        assert_eq!(unknown, Err(UnknownTolerance { name: "Scope_Lst".into(), nearest }));
    }

    #[test]
    fn a_set_is_written_as_names_and_read_back() {
        for set in [Tolerances::NONE, Tolerances::default(), Tolerance::ALL.into_iter().collect()] {
            let text = serde_json::to_string(&set).unwrap_or_default();
            assert_eq!(serde_json::from_str(&text).ok(), Some(set), "{text}");
        }
        let later = r#"["scope_list","what_comes_next"]"#;
        let read: Option<Tolerances> = serde_json::from_str(later).ok();
        assert_eq!(read.map(|set| set.iter().collect()), Some([Tolerance::ScopeList].to_vec()));
    }

    #[test]
    fn a_set_is_shown_as_the_end_of_a_sentence() {
        let some: Tolerances =
            [Tolerance::ScopeList, Tolerance::UntypedToken].into_iter().collect();
        assert_eq!(some.to_string(), ", tolerating untyped_token and scope_list");
        assert_eq!(format!("{}", Tolerances::NONE), "");
    }

    #[test]
    fn what_is_beyond_others_is_found() {
        let (all, usual) = (Tolerance::ALL.into_iter().collect(), Tolerances::default());
        assert_eq!(Tolerances::first_beyond(all, usual), Some(Tolerance::IssuerSlash));
        assert_eq!(usual.first_beyond(all), None);
    }
}
