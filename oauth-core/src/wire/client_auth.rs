//! How the client shows to the token endpoint who it is (RFC 6749 §2.3, RFC 7591 §2).

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::auth_method::AuthMethod;
use crate::form::{Form, encode};
use crate::json::{Gather, List};
use crate::secret::Secret;

/// Which methods a token endpoint lists, as far as they are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AuthMethods(u8);

impl AuthMethods {
    /// What is tried with a secret where nothing is listed: Basic, which that means (RFC 8414 §2), and
    /// after it what servers take that forgot to list it.
    pub(crate) const UNLISTED_WITH_SECRET: Self =
        Self(1 << AuthMethod::ClientSecretBasic as u8 | 1 << AuthMethod::ClientSecretPost as u8);

    /// What is registered with where nothing is listed: a public client, as every SDK asks for one there,
    /// and after it what the absence means (RFC 8414 §2).
    pub(crate) const UNLISTED_TO_REGISTER: Self =
        Self(1 << AuthMethod::None as u8 | 1 << AuthMethod::ClientSecretBasic as u8);

    /// A secret, if there is one, in the body.
    pub(crate) const IN_BODY: Self =
        Self(1 << AuthMethod::ClientSecretPost as u8 | 1 << AuthMethod::None as u8);

    #[cfg(test)]
    pub(crate) fn of(names: &[&str]) -> Self {
        let mut methods = Self::default();
        names.iter().for_each(|name| methods.gather(name));
        methods
    }

    pub(crate) fn insert(&mut self, method: AuthMethod) {
        self.0 |= 1 << method as u8;
    }

    pub(crate) fn contains(self, method: AuthMethod) -> bool {
        self.0 & (1 << method as u8) != 0
    }

    /// The method for a client that has a secret, other than those: Basic first, as every server has to
    /// know it (RFC 6749 §2.3.1).
    pub(crate) fn with_secret(self, tried: Self) -> Option<AuthMethod> {
        self.first_of(WITH_SECRET, tried)
    }

    /// The method to register with, other than those: without a secret if possible, since a native
    /// client cannot keep one (RFC 8252 §8.5); else with id and secret in the body, where every server
    /// looks for the id. Those on the Python SDK list Basic and refuse it.
    pub(crate) fn to_register(self, tried: Self) -> Option<AuthMethod> {
        self.first_of(TO_REGISTER, tried)
    }

    fn first_of<const N: usize>(self, order: [AuthMethod; N], tried: Self) -> Option<AuthMethod> {
        order.into_iter().find(|method| self.contains(*method) && !tried.contains(*method))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = AuthMethod> {
        AuthMethod::ALL.into_iter().filter(move |method| self.contains(*method))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

/// Written as the list that it was read from.
impl Serialize for AuthMethods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for AuthMethods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        List::deserialize(deserializer).map(|list| list.0)
    }
}

impl Gather for AuthMethods {
    fn gather(&mut self, text: &str) {
        if let Some(method) = AuthMethod::from_name(text) {
            self.insert(method);
        }
    }
}

/// Adds id and, if the method puts it there, secret to the form.
pub(crate) fn add_to_form(
    form: Form,
    method: AuthMethod,
    client_id: &str,
    secret: Option<&Secret>,
) -> Form {
    match method {
        AuthMethod::None => form.pair("client_id", client_id),
        AuthMethod::ClientSecretBasic => form,
        AuthMethod::ClientSecretPost => {
            form.pair("client_id", client_id).pair_if("client_secret", secret.map(Secret::expose))
        }
    }
}

/// The value of the `Authorization` header field, if the method has one. Id and secret are
/// form-encoded before they are joined (RFC 6749 §2.3.1): a client id may be a URL with a colon.
pub(crate) fn authorization(
    method: AuthMethod,
    client_id: &str,
    secret: Option<&Secret>,
) -> Option<Secret> {
    if method != AuthMethod::ClientSecretBasic {
        return None;
    }
    let secret = secret.map_or("", Secret::expose);
    let mut pair = String::with_capacity(3 * (client_id.len() + secret.len()) + 1);
    encode(client_id, &mut pair);
    pair.push(':');
    encode(secret, &mut pair);
    let pair = Secret::from(pair);
    let mut value = String::with_capacity("Basic ".len() + pair.expose().len().div_ceil(3) * 4);
    value.push_str("Basic ");
    STANDARD.encode_string(pair.expose(), &mut value);
    Some(Secret::from(value))
}

/// In the order of preference for a client that has a secret.
const WITH_SECRET: [AuthMethod; 2] = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];

/// In the order of preference for a client that is registered dynamically.
const TO_REGISTER: [AuthMethod; 3] =
    [AuthMethod::None, AuthMethod::ClientSecretPost, AuthMethod::ClientSecretBasic];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_puts_the_secret_in_one_place_only() {
        let secret = Secret::from("s:e%c+r t&é");
        for (method, form, header) in [
            (AuthMethod::None, "client_id=a%3Ab", None),
            (AuthMethod::ClientSecretBasic, "", Some("YSUzQWI6cyUzQWUlMjVjJTJCcit0JTI2JUMzJUE5")),
            (
                AuthMethod::ClientSecretPost,
                "client_id=a%3Ab&client_secret=s%3Ae%25c%2Br+t%26%C3%A9",
                None,
            ),
        ] {
            let body = add_to_form(Form::with_capacity(0), method, "a:b", Some(&secret));
            assert_eq!(body.into_text(), form);
            let value = authorization(method, "a:b", Some(&secret));
            assert_eq!(value.as_ref().and_then(|v| v.expose().strip_prefix("Basic ")), header);
            assert_eq!(AuthMethod::from_name(method.as_str()), Some(method));
        }
    }

    #[test]
    fn methods_are_chosen_from_what_the_server_lists() {
        use AuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
        for (names, with_secret, to_register) in [
            (
                &["client_secret_post", "client_secret_basic"][..],
                Some(ClientSecretBasic),
                Some(ClientSecretPost),
            ),
            (&["client_secret_basic"], Some(ClientSecretBasic), Some(ClientSecretBasic)),
            (&["client_secret_post", "none"], Some(ClientSecretPost), Some(Public)),
            (&["none"], None, Some(Public)),
            (&["private_key_jwt"], None, None),
        ] {
            let (methods, none) = (AuthMethods::of(names), AuthMethods::default());
            assert_eq!(
                (methods.with_secret(none), methods.to_register(none)),
                (with_secret, to_register),
                "{names:?}"
            );
        }
    }

    #[test]
    fn the_next_method_is_none_of_those_that_were_tried() {
        use AuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
        let mut tried = AuthMethods::default();
        let listed = AuthMethods::of(&["client_secret_basic", "none", "client_secret_post"]);
        for expected in [Public, ClientSecretPost, ClientSecretBasic] {
            assert_eq!(listed.to_register(tried), Some(expected));
            tried.insert(expected);
        }
        assert_eq!(listed.to_register(tried), None);
        let unlisted = AuthMethods::UNLISTED_WITH_SECRET;
        assert_eq!(unlisted.with_secret(AuthMethods::default()), Some(ClientSecretBasic));
        let basic = AuthMethods::of(&["client_secret_basic"]);
        assert_eq!(unlisted.with_secret(basic), Some(ClientSecretPost));
    }
}
