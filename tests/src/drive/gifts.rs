//! What a host gives a machine that is no message of the protocol: signatures, assertions and keys.

use std::collections::VecDeque;

use oauth_core::UnixTime;
use oauth_core::flow::{GrantKind, SigningKey};
use oauth_core::keys::{DpopKey, PublicJwk};
use oauth_core::session::{AssertionReply, KeyReply, ProofRequest, Record, SignReply};
use oauth_core::wire::{SubjectToken, SubjectTokenKind};

use crate::world::{Key, World};

use super::dice;

/// What a host has.
#[derive(Debug)]
pub struct Gifts {
    /// The client's key.
    pub key: Key,
    /// What says who the user is.
    pub subject: Subject,
    /// Why the host cannot give what it is asked for, once for each.
    pub failures: VecDeque<&'static str>,
    /// How often it was asked for a signature.
    pub signatures: u64,
    /// How often it was asked for an assertion.
    pub assertions: u64,
    /// How many keys it has made.
    pub keys: u8,
}

/// What says who the user of an enterprise is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// A new ID token each time.
    #[default]
    IdToken,
    /// A refresh token of the identity provider.
    RefreshToken,
}

impl Default for Gifts {
    fn default() -> Self {
        let (subject, failures) = (Subject::default(), VecDeque::new());
        Self { key: Key::p256(1), subject, failures, signatures: 0, assertions: 0, keys: 0 }
    }
}

impl Gifts {
    /// Signs what is asked for, unless it fails.
    pub(super) fn sign(&mut self, reply: SignReply<'_>, now: UnixTime) {
        if let Some(reason) = self.failures.pop_front() {
            return reply.failed(reason, now);
        }
        self.signatures += 1;
        let random = *dice(1000 + self.signatures).first_chunk().expect("64 bytes");
        let unsigned = reply.unsigned(random, now).expect("there is something to sign");
        let again = reply.unsigned(random, now).expect("asking changes nothing");
        assert_eq!(unsigned, again);
        let signature = match reply.key() {
            Some(SigningKey::Dpop(key)) => self.signer(key).sign(unsigned.bytes()),
            _ => self.key.sign(unsigned.bytes()),
        };
        reply.signed(&unsigned, &signature, now).expect("it fits");
    }

    /// Makes a key that tokens will be bound to, unless it fails.
    pub(super) fn make_key(&mut self, reply: KeyReply<'_>, now: UnixTime) {
        if let Some(reason) = self.failures.pop_front() {
            return reply.failed(reason, now);
        }
        self.keys += 1;
        reply.given(dpop_key(100 + self.keys), now);
    }

    /// The header fields of a request with a bound token.
    pub(super) fn prove(
        &mut self,
        request: &ProofRequest<'_>,
        now: UnixTime,
    ) -> [(&'static str, String); 2] {
        self.signatures += 1;
        let random = *dice(1000 + self.signatures).first_chunk().expect("64 bytes");
        let unsigned = request.unsigned(random, now);
        let signature = self.signer(request.key()).sign(unsigned.bytes());
        let fields = request.fields(&unsigned, &signature).expect("it fits");
        [
            ("authorization", fields.authorization.expose().to_owned()),
            ("dpop", fields.dpop.expose().to_owned()),
        ]
    }

    /// A record as this host can use it.
    pub(super) fn with_readable_key(record: Record) -> Record {
        let secret = record.binding().dpop_key().and_then(DpopKey::secret);
        match secret.is_none_or(|secret| secret.expose().parse::<u8>().is_ok()) {
            true => record,
            false => record.with_lost_key(),
        }
    }

    /// Brings what says who the workload or its user is, unless it fails.
    pub(super) fn bring(&mut self, world: &mut World, reply: AssertionReply<'_>, now: UnixTime) {
        if let Some(reason) = self.failures.pop_front() {
            return reply.failed(reason, now);
        }
        self.assertions += 1;
        let wanted = reply.wanted().expect("something is wanted");
        let (token, kind) = match (wanted.kind, self.subject) {
            (GrantKind::WorkloadIdentity, _) => {
                (world.workload_jwt(wanted.audience), SubjectTokenKind::IdToken)
            }
            (_, Subject::IdToken) => (world.id_token(), SubjectTokenKind::IdToken),
            (_, Subject::RefreshToken) => {
                (world.idp_refresh_token(), SubjectTokenKind::RefreshToken)
            }
        };
        reply.given(SubjectToken { token: token.as_str().into(), kind }, now);
    }

    /// What a key that tokens are bound to signs with: one that is stored with them, or the host's own.
    fn signer(&self, key: &DpopKey) -> Key {
        let Some(secret) = key.secret() else {
            assert_eq!(key.thumbprint(), self.key.public().thumbprint(), "a key of this host");
            return self.key.clone();
        };
        Key::p256(secret.expose().parse().expect("a key that this host has made"))
    }
}

/// The key of that number, as a host keeps it with the tokens.
#[must_use]
pub fn dpop_key(number: u8) -> DpopKey {
    let public = PublicJwk::parse(&Key::p256(number).jwk().to_string()).expect("it is a key");
    DpopKey::new(public).with_secret(number.to_string().as_str().into())
}
