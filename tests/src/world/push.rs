//! Pushed authorization requests (RFC 9126).

use http::{Request, Response};
use serde_json::{Value, json};

use super::answer::Refused;
use super::clients::Client;
use super::form::Form;
use super::places::Server;
use super::{Par, ParForm, World, answer};

/// An authorization request that waits for its user.
#[derive(Clone, Debug)]
pub(super) struct Pushed {
    uri: String,
    server: Server,
    form: Form,
    expires_at: u64,
    visited: bool,
}

impl World {
    pub(super) fn push(&mut self, server: Server, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        if self.knobs.par == Par::Unknown {
            self.remark("nothing can be pushed");
            return answer::text(404, "nothing can be pushed here");
        }
        if self.knobs.machines_only {
            self.blame("a pushed request of a client without a user");
            return answer::oauth_error(400, "unauthorized_client", "not for machines");
        }
        let who = self.party_of(server);
        let fault = self.knobs.par_damage.take(who);
        let form = self.knobs.par_form.take(who);
        let mut response = self.through(fault, |world| {
            world.push_answer(server, form, request).unwrap_or_else(|refusal| *refusal)
        });
        self.renew_nonce(who, &mut response);
        response
    }

    fn push_answer(
        &mut self,
        server: Server,
        form: Option<ParForm>,
        request: &Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Refused> {
        let sent = self.token_form(request)?;
        let client = self.authenticate(server, &sent, request)?;
        if let Some(ParForm::Refuse(error)) = &form {
            self.remark(format!("{form:?}"));
            let status = if error == "invalid_client" { 401 } else { 400 };
            return Err(answer::oauth_error(status, error, "As the test says").into());
        }
        let mut asked = sent.clone();
        asked.pairs.retain(|(name, _)| !OF_AUTHENTICATION.contains(&name.as_str()));
        let jkt = self.optional_proof(self.party_of(server), request)?;
        self.judge_push(&client, &asked, jkt.as_deref())?;
        if let (Some(jkt), None) = (jkt, asked.get("dpop_jkt")) {
            // RFC 9449 §10.1.
            asked.pairs.push(("dpop_jkt".into(), jkt));
        }
        let number = self.pushed.len() + 1;
        let uri = uri(number, server, form.as_ref());
        let expires_at = self.now + self.knobs.par_lifetime;
        self.pushed.push(Pushed {
            uri: uri.clone(),
            server,
            form: asked,
            expires_at,
            visited: false,
        });
        let document = json!({ "request_uri": uri, "expires_in": self.knobs.par_lifetime });
        Ok(shape(document, form.as_ref()))
    }

    /// RFC 9126 §2.1.
    fn judge_push(
        &mut self,
        client: &Client,
        asked: &Form,
        jkt: Option<&str>,
    ) -> Result<(), Refused> {
        if asked.get("client_id").is_none() {
            return Err(self.refuse("invalid_request", "a pushed request without client_id"));
        }
        if ["request_uri", "request"].iter().any(|name| asked.get(name).is_some()) {
            return Err(self.refuse("invalid_request", "a pushed request that names another"));
        }
        if jkt.is_some() && asked.get("dpop_jkt").is_some_and(|named| Some(named) != jkt) {
            let text = "dpop_jkt of a pushed request is not the key of its proof";
            return Err(self.refuse("invalid_dpop_proof", text));
        }
        let redirect_uri = asked.get("redirect_uri").unwrap_or_default();
        if !self.allows_redirect(client, redirect_uri) {
            let text = format!("{} has no redirect URI {redirect_uri:?}", client.id);
            return Err(self.refuse("invalid_request", &text));
        }
        if let Err((error, fault)) = self.judge_request(asked) {
            return Err(self.refuse(error, &fault));
        }
        // The same request may be pushed again, for another visit.
        let text = format!("pushed {:?}", asked.pairs);
        self.judge_freshness(&text, asked);
        let scope = asked.get("scope").unwrap_or_default();
        if let Some(reason) = self.bars_scope(client, scope) {
            self.remark(reason.clone());
            return Err(answer::oauth_error(400, "invalid_scope", &reason).into());
        }
        Ok(())
    }

    /// The request that a visit is about: that of its query, or one that was pushed before.
    ///
    /// # Errors
    /// The page to show instead.
    pub(super) fn requested(&mut self, server: Server, query: &Form) -> Result<Form, Refused> {
        let Some(uri) = query.get("request_uri") else {
            if self.knobs.par == Par::Required {
                return Err(self.page("an authorization request that was not pushed").into());
            }
            return Ok(query.clone());
        };
        let is_own = |name: &str| self.knobs.authorize_query && name == "policy";
        let known = |name: &str| matches!(name, "client_id" | "request_uri") || is_own(name);
        if let Some((name, _)) = query.pairs.iter().find(|(name, _)| !known(name)) {
            let text = format!("{name} beside request_uri in an authorization request");
            return Err(self.page(text).into());
        }
        let pushed = self.pushed.iter_mut().find(|it| it.uri == uri && it.server == server);
        let Some(pushed) = pushed else {
            return Err(self.page("a request_uri that nobody has").into());
        };
        if pushed.form.get("client_id") != query.get("client_id") {
            return Err(self.page("a request_uri of another client").into());
        }
        if core::mem::replace(&mut pushed.visited, true) {
            return Err(self.page("a request_uri that was visited before").into());
        }
        let form = pushed.form.clone();
        if pushed.expires_at <= self.now {
            // When a user comes is the user's business.
            self.remark("the request_uri is expired");
            return Err(answer::html(400, "the request is expired").into());
        }
        Ok(form)
    }
}

fn uri(number: usize, server: Server, form: Option<&ParForm>) -> String {
    let text = format!("urn:ietf:params:oauth:request_uri:par-{number}-{}", server.tag());
    match form {
        Some(ParForm::OddRequestUri) => format!("{text}&state=another#+%20é"),
        Some(ParForm::LongRequestUri) => format!("{text}{}", "x".repeat(LONG)),
        Some(ParForm::EmptyRequestUri) => String::new(),
        _ => text,
    }
}

fn shape(mut document: Value, form: Option<&ParForm>) -> Response<Vec<u8>> {
    let status = if form == Some(&ParForm::Status200) { 200 } else { 201 };
    let seconds = document["expires_in"].to_string();
    let (name, value) = match form {
        Some(ParForm::NoRequestUri) => ("request_uri", Value::Null),
        Some(ParForm::NoExpiresIn) => ("expires_in", Value::Null),
        Some(ParForm::ExpiresInText) => ("expires_in", json!(seconds)),
        Some(ParForm::ExpiresInZero) => ("expires_in", json!(0)),
        _ => return answer::json(status, &document),
    };
    document[name] = value;
    if let Some(members) = document.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    answer::json(status, &document)
}

/// What a pushed request has besides the parameters of an authorization request.
const OF_AUTHENTICATION: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// More than any request URI, in bytes.
const LONG: usize = 4096;
