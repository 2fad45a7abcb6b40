//! Writes the authorization response: where the user's browser is sent, and with what.

use http::{Response, header};
use url::form_urlencoded;

use super::places::Server;
use super::{CodeParameter, IssParameter, Legacy, StateParameter, World, answer};

/// What an authorization response is made for.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) server: Server,
    pub(super) redirect_uri: &'a str,
    pub(super) state: Option<&'a str>,
}

impl World {
    /// Sends an error to the client.
    pub(super) fn send_error(
        &mut self,
        asked: &Asked<'_>,
        error: &str,
        description: &str,
    ) -> Response<Vec<u8>> {
        if self.note.is_none() {
            self.remark(format!("{error}: {description}"));
        }
        self.send(asked, vec![("error", error.into()), ("error_description", description.into())])
    }

    /// Sends a code to the client.
    pub(super) fn send_code(&mut self, asked: &Asked<'_>, code: String) -> Response<Vec<u8>> {
        let pairs = match self.knobs.code {
            CodeParameter::Right => vec![("code", code)],
            CodeParameter::Twice => vec![("code", code), ("code", "code-of-another".into())],
            CodeParameter::Missing => Vec::new(),
            CodeParameter::WithError => vec![("code", code), ("error", "access_denied".into())],
        };
        self.send(asked, pairs)
    }

    fn send(&self, asked: &Asked<'_>, mut pairs: Vec<(&str, String)>) -> Response<Vec<u8>> {
        let state = asked.state.map(ToOwned::to_owned);
        match (self.knobs.state, state) {
            (StateParameter::Right, Some(state)) => pairs.push(("state", state)),
            (StateParameter::Twice, Some(state)) => {
                pairs.extend([("state", state.clone()), ("state", state)]);
            }
            (StateParameter::Wrong, _) => pairs.push(("state", "state-of-another".into())),
            _ => {}
        }
        let issuer = self.issuer_of(asked.server);
        let legacy = self.knobs.legacy != Legacy::Off;
        match self.knobs.iss {
            IssParameter::Right if !legacy => pairs.push(("iss", issuer)),
            IssParameter::Right | IssParameter::Missing => {}
            IssParameter::Wrong => pairs.push(("iss", self.issuer_of(asked.server.other()))),
            IssParameter::WithSlash => pairs.push(("iss", format!("{issuer}/"))),
            IssParameter::WithoutSlash => {
                pairs.push(("iss", issuer.trim_end_matches('/').into()));
            }
            IssParameter::Twice => pairs.extend([("iss", issuer.clone()), ("iss", issuer)]),
        }
        // Other parameters than those of the protocol must be ignored (RFC 6749 §4.1.2).
        pairs.push(("x_unknown", "1".into()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let joint = if asked.redirect_uri.contains('?') { '&' } else { '?' };
        let location = format!("{}{joint}{query}", asked.redirect_uri);
        let mut response = answer::text(302, "back to the client");
        answer::set(&mut response, header::LOCATION, &location);
        response
    }
}
