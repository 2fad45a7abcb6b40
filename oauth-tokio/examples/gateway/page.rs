//! The page for people: plain HTML, which works without scripts. All that is not written here is escaped.

use std::fmt::Write as _;

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use oauth_tokio::{GrantSummary, Status};

use crate::gateway::LONGEST_NAME;
use crate::notice::Notice;

/// What is shown: perhaps what has just happened, and what there is to do.
pub(crate) struct Page {
    pub(crate) notice: Option<Notice>,
    pub(crate) view: View,
}

/// What there is to do.
pub(crate) enum View {
    SignIn,
    /// What is connected, and how it stands.
    List {
        user: String,
        connections: Vec<Connection>,
    },
    /// What became of everything that somebody had.
    Ended {
        user: String,
        ends: Vec<End>,
    },
    /// Nothing: it cannot be shown now.
    Nothing,
}

/// One server, for one user.
pub(crate) struct Connection {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) status: Status,
}

/// The end of one connection.
pub(crate) struct End {
    /// The server's name, or its URL if it has none here.
    pub(crate) server: String,
    /// What became of it; nothing stayed alive if `is_complete`.
    pub(crate) outcome: &'static str,
    pub(crate) is_complete: bool,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let status = self.notice.map_or(StatusCode::OK, |notice| notice.says().0);
        let fields = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (CACHE_CONTROL, "no-store"),
            // With `no-referrer`, browsers would send no `Origin` with our own forms.
            (REFERRER_POLICY, "same-origin"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (status, fields, self.html()).into_response()
    }
}

impl Page {
    fn html(&self) -> String {
        // What has happened comes first: a title is what is read before all else.
        let title = match self.heading() {
            Some(heading) => format!("{heading} – {TITLE}"),
            None => TITLE.to_owned(),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
             <header>\n<h1>{TITLE}</h1>\n{}</header>\n<main>\n{}{}</main>\n</body>\n</html>\n",
            self.view.person(),
            self.notice.map(said).unwrap_or_default(),
            self.view.html(),
        )
    }

    /// What has just happened.
    fn heading(&self) -> Option<&'static str> {
        match &self.view {
            View::Ended { ends, .. } => Some(heading_of(ends)),
            _ => self.notice.map(|notice| notice.says().1),
        }
    }
}

/// Who reads the page with their ears hears this first: the focus is there.
fn said(notice: Notice) -> String {
    let (_, heading, text) = notice.says();
    let class = if notice.is_good() { "good" } else { "bad" };
    format!(
        "<section class=\"notice {class}\" tabindex=\"-1\" autofocus>\n<h2>{heading}</h2>\n<p>{text}</p>\n</section>\n"
    )
}

impl View {
    fn person(&self) -> String {
        let Self::List { user, .. } = self else { return String::new() };
        let user = escaped(user);
        format!(
            "<p>Signed in as <strong>{user}</strong></p>\n{}",
            button("/sign-out", "Sign out", "quiet")
        )
    }

    fn html(&self) -> String {
        match self {
            Self::SignIn => sign_in(),
            Self::List { user, connections } => list(user, connections),
            Self::Ended { user, ends } => ended(user, ends),
            Self::Nothing => "<p><a href=\"/\">To the list of servers</a></p>\n".to_owned(),
        }
    }
}

fn sign_in() -> String {
    format!(
        "<h2>Sign in</h2>\n<form method=\"post\" action=\"/sign-in\">\n\
         <label for=\"name\">Your name</label>\n\
         <input id=\"name\" name=\"name\" required maxlength=\"{LONGEST_NAME}\" autocomplete=\"username\" \
         aria-describedby=\"about\">\n<button>Sign in</button>\n</form>\n\
         <p id=\"about\">This is an example: whoever says a name is let in under it. A real gateway asks for \
         more.</p>\n"
    )
}

fn list(user: &str, connections: &[Connection]) -> String {
    let servers: String = connections.iter().map(Connection::html).collect();
    format!(
        "<h2>Servers</h2>\n<p>Your agents use these servers for you, with the access that you give them.</p>\n\
         <ul class=\"servers\">\n{servers}</ul>\n\
         <h2>Leave</h2>\n<form method=\"post\" action=\"/end-everything\">\n\
         <p>All your connections are ended, at servers that are not in this list as well, and you are signed out \
         everywhere.</p>\n\
         <p><input type=\"checkbox\" id=\"sure\" name=\"sure\" required> \
         <label for=\"sure\">I want that</label></p>\n\
         <button class=\"bad\">End everything for {}</button>\n</form>\n",
        escaped(user)
    )
}

