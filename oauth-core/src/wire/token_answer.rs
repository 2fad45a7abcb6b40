//! The members of a token answer, as servers really write them (RFC 6749 §5.1).

use core::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::json::{OtherMembers, Text};
use crate::scope::WrittenScopes;
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
    /// What has to be tolerated to use it.
    pub(crate) fn tolerated(&self) -> Tolerances {
        let untyped = self.token_type.as_ref().is_none_or(|text| text.is_empty());
        let textual = self.expires_in.as_ref().is_some_and(|seconds| seconds.is_text);
        let list = self.scope.as_ref().is_some_and(|written| written.is_list);
        [
            untyped.then_some(Tolerance::UntypedToken),
            textual.then_some(Tolerance::TextualLifetime),
            list.then_some(Tolerance::ScopeList),
        ]
        .into_iter()
        .flatten()
        .collect()
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
