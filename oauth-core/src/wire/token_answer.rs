//! The members of a token answer, as servers really write them (RFC 6749 §5.1).

use crate::json::{Defect, MemberNames, Members, OtherMembers, Text};
use crate::scope::{Scopes, WrittenScopes};
use crate::time::Seconds;
use crate::tolerance::{Tolerance, Tolerances};
use crate::wire::token_type::TokenType;

/// The members that are acted on, and the rest.
pub(crate) struct TokenAnswer<'a> {
    /// Why there is none, in its place.
    pub(crate) access_token: Result<Text<'a>, Defect>,
    token_type: Option<Text<'a>>,
    /// Zero means expired, not for ever.
    pub(crate) expires_in: Option<Seconds>,
    pub(crate) refresh_token: Option<Text<'a>>,
    scope: Option<WrittenScopes>,
    pub(crate) other: OtherMembers,
    pub(crate) misshapen: MemberNames,
    is_nested: bool,
}

impl<'a> TokenAnswer<'a> {
    /// Reads an answer, or what is nested in it where the answer has no token of its own.
    ///
    /// # Errors
    ///
    /// A [`Defect`] if it is no JSON object.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Defect> {
        let mut members = Members::of(body)?;
        let access_token = members.required_text("access_token");
        if let Err(Defect::Missing { .. }) = access_token
            && let Some(nested) = members.json(NESTED_IN)
            && let Ok(mut nested) = Members::of(nested.as_bytes())
            && let Ok(token) = nested.required_text("access_token")
        {
            // What stands beside it may be about another token.
            let mut answer = Self::of(nested, Ok(token));
            let mut other = Self::of(members, access_token);
            other.other.nest(NESTED_IN, answer.other);
            other.misshapen.extend(&answer.misshapen);
            (answer.other, answer.misshapen) = (other.other, other.misshapen);
            return Ok(Self { is_nested: true, ..answer });
        }
        Ok(Self::of(members, access_token))
    }

    fn of(mut members: Members<'a>, access_token: Result<Text<'a>, Defect>) -> Self {
        for name in STORED {
            members.json(name);
        }
        let token_type = members.text("token_type");
        if token_type.as_deref().is_some_and(|name| name != name.trim_ascii()) {
            members.note("token_type");
        }
        Self {
            access_token,
            token_type,
            expires_in: members.optional("expires_in"),
            refresh_token: members.text("refresh_token"),
            scope: members.optional("scope"),
            other: OtherMembers::rest_of(&mut members),
            misshapen: members.into_misshapen(),
            is_nested: false,
        }
    }

    /// What has to be tolerated to use it, if these scopes were asked for.
    pub(crate) fn tolerated(&self, requested: Option<&Scopes>) -> Tolerances {
        let token_type = self.token_type();
        let misnamed = BEARER_TO_SLACK.contains(&token_type);
        let textual = self.expires_in.as_ref().is_some_and(|seconds| seconds.is_text);
        let list = self.scope.as_ref().is_some_and(|written| written.is_list);
        let commas =
            self.scope.as_ref().is_some_and(|written| written.at_commas(requested).is_some());
        let mut tolerated: Tolerances = [
            token_type.is_empty().then_some(Tolerance::UntypedToken),
            textual.then_some(Tolerance::TextualLifetime),
            list.then_some(Tolerance::ScopeList),
            commas.then_some(Tolerance::CommaScopes),
            misnamed.then_some(Tolerance::MisnamedBearer),
            self.is_nested.then_some(Tolerance::NestedToken),
        ]
        .into_iter()
        .flatten()
        .collect();
        tolerated.extend(self.misshapen.tolerance());
        tolerated
    }

    /// The name of the token's type; empty if the answer names none.
    pub(crate) fn token_type(&self) -> &str {
        self.token_type.as_deref().unwrap_or_default().trim_ascii()
    }

    /// How the token is presented, by the name of that or one that is tolerated; `None` if that is not known here.
    pub(crate) fn presented(&self) -> Option<TokenType> {
        match self.token_type() {
            "" => Some(TokenType::Bearer),
            name if BEARER_TO_SLACK.contains(&name) => Some(TokenType::Bearer),
            name => TokenType::from_name(name),
        }
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

/// Whose bearer token it is, in the words of Slack.
const BEARER_TO_SLACK: [&str; 2] = ["user", "bot"];

/// Where Slack puts the token of a person.
const NESTED_IN: &str = "authed_user";

/// Stored tokens have members of these names, which an answer must not bring.
const STORED: [&str; 3] = ["expires_at", "tolerated", "misshapen"];
