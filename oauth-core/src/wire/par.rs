//! The pushed authorization request endpoint: a login's request goes there, a reference to it comes back, and the
//! browser shows no more than that (RFC 9126).

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerMisbehaved};
use crate::form::Form;
use crate::http::{Endpoint, Request, Response};
use crate::json::{Defect, MemberNames, Members};
use crate::secret::Secret;
use crate::time::{Seconds, UnixTime};
use crate::tolerance::{Tolerance, Tolerances};
use crate::url::HttpUrl;
use crate::wire::answer::refusal;
use crate::wire::authorization::{AuthorizationRequest, AuthorizationUrl};
use crate::wire::client_auth::Authentication;
use crate::wire::server_metadata::ServerMetadata;
use crate::wire::{malformed, read_success};

/// What a request is known by that was pushed. It is good for one visit (RFC 9126 §4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PushedRequest {
    request_uri: Secret,
    /// Until when the user has to be there.
    pub(crate) expires_at: UnixTime,
    /// What had to be tolerated in the answer.
    #[serde(default = "Tolerances::none", skip_serializing_if = "Tolerances::is_empty")]
    pub(crate) tolerated: Tolerances,
}

/// Whoever has the reference can show the request to a user of theirs.
impl fmt::Debug for PushedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushedRequest")
            .field("expires_at", &self.expires_at)
            .field("tolerated", &self.tolerated)
            .finish_non_exhaustive()
    }
}

/// Pushes all that the URL of a login would say (RFC 9126 §2.1). The client authenticates as at the token endpoint, and
/// is named in any case.
pub(crate) fn push_request(
    endpoint: &HttpUrl,
    server: &ServerMetadata,
    what: &AuthorizationRequest<'_>,
    client: Authentication<'_>,
) -> Request {
    let form = Form::with_capacity(what.length() + FORM_LENGTH + client.length());
    let form = client.add_proof_to(what.add_to(form, server));
    Request::form(Endpoint::PushedAuthorization, endpoint.clone(), form.into_body())
        .with_authorization(client.header())
}

/// Reads the answer to [`push_request`]; with the members that are not as they should be. The reference is not looked
/// into.
///
/// # Errors
///
/// The server's refusal, which is that of the login: it is not tried in another way (RFC 9126 §2.3). Else an answer
/// that cannot be read, or [`PeerMisbehaved::NotTolerated`].
pub(crate) fn read_pushed(
    response: &Response,
    endpoint: &HttpUrl,
    tolerates: Tolerances,
    now: UnixTime,
) -> Result<(PushedRequest, MemberNames), Error> {
    let body = read_success(response, Endpoint::PushedAuthorization, endpoint)?;
    let defect = |defect| match refusal(body, Endpoint::PushedAuthorization) {
        Ok(refusal) => refusal.into(),
        Err(_) => malformed(response, Endpoint::PushedAuthorization, endpoint, defect),
    };
    let mut members = Members::of(body).map_err(defect)?;
    let request_uri = members.required_text("request_uri").map_err(defect)?;
    if request_uri.len() > MAX_REQUEST_URI {
        return Err(defect(Defect::unusable("request_uri")));
    }
    let lifetime = members.optional::<Seconds>("expires_in");
    if lifetime.as_ref().is_some_and(|seconds| seconds.number == 0) {
        members.note("expires_in");
    }
    let is_text = lifetime.as_ref().is_some_and(|seconds| seconds.is_text);
    let lifetime = lifetime.map(|seconds| seconds.number).filter(|seconds| *seconds > 0);
    let misshapen = members.into_misshapen();
    let mut tolerated = misshapen.tolerance();
    let strays = [
        (response.status() != 201).then_some(Tolerance::PushedStatus),
        is_text.then_some(Tolerance::TextualLifetime),
    ];
    tolerated.extend(strays.into_iter().flatten().collect());
    PeerMisbehaved::check(Endpoint::PushedAuthorization, tolerated, &misshapen, tolerates)?;
    let request_uri = Secret::from(&*request_uri);
    let expires_at = now + lifetime.map_or(USUAL_LIFETIME, Duration::from_secs);
    Ok((PushedRequest { request_uri, expires_at, tolerated }, misshapen))
}

/// The URL at which a person consents to what was pushed (RFC 9126 §4): behind the endpoint's own query it says who
/// asks, and the reference, and nothing else.
pub(crate) fn pushed_url(
    server: &ServerMetadata,
    what: &AuthorizationRequest<'_>,
    pushed: &PushedRequest,
) -> AuthorizationUrl {
    let request_uri = pushed.request_uri.expose();
    let room = FORM_LENGTH + 2 * (what.client_id.len() + request_uri.len());
    let form = Form::after_url(&what.endpoint(server), room)
        .pair("client_id", what.client_id)
        .pair("request_uri", request_uri);
    AuthorizationUrl::without_state(form.into_text(), what.state)
}

/// In bytes; honest ones have a hundred.
const MAX_REQUEST_URI: usize = 2048;

/// Where the server does not say it: what most servers say, and few users are slower than that before they are there.
const USUAL_LIFETIME: Duration = Duration::from_secs(60);

/// Room beside what a request says, so that the client's secret is not copied while the form grows.
const FORM_LENGTH: usize = 256;

#[cfg(test)]
mod tests;
