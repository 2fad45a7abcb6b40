//! Which user is sought, and what they are asked (OpenID Connect Core §3.1.2.1). Of the parameters that the section has,
//! `display`, `ui_locales`, `id_token_hint` and `acr_values` are left to
//! [`Settings::authorization_parameter`](crate::flow::Settings::authorization_parameter).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Misuse;
use crate::wire::dialect::PROMPT;

/// What the authorization server asks a user before it sends them back, whatever it knows of them already. A server
/// that knows one of these not may ignore it, or refuse the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Prompt {
    /// They say again who they are, with a password for instance.
    Login,
    /// They choose one of their accounts.
    SelectAccount,
    /// They consent again.
    Consent,
}

impl Prompt {
    /// As requests say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::SelectAccount => "select_account",
            Self::Consent => CONSENT,
        }
    }
}

/// Who is expected to log in: an e-mail address for the most part, or a name that this server knows.
///
/// It is not shown by `Debug`: it says who somebody is. The server may ignore it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginHint(Box<str>);

impl LoginHint {
    /// The longest hint, in bytes: twice the longest e-mail address.
    pub const MAX_LENGTH: usize = 512;

    /// Takes a hint.
    ///
    /// # Errors
    ///
    /// [`Misuse::LoginHint`] if it is empty or longer than [`MAX_LENGTH`](Self::MAX_LENGTH), or if there are control
    /// characters in it.
    pub fn parse(text: &str) -> Result<Self, Misuse> {
        let is_hint = (1..=Self::MAX_LENGTH).contains(&text.len());
        if !is_hint || text.contains(char::is_control) {
            return Err(Misuse::LoginHint { limit: Self::MAX_LENGTH });
        }
        Ok(Self(text.into()))
    }

    /// The hint.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LoginHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginHint(..)")
    }
}

/// Which user a login seeks; for the most part whoever comes, which takes no room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Sought(Option<Box<Who>>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Who {
    /// Sorted, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prompts: Vec<Prompt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_hint: Option<LoginHint>,
}

impl Sought {
    pub(crate) fn is_nobody(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn expect(&mut self, hint: LoginHint) {
        self.0.get_or_insert_default().login_hint = Some(hint);
    }

    pub(crate) fn login_hint(&self) -> Option<&str> {
        self.0.as_ref()?.login_hint.as_ref().map(LoginHint::as_str)
    }

    fn prompts(&self) -> &[Prompt] {
        self.0.as_ref().map_or(&[], |who| &who.prompts)
    }

    pub(crate) fn ask(&mut self, prompt: Prompt) {
        let prompts = &mut self.0.get_or_insert_default().prompts;
        if let Err(place) = prompts.binary_search(&prompt) {
            prompts.insert(place, prompt);
        }
    }

    /// Whether the request says the parameter for this login.
    pub(crate) fn says(&self, name: &str) -> bool {
        match name {
            PROMPT => !self.prompts().is_empty(),
            LOGIN_HINT => self.login_hint().is_some(),
            _ => false,
        }
    }

    /// The `prompt` of this login, in place of the one that there would be otherwise. Of that `consent` stays: for
    /// it servers give refresh tokens (OpenID Connect Core §11). None of the others goes together with what the
    /// login wants, `none` least of all.
    /// `None` if it has none of its own.
    pub(crate) fn prompt(&self, otherwise: Option<&str>) -> Option<String> {
        let consents = otherwise.is_some_and(|it| it.split(' ').any(|it| it == CONSENT));
        let last = (consents && !self.prompts().contains(&Prompt::Consent)).then_some(CONSENT);
        let mut text = String::new();
        for prompt in self.prompts().iter().map(|it| it.as_str()).chain(last) {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(prompt);
        }
        (!self.prompts().is_empty()).then_some(text)
    }
}

/// Who is expected (OpenID Connect Core §3.1.2.1).
pub(crate) const LOGIN_HINT: &str = "login_hint";

/// Also what brings refresh tokens.
pub(crate) const CONSENT: &str = "consent";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_takes_the_place_of_another_but_for_the_consent_that_brings_refresh_tokens() {
        use Prompt::{Consent, Login, SelectAccount};
        for (prompts, otherwise, said) in [
            (&[][..], None, None),
            (&[], Some("consent"), None),
            (&[SelectAccount], None, Some("select_account")),
            (&[SelectAccount], Some("login"), Some("select_account")),
            (&[SelectAccount], Some("none"), Some("select_account")),
            (&[SelectAccount], Some("consent"), Some("select_account consent")),
            (&[Login], Some("select_account consent"), Some("login consent")),
            (&[Consent, Login, Consent], Some("consent"), Some("login consent")),
            (&[Consent], None, Some("consent")),
            (&[Login], Some("consents"), Some("login")),
        ] {
            let mut sought = Sought::default();
            prompts.iter().for_each(|prompt| sought.ask(*prompt));
            assert_eq!(sought.prompt(otherwise).as_deref(), said, "{prompts:?} {otherwise:?}");
        }
    }

    #[test]
    fn a_hint_is_bounded_and_not_shown() {
        let most = "x".repeat(LoginHint::MAX_LENGTH);
        for text in ["ann@example.com", "Ännchen Müller", &most] {
            let hint = LoginHint::parse(text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(hint.as_str(), text);
            assert_eq!(alloc::format!("{hint:?}"), "LoginHint(..)");
        }
        for text in ["", "a\nb", "a\u{7f}", "\u{9b}", &alloc::format!("{most}x")] {
            let refused = Misuse::LoginHint { limit: LoginHint::MAX_LENGTH };
            assert_eq!(LoginHint::parse(text), Err(refused), "{text:?}");
        }
    }
}
