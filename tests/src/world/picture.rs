//! What happened, as a sequence diagram: an SVG for a page, a report or a failed test.

use core::fmt::{self, Write as _};

use super::{Exchange, Party, What, World};

impl World {
    /// The requests so far, oldest first, as an SVG picture with a line for each party. What a client did wrong stands
    /// below it, in red.
    ///
    /// ```
    /// use oauth_tests::world::{Knobs, World};
    ///
    /// let mut world = World::new(Knobs::default());
    /// let request = http::Request::post(world.server_url()).body(Vec::new()).unwrap();
    /// world.handle(&request);
    /// assert!(world.picture().contains("401"));
    /// ```
    pub fn picture(&self) -> String {
        let mut text = String::new();
        // Nothing fails to be written into a text.
        let _ = Picture::of(self).write(&mut text);
        text
    }
}

/// Who has a line in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    Browser,
    Client,
    Server(Party),
}

impl Actor {
    const ALL: [Self; 8] = [
        Self::Browser,
        Self::Client,
        Self::Server(Party::McpServer),
        Self::Server(Party::AuthServer),
        Self::Server(Party::AuthServer2),
        Self::Server(Party::AuthServer3),
        Self::Server(Party::IdentityProvider),
        Self::Server(Party::Elsewhere),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Client => "client",
            Self::Server(Party::McpServer) => "MCP server",
            Self::Server(Party::AuthServer) => "authorization server",
            Self::Server(Party::AuthServer2) => "second one",
            Self::Server(Party::AuthServer3) => "third one",
            Self::Server(Party::IdentityProvider) => "identity provider",
            Self::Server(Party::Elsewhere) => "elsewhere",
        }
    }

    /// Who sends a request.
    fn of(exchange: &Exchange) -> Self {
        match exchange.what {
            What::Authorize | What::Verify => Self::Browser,
            // Nobody else wants one.
            What::Other if exchange.path == "/favicon.ico" => Self::Browser,
            _ => Self::Client,
        }
    }
}

struct Picture<'a> {
    world: &'a World,
    /// Those that have something to do, from the left.
    actors: Vec<Actor>,
}

impl<'a> Picture<'a> {
    fn of(world: &'a World) -> Self {
        let takes_part = |actor: &Actor| match actor {
            Actor::Client | Actor::Server(Party::McpServer) => true,
            Actor::Browser => world.log.iter().any(|it| Actor::of(it) == Actor::Browser),
            Actor::Server(party) => world.log.iter().any(|it| it.who == *party),
        };
        Self { world, actors: Actor::ALL.into_iter().filter(takes_part).collect() }
    }

    fn x(&self, actor: Actor) -> usize {
        let at = self.actors.iter().position(|it| *it == actor).unwrap_or_default();
        WIDTH / 2 + at * WIDTH
    }

    fn write(&self, to: &mut String) -> fmt::Result {
        let World { log, violations, .. } = self.world;
        let (width, end) = (WIDTH * self.actors.len(), HEAD + ROW * log.len());
        let height = end + LINE * (violations.len() + 1);
        write!(
            to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\" \
             aria-label=\"{} requests\"><style>line{{stroke:#557}}.life{{stroke:#ccd}}.no{{stroke:#b40}}\
             .back{{stroke-dasharray:4 3}}text{{fill:#223}}.wrong{{fill:#b00}}.aside{{fill:#667}}</style>",
            log.len()
        )?;
        for actor in &self.actors {
            let x = self.x(*actor);
            let name = actor.name();
            write!(
                to,
                "<text x=\"{x}\" y=\"20\" text-anchor=\"middle\" font-weight=\"600\">{name}</text>"
            )?;
            write!(to, "<line class=\"life\" x1=\"{x}\" x2=\"{x}\" y1=\"{HEAD}\" y2=\"{end}\"/>")?;
        }
        for (at, exchange) in log.iter().enumerate() {
            self.write_exchange(to, exchange, HEAD + ROW * at)?;
        }
        for (at, violation) in violations.iter().enumerate() {
            let y = end + LINE * (at + 1);
            write!(to, "<text class=\"wrong\" x=\"8\" y=\"{y}\">{}</text>", Escaped(violation))?;
        }
        to.write_str("</svg>")
    }

    /// There and back.
    fn write_exchange(&self, to: &mut String, exchange: &Exchange, top: usize) -> fmt::Result {
        let (from, there) = (self.x(Actor::of(exchange)), self.x(Actor::Server(exchange.who)));
        let (asked, answered) = (top + 22, top + 40);
        let class = if exchange.status >= 400 { "no" } else { "ok" };
        let middle = usize::midpoint(from, there);
        write!(
            to,
            "<line class=\"{class}\" x1=\"{from}\" x2=\"{there}\" y1=\"{asked}\" y2=\"{asked}\"/>"
        )?;
        write!(
            to,
            "<line class=\"{class} back\" x1=\"{there}\" x2=\"{from}\" y1=\"{answered}\" y2=\"{answered}\"/>"
        )?;
        for (x, y, back) in [(there, asked, from), (from, answered, there)] {
            let wing = if back < x { x - 7 } else { x + 7 };
            write!(
                to,
                "<line class=\"{class}\" x1=\"{wing}\" x2=\"{x}\" y1=\"{}\" y2=\"{y}\"/>\
                 <line class=\"{class}\" x1=\"{wing}\" x2=\"{x}\" y1=\"{}\" y2=\"{y}\"/>",
                y - 4,
                y + 4
            )?;
        }
        write!(
            to,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            asked - 5,
            Escaped(&label(exchange))
        )?;
        let note = exchange.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        let text = format!("{}{note}", exchange.status);
        write!(
            to,
            "<text class=\"aside\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            answered + 14,
            Escaped(&text)
        )
    }
}

/// What was asked, in a few words: a method of MCP, or a grant, where the path says less.
fn label(exchange: &Exchange) -> String {
    let Exchange { method, path, what, .. } = exchange;
    let more = match what {
        What::Mcp(called) if !called.is_empty() && called != method => format!("  {called}"),
        What::Token(grant) => {
            let name = grant.as_str();
            format!("  {}", name.rsplit(':').next().unwrap_or(name))
        }
        What::Authorize => {
            exchange.parameter("scope").map(|scope| format!("  {scope}")).unwrap_or_default()
        }
        _ => String::new(),
    };
    format!("{method} {path}{more}")
}

/// Text in a page: what clients send is in it.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            // Not allowed in XML at all.
            char if char.is_control() => f.write_str("\u{fffd}"),
            char => f.write_char(char),
        })
    }
}

/// Of a party, in the picture's own units, as all that follows.
const WIDTH: usize = 260;

/// Of the names.
const HEAD: usize = 32;

/// Of a request and its answer.
const ROW: usize = 62;

/// Of what was done wrong.
const LINE: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Knobs;

    #[test]
    fn each_request_has_an_arrow_there_and_back_and_nothing_in_it_is_markup() {
        let mut world = World::new(Knobs::default());
        for path in ["/mcp", "/%3Cscript%3E"] {
            let url = format!("https://mcp.example.com{path}");
            let request = http::Request::get(url).body(Vec::new()).expect("it is a request");
            world.handle(&request);
        }
        world.violations.push("<script>alert(1)</script>".into());
        let picture = world.picture();
        assert_eq!(picture.matches(" back\"").count(), 2);
        assert!(picture.contains("client</text>") && picture.contains("MCP server</text>"));
        assert!(!picture.contains("authorization server"), "nobody has asked it");
        assert!(picture.contains("&lt;script&gt;alert(1)") && !picture.contains("<script"));
    }
}
