//! A refresh: one request to the token endpoint that issued the tokens (RFC 6749 §6).

use crate::flow::binding::Binding;
use crate::flow::proof::Proof;
use crate::http::{Request, Response};
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::wire::{self, NoToken, TokenData, read_tokens};

/// The request. It goes to the endpoint that is recorded with the tokens, and nowhere else.
pub(crate) fn refresh_request(binding: &Binding, proof: &Proof, refresh_token: &Secret) -> Request {
    let request = wire::refresh_request(&proof.requester(&binding.parties()), refresh_token);
    proof.add_to(request)
}

/// The new tokens. What the answer leaves out stays as it was: the refresh token (RFC 6749 §6), the
/// granted scopes (RFC 6749 §5.1), and who the user is (OpenID Connect Core 1.0 §12.2).
pub(crate) fn read_refresh(
    binding: &Binding,
    old: &TokenData,
    response: &Response,
    now: UnixTime,
) -> Result<TokenData, NoToken> {
    let (endpoint, requested) = (binding.server.token_endpoint(), binding.requested.as_ref());
    let mut tokens = read_tokens(response, endpoint, requested, binding.token_type(), now)?;
    if let Err(error) = binding.check_type(&tokens) {
        return Err(NoToken { error: error.into(), refresh_token: tokens.refresh_token });
    }
    if tokens.refresh_token.is_none() {
        tokens.refresh_token.clone_from(&old.refresh_token);
    }
    if tokens.scope.is_none() {
        tokens.scope.clone_from(&old.scope);
    }
    tokens.other.keep_text("id_token", &old.other);
    Ok(tokens)
}