impl Connection {
    fn html(&self) -> String {
        let (name, url, state) = (escaped(&self.name), escaped(&self.url), self.state());
        let mut html =
            format!("<li>\n<h3>{name}</h3>\n<p>{url}</p>\n<dl>\n<dt>State</dt><dd>{state}</dd>\n");
        let grant = self.status.grant();
        html.push_str(&grant.map(about).unwrap_or_default());
        html.push_str("</dl>\n<div class=\"buttons\">\n");
        let connect = format!("/connect/{name}");
        match grant {
            Some(_) => {
                html += &button(&format!("/disconnect/{name}"), &format!("Disconnect {name}"), "");
                html += &button(&connect, &format!("Connect {name} again"), "quiet");
            }
            None => html += &button(&connect, &format!("Connect {name}"), ""),
        }
        html.push_str("</div>\n</li>\n");
        html
    }

    fn state(&self) -> &'static str {
        match self.status {
            Status::LoggedIn(_) => "Connected",
            Status::Refused(_) => "Refused by the server: connect again",
            Status::LoginUnderWay { .. } => "Being connected",
            Status::NotNeeded | Status::LoginNeeded => "Not connected",
            Status::Bearer => "Connected by the gateway's operator",
        }
    }
}

/// What is known of a grant that is no secret.
fn about(grant: &GrantSummary) -> String {
    let mut html = String::new();
    if let Some(who) = &grant.who {
        let _ = writeln!(html, "<dt>Account</dt><dd>{}</dd>", escaped(who));
    }
    let scopes = grant.scopes.as_ref().map(|scopes| escaped(scopes.as_str()));
    let scopes = scopes.unwrap_or_else(|| "those that the server gives".to_owned());
    let _ = writeln!(html, "<dt>Scopes</dt><dd>{scopes}</dd>");
    let _ = writeln!(html, "<dt>Given by</dt><dd>{}</dd>", escaped(&grant.issuer));
    let until = grant.expires_at.map_or_else(
        || "the server says".to_owned(),
        |at| {
            let (time, text) = (at.to_string(), at.to_string().replace('T', " "));
            format!("<time datetime=\"{time}\">{}</time>", text.replace('Z', " UTC"))
        },
    );
    let after = if grant.is_refreshable { ", then renewed by itself" } else { "" };
    let _ = writeln!(html, "<dt>Until</dt><dd>{until}{after}</dd>");
    html
}

fn heading_of(ends: &[End]) -> &'static str {
    match ends.iter().all(|end| end.is_complete) {
        true => "Everything has ended",
        false => "Not everything has ended",
    }
}

fn ended(user: &str, ends: &[End]) -> String {
    let heading = heading_of(ends);
    let mut html = format!(
        "<section class=\"notice {}\" tabindex=\"-1\" autofocus>\n<h2>{heading}</h2>\n\
         <p>Of {}, who is signed out everywhere:</p>\n<ul>\n",
        if ends.iter().all(|end| end.is_complete) { "good" } else { "bad" },
        escaped(user),
    );
    if ends.is_empty() {
        html.push_str("<li>Nothing was connected.</li>\n");
    }
    for End { server, outcome, .. } in ends {
        let _ = writeln!(html, "<li>{}: {outcome}</li>", escaped(server));
    }
    html.push_str("</ul>\n</section>\n<p><a href=\"/\">To the front page</a></p>\n");
    html
}

/// A form with one button.
fn button(action: &str, text: &str, class: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{action}\"><button class=\"{class}\">{text}</button></form>\n"
    )
}

/// As it can stand in a text or in an attribute with quotation marks.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

const TITLE: &str = "Gateway example";

/// No scripts, no frames, no pictures. There is no `form-action`: browsers apply it to redirects too, and "Connect" leads
/// to an authorization server that is not known beforehand.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever people, servers and operators say stays text.
    #[test]
    fn what_others_say_is_escaped_everywhere() {
        let hostile = "\"><script>alert('1')</script>&amp;";
        let shown = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;";
        let connection =
            || Connection { name: hostile.into(), url: hostile.into(), status: Status::NotNeeded };
        let end = End { server: hostile.into(), outcome: "ended", is_complete: true };
        let list = View::List { user: hostile.into(), connections: vec![connection()] };
        let ended = View::Ended { user: hostile.into(), ends: vec![end] };
        for (view, times) in [(list, 6), (ended, 2)] {
            let html = Page { notice: None, view }.html();
            assert!(!html.contains("<script") && !html.contains(hostile), "{html}");
            assert!(html.matches(shown).count() >= times, "{html}");
        }
    }

    #[test]
    fn every_notice_has_a_page_of_its_own() {
        let page = |notice| Page { notice: Some(notice), view: View::SignIn }.html();
        let connected = page(Notice::Connected);
        assert!(connected.contains("<title>Connected – Gateway example</title>"), "{connected}");
        assert!(connected.contains("class=\"notice good\""), "{connected}");
        assert!(page(Notice::StillAlive).contains("class=\"notice bad\""));
    }
}
