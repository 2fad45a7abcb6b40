//! How an authorization server wants its requests, where that differs from the specifications.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::form::Form;
use crate::profile::{Profile, Prompt};
use crate::scope::Scopes;
use crate::wire::client_assertion::AssertionStyle;

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

/// Whether the user is asked for consent again where a refresh token is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PromptMode {
    /// `prompt=consent` goes with the scope `offline_access`, which servers may ignore without it (OpenID
    /// Connect Core §11), and where a provider is known to want it.
    #[default]
    Consent,
    /// No `prompt` is sent: where users may not consent themselves because an administrator has done so, a
    /// page that asks them again is one from which they do not come back.
    Omit,
}

/// What one authorization server wants beyond the specifications: as the host has set it up, and in a
/// login also as it is known of the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dialect {
    /// Of the provider whose profile is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<PromptMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<ResourceMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assertion: Option<AssertionStyle>,
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
    pub(crate) fn new(
        name: &str,
        value: &str,
        is_reserved: fn(&str) -> bool,
    ) -> Result<Self, Misuse> {
        if name.is_empty() || is_reserved(name) {
            return Err(Misuse::ReservedParameter { name: name.into() });
        }
        Ok(Self { name: name.into(), value: value.into() })
    }

    /// Adds it in place of one of the same name: no request has two.
    pub(crate) fn set_in(self, parameters: &mut Vec<Self>) {
        parameters.retain(|it| it.name != self.name);
        parameters.push(self);
    }
}

impl Dialect {
    /// What the host has set up, and what is known of the provider where the host is silent.
    pub(crate) fn with_profile(
        own: Option<&Self>,
        profile: Option<&'static Profile>,
        scopes: Option<&Scopes>,
    ) -> Option<Box<Self>> {
        let Some(profile) = profile else { return own.cloned().map(Box::new) };
        let mut dialect = own.cloned().unwrap_or_default();
        for (name, value) in profile.authorization {
            let is_left_out = *name == PROMPT && dialect.prompt == Some(PromptMode::Omit);
            if !is_left_out && !dialect.says(name) {
                dialect
                    .authorization
                    .push(Parameter { name: (*name).into(), value: (*value).into() });
            }
        }
        if profile.prompt == Prompt::Never {
            dialect.prompt.get_or_insert(PromptMode::Omit);
        }
        if profile.leaves_resource_out(scopes) {
            dialect.resource.get_or_insert(ResourceMode::Omit);
        }
        dialect.profile = Some(profile.name.into());
        Some(Box::new(dialect))
    }

    /// Whether authorization requests have the parameter.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.authorization.iter().any(|it| &*it.name == name)
    }

    /// What requests name the resource, if they name it.
    pub(crate) fn resource<'a>(dialect: Option<&'a Self>, resource: &'a str) -> Option<&'a str> {
        match dialect.and_then(|it| it.resource.as_ref()) {
            None | Some(ResourceMode::Send) => Some(resource),
            Some(ResourceMode::Omit) => None,
            Some(ResourceMode::Fixed(name)) => Some(name),
        }
    }
}

pub(crate) fn add_to<'a>(form: Form, parameters: impl Iterator<Item = &'a Parameter>) -> Form {
    parameters.fold(form, |form, it| form.foreign_pair(&it.name, &it.value))
}

/// Whether the user is asked again (OpenID Connect Core §3.1.2.1).
pub(crate) const PROMPT: &str = "prompt";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Settings;

    #[test]
    fn what_a_host_sets_wins_over_a_profile() {
        let google = Profile::of("https://accounts.google.com");
        let entra = Profile::of("https://login.microsoftonline.com/t/v2.0");
        let scopes = Scopes::parse("api://app/read");
        let said = |own: &Dialect, profile| {
            let all =
                Dialect::with_profile(Some(own), profile, scopes.as_ref()).unwrap_or_default();
            let pairs = all.authorization.iter().map(|it| [&*it.name, &*it.value].join("="));
            let pairs = pairs.collect::<Vec<_>>().join("&");
            (pairs, all.prompt, all.resource.clone())
        };
        let parameter = |name: &str, value: &str| Dialect {
            authorization: Vec::from([Parameter { name: name.into(), value: value.into() }]),
            ..Dialect::default()
        };
        let nothing = Dialect::default();
        let omit = Dialect { prompt: Some(PromptMode::Omit), ..Dialect::default() };
        let consent = Dialect { prompt: Some(PromptMode::Consent), ..Dialect::default() };
        let send = Dialect { resource: Some(ResourceMode::Send), ..Dialect::default() };
        let left_out = Some(ResourceMode::Omit);
        for (own, profile, pairs, prompt, resource) in [
            (&nothing, google, "access_type=offline&prompt=consent", None, None),
            (&omit, google, "access_type=offline", Some(PromptMode::Omit), None),
            (
                &parameter("prompt", "select_account"),
                google,
                "prompt=select_account&access_type=offline",
                None,
                None,
            ),
            (
                &parameter("access_type", "online"),
                google,
                "access_type=online&prompt=consent",
                None,
                None,
            ),
            (&nothing, entra, "", Some(PromptMode::Omit), left_out.clone()),
            (&consent, entra, "", Some(PromptMode::Consent), left_out),
            (&send, entra, "", Some(PromptMode::Omit), Some(ResourceMode::Send)),
            (&nothing, None, "", None, None),
        ] {
            assert_eq!(said(own, profile), (pairs.into(), prompt, resource), "{own:?}");
        }
    }

    #[test]
    fn what_the_protocol_says_cannot_be_said_otherwise() {
        let settings =
            || Settings::new("https://mcp.example/mcp").unwrap_or_else(|e| panic!("{e}"));
        for name in ["", "state", "redirect_uri", "code_challenge", "request", "scope", "dpop_jkt"]
        {
            let refused = settings().authorization_parameter(name, "x").err();
            assert_eq!(refused, Some(Misuse::ReservedParameter { name: name.into() }.into()));
        }
        for name in ["", "grant_type", "client_secret", "refresh_token", "resource"] {
            let refused = settings().token_parameter(name, "x").err();
            assert_eq!(refused, Some(Misuse::ReservedParameter { name: name.into() }.into()));
        }
        let settings = settings().authorization_parameter("prompt", "login");
        let settings = settings.and_then(|it| it.authorization_parameter("prompt", "consent"));
        let settings =
            settings.and_then(|it| it.token_parameter("audience", "https://api.example"));
        let dialect = settings.ok().and_then(|settings| settings.dialect.clone());
        let dialect = dialect.unwrap_or_default();
        assert_eq!((dialect.authorization.len(), dialect.token.len()), (1, 1), "the last one");
        assert_eq!(&*dialect.authorization[0].value, "consent");
    }
}
