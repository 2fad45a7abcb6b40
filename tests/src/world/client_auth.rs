//! Client authentication at the endpoints of the authorization servers and of the identity provider (RFC 6749
//! §2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};

use super::answer::Refused;
use super::assertion::ClientAssertion;
use super::clients::{Client, Found};
use super::form::{self, Form};
use super::places::Server;
use super::{AuthMethod, PRE_CLIENT_ID, World, answer};

/// Who a request says it is from, and by what.
#[derive(Debug)]
struct Shown {
    id: String,
    secret: Option<String>,
    assertion: Option<ClientAssertion>,
    method: AuthMethod,
}

impl World {
    /// Finds out who sends a request, by the one method the client was registered with.
    ///
    /// # Errors
    /// The answer to give instead; the client's faults are recorded.
    pub(super) fn authenticate(
        &mut self,
        server: Server,
        form: &Form,
        request: &Request<Vec<u8>>,
    ) -> Result<Client, Refused> {
        let shown = self.shown(form, request)?;
        let Shown { id, method, .. } = &shown;
        let (id, method) = (id.clone(), *method);
        let is_basic = method == AuthMethod::Basic;
        let client = match self.find_client(server, &id) {
            Found::Known(client) => client,
            Found::Forgotten => {
                self.remark(format!("client {id} is forgotten"));
                return Err(unauthorized(is_basic, "unknown client"));
            }
            Found::Unknown => return Err(unauthorized(is_basic, "unknown client")),
        };
        if self.knobs.refused_methods.contains(&method) {
            self.remark(format!("{} is not taken here", method.as_str()));
            return Err(unauthorized(is_basic, "Missing client_id"));
        }
        if self.knobs.client_id_with_assertion
            && method == AuthMethod::PrivateKeyJwt
            && form.get("client_id").is_none()
        {
            self.remark("the server insists on client_id beside an assertion");
            return Err(answer::oauth_error(400, "invalid_request", "Missing client_id").into());
        }
        if client.method != method {
            let (right, wrong) = (client.method.as_str(), method.as_str());
            let listed = self.knobs.token_auth_methods.as_deref().unwrap_or_default();
            // How it was set up is known to nobody but the server; what the metadata lists may be tried.
            if id == PRE_CLIENT_ID && method != AuthMethod::None && listed.contains(&method) {
                self.remark(format!("{id} uses {wrong}, not {right}"));
                return Err(unauthorized(is_basic, "not the method of this client"));
            }
        }
        let audience = self.audience_at(&self.issuer_of(server), self.token_endpoint_of(server));
        self.judge_shown(&shown, &client, &audience)?;
        Ok(client)
    }

    /// The same at the identity provider, which knows one client.
    ///
    /// # Errors
    /// The answer to give instead; the client's faults are recorded.
    pub(super) fn authenticate_at_idp(
        &mut self,
        client: &Client,
        form: &Form,
        request: &Request<Vec<u8>>,
    ) -> Result<(), Refused> {
        let shown = self.shown(form, request)?;
        if shown.id != client.id {
            let fault = format!("client {:?} at the identity provider", shown.id);
            return Err(self.refuse_client(shown.method == AuthMethod::Basic, fault));
        }
        let audience = self.audience_at(&self.idp_issuer(), self.idp_token_endpoint());
        self.judge_shown(&shown, client, &audience)
    }

    fn shown(&mut self, form: &Form, request: &Request<Vec<u8>>) -> Result<Shown, Refused> {
        let basic = match basic(request) {
            Ok(basic) => basic,
            Err(fault) => return Err(self.refuse_client(true, fault)),
        };
        let assertion = match Self::client_assertion(form) {
            Ok(assertion) => assertion,
            Err(fault) => return Err(self.refuse_client(false, fault)),
        };
        let secret = form.get("client_secret").map(ToOwned::to_owned);
        let ways = [basic.is_some(), secret.is_some(), assertion.is_some()];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            self.blame("a client authenticated by two methods");
            let text = "more than one authentication method";
            return Err(answer::oauth_error(400, "invalid_request", text).into());
        }
        let body_id = form.get("client_id").map(ToOwned::to_owned);
        let (id, secret, method) = match (basic, &assertion, body_id) {
            (Some((id, _)), _, Some(other)) if id != other => {
                return Err(self.refuse_client(true, "two different client ids"));
            }
            (_, Some(assertion), Some(other)) if assertion.id != other => {
                return Err(self.refuse_client(false, "two different client ids"));
            }
            (Some((id, secret)), ..) => (id, Some(secret), AuthMethod::Basic),
            (_, Some(assertion), _) => (assertion.id.clone(), None, AuthMethod::PrivateKeyJwt),
            (None, None, Some(id)) if secret.is_some() => (id, secret, AuthMethod::Post),
            (None, None, Some(id)) => (id, None, AuthMethod::None),
            (None, None, None) => {
                return Err(self.refuse_client(false, "a request without client_id"));
            }
        };
        Ok(Shown { id, secret, assertion, method })
    }

    fn judge_shown(
        &mut self,
        shown: &Shown,
        client: &Client,
        audience: &str,
    ) -> Result<(), Refused> {
        let Shown { id, secret, assertion, method } = shown;
        let is_basic = *method == AuthMethod::Basic;
        if client.method != *method {
            let (right, wrong) = (client.method.as_str(), method.as_str());
            return Err(self.refuse_client(is_basic, format!("{id} uses {wrong}, not {right}")));
        }
        if let Some(assertion) = assertion {
            let judged = self.judge_assertion(assertion, &client.keys, audience);
            return judged.map_err(|fault| self.refuse_client(false, fault));
        }
        if client.secret != *secret {
            return Err(self.refuse_client(is_basic, format!("wrong secret for {id}")));
        }
        if client.secret_expires_at.is_some_and(|at| at <= self.now) {
            self.remark(format!("the secret of {id} is expired"));
            return Err(unauthorized(is_basic, "the client secret is expired"));
        }
        Ok(())
    }

    fn refuse_client(&mut self, basic: bool, fault: impl Into<String>) -> Refused {
        let fault = fault.into();
        self.blame(fault.clone());
        unauthorized(basic, &fault)
    }
}

/// Id and secret of a Basic credential, each form-decoded (RFC 6749 §2.3.1).
fn basic(request: &Request<Vec<u8>>) -> Result<Option<(String, String)>, String> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("several Authorization headers".into());
    }
    let value = value.to_str().map_err(|_| "Authorization is not ASCII".to_owned())?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(format!("Authorization scheme {scheme:?} at an authorization server"));
    }
    let bytes = STANDARD.decode(rest).map_err(|_| "a Basic credential is not base64".to_owned())?;
    let text =
        String::from_utf8(bytes).map_err(|_| "a Basic credential is not UTF-8".to_owned())?;
    let (id, secret) = text.split_once(':').ok_or("a Basic credential without a colon")?;
    let decoded = form::decode(id).zip(form::decode(secret));
    decoded.map(Some).ok_or_else(|| "a Basic credential is not form-encoded".into())
}

fn unauthorized(basic: bool, description: &str) -> Refused {
    let mut response = answer::oauth_error(401, "invalid_client", description);
    if basic {
        answer::set(&mut response, header::WWW_AUTHENTICATE, "Basic realm=\"token\"");
    }
    response.into()
}
