//! Proofs of possession (RFC 9449): judged at every server, with the nonces of each.
//!
//! A proof is good for one request, also where the request was refused for another reason.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, Request, Response, header};
use sha2::{Digest as _, Sha256};

use super::answer::Refused;
use super::assertion::SHORTEST_JTI;
use super::clients::Client;
use super::jwt::{DPOP, Jwt};
use super::keys::PublicKey;
use super::places::Server;
use super::{Challenge, Dpop, Nonces, Party, ResourceDpop, World, answer};

/// A nonce that a server gave.
#[derive(Clone, Debug)]
pub(super) struct Nonce {
    who: Party,
    text: String,
    given_at: u64,
}

/// Why a proof is not taken.
#[derive(Debug)]
pub(super) enum ProofFault {
    /// The client is to blame.
    Broken(String),
    /// It was sent before, and the client is blamed already.
    Replayed,
    /// The clocks of client and server differ, for which nobody is to blame.
    Clock,
    /// The server wants a nonce, or a newer one.
    Nonce,
}

impl ProofFault {
    /// The error code and a text.
    pub(super) fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Broken(fault) => ("invalid_dpop_proof", fault),
            Self::Replayed => ("invalid_dpop_proof", "a proof that was used before"),
            Self::Clock => ("invalid_dpop_proof", "a proof of another time"),
            Self::Nonce => ("use_dpop_nonce", "a nonce is needed in the proof"),
        }
    }
}

impl World {
    /// The thumbprint of the key that a request to an authorization server proves to have; `None` without a
    /// proof, where none is needed.
    ///
    /// # Errors
    /// The answer to give instead; the client's faults are recorded.
    pub(super) fn proof_at_server(
        &mut self,
        server: Server,
        client: &Client,
        request: &Request<Vec<u8>>,
    ) -> Result<Option<String>, Refused> {
        let jkt = self.optional_proof(self.party_of(server), request)?;
        if jkt.is_some() {
            return Ok(jkt);
        }
        let fault = "a token request without a proof";
        // RFC 9449 §5.2: a client that said so has nothing else.
        let said = client.always_bound || self.wants_bound_tokens();
        if self.knobs.dpop == Dpop::Required || client.always_bound {
            if said {
                return Err(self.refuse_jwt("invalid_dpop_proof", fault));
            }
            self.remark(fault);
            return Err(answer::oauth_error(400, "invalid_dpop_proof", fault).into());
        }
        Ok(None)
    }

    /// The same where a proof may always be left out.
    pub(super) fn optional_proof(
        &mut self,
        who: Party,
        request: &Request<Vec<u8>>,
    ) -> Result<Option<String>, Refused> {
        if self.knobs.dpop == Dpop::Unknown {
            return Ok(None);
        }
        self.judge_proof(who, request, None).map_err(|fault| {
            let (error, text) = fault.words();
            let mut response = answer::oauth_error(400, error, text);
            self.explain(who, &fault, &mut response);
            response.into()
        })
    }

    /// Records what is wrong with a proof, and adds what the client needs to do better.
    pub(super) fn explain(
        &mut self,
        who: Party,
        fault: &ProofFault,
        response: &mut Response<Vec<u8>>,
    ) {
        match fault {
            ProofFault::Broken(fault) => self.blame(fault.clone()),
            ProofFault::Replayed => {}
            ProofFault::Clock => {
                self.remark("the iat of a proof is not now");
                answer::set(response, header::DATE, &answer::date(self.now));
            }
            ProofFault::Nonce => {
                self.remark("a nonce is needed");
                let fields = if self.nonces_of(who) == Nonces::Twice { 2 } else { 1 };
                for _ in 0..fields {
                    self.give_nonce(who, response);
                }
            }
        }
    }

