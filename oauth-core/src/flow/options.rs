//! What a host wants of one login, beyond what it has set up for all.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::scope::Scopes;
use crate::wire::{LoginHint, Prompt, Sought};

/// What one login asks for beyond the settings: a user, a question to them, other scopes. It is used up by that login,
/// however that ends.
///
/// ```
/// use oauth_core::flow::AuthorizationOptions;
/// use oauth_core::wire::Prompt;
///
/// let options = AuthorizationOptions::new().prompt(Prompt::SelectAccount).login_hint("ann@example.com")?;
/// # Ok::<_, oauth_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthorizationOptions {
    #[serde(skip_serializing_if = "Sought::is_nobody")]
    pub(crate) sought: Sought,
    /// Instead of all scopes that are known otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Scopes>,
    /// As well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) more_scope: Option<Scopes>,
}

impl AuthorizationOptions {
    /// Nothing in particular.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the user is asked, whatever the authorization server knows of them. May be called for several. It
    /// takes the place of a `prompt` that is set up or that the server prescribes, but `consent` stays where a
    /// refresh token depends on it.
    #[must_use]
    pub fn prompt(mut self, prompt: Prompt) -> Self {
        self.sought.ask(prompt);
        self
    }

    /// Who is expected to log in. The server may ignore it: who did log in is not checked.
    ///
    /// # Errors
    ///
    /// [`Misuse::LoginHint`](crate::error::Misuse::LoginHint) if it is empty, too long, or has control characters in
    /// it.
    pub fn login_hint(mut self, hint: &str) -> Result<Self, Error> {
        self.sought.expect(LoginHint::parse(hint)?);
        Ok(self)
    }

    /// The scopes to ask for, separated by spaces, in place of all others: those of the settings, of earlier logins
    /// and of what the server said was missing. Only `offline_access` joins them, as ever. A later login asks as ever:
    /// for what the settings say, or else for these and what the server wants. An empty text stands for no such choice.
    ///
    /// # Errors
    ///
    /// As [`Settings::scope`](crate::flow::Settings::scope).
    pub fn scope(mut self, scope: &str) -> Result<Self, Error> {
        self.scope = Scopes::asked_for(scope)?;
        Ok(self)
    }

    /// Scopes to ask for, separated by spaces, in addition to all that is asked for otherwise.
    ///
    /// Where nothing else is known, a server that has default scopes gives those named here in their place.
    ///
    /// # Errors
    ///
    /// As [`Settings::scope`](crate::flow::Settings::scope).
    pub fn add_scope(mut self, scope: &str) -> Result<Self, Error> {
        self.more_scope = Scopes::asked_for(scope)?;
        Ok(self)
    }

    /// Whether nothing in particular is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
