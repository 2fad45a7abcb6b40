//! The members of a token answer, as servers really write them (RFC 6749 §5.1).

use core::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::json::{OtherMembers, Text};
use crate::scope::{Scopes, WrittenScopes};
use crate::time::Seconds;
use crate::tolerance::{Tolerance, Tolerances};

/// The members that are acted on, and the rest.
///
/// Read by hand: a derived reader with a rest would copy each member before it looks at it.
#[derive(Default)]
pub(crate) struct TokenAnswer<'a> {
    pub(crate) access_token: Option<Text<'a>>,
    pub(crate) token_type: Option<Text<'a>>,
    /// Zero means expired, not for ever.
    pub(crate) expires_in: Option<Seconds>,
    pub(crate) refresh_token: Option<Text<'a>>,
    pub(crate) scope: Option<WrittenScopes>,
    pub(crate) other: OtherMembers,
}

impl TokenAnswer<'_> {
    /// What has to be tolerated to use it, if these scopes were asked for.
    pub(crate) fn tolerated(&self, requested: Option<&Scopes>) -> Tolerances {
        let token_type = self.token_type.as_deref().unwrap_or_default();
        let misnamed = BEARER_TO_SLACK.contains(&token_type);
        let textual = self.expires_in.as_ref().is_some_and(|seconds| seconds.is_text);
        let list = self.scope.as_ref().is_some_and(|written| written.is_list);
        let commas =
            self.scope.as_ref().is_some_and(|written| written.at_commas(requested).is_some());
        [
            token_type.is_empty().then_some(Tolerance::UntypedToken),
            textual.then_some(Tolerance::TextualLifetime),
            list.then_some(Tolerance::ScopeList),
            commas.then_some(Tolerance::CommaScopes),
            misnamed.then_some(Tolerance::MisnamedBearer),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is nested, where the answer has no token of its own.
    pub(crate) fn take_nested(&mut self) -> Option<serde_json::Value> {
        let lacks_token = self.access_token.as_ref().is_none_or(|text| text.is_empty());
        lacks_token.then(|| self.other.take(NESTED_IN)).flatten()
    }

    /// A nested answer in place of the one around it, whose other members stay.
    pub(crate) fn with_others_of(self, around: TokenAnswer<'_>) -> Self {
        let mut other = around.other;
        other.keep(NESTED_IN, self.other.into_value());
        Self { other, ..self }
    }

    /// Whether the token is presented as RFC 6750 says, by this name or one that is tolerated.
    pub(crate) fn is_bearer(&self) -> bool {
        let name = self.token_type.as_deref().unwrap_or_default();
        name.is_empty() || name.eq_ignore_ascii_case("bearer") || BEARER_TO_SLACK.contains(&name)
    }

    /// The scopes, if there are any.
    pub(crate) fn scopes(&mut self, requested: Option<&Scopes>) -> Option<Scopes> {
        let written = self.scope.take()?;
        let scopes = match written.at_commas(requested) {
            Some(scopes) => scopes.clone(),
            None => written.scopes,
        };
        (!scopes.as_str().is_empty()).then_some(scopes)
    }
}

impl WrittenScopes {
    /// The scopes between the commas, unless they were asked for as one.
    fn at_commas(&self, requested: Option<&Scopes>) -> Option<&Scopes> {
        let scopes = self.at_commas.as_ref()?;
        let was_asked_for = requested.is_some_and(|requested| requested.includes(&self.scopes));
        (!was_asked_for).then_some(scopes)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for TokenAnswer<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = TokenAnswer<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token answer")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut answer = TokenAnswer::default();
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    match &*name {
                        "access_token" => once(&mut answer.access_token, &mut map)?,
                        "token_type" => once(&mut answer.token_type, &mut map)?,
                        "expires_in" => once(&mut answer.expires_in, &mut map)?,
                        "refresh_token" => once(&mut answer.refresh_token, &mut map)?,
                        "scope" => once(&mut answer.scope, &mut map)?,
                        // Stored tokens have members of these names.
                        "expires_at" | "tolerated" => drop(map.next_value::<IgnoredAny>()?),
                        _ => answer.other.keep(&name, map.next_value()?),
                    }
                }
                Ok(answer)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Whose bearer token it is, in the words of Slack.
const BEARER_TO_SLACK: [&str; 2] = ["user", "bot"];

/// Where Slack puts the token of a person.
const NESTED_IN: &str = "authed_user";

/// Reads a member that may stand once; `null` counts as left out.
fn once<'de, T, A>(member: &mut Option<T>, map: &mut A) -> Result<(), A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    if member.is_some() {
        return Err(de::Error::custom("repeated member"));
    }
    *member = map.next_value()?;
    Ok(())
}
