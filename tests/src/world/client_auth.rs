//! Client authentication at the token and revocation endpoints (RFC 6749 §2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};

use super::answer::Refused;
use super::clients::{Client, Found};
use super::form::{self, Form};
use super::places::Server;
use super::{AuthMethod, PRE_CLIENT_ID, World, answer};

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
        let basic = match basic(request) {
            Ok(basic) => basic,
            Err(fault) => return Err(self.refuse_client(true, fault)),
        };
        let secret = form.get("client_secret");
        if basic.is_some() && secret.is_some() {
            self.blame("a client authenticated by two methods");
            let text = "more than one authentication method";
            return Err(answer::oauth_error(400, "invalid_request", text).into());
        }
        let body_id = form.get("client_id");
        let (id, secret, method) = match (&basic, body_id) {
            (Some((id, _)), Some(other)) if id != other => {
                return Err(self.refuse_client(true, "two different client ids"));
            }
            (Some((id, secret)), _) => (id.as_str(), Some(secret.as_str()), AuthMethod::Basic),
            (None, Some(id)) if secret.is_some() => (id, secret, AuthMethod::Post),
            (None, Some(id)) => (id, None, AuthMethod::None),
            (None, None) => return Err(self.refuse_client(false, "a request without client_id")),
        };
        let is_basic = basic.is_some();
        let client = match self.find_client(server, id) {
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
        if client.method != method {
            let (right, wrong) = (client.method.as_str(), method.as_str());
            let listed = self.knobs.token_auth_methods.as_deref().unwrap_or_default();
            // How it was set up is known to nobody but the server; what the metadata lists may be tried.
            if id == PRE_CLIENT_ID && method != AuthMethod::None && listed.contains(&method) {
                self.remark(format!("{id} uses {wrong}, not {right}"));
                return Err(unauthorized(is_basic, "not the method of this client"));
            }
            return Err(self.refuse_client(is_basic, format!("{id} uses {wrong}, not {right}")));
        }
        if client.secret.as_deref() != secret {
            return Err(self.refuse_client(is_basic, format!("wrong secret for {id}")));
        }
        if client.secret_expires_at.is_some_and(|at| at <= self.now) {
            self.remark(format!("the secret of {id} is expired"));
            return Err(unauthorized(is_basic, "the client secret is expired"));
        }
        Ok(client)
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
