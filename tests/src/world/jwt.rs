//! Takes JWTs apart, strictly, and keeps count of those that came by.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, Request, header};
use serde_json::Value;

use super::World;
use super::form::{FORM, Form};
use super::keys::PublicKey;

/// A signed JWT whose signature nobody has looked at yet (RFC 7515 §3.1, RFC 7519 §3).
#[derive(Clone, Debug)]
pub(super) struct Jwt {
    pub(super) header: Value,
    pub(super) claims: Value,
    input: String,
    signature: Vec<u8>,
}

impl Jwt {
    /// Reads the compact form.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (pieces.next(), pieces.next(), pieces.next(), pieces.next())
        else {
            return Err("a JWT that has not three parts".into());
        };
        let decode = |name: &str, part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part);
            bytes.map_err(|_| format!("the {name} of a JWT is not base64url without padding"))
        };
        let object = |name: &str, part: &str| -> Result<Value, String> {
            let value: Value = serde_json::from_slice(&decode(name, part)?)
                .map_err(|_| format!("the {name} of a JWT is not JSON"))?;
            value.is_object().then_some(value).ok_or(format!("the {name} of a JWT is no object"))
        };
        Ok(Self {
            header: object("header", header)?,
            claims: object("payload", claims)?,
            input: format!("{header}.{claims}"),
            signature: decode("signature", signature)?,
        })
    }

    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        self.claims[name].as_str()
    }

    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        self.claims[name].as_u64()
    }

    /// Whether the signature is that of one of the keys, with an algorithm from the list.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub(super) fn verify(&self, keys: &[PublicKey], algs: &[String]) -> Result<(), String> {
        let alg = self.header["alg"].as_str().unwrap_or_default();
        if !algs.iter().any(|listed| listed == alg) {
            return Err(format!("a JWT is signed with {alg:?}, and the server lists {algs:?}"));
        }
        let kid = self.header["kid"].as_str();
        let named = |key: &&PublicKey| key.kid().is_none() || key.kid() == kid;
        let Some(key) = keys.iter().filter(named).find(|key| key.fits(alg)) else {
            return Err(format!("a JWT with {alg:?} by the key {kid:?}, which is not known"));
        };
        if !key.verifies(self.input.as_bytes(), &self.signature) {
            return Err("the signature of a JWT is wrong".into());
        }
        Ok(())
    }
}

/// The texts of all JWTs that clients have sent, and what made each of them unique.
#[derive(Clone, Debug, Default)]
pub(super) struct Presented {
    /// What has been sent, with its `jti`, in order.
    all: Vec<(String, String)>,
}

impl Presented {
    /// How often something with this `jti` has come; what has none is its own.
    pub(super) fn times(&self, text: &str) -> usize {
        let jti = jti_of(text);
        self.all.iter().filter(|(_, seen)| *seen == jti).count()
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(text, _)| text.as_str())
    }
}

impl World {
    /// Writes down what may be sent once only, before anything else is looked at: a request that meets a
    /// fault of the server has been sent all the same (RFC 7523 §3, RFC 9449 §11.1).
    pub(super) fn judge_uniqueness(&mut self, request: &Request<Vec<u8>>) {
        let is_form = request.headers().get(header::CONTENT_TYPE);
        let is_form = is_form.is_some_and(|value| value.as_bytes().starts_with(FORM));
        let body = if is_form { request.body().as_slice() } else { b"" };
        let form = Form::lenient(&String::from_utf8_lossy(body));
        let sent = ONCE.iter().filter_map(|name| form.get(name)).map(ToOwned::to_owned);
        let proofs = request.headers().get_all(DPOP).iter();
        let proofs = proofs.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        for text in sent.chain(proofs).collect::<Vec<_>>() {
            let jti = jti_of(&text);
            if self.presented.all.iter().any(|(_, seen)| *seen == jti) {
                self.blame(format!("the jti {jti:?} came a second time"));
            }
            self.presented.all.push((text, jti));
        }
    }
}

fn jti_of(text: &str) -> String {
    let jwt = Jwt::parse(text).ok();
    jwt.and_then(|jwt| jwt.claim("jti").map(Into::into)).unwrap_or_else(|| text.into())
}

/// Whether a text is the compact form of a signed JWT.
pub(super) fn is_jwt(text: &str) -> bool {
    Jwt::parse(text).is_ok_and(|jwt| jwt.header["alg"].is_string())
}

/// The header field of a proof (RFC 9449 §4.1).
pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The parameters whose value is good for one request.
const ONCE: [&str; 2] = ["client_assertion", "assertion"];