    /// Judges the proof of a request, which has to be about the access token if there is one.
    ///
    /// # Errors
    /// What is wrong with it; nothing is recorded yet.
    pub(super) fn judge_proof(
        &self,
        who: Party,
        request: &Request<Vec<u8>>,
        token: Option<&str>,
    ) -> Result<Option<String>, ProofFault> {
        let mut values = request.headers().get_all(DPOP).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(ProofFault::Broken("several DPoP fields in a request".into()));
        }
        let text = String::from_utf8_lossy(value.as_bytes());
        let jwt = Jwt::parse(&text).map_err(ProofFault::Broken)?;
        let key = self.judge_claims(&jwt, request, token).map_err(ProofFault::Broken)?;
        if self.presented.times(&text) > 1 {
            return Err(ProofFault::Replayed);
        }
        let nonce = jwt.claim("nonce");
        let given = |nonce: &&str| self.nonces.iter().any(|it| it.who == who && it.text == *nonce);
        if nonce.is_some_and(|nonce| !given(&nonce)) {
            return Err(ProofFault::Broken(format!("{nonce:?} is no nonce of {who:?}")));
        }
        let iat = jwt.seconds("iat").unwrap_or_default();
        if iat.abs_diff(self.now) > LENIENCE {
            return Err(ProofFault::Clock);
        }
        if !self.is_fresh(who, nonce) {
            return Err(ProofFault::Nonce);
        }
        Ok(Some(key.thumbprint()))
    }

    /// RFC 9449 §4.3, but for the checks that depend on the time and on what came before.
    fn judge_claims(
        &self,
        jwt: &Jwt,
        request: &Request<Vec<u8>>,
        token: Option<&str>,
    ) -> Result<PublicKey, String> {
        if jwt.header["typ"] != "dpop+jwt" {
            return Err(format!("the typ of a proof is {}", jwt.header["typ"]));
        }
        let key = PublicKey::from_jwk(&jwt.header["jwk"])?;
        jwt.verify(core::slice::from_ref(&key), &self.knobs.dpop_algs)?;
        if jwt.claim("jti").unwrap_or_default().len() < SHORTEST_JTI {
            return Err("the jti of a proof is not 96 random bits".into());
        }
        if jwt.claim("htm") != Some(request.method().as_str()) {
            return Err(format!("the htm of a proof is {}", jwt.claims["htm"]));
        }
        let uri = request.uri();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let scheme = uri.scheme_str().unwrap_or_default();
        let target = format!("{scheme}://{authority}{}", uri.path());
        if jwt.claim("htu") != Some(&target) {
            return Err(format!("the htu of a proof is {}, not {target:?}", jwt.claims["htu"]));
        }
        if jwt.seconds("iat").is_none() {
            return Err("a proof without iat".into());
        }
        let ath = token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
        if token.is_some() && jwt.claim("ath") != ath.as_deref() {
            return Err(format!("the ath of a proof is {}, not {ath:?}", jwt.claims["ath"]));
        }
        Ok(key)
    }

    /// What a request with the scheme `DPoP` lacks, as the answer of the MCP server.
    pub(super) fn proof_refusal(
        &mut self,
        token: &str,
        request: &Request<Vec<u8>>,
    ) -> Option<Response<Vec<u8>>> {
        let none = || ProofFault::Broken("the scheme DPoP without a proof".into());
        let judged = self.judge_proof(Party::McpServer, request, Some(token));
        let fault = match judged.and_then(|jkt| jkt.ok_or_else(none)) {
            Ok(jkt) => {
                let bound = self.grants.access(token).map(|token| token.jkt.clone());
                match bound {
                    Some(bound) if bound.as_ref() != Some(&jkt) => {
                        ProofFault::Broken("a proof with another key than the token's".into())
                    }
                    _ => return None,
                }
            }
            Err(fault) => fault,
        };
        let (error, text) = fault.words();
        let mut response = answer::text(401, text);
        self.challenge_as(&mut response, Some(error), true);
        self.explain(Party::McpServer, &fault, &mut response);
        Some(response)
    }

    /// Gives the next nonce where each answer brings one.
    pub(super) fn renew_nonce(&mut self, who: Party, response: &mut Response<Vec<u8>>) {
        let has_one = response.headers().contains_key(DPOP_NONCE);
        if self.nonces_of(who) == Nonces::EachAnswer && !has_one {
            self.give_nonce(who, response);
        }
    }

    /// Whether the client has been told that the MCP server takes bound tokens only.
    pub(super) fn wants_bound_tokens(&self) -> bool {
        self.knobs.prm_dpop_required
            || self.knobs.resource_dpop == ResourceDpop::Required
            || self.knobs.challenge == Challenge::Dpop
    }

    fn give_nonce(&mut self, who: Party, response: &mut Response<Vec<u8>>) {
        let text = format!("nonce-{}", self.nonces.len() + 1);
        answer::set(response, DPOP_NONCE, &text);
        self.nonces.push(Nonce { who, text, given_at: self.now });
    }

    fn is_fresh(&self, who: Party, nonce: Option<&str>) -> bool {
        let of_it = || self.nonces.iter().filter(|it| it.who == who);
        match self.nonces_of(who) {
            Nonces::None => true,
            Nonces::NeverGood | Nonces::Twice => false,
            Nonces::EachAnswer => of_it().next_back().is_some_and(|it| Some(&*it.text) == nonce),
            Nonces::Needed { seconds } => {
                of_it().any(|it| Some(&*it.text) == nonce && self.now < it.given_at + seconds)
            }
        }
    }

    fn nonces_of(&self, who: Party) -> Nonces {
        match who {
            Party::McpServer => self.knobs.resource_nonces,
            _ => self.knobs.server_nonces,
        }
    }
}

/// The header field that gives a nonce (RFC 9449 §8).
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// How far the clocks of a client and a server may be apart, in seconds.
const LENIENCE: u64 = 300;
