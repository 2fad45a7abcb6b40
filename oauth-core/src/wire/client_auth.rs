//! How the client shows to the token endpoint who it is (RFC 6749 §2.3, RFC 7591 §2).

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::auth_method::AuthMethod;
use crate::form::{Form, encode};
use crate::json::{Gather, List};
use crate::secret::Secret;
use crate::wire::client_assertion::{AssertionStyle, ClientIdMode};
use crate::wire::dialect::Dialect;
use crate::wire::jws::SignedJwt;

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

/// How one request says who its client is, and shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Authentication<'a> {
    /// Not at all: what is redeemed says who it is for.
    Unnamed,
    /// By its id alone (RFC 6749 §3.2.1).
    Public { client_id: &'a str },
    /// By id and secret in the header (RFC 6749 §2.3.1).
    Basic { client_id: &'a str, secret: Option<&'a Secret> },
    /// By id and secret in the body (RFC 6749 §2.3.1).
    Post { client_id: &'a str, secret: &'a Secret },
    /// By an assertion, whose `sub` is the id; the id beside it is for servers that look for it there
    /// (RFC 7521 §4.2).
    Signed { assertion: &'a SignedJwt, client_id: Option<&'a str> },
}

impl<'a> Authentication<'a> {
    /// By what a client is registered with. One with a key has nothing yet but its id: see
    /// [`signed`](Self::signed).
    pub(crate) fn of(method: AuthMethod, client_id: &'a str, secret: Option<&'a Secret>) -> Self {
        match (method, secret) {
            (AuthMethod::ClientSecretBasic, secret) => Self::Basic { client_id, secret },
            (AuthMethod::ClientSecretPost, Some(secret)) => Self::Post { client_id, secret },
            (AuthMethod::None | AuthMethod::ClientSecretPost | AuthMethod::PrivateKeyJwt, _) => {
                Self::Public { client_id }
            }
        }
    }

    /// The same, unless an assertion was signed for this request.
    pub(crate) fn or_signed(
        self,
        assertion: Option<&'a SignedJwt>,
        client_id: &'a str,
        dialect: Option<&Dialect>,
    ) -> Self {
        let style = dialect.and_then(|dialect| dialect.assertion).unwrap_or_default();
        assertion.map_or(self, |assertion| Self::signed(assertion, client_id, style))
    }

    /// By an assertion that was signed for this request.
    pub(crate) fn signed(
        assertion: &'a SignedJwt,
        client_id: &'a str,
        style: AssertionStyle,
    ) -> Self {
        let client_id = (style.client_id == ClientIdMode::Send).then_some(client_id);
        Self::Signed { assertion, client_id }
    }

    /// How many bytes it adds to a form beyond the usual.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Signed { assertion, .. } => JWT_BEARER.len() + assertion.expose().len(),
            _ => 0,
        }
    }

    /// Adds what stands in the form.
    pub(crate) fn add_to(self, form: Form) -> Form {
        match self {
            Self::Unnamed | Self::Basic { .. } => form,
            Self::Public { client_id } => form.pair("client_id", client_id),
            Self::Post { client_id, .. } => self.add_proof_to(form.pair("client_id", client_id)),
            Self::Signed { client_id, .. } => {
                self.add_proof_to(form).pair_if("client_id", client_id)
            }
        }
    }

    /// The same without the id, for a form that says it already.
    pub(crate) fn add_proof_to(self, form: Form) -> Form {
        match self {
            Self::Unnamed | Self::Public { .. } | Self::Basic { .. } => form,
            Self::Post { secret, .. } => form.pair("client_secret", secret.expose()),
            Self::Signed { assertion, .. } => form
                .pair("client_assertion_type", JWT_BEARER)
                .pair("client_assertion", assertion.expose()),
        }
    }

    /// The value of the `Authorization` header field, if there is one. Id and secret are form-encoded
    /// before they are joined (RFC 6749 §2.3.1): a client id may be a URL with a colon.
    pub(crate) fn header(self) -> Option<Secret> {
        let Self::Basic { client_id, secret } = self else { return None };
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
}

/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// In the order of preference for a client that has a secret.
const WITH_SECRET: [AuthMethod; 2] = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];

/// In the order of preference for a client that is registered dynamically.
const TO_REGISTER: [AuthMethod; 3] =
    [AuthMethod::None, AuthMethod::ClientSecretPost, AuthMethod::ClientSecretBasic];

#[cfg(test)]
mod tests {
    use super::*;

    fn form(client: Authentication<'_>) -> String {
        client.add_to(Form::with_capacity(0)).into_text()
    }

    #[test]
    fn each_method_puts_the_secret_in_one_place_only() {
        let secret = Secret::from("s:e%c+r t&é");
        for (method, in_form, header) in [
            (AuthMethod::None, "client_id=a%3Ab", None),
            (AuthMethod::ClientSecretBasic, "", Some("YSUzQWI6cyUzQWUlMjVjJTJCcit0JTI2JUMzJUE5")),
            (
                AuthMethod::ClientSecretPost,
                "client_id=a%3Ab&client_secret=s%3Ae%25c%2Br+t%26%C3%A9",
                None,
            ),
            (AuthMethod::PrivateKeyJwt, "client_id=a%3Ab", None),
        ] {
            let client = Authentication::of(method, "a:b", Some(&secret));
            assert_eq!(form(client), in_form);
            let value = client.header();
            assert_eq!(value.as_ref().and_then(|v| v.expose().strip_prefix("Basic ")), header);
            assert_eq!(AuthMethod::from_name(method.as_str()), Some(method));
            assert!(!alloc::format!("{client:?}").contains("s:e"), "{client:?}");
        }
    }

    #[test]
    fn an_assertion_stands_for_the_client_id_unless_the_server_wants_both() {
        let assertion: SignedJwt =
            serde_json::from_str("\"h.c.s\"").unwrap_or_else(|e| panic!("{e}"));
        let style = AssertionStyle::default();
        let alone = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type\
                     %3Ajwt-bearer&client_assertion=h.c.s";
        let client = Authentication::signed(&assertion, "a:b", style);
        assert_eq!((form(client).as_str(), client.header()), (alone, None));
        let style = AssertionStyle { client_id: ClientIdMode::Send, ..style };
        let both = form(Authentication::signed(&assertion, "a:b", style));
        assert_eq!(both.strip_prefix(alone), Some("&client_id=a%3Ab"));
        assert_eq!(form(Authentication::Unnamed), "");
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
