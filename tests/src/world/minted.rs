//! The tokens that a host brings: the servers of the world take them, and somebody else made them.
//!
//! A platform signs the JWTs of workloads; the identity provider has signed the user's ID token, and given out
//! a refresh token, when they logged in to the host.

use alloc::collections::BTreeMap;

use serde_json::{Value, json};

use super::places::Server;
use super::{IDP_CLIENT_ID, Key, Party, World};

/// Everything that was made for hosts so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Minted {
    /// Text and the only party that may see it.
    tokens: Vec<(String, Party)>,
    pub(super) refresh_tokens: Vec<String>,
    /// ID-JAGs that nobody but the servers can read, with what they stand for.
    pub(super) sealed: BTreeMap<String, String>,
}

impl Minted {
    pub(super) fn tokens(&self) -> impl Iterator<Item = (&str, Party)> {
        self.tokens.iter().map(|(text, home)| (text.as_str(), *home))
    }

    pub(super) fn add(&mut self, text: &str, home: Party) {
        self.tokens.push((text.into(), home));
    }
}

impl World {
    /// A JWT for a workload, good for one request to the server of this audience: its issuer identifier, or
    /// its token endpoint.
    pub fn workload_jwt(&mut self, audience: &str) -> String {
        self.workload_jwt_with(audience, &json!({}))
    }

    /// The same with other claims; `null` takes one out.
    pub fn workload_jwt_with(&mut self, audience: &str, changes: &Value) -> String {
        let claims = self.claims(PLATFORM, WORKLOAD, &json!(audience), 600);
        let text = platform().jwt(&json!({ "typ": "JWT" }), &changed(claims, changes));
        let server = Server::ALL.into_iter().find(|server| self.is_audience(*server, audience));
        let home = self.party_of(server.unwrap_or(Server::First));
        self.minted.add(&text, home);
        text
    }

    /// The user's ID token, as the identity provider gave it to the host for an hour.
    pub fn id_token(&mut self) -> String {
        self.id_token_with(&json!({}))
    }

    /// The same with other claims; `null` takes one out.
    pub fn id_token_with(&mut self, changes: &Value) -> String {
        let claims = self.claims(&self.idp_issuer(), USER, &json!(IDP_CLIENT_ID), 3600);
        let text = identity_provider().jwt(&json!({ "typ": "JWT" }), &changed(claims, changes));
        self.minted.add(&text, Party::IdentityProvider);
        text
    }

    /// A refresh token of the identity provider, as it gave it to the host.
    pub fn idp_refresh_token(&mut self) -> String {
        let text = format!("idp-rt-{}", self.minted.refresh_tokens.len() + 1);
        self.minted.refresh_tokens.push(text.clone());
        self.minted.add(&text, Party::IdentityProvider);
        text
    }

    /// What was sent so far and is good for one request: client assertions, assertions, proofs. None of it
    /// may be found where a client stores something.
    pub fn presented(&self) -> Vec<String> {
        self.presented.texts().map(Into::into).collect()
    }

    /// Whether a JWT may have this `aud` at a server.
    fn is_audience(&self, server: Server, audience: &str) -> bool {
        audience == self.issuer_of(server) || audience == self.token_endpoint_of(server)
    }

    pub(super) fn claims(&mut self, iss: &str, sub: &str, aud: &Value, lifetime: u64) -> Value {
        self.numbered += 1;
        json!({
            "iss": iss,
            "sub": sub,
            "aud": aud,
            "iat": self.now,
            "exp": self.now + lifetime,
            "jti": format!("minted-{}", self.numbered),
        })
    }
}

/// The key of the workloads' platform. Not Ed25519, which without optimization takes twenty times as long.
pub(super) fn platform() -> Key {
    Key::p256(201)
}

/// The key of the identity provider.
pub(super) fn identity_provider() -> Key {
    Key::p256(202)
}

/// Claims with some replaced; `null` takes one out.
pub(super) fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    if let Some(members) = claims.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    claims
}

/// Who signs the JWTs of workloads.
pub(super) const PLATFORM: &str = "https://platform.example.com";

/// The workload that the servers know.
pub(super) const WORKLOAD: &str = "system:serviceaccount:tools:mcp-client";

/// The user that the identity provider knows.
pub(super) const USER: &str = "user-1";
