//! Header fields that a host wants on requests, and which requests get them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::Misuse;
use crate::{HttpAllowance, HttpUrl, Secret};

/// The header fields of the host's own: what adapters add to every request of theirs. `Debug` shows no
/// values but that of `User-Agent`.
#[derive(Debug, Clone)]
pub struct Headers {
    /// Of the MCP server.
    origin: Box<str>,
    user_agent: Option<HeaderValue>,
    for_server: Vec<(HeaderName, HeaderValue)>,
}

impl Headers {
    pub(super) fn new(
        server: &HttpUrl,
        user_agent: Option<&str>,
        for_server: &[(Box<str>, Secret)],
    ) -> Result<Self, Misuse> {
        let unsendable = |name: &str| Misuse::Header { name: name.into() };
        let user_agent = user_agent.map(HeaderValue::from_str).transpose();
        let field = |(name, value): &(Box<str>, Secret)| {
            let field = HeaderName::try_from(&**name).ok().filter(|name| !OWNED.contains(name));
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| unsendable(name))?;
            value.set_sensitive(true);
            Ok((field.ok_or_else(|| unsendable(name))?, value))
        };
        Ok(Self {
            origin: server.origin().into(),
            user_agent: user_agent.map_err(|_| unsendable(USER_AGENT.as_str()))?,
            for_server: for_server.iter().map(field).collect::<Result<_, Misuse>>()?,
        })
    }

    /// Adds to a request what it has not: the name of the application, and, if `url` is of the MCP
    /// server's origin, the fields that are for that.
    pub fn add_to(&self, url: &str, headers: &mut HeaderMap) {
        let is_server = || {
            HttpUrl::parse(url, HttpAllowance::Loopback)
                .is_ok_and(|url| url.origin() == &*self.origin)
        };
        let for_server = match self.for_server.is_empty() || !is_server() {
            true => &[],
            false => &*self.for_server,
        };
        let user_agent = self.user_agent.iter().map(|value| (&USER_AGENT, value));
        let for_server = for_server.iter().map(|(name, value)| (name, value));
        for (name, value) in user_agent.chain(for_server) {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
    }
}

/// What belongs to the token, or to the connection.
const OWNED: [HeaderName; 7] =
    [AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE];

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn headers(for_server: &[(&str, &str)], user_agent: Option<&str>) -> Result<Headers, Misuse> {
        let server = HttpUrl::parse("https://mcp.example/mcp", HttpAllowance::Forbidden);
        let server = server.unwrap_or_else(|e| panic!("{e}"));
        let fields = for_server.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Headers::new(&server, user_agent, &fields.collect::<Vec<_>>())
    }

    #[test]
    fn they_go_to_the_servers_origin_and_nowhere_else() {
        let headers = headers(&[("X-Edge", "planted")], Some("editor/1.0"));
        let headers = headers.unwrap_or_else(|e| panic!("{e}"));
        assert!(!format!("{headers:?}").contains("planted"));
        for (url, expected) in [
            ("https://mcp.example/mcp", true),
            ("https://mcp.example/.well-known/oauth-protected-resource/mcp", true),
            ("https://MCP.example:443", true),
            ("https://mcp.example:8443/mcp", false),
            ("https://as.example/token", false),
            ("https://mcp.example.as.example/", false),
            ("http://mcp.example/mcp", false),
            ("https://mcp.example@as.example/", false),
        ] {
            let mut map = HeaderMap::new();
            headers.add_to(url, &mut map);
            assert_eq!(map.contains_key("x-edge"), expected, "{url}");
            assert_eq!(map["user-agent"], "editor/1.0", "{url}");
            assert!(!format!("{map:?}").contains("planted"));
        }
    }

    #[test]
    fn the_requests_own_win() {
        let headers = headers(&[("x-edge", "ours")], Some("ours"));
        let headers = headers.unwrap_or_else(|e| panic!("{e}"));
        let mut map = HeaderMap::new();
        map.insert("x-edge", HeaderValue::from_static("own"));
        map.insert(USER_AGENT, HeaderValue::from_static("own"));
        headers.add_to("https://mcp.example/", &mut map);
        assert_eq!(map.len(), 2);
        assert!(map.values().all(|value| value == "own"), "{map:?}");
    }

    #[test]
    fn what_cannot_be_sent_or_is_not_the_hosts_is_refused_by_name() {
        for (name, value) in
            [("authorization", "Basic x"), ("Host", "a"), ("a b", "c"), ("x-edge", "a\r\nb: c")]
        {
            let refused = Misuse::Header { name: name.into() };
            assert_eq!(headers(&[(name, value)], None).err(), Some(refused));
        }
        let refused = Misuse::Header { name: "user-agent".into() };
        assert_eq!(headers(&[], Some("a\nb")).err(), Some(refused));
    }
}
