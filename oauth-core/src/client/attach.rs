//! What a request of the application is sent with: a token, and the proof of a key if the token is bound to one.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use std::sync::PoisonError;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::BearerAuth;
use crate::client::host::Host;
use crate::client::mode::Mode;
use crate::client::shared::{Client, Outcome};
use crate::error::{HostGift, Unavailable};
use crate::flow::Possession;
use crate::session::{Authorization, Head, ProofRequest};
use crate::wire::DpopNonce;

/// The header fields of one request. Made anew each time it is sent: servers take a proof once.
#[derive(Debug, Clone)]
pub struct Fields {
    authorization: HeaderValue,
    proof: Option<HeaderValue>,
}

impl Fields {
    /// Puts them into a request, in the place of those that are there.
    pub fn add_to(self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.authorization);
        if let Some(proof) = self.proof {
            headers.insert(DPOP, proof);
        }
    }
}

/// A token that is about to be sent.
#[derive(Debug, Clone)]
pub(super) struct Token {
    authorization: HeaderValue,
    /// Boxed, because it is rare.
    bound: Option<Box<(BearerAuth, Possession)>>,
}

impl Token {
    /// With the value of its field, which may be at hand.
    pub(super) fn new(token: &Authorization<'_>, authorization: HeaderValue) -> Self {
        let bound = token.possession().map(|it| Box::new((token.to_auth(), it.clone())));
        Self { authorization, bound }
    }
}

impl<H: Host> Client<H> {
    /// The fields of a request to the MCP server that a host sends in its own way: a token, which is got first if need
    /// be, and a proof for this method and URL if it is bound to a key. `None` if a login is needed and none may begin.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`](crate::error::Misuse) if the URL is not the MCP server's, or why there is no token.
    pub async fn fields(
        self: &Arc<Self>,
        mode: Mode,
        method: &str,
        url: &str,
    ) -> Outcome<Option<Fields>, H> {
        self.settings.server().check_request(url).map_err(crate::Error::from)?;
        let since = self.failures.now();
        let use_it =
            |token: &Authorization<'_>, header: &HeaderValue| Token::new(token, header.clone());
        match self.find(mode, mode.login(), since, use_it).await? {
            Ok(token) => self.prove(token, method, url).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The fields of a request with this token: its proof is signed here, if it needs one.
    pub(super) async fn prove(&self, token: Token, method: &str, url: &str) -> Outcome<Fields, H> {
        let Token { authorization, bound } = token;
        let Some(bound) = bound else { return Ok(Fields { authorization, proof: None }) };
        let (token, possession) = &*bound;
        let random = self.entropy()?.into_random();
        let nonce = self.nonce();
        let request =
            ProofRequest::new(token, possession, (method, url)).with_nonce(nonce.as_deref());
        let unsigned = request.unsigned(random, self.now());
        let signed = self.sign_with(&possession.key, &unsigned).await;
        let signature = signed.map_err(|why| {
            crate::Error::from(Unavailable::new(HostGift::Signature, &why.to_string()))
        })?;
        let fields = request.fields(&unsigned, &signature).map_err(crate::Error::from)?;
        let mut proof = HeaderValue::from_str(fields.dpop.expose())
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        proof.set_sensitive(true);
        Ok(Fields { authorization, proof: Some(proof) })
    }

    /// What the MCP server wants to see in the next proof.
    fn nonce(&self) -> Option<Arc<DpopNonce>> {
        self.nonce.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what an answer says about that. The newest counts, whatever it came with (RFC 9449 §8.2).
    pub(super) fn hear(&self, head: &Head<'_>) {
        if let Some(nonce) = head.nonce() {
            *self.nonce.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(nonce));
        }
    }
}

const DPOP: HeaderName = HeaderName::from_static("dpop");
