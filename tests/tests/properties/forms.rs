//! Forms (RFC 6749 appendix B): whatever the values, a token request, a Basic credential and an
//! authorization URL are decoded to what went in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth_core::flow::Settings;
use oauth_core::{OAuthClientProvider, Request};
use oauth_tests::drive::{CALLBACK, SERVER_URL};
use proptest::prelude::*;

use crate::config;
use crate::logins::{come_back, login, provider, request};

/// The simplest encoder: every byte but letters and digits is written as its number.
fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The simplest decoder, which wants well-formed text.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()].map(char::from);
                let digit = |at: usize| u8::try_from(digits[at].to_digit(16).unwrap()).unwrap();
                16 * digit(0) + digit(1)
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn pairs(form: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (decode(name), decode(value))
    };
    form.split('&').map(pair).collect()
}

fn values<'a>(pairs: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value).collect()
}

/// The token request of a login by this client with this code.
fn redeem(provider: &OAuthClientProvider, id: &str, secret: &str, code: &str) -> Request {
    let settings =
        Settings::new(SERVER_URL).unwrap().provider(provider).unwrap().without_discovery();
    let settings = settings.client_id(id, Some(secret.into())).unwrap();
    let mut flow = login(settings, "").unwrap();
    let query = |state: &str| format!("code={}&state={state}", encode(code));
    assert_eq!(come_back(&mut flow, query), Ok(()));
    request(&mut flow)
}

fn body(request: &Request) -> Vec<(String, String)> {
    pairs(core::str::from_utf8(request.body()).unwrap())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_token_request_says_what_went_in(id in "[ -~]{1,12}", secret in "\\PC{1,12}", code in ".{1,12}") {
        let mut provider = provider();
        let methods = Some(Vec::from(["client_secret_post".into()]));
        provider.metadata.token_endpoint_auth_methods_supported = methods;
        let request = redeem(&provider, &id, &secret, &code);
        let body = body(&request);
        for (name, expected) in [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", CALLBACK),
            ("resource", SERVER_URL),
            ("client_id", &*id),
            ("client_secret", &*secret),
        ] {
            prop_assert_eq!(values(&body, name), [expected], "{}", name);
        }
        prop_assert_eq!(values(&body, "code_verifier").concat().len(), 43);
        prop_assert!(request.headers().all(|(name, _)| name != "authorization"));
    }

    #[test]
    fn a_basic_credential_says_what_went_in(id in "[ -~]{1,12}", secret in "\\PC{1,12}") {
        let request = redeem(&provider(), &id, &secret, "c");
        let (_, value) = request.headers().find(|(name, _)| *name == "authorization").unwrap();
        let pair = STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap();
        let pair = String::from_utf8(pair).unwrap();
        let (left, right) = pair.split_once(':').unwrap();
        prop_assert_eq!((decode(left), decode(right)), (id, secret));
        let body = body(&request);
        prop_assert!(values(&body, "client_id").is_empty());
        prop_assert!(values(&body, "client_secret").is_empty());
    }

    #[test]
    fn an_authorization_url_says_what_went_in(
        id in "[ -~]{1,12}",
        scope in "[!#-\\[\\]-~]{1,9}( [!#-\\[\\]-~]{1,9}){0,3}",
        (query, own) in prop_oneof![
            Just(("", "")), Just(("?", "")), Just(("?p=1", "1")), Just(("?p=%26&", "&"))
        ],
    ) {
        let mut provider = provider();
        provider.metadata.authorization_endpoint = Some(format!("https://auth.example.com/a{query}").into());
        let settings = Settings::new(SERVER_URL).unwrap().scope(&scope).unwrap().provider(&provider).unwrap().without_discovery();
        let flow = login(settings.client_id(&id, None).unwrap(), "").unwrap();
        let url = flow.authorization_url().unwrap();
        let (path, query) = url.as_str().split_once('?').unwrap();
        prop_assert_eq!(path, "https://auth.example.com/a");
        let pairs = pairs(query);
        for (name, expected) in [
            ("response_type", "code"),
            ("client_id", &*id),
            ("redirect_uri", CALLBACK),
            ("resource", SERVER_URL),
            ("code_challenge_method", "S256"),
            ("state", url.state()),
        ] {
            prop_assert_eq!(values(&pairs, name), [expected], "{}", name);
        }
        prop_assert_eq!(values(&pairs, "p").concat(), own);
        let scopes = oauth_core::Scopes::parse(&scope).unwrap();
        prop_assert_eq!(values(&pairs, "scope"), [scopes.as_str()]);
    }
}
