//! What a request of the application is sent with: a token, and the proof of a key if the token is bound to one.

use alloc::string::ToString as _;
use alloc::sync::Arc;
use std::sync::PoisonError;

use http::header::HeaderValue;

use crate::client::call::Call;
use crate::client::fields::{Fields, Token};
use crate::client::host::Host;
use crate::client::mode::{Login, Mode, Quiet};
use crate::client::shared::{Client, Outcome};
use crate::client::system::System as _;
use crate::error::{HostGift, Unavailable};
use crate::session::{Authorization, Head, ProofRequest};
use crate::wire::DpopNonce;

impl<H: Host> Client<H> {
    /// A request that was not sent yet.
    pub fn call(&self, mode: Mode) -> Call {
        Call::new(mode, self.failures.now())
    }

    /// The value of the `Authorization` field for now, if it needs no thought: neither waits nor
    /// allocates. `None` for a token that is bound to a key: it needs [`fields`](Self::fields).
    pub fn header(&self) -> Option<HeaderValue> {
        self.shown().bearer(self.host.system().now()).cloned()
    }

    /// What a request to `url` is sent with: a token at hand, or what can be had without a user; else
    /// nothing, and the server says what it wants. So is a request to a URL that redirects to the one that the
    /// token is for.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`](crate::error::Misuse) if the URL is not the MCP server's, or why
    /// there is no token.
    pub async fn authorize(
        self: &Arc<Self>,
        call: &mut Call,
        method: &str,
        url: &str,
    ) -> Outcome<Option<Fields>, H> {
        self.settings.server().check_request(url).map_err(crate::Error::from)?;
        let mut token = call.remedied.clone();
        if token.is_none() {
            call.since = self.failures.now();
            call.attempt.sent_with(None);
            let (mode, since) = (call.mode, call.since);
            let found = self.find(mode, Login::Never(Quiet::default()), since, |token, header| {
                call.attempt.sent_with(Some(token));
                Token::new(token, header.clone())
            });
            token = found.await?.ok();
        }
        self.attach(call, (method, url), token).await
    }

    /// The same without a wait for anything, and without a refresh: a token at hand that has not expired.
    ///
    /// # Errors
    ///
    /// [`Misuse::ForeignRequest`](crate::error::Misuse) if the URL is not the MCP server's.
    pub async fn authorize_now(
        &self,
        call: &mut Call,
        method: &str,
        url: &str,
    ) -> Outcome<Option<Fields>, H> {
        self.settings.server().check_request(url).map_err(crate::Error::from)?;
        call.attempt.sent_with(None);
        let token = self.shown().living(self.now()).map(|(token, header)| {
            call.attempt.sent_with(Some(&token));
            Token::new(&token, header.clone())
        });
        self.attach(call, (method, url), token).await
    }

    /// The fields, if the token may go there.
    async fn attach(
        &self,
        call: &mut Call,
        (method, url): (&str, &str),
        token: Option<Token>,
    ) -> Outcome<Option<Fields>, H> {
        let Some(token) = token else { return Ok(None) };
        let may_go = {
            let shown = self.shown();
            let record = shown.snapshot.record();
            record.is_none_or(|record| record.may_go_to(self.settings.server(), url))
        };
        if !may_go {
            call.attempt.sent_with(None);
            return Ok(None);
        }
        self.prove(token, method, url).await.map(Some)
    }

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
