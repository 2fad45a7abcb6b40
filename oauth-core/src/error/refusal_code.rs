//! [`Error::code`](crate::Error::code) of a refusal.

use crate::error::Refusal;
use crate::http::Endpoint;

/// The names of all refusals of an endpoint: those whose codes are registered with IANA, for whichever endpoint, because
/// servers use them at others, too; and in front the one for all others. One text, since a comparison with each of some
/// three hundred would be compiled to more code than any other function here.
macro_rules! names {
    ($endpoint:literal) => {
        named!($endpoint, [
            // RFC 6749 §4.1.2.1, §5.2
            "invalid_request" "invalid_client" "invalid_grant" "unauthorized_client"
            "unsupported_grant_type" "unsupported_response_type" "invalid_scope" "access_denied"
            "server_error" "temporarily_unavailable"
            // RFC 6750 §3.1
            "invalid_token" "insufficient_scope"
            // RFC 7009 §2.2.1
            "unsupported_token_type"
            // RFC 7591 §3.2.2
            "invalid_redirect_uri" "invalid_client_metadata" "invalid_software_statement"
            "unapproved_software_statement"
            // RFC 8628 §3.5
            "authorization_pending" "slow_down" "expired_token"
            // RFC 8707 §2
            "invalid_target"
            // RFC 9101 §6, used by RFC 9126 §2.3
            "invalid_request_uri" "invalid_request_object" "request_not_supported"
            "request_uri_not_supported"
            // RFC 9449 §5, §8
            "invalid_dpop_proof" "use_dpop_nonce"
            // RFC 9470 §3
            "insufficient_user_authentication"
            // OpenID Connect Core §3.1.2.6
            "interaction_required" "login_required" "account_selection_required"
            "consent_required" "registration_not_supported"
        ])
    };
}

macro_rules! named {
    ($endpoint:literal, [$($known:literal)*]) => {
        concat!("refused_", $endpoint, "_other", $(" refused_", $endpoint, "_", $known,)*)
    };
}

/// Names the endpoint and the server's code, such as `refused_token_invalid_grant`. A code that is not
/// registered is `refused_token_other`: what servers make up would be a different name each time.
pub(super) fn code(refusal: &Refusal) -> &'static str {
    let mut names = match refusal.endpoint {
        Endpoint::Resource => names!("resource"),
        Endpoint::ResourceMetadata => names!("resource_metadata"),
        Endpoint::ServerMetadata => names!("server_metadata"),
        Endpoint::Registration => names!("registration"),
        Endpoint::Authorization => names!("authorization"),
        Endpoint::PushedAuthorization => names!("pushed_authorization"),
        Endpoint::DeviceAuthorization => names!("device_authorization"),
        Endpoint::Token => names!("token"),
        Endpoint::Revocation => names!("revocation"),
        Endpoint::IdentityProvider => names!("identity_provider"),
    }
    .split(' ');
    let other = names.next().unwrap_or_default();
    let before = other.len().saturating_sub("other".len());
    names.find(|name| name.get(before..) == Some(&*refusal.code)).unwrap_or(other)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_code_names_the_endpoint_as_logs_do_and_what_is_registered() {
        for endpoint in [
            Endpoint::Resource,
            Endpoint::ResourceMetadata,
            Endpoint::ServerMetadata,
            Endpoint::Registration,
            Endpoint::Authorization,
            Endpoint::PushedAuthorization,
            Endpoint::DeviceAuthorization,
            Endpoint::Token,
            Endpoint::Revocation,
            Endpoint::IdentityProvider,
        ] {
            for (word, known) in [
                ("invalid_grant", true),
                ("invalid_target", true),
                ("consent_required", true),
                ("bad_verification_code", false),
                ("other", false),
                ("Invalid_grant", false),
            ] {
                let refusal = Refusal { endpoint, code: word.into(), description: None, uri: None };
                let ending = if known { word } else { "other" };
                assert_eq!(code(&refusal), format!("refused_{}_{ending}", endpoint.name()));
            }
        }
    }
}
