//! Where a redirect of the MCP endpoint leads.

use alloc::boxed::Box;

use crate::url::{HttpUrl, shown};

/// What a redirect of the MCP endpoint means for who sends a token along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirect {
    /// The same request belongs to this URL, which has the same origin (RFC 9110 §15.4.8, §15.4.9).
    Within(HttpUrl),
    /// It must not be followed: the token would go to another origin, or the request would become
    /// another one. Where it leads, without the query, to be shown.
    Away(Box<str>),
}

impl Redirect {
    /// Reads an answer from `url`; `None` if it is no redirect.
    ///
    /// ```
    /// # use oauth_core::{Redirect, ServerUrl};
    /// let server = ServerUrl::parse("https://mcp.example.com/mcp")?;
    /// let Some(Redirect::Within(url)) = Redirect::of(server.url(), 307, Some("/mcp/")) else { panic!() };
    /// assert_eq!(url.as_str(), "https://mcp.example.com/mcp/");
    /// let login = Redirect::of(server.url(), 302, Some("https://login.example.com/?from=mcp"));
    /// assert_eq!(login, Some(Redirect::Away("https://login.example.com/".into())));
    /// # Ok::<(), oauth_core::error::Misuse>(())
    /// ```
    #[must_use]
    pub fn of(url: &HttpUrl, status: u16, location: Option<&str>) -> Option<Self> {
        let location = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308))?;
        match url.moved_to(location) {
            Some(moved) if matches!(status, 307 | 308) => Some(Self::Within(moved)),
            Some(moved) => Some(Self::Away(moved.without_query().into())),
            None => {
                let path = location.split(['?', '#']).next().unwrap_or_default();
                Some(Self::Away(shown(path).chars().take(MAX_SHOWN).collect()))
            }
        }
    }

    /// Where it leads, to be shown.
    #[must_use]
    pub fn shown(self) -> Box<str> {
        match self {
            Self::Within(url) => url.without_query().into(),
            Self::Away(to) => to,
        }
    }
}

/// Enough of a URL to know it by, in characters.
const MAX_SHOWN: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::HttpAllowance;

    #[test]
    fn of_what_is_no_url_three_hundred_characters_are_shown() {
        let url = HttpUrl::parse("https://mcp.example/mcp", HttpAllowance::Forbidden);
        let url = url.unwrap_or_else(|defect| panic!("{defect}"));
        for (written, shown) in [(300, 300), (301, 300)] {
            let location = alloc::format!("ftp:{}", "x".repeat(written - 4));
            let redirect = Redirect::of(&url, 302, Some(&location)).map(Redirect::shown);
            assert_eq!(redirect.as_deref(), Some(&location[..shown]));
        }
    }

    #[test]
    fn only_the_same_request_within_the_origin_is_followed() {
        let url = HttpUrl::parse("https://mcp.example/mcp?key=planted", HttpAllowance::Forbidden);
        let url = url.unwrap_or_else(|defect| panic!("{defect}"));
        let away = |to: &str| Some(Redirect::Away(to.into()));
        let within = |to: &str| url.moved_to(to).map(Redirect::Within);
        for (status, location, expected) in [
            (307, "/mcp/", within("https://mcp.example/mcp/")),
            (308, "mcp/?a=b", within("https://mcp.example/mcp/?a=b")),
            (307, "https://mcp.example:443/x", within("https://mcp.example/x")),
            (301, "/mcp/?key=planted", away("https://mcp.example/mcp/")),
            (302, "/login", away("https://mcp.example/login")),
            (303, "/login", away("https://mcp.example/login")),
            (307, "https://evil.example/mcp?key=planted", away("https://evil.example/mcp")),
            (308, "//evil.example/mcp", away("//evil.example/mcp")),
            (307, "http://mcp.example/mcp", away("http://mcp.example/mcp")),
            (307, "https://mcp.example:444/", away("https://mcp.example:444/")),
            (307, "https://user@mcp.example/", away("https://…@mcp.example/")),
            (200, "/mcp/", None),
            (304, "/mcp/", None),
            (401, "/mcp/", None),
        ] {
            assert_eq!(Redirect::of(&url, status, Some(location)), expected, "{status} {location}");
        }
        assert_eq!(Redirect::of(&url, 307, None), None);
    }
}
