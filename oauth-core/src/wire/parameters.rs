//! The parameters that the protocol gives a meaning: one list of them, for all who have to know.

/// A parameter of the protocol's own.
struct Own {
    name: &'static str,
    /// What becomes of it in the query of an authorization endpoint; `None` if authorization requests do
    /// not have it.
    authorization: Option<InEndpoint>,
    /// Token requests have it.
    token: bool,
}

/// What an authorization endpoint's own query may say (RFC 6749 §3.1 wants it kept).
#[derive(Clone, Copy, PartialEq, Eq)]
enum InEndpoint {
    /// Nothing: who could say it there would decide how the user's consent comes back, or to whom.
    Forbidden,
    /// A default of the server's: it stays unless a request says it, too.
    Default,
}

/// Whether a host may not say it in authorization requests.
pub(crate) fn is_of_authorization(name: &str) -> bool {
    find(name).is_some_and(|own| own.authorization.is_some())
}

/// Whether a host may not say it in token requests.
pub(crate) fn is_of_token(name: &str) -> bool {
    find(name).is_some_and(|own| own.token)
}

/// Whether the query of an authorization endpoint may not say it.
pub(crate) fn is_forbidden_in_endpoint(name: &str) -> bool {
    find(name).is_some_and(|own| own.authorization == Some(InEndpoint::Forbidden))
}

fn find(name: &str) -> Option<&'static Own> {
    OWN.iter().find(|own| own.name == name)
}

const fn both(name: &'static str, authorization: InEndpoint) -> Own {
    Own { name, authorization: Some(authorization), token: true }
}

const fn authorization(name: &'static str) -> Own {
    Own { name, authorization: Some(InEndpoint::Forbidden), token: false }
}

const fn token(name: &'static str) -> Own {
    Own { name, authorization: None, token: true }
}

/// RFC 6749 §4.1.1, §4.1.3 and §6, RFC 7636 §4.3 and §4.5, RFC 8707 §2, RFC 7521 §4.1 and §4.2, RFC 8628 §3.4, RFC 9449 §10; and what would
/// change how an authorization request is answered (RFC 9101 §5, OAuth 2.0 Multiple Response Types §2.1).
/// `prompt` is not among them: hosts may set it, and servers may prescribe it.
static OWN: [Own; 21] = [
    both("client_id", InEndpoint::Forbidden),
    both("redirect_uri", InEndpoint::Forbidden),
    both("resource", InEndpoint::Default),
    both("scope", InEndpoint::Default),
    // Where the request is pushed, the client authenticates with it.
    both("client_secret", InEndpoint::Default),
    both("client_assertion", InEndpoint::Default),
    both("client_assertion_type", InEndpoint::Default),
    authorization("response_type"),
    authorization("response_mode"),
    authorization("code_challenge"),
    authorization("code_challenge_method"),
    authorization("state"),
    authorization("request"),
    authorization("request_uri"),
    authorization("dpop_jkt"),
    token("grant_type"),
    token("code"),
    token("code_verifier"),
    token("assertion"),
    token("refresh_token"),
    token("device_code"),
];
