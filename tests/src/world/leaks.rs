//! Looks for credentials where they must not be, in every request to anyone.
//!
//! The endpoints judge what they are sent; this looks at what nobody asked for: a token in a URI,
//! a refresh token at the MCP server, one server's secret at the other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};

use super::form::Form;
use super::grants::{Credential, Kind};
use super::jwt::{DPOP, is_jwt};
use super::places::Server;
use super::{IDP_CLIENT_SECRET, PRE_CLIENT_SECRET, Party, What, World};

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
        for Secret { kind, value, home } in self.all_secrets() {
            let home = home == who;
            if uri.contains(value) {
                faults.push(format!("{kind:?} {value} in the URI of a request to {who:?}"));
            }
            let body_may = home
                && match what {
                    What::Token(_) => kind != Kind::Access,
                    What::Revoke => !matches!(kind, Kind::Code | Kind::Brought),
                    What::Push | What::Device => kind == Kind::Secret,
                    _ => false,
                };
            if body.contains(value) && !body_may {
                faults.push(format!("{kind:?} {value} in the body of a request to {who:?}"));
            }
            let header_may = match kind {
                Kind::Access => who == Party::McpServer && matches!(what, What::Mcp(_)),
                Kind::Secret => home && authenticates(what),
                Kind::Code | Kind::Refresh | Kind::Brought => false,
            };
            if headers.contains(value) && !header_may {
                faults.push(format!("{kind:?} {value} in the header of a request to {who:?}"));
            }
        }
        faults.extend(stray_jwts(who, what, request, &uri, &body));
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

    fn all_secrets(&self) -> impl Iterator<Item = Secret<'_>> {
        let secrets = self.clients.iter().filter_map(|client| {
            let value = client.secret.as_deref()?;
            Some(Secret { kind: Kind::Secret, value, home: self.party_of(client.server) })
        });
        let home = self.party_of(Server::First);
        let pre = Secret { kind: Kind::Secret, value: PRE_CLIENT_SECRET, home };
        let home = Party::IdentityProvider;
        let idp = Secret { kind: Kind::Secret, value: IDP_CLIENT_SECRET, home };
        let grants = self.grants.credentials().map(|Credential { kind, value, server }| Secret {
            kind,
            value,
            home: self.party_of(server),
        });
        let brought =
            self.minted.tokens().map(|(value, home)| Secret { kind: Kind::Brought, value, home });
        let devices = self.devices.iter().map(|device| Secret {
            kind: Kind::Code,
            value: &device.code,
            home: self.party_of(device.server),
        });
        secrets.chain([pre, idp]).chain(grants).chain(brought).chain(devices)
    }
}

/// A value that one party only may be told, besides the MCP server for access tokens.
#[derive(Clone, Copy, Debug)]
struct Secret<'a> {
    kind: Kind,
    value: &'a str,
    home: Party,
}

/// JWTs where no request has one, whoever made them: client assertions are made by the client, and nobody has
/// seen them before.
fn stray_jwts(
    who: Party,
    what: &What,
    request: &Request<Vec<u8>>,
    uri: &str,
    body: &str,
) -> Vec<String> {
    let mut faults = Vec::new();
    if has_jwt(uri) {
        faults.push(format!("a JWT in the URI of a request to {who:?}"));
    }
    if !authenticates(what) && has_jwt(body) {
        faults.push(format!("a JWT in the body of a request to {who:?}"));
    }
    let headers = request.headers().iter().filter(|(name, _)| *name != DPOP);
    for (name, value) in headers {
        if has_jwt(&String::from_utf8_lossy(value.as_bytes())) {
            faults.push(format!("a JWT in the {name} of a request to {who:?}"));
        }
    }
    faults
}

/// Whether clients authenticate at an endpoint.
fn authenticates(what: &What) -> bool {
    matches!(what, What::Token(_) | What::Revoke | What::Push | What::Device)
}

/// Whether a JWT is anywhere in a text. Each begins with `{"` in base64.
fn has_jwt(text: &str) -> bool {
    let of_none =
        |character: char| !character.is_ascii_alphanumeric() && !"-_.".contains(character);
    text.contains("ey") && text.split(of_none).any(is_jwt)
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
