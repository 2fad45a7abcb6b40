//! Keys that tokens are bound to, and what they sign.

use std::collections::HashSet;
use std::sync::LazyLock;

use http::{Request, Response, header};
use oauth_core::keys::DpopKey;
use oauth_core::session::ProofRequest;

use super::super::{Fault, Sight, Simulation};
use crate::drive::{dice, dpop_key};
use crate::world::{Grant, Key, Party, What};

/// What was sent that is good for one request.
#[derive(Debug, Default)]
pub(in crate::sim) struct Proofs {
    sent: HashSet<String>,
}

impl Proofs {
    /// A request goes out.
    ///
    /// # Errors
    ///
    /// What it shows was sent before.
    pub(in crate::sim) fn send(&mut self, request: &Request<Vec<u8>>) -> Result<(), String> {
        let proof = request.headers().get("dpop").and_then(|it| it.to_str().ok());
        let body = String::from_utf8_lossy(request.body());
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let assertions =
            pairs.filter(|(name, _)| matches!(*name, "client_assertion" | "assertion"));
        for text in proof.into_iter().chain(assertions.map(|(_, value)| value)) {
            if !self.sent.insert(text.into()) {
                return Err(format!("{text} is sent twice"));
            }
        }
        Ok(())
    }
}

/// Whether a request carries a proof.
pub(in crate::sim) fn has_proof(request: &Request<Vec<u8>>) -> bool {
    request.headers().contains_key("dpop")
}

/// Whether an answer is about the proof of its request, and not about the token.
pub(in crate::sim) fn is_about_proof(answer: &Response<Vec<u8>>) -> bool {
    let mut lines = answer.headers().get_all(header::WWW_AUTHENTICATE).iter();
    lines.any(|line| {
        let line = String::from_utf8_lossy(line.as_bytes());
        line.contains("use_dpop_nonce") || line.contains("invalid_dpop_proof")
    })
}

/// The next key that a host makes. There are a few only, since keys take their time.
pub(in crate::sim) fn made(number: u64) -> DpopKey {
    let keys = &KEYS.made;
    keys[usize::try_from(number).unwrap_or_default() % keys.len()].1.clone()
}

/// The host's own key.
pub(in crate::sim) fn own() -> DpopKey {
    KEYS.own.1.clone()
}

/// What signs for a key.
///
/// # Errors
///
/// No host has it.
pub(in crate::sim) fn signer(key: &DpopKey) -> Result<&'static Key, String> {
    let all = KEYS.made.iter().chain([&KEYS.own]);
    let mut found = all.filter(|(_, it)| it.thumbprint() == key.thumbprint());
    found.next().map(|(key, _)| key).ok_or_else(|| "a key that no host has".into())
}

struct Keys {
    made: Vec<(Key, DpopKey)>,
    own: (Key, DpopKey),
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let pair = |number| (Key::p256(number), dpop_key(number));
    Keys { made: (101..=104).map(pair).collect(), own: pair(99) }
});

impl Simulation {
    /// The header fields of a call with a bound token.
    pub(in crate::sim) fn prove(
        request: &ProofRequest<'_>,
        number: u64,
        now: oauth_core::UnixTime,
    ) -> Result<[(&'static str, String); 2], String> {
        let mut random = [0; 16];
        random.copy_from_slice(&dice(PROOFS + number)[..16]);
        let unsigned = request.unsigned(random, now);
        let signature = signer(request.key())?.sign(unsigned.bytes());
        let fields = request.fields(&unsigned, &signature).map_err(|error| error.to_string())?;
        Ok([
            ("authorization", fields.authorization.expose().to_owned()),
            ("dpop", fields.dpop.expose().to_owned()),
        ])
    }

    /// Notes what an answer says of a proof.
    pub(in crate::sim) fn note_proof(
        &mut self,
        request: &Request<Vec<u8>>,
        (who, what): (Party, &What),
        answer: &Response<Vec<u8>>,
    ) {
        let Some(proof) = request.headers().get("dpop").and_then(|it| it.to_str().ok()) else {
            return;
        };
        let is_mcp = who == Party::McpServer;
        let text = String::from_utf8_lossy(answer.body());
        let says = |word: &str| match is_mcp {
            true => answer
                .headers()
                .iter()
                .any(|(_, value)| String::from_utf8_lossy(value.as_bytes()).contains(word)),
            false => text.contains(word),
        };
        if says("use_dpop_nonce") {
            let sight = match (is_mcp, has_nonce(proof)) {
                (true, true) => Sight::ResourceNonceExpired,
                (true, false) => Sight::ResourceNonce,
                (false, true) => Sight::ServerNonceExpired,
                (false, false) => Sight::ServerNonce,
            };
            self.seen.add(sight);
        } else if says("invalid_dpop_proof") {
            self.seen.add(Sight::ProofOfAnotherTime);
        } else if answer.status() == 200 && answer.headers().contains_key("dpop-nonce") {
            self.seen.add(Sight::NonceAhead);
        }
        if answer.status() != 200 {
            return;
        }
        match what {
            What::Token(grant) if text.contains("\"DPoP\"") => {
                self.seen.add(Sight::TokenBound);
                if *grant == Grant::Refresh {
                    self.seen.add(Sight::BoundRefresh);
                }
            }
            What::Mcp(_) => {
                self.seen.add(Sight::BoundCall);
                if self.has_switched {
                    self.seen.add(Sight::BoundAfterSwitch);
                }
            }
            _ => {}
        }
    }

    /// Whether the key that signs for a call fails.
    pub(in crate::sim) fn fails_to_prove(&mut self) -> bool {
        self.plan.extended.is_bound() && self.strikes(Fault::GiftFails)
    }
}

/// Whether a nonce stands in a proof.
fn has_nonce(proof: &str) -> bool {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = proof.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    String::from_utf8_lossy(&claims.unwrap_or_default()).contains("\"nonce\"")
}

/// Where the random numbers of the proofs of calls begin: those of logins are far below.
const PROOFS: u64 = 1 << 40;
