//! What a page of another origin may read: without it, a browser keeps every answer from its scripts.

use http::header::{self, HeaderName};
use http::{HeaderValue, Method, Request, Response};

use super::Served;

/// The origin whose pages may read answers, and ask anything.
#[derive(Debug)]
pub(super) struct Pages(HeaderValue);

impl Pages {
    /// The answer to a browser that asks first, which is no request to the world.
    pub(super) fn preflight(request: &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        asks.then(|| {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = http::StatusCode::NO_CONTENT;
            set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE");
            let sent = fields(request.uri().path()).sent;
            set(&mut response, header::ACCESS_CONTROL_ALLOW_HEADERS, sent);
            response
        })
    }

    /// Permits them to read an answer.
    pub(super) fn permit(&self, request: &Request<Vec<u8>>, response: &mut Response<Vec<u8>>) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.0.clone());
        let read = fields(request.uri().path()).read;
        set(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, read);
        set(response, header::VARY, "origin");
    }
}

impl Served {
    /// Lets pages of this origin read all answers from now on, at every server of the world. Before, a browser keeps
    /// them from all pages.
    ///
    /// # Panics
    /// If it cannot stand in a header.
    pub fn permit_pages(&self, origin: &str) {
        let origin = HeaderValue::from_str(origin).expect("an origin is plain text");
        self.shared.lock_settings().pages = Some(Pages(origin));
    }
}

fn set(response: &mut Response<Vec<u8>>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// What clients send, and read, beyond what any page may. It is as little as the package's README asks for.
struct Fields {
    sent: &'static str,
    read: &'static str,
}

fn fields(path: &str) -> Fields {
    match path.rsplit('/').next() {
        _ if path.contains("/.well-known/") => Fields { sent: "", read: "" },
        Some("mcp") => Fields {
            sent: "authorization, content-type, dpop, last-event-id, mcp-method, mcp-name, \
                   mcp-protocol-version, mcp-session-id",
            read: "www-authenticate, dpop-nonce, mcp-session-id",
        },
        Some("register") => Fields { sent: "content-type", read: "" },
        _ => Fields { sent: "authorization, dpop", read: "dpop-nonce" },
    }
}
