//! Looks for credentials where they must not be, in every request to anyone.
//!
//! The endpoints judge what they are sent; this looks at what nobody asked for: a token in a URI,
//! a refresh token at the MCP server, one server's secret at the other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};

use super::form::Form;
use super::grants::{Credential, Kind};
use super::places::Server;
use super::{PRE_CLIENT_SECRET, Party, What, World};

impl World {
    pub(super) fn judge_credentials(
        &mut self,
        who: Party,
        what: &What,
        request: &Request<Vec<u8>>,
    ) {
        let uri = readable(&request.uri().to_string());
        let body = readable(&String::from_utf8_lossy(request.body()));
        let headers = headers(request);
        let mut faults = Vec::new();
        for credential in self.all_credentials() {
            let Credential { kind, value, server } = credential;
            let home = self.party_of(server) == who;
            if uri.contains(value) {
                faults.push(format!("{kind:?} {value} in the URI of a request to {who:?}"));
            }
            let body_may = home
                && match what {
                    What::Token(_) => kind != Kind::Access,
                    What::Revoke => kind != Kind::Code,
                    _ => false,
                };
            if body.contains(value) && !body_may {
                faults.push(format!("{kind:?} {value} in the body of a request to {who:?}"));
            }
            let header_may = match kind {
                Kind::Access => who == Party::McpServer && matches!(what, What::Mcp(_)),
                Kind::Secret => home && matches!(what, What::Token(_) | What::Revoke),
                Kind::Code | Kind::Refresh => false,
            };
            if headers.contains(value) && !header_may {
                faults.push(format!("{kind:?} {value} in the header of a request to {who:?}"));
            }
        }
        if let Some(permit) = self.knobs.registration_permit.as_deref() {
            let leaks = uri.contains(permit) || body.contains(permit);
            let home = who == Party::AuthServer && *what == What::Register;
            if leaks || (headers.contains(permit) && !home) {
                faults.push(format!("the permit to register in a request to {who:?}"));
            }
        }
        for fault in faults {
            self.blame(fault);
        }
    }

    fn all_credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        let secrets = self.clients.iter().filter_map(|client| {
            let value = client.secret.as_deref()?;
            Some(Credential { kind: Kind::Secret, value, server: client.server })
        });
        let server = Server::First;
        let pre = Credential { kind: Kind::Secret, value: PRE_CLIENT_SECRET, server };
        secrets.chain([pre]).chain(self.grants.credentials())
    }
}

/// Text with what decoding it as a form gives.
fn readable(text: &str) -> String {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let values = Form::lenient(query).pairs.into_iter().map(|(_, value)| value);
    values.fold(text.to_owned(), |all, value| all + "\n" + &value)
}

/// All header values, with Basic credentials opened.
fn headers(request: &Request<Vec<u8>>) -> String {
    let mut all = String::new();
    for value in request.headers().values() {
        all += &String::from_utf8_lossy(value.as_bytes());
        all.push('\n');
    }
    for value in request.headers().get_all(header::AUTHORIZATION) {
        let text = String::from_utf8_lossy(value.as_bytes());
        let opened = text.split_once(' ').and_then(|(_, rest)| STANDARD.decode(rest).ok());
        if let Some(bytes) = opened {
            let pair = String::from_utf8_lossy(&bytes).into_owned();
            all += &readable(&format!("?basic={}", pair.replacen(':', "&secret=", 1)));
        }
    }
    all
}
