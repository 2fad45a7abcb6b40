//! Tokens that are bound to a key (RFC 9449): a proof goes with each request, no proof comes twice, and what servers want
//! to see in the next one is there. The world judges every proof.

mod key;
mod kinds;
mod login;
mod machines;
mod nonces;
mod proofs;
mod shown;

use oauth_core::flow::{Dpop as Wish, Settings};
use oauth_core::wire::TokenType;
use oauth_tests::drive::{Stage, play, play_later, settings};
use oauth_tests::world::{Challenge, Dpop, Grant, Knobs, Nonces, ResourceDpop, What};

/// Servers that can do both, where the MCP server takes each token as it was issued.
fn offered() -> Knobs {
    Knobs { dpop: Dpop::Offered, resource_dpop: ResourceDpop::Taken, ..Knobs::default() }
}

/// The same that want bound tokens only, and nonces at both.
fn nonces(server: Nonces, resource: Nonces) -> Knobs {
    Knobs { server_nonces: server, resource_nonces: resource, ..Knobs::bound() }
}

/// What the tokens are that are stored; none if there are none.
fn kind(stage: &Stage) -> Option<TokenType> {
    Some(stage.record()?.tokens()?.token_type)
}

/// The thumbprint of the key that is stored.
fn thumbprint(stage: &Stage) -> Option<String> {
    Some(stage.record()?.binding().dpop_key()?.thumbprint())
}

/// How many requests of this method there were, whatever became of them.
fn calls(stage: &Stage, method: &str) -> usize {
    stage.world.count(What::Mcp(method.into()))
}

/// How often each was asked for: a login page, a token for a code, one for a refresh token.
fn asked(stage: &Stage) -> [usize; 3] {
    [
        stage.logins(),
        stage.world.count(What::Token(Grant::Code)),
        stage.world.count(What::Token(Grant::Refresh)),
    ]
}

const LIST: &str = "tools/list";
