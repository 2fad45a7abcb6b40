//! How an authorization server wants its requests, where that differs from the specifications.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::form::Form;

/// What requests say about the resource that the tokens are for (RFC 8707).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResourceMode {
    /// They name it as its metadata does. The MCP specification wants that.
    #[default]
    Send,
    /// They do not name it: some servers refuse the parameter (Microsoft Entra v2 with AADSTS9010010,
    /// where the scopes name the resource).
    ///
    /// # Security
    ///
    /// The server may then issue tokens that are good elsewhere too.
    Omit,
    /// They name this instead, for a server that knows the resource by another name.
    Fixed(Box<str>),
}

/// What a host has set up for one authorization server beyond the specifications.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dialect {
    #[serde(default)]
    pub(crate) resource: ResourceMode,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) authorization: Vec<Parameter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) token: Vec<Parameter>,
}

/// A parameter that is sent along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) name: Box<str>,
    pub(crate) value: Box<str>,
}

impl Parameter {
    /// # Errors
    ///
    /// [`Misuse::ReservedParameter`] for one that the protocol gives a meaning.
    pub(crate) fn new(name: &str, value: &str, reserved: &[&str]) -> Result<Self, Misuse> {
        if name.is_empty() || reserved.contains(&name) {
            return Err(Misuse::ReservedParameter { name: name.into() });
        }
        Ok(Self { name: name.into(), value: value.into() })
    }
}

impl Dialect {
    /// What requests name the resource, if they name it.
    pub(crate) fn resource<'a>(dialect: Option<&'a Self>, resource: &'a str) -> Option<&'a str> {
        match dialect.map(|it| &it.resource) {
            None | Some(ResourceMode::Send) => Some(resource),
            Some(ResourceMode::Omit) => None,
            Some(ResourceMode::Fixed(name)) => Some(name),
        }
    }
}

pub(crate) fn add_to(form: Form, parameters: &[Parameter]) -> Form {
    parameters.iter().fold(form, |form, it| form.foreign_pair(&it.name, &it.value))
}

/// What an authorization request says itself (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1); and what
/// would change how it is answered.
pub(crate) const OF_AUTHORIZATION: [&str; 11] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "scope",
    "state",
    "request",
    "request_uri",
];

/// What a token request says itself (RFC 6749 §4.1.3 and §6, RFC 7636 §4.5, RFC 7521 §4.2).
pub(crate) const OF_TOKEN: [&str; 11] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "refresh_token",
    "resource",
    "scope",
];

#[cfg(test)]
mod tests {
    use crate::error::Misuse;
    use crate::flow::Settings;

    #[test]
    fn what_the_protocol_says_cannot_be_said_otherwise() {
        let settings =
            || Settings::new("https://mcp.example/mcp").unwrap_or_else(|e| panic!("{e}"));
        for name in ["", "state", "redirect_uri", "code_challenge", "request", "scope"] {
            let refused = settings().authorization_parameter(name, "x").err();
            assert_eq!(refused, Some(Misuse::ReservedParameter { name: name.into() }.into()));
        }
        for name in ["", "grant_type", "client_secret", "refresh_token", "resource"] {
            let refused = settings().token_parameter(name, "x").err();
            assert_eq!(refused, Some(Misuse::ReservedParameter { name: name.into() }.into()));
        }
        let settings = settings().authorization_parameter("prompt", "consent");
        let settings =
            settings.and_then(|it| it.token_parameter("audience", "https://api.example"));
        let dialect = settings.ok().and_then(|settings| settings.dialect.clone());
        let dialect = dialect.unwrap_or_default();
        assert_eq!((dialect.authorization.len(), dialect.token.len()), (1, 1));
    }
}
