//! Client authentication with a signed JWT (RFC 7523 §2.2, draft-ietf-oauth-rfc7523bis §4).

use super::answer::Refused;
use super::form::Form;
use super::jwt::Jwt;
use super::keys::PublicKey;
use super::{AssertionAudience, World, answer};

/// The assertion of a request, and who it says that they are.
#[derive(Debug)]
pub(super) struct ClientAssertion {
    pub(super) id: String,
    text: String,
    jwt: Jwt,
}

impl World {
    /// Reads the assertion, if there is one. Whether it is true is asked when the client is known.
    ///
    /// # Errors
    /// What is wrong with it, for the answer and the record.
    pub(super) fn client_assertion(form: &Form) -> Result<Option<ClientAssertion>, String> {
        let (kind, text) = (form.get("client_assertion_type"), form.get("client_assertion"));
        let Some(text) = text else {
            return match kind {
                Some(_) => Err("client_assertion_type without client_assertion".into()),
                None => Ok(None),
            };
        };
        if kind != Some(ASSERTION_TYPE) {
            return Err(format!("client_assertion_type is {kind:?}"));
        }
        let jwt = Jwt::parse(text)?;
        let id = jwt.claim("sub").ok_or("a client assertion without sub")?.to_owned();
        Ok(Some(ClientAssertion { id, text: text.into(), jwt }))
    }

    /// Judges an assertion by the keys of the client that it names.
    ///
    /// # Errors
    /// What is wrong with it, for the answer and the record.
    pub(super) fn judge_assertion(
        &self,
        assertion: &ClientAssertion,
        keys: &[PublicKey],
        audience: &str,
    ) -> Result<(), String> {
        let jwt = &assertion.jwt;
        jwt.verify(keys, &self.knobs.signing_algs)?;
        let typ = jwt.header["typ"].as_str();
        if typ != Some(&self.knobs.assertion_typ) {
            return Err(format!("the typ of a client assertion is {typ:?}"));
        }
        if jwt.claim("iss") != Some(&assertion.id) {
            return Err("iss and sub of a client assertion differ".into());
        }
        if jwt.claim("aud") != Some(audience) {
            let aud = &jwt.claims["aud"];
            return Err(format!("the aud of a client assertion is {aud}, not {audience:?}"));
        }
        let exp = jwt.seconds("exp").ok_or("a client assertion without exp")?;
        if exp <= self.now {
            return Err("a client assertion is expired".into());
        }
        if exp > self.now + LONGEST {
            return Err("a client assertion lives for too long".into());
        }
        let iat = jwt.seconds("iat").ok_or("a client assertion without iat")?;
        if iat.abs_diff(self.now) > LENIENCE {
            return Err("the iat of a client assertion is not now".into());
        }
        if jwt.seconds("nbf").is_some_and(|nbf| nbf > self.now + LENIENCE) {
            return Err("a client assertion is not good yet".into());
        }
        if jwt.claim("jti").unwrap_or_default().len() < SHORTEST_JTI {
            return Err("the jti of a client assertion is not 96 random bits".into());
        }
        if self.presented.times(&assertion.text) > 1 {
            return Err("a client assertion was used before".into());
        }
        Ok(())
    }

    /// The `aud` that a server with this issuer and token endpoint takes.
    pub(super) fn audience_at(&self, issuer: &str, token_endpoint: String) -> String {
        match self.knobs.assertion_audience {
            AssertionAudience::Issuer => issuer.into(),
            AssertionAudience::TokenEndpoint => token_endpoint,
        }
    }

    /// Blames the client for something about a request that carries a JWT, and refuses it.
    pub(super) fn refuse_jwt(&mut self, error: &str, fault: impl Into<String>) -> Refused {
        let fault = fault.into();
        self.blame(fault.clone());
        answer::oauth_error(400, error, &fault).into()
    }
}

/// Fewer characters of base64url are fewer than 96 bits.
pub(super) const SHORTEST_JTI: usize = 16;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// For how long a client may make an assertion good, in seconds. It needs one for a single request.
const LONGEST: u64 = 300;

/// How far the clocks of a client and a server may be apart, in seconds.
const LENIENCE: u64 = 60;
