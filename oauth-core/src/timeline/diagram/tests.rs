use alloc::format;
use alloc::string::{String, ToString as _};

use super::*;
use crate::error::{Obstacle, Silence};
use crate::json::Defect;
use crate::json::MemberNames;
use crate::timeline::Remedy;

fn entry(endpoint: Endpoint, url: &str, status: Option<u16>, finding: Finding) -> Entry {
    let url = HttpUrl::parse(url, HttpAllowance::Loopback).unwrap_or_else(|e| panic!("{e}"));
    Entry::new(endpoint, &url, status, finding)
}

fn drawn(entries: impl IntoIterator<Item = Entry>) -> String {
    let mut timeline = Timeline::default();
    entries.into_iter().for_each(|entry| timeline.push(entry));
    timeline.diagram().to_string()
}

#[test]
fn a_timeline_is_drawn_with_who_was_asked_and_what_came() {
    let refused = Finding::Refused { remedy: Remedy::Login, misshapen: MemberNames::default() };
    let resource = "https://mcp.example/.well-known/oauth-protected-resource/mcp?key=planted";
    let silent = entry(Endpoint::Token, "https://as.example/token", None, Finding::OutOfReach);
    let text = drawn([
        entry(Endpoint::Resource, "https://mcp.example/mcp", Some(401), refused),
        entry(
            Endpoint::ResourceMetadata,
            resource,
            Some(404),
            Finding::NothingHere { defect: None },
        ),
        Entry::of_text(
            Endpoint::ServerMetadata,
            "ftp://as.example",
            Finding::Profile { name: "P".into() },
        ),
        entry(Endpoint::Authorization, "https://as.example/a", None, Finding::CameBack),
        silent.unanswered(Some(Silence::new(Some(Obstacle::Time), "timed; out\n"))),
    ]);
    assert_eq!(
        text,
        "sequenceDiagram
    participant C as This client
    participant S1 as https#58;//mcp.example
    participant S2 as https#58;//as.example
    C->>S1: MCP server /mcp
    S1-->>C: 401 refused#58; a login is needed
    C->>S1: resource metadata /.well-known/oauth-protected-resource/mcp
    S1-->>C: 404 not here
    Note over C: authorization server metadata ftp#58;//as.example, what is known of P is applied
    C->>S2: authorization endpoint /a in the browser
    S2-->>C: the user came back with a code
    C-xS2: token endpoint /token
    Note over C,S2: out of reach for now#58; looking elsewhere, time ran out (timed#59; out)
"
    );
}

/// Wherever it stands, whatever it would do: to the diagram, to the block of Markdown around it, or to the page.
#[test]
fn no_text_of_a_server_leaves_its_place() {
    let hostile = [
        "x\n    C->>S1: forged",
        "x;participant Z as forged",
        "x\r\nend",
        "x%%{init: {'securityLevel':'loose'}}%%",
        "x#quot;#59;",
        "x<img src=x onerror=alert(1)><br/>",
        "x\n```\n# forged\n",
        "x\u{2028}\u{202e}\u{200b}\u{0}",
        "x: style S1 fill:#f00;",
        "x&lt;script&gt;",
        "[x](javascript:alert(1)) $$x$$ ~~x~~ **x** |x|",
    ];
    let at = |status, finding| entry(Endpoint::Token, "https://as.example/t", status, finding);
    for text in hostile {
        let (before, defect) = (drawn([]).lines().count(), Some(Defect::unusable(text)));
        for (place, lines) in [
            (Entry::of_text(Endpoint::Token, text, Finding::Failed { code: "c".into() }), 1),
            (at(Some(200), Finding::Moved { to: text.into() }), 3),
            (at(Some(200), Finding::Profile { name: text.into() }), 1),
            (at(Some(400), Finding::Failed { code: text.into() }), 3),
            (at(Some(200), Finding::NothingHere { defect }), 3),
            (at(None, Finding::OutOfReach).unanswered(Some(Silence::new(None, text))), 3),
        ] {
            let text = drawn([place]);
            assert_eq!(text.lines().count(), before + lines, "{text}");
            // What is left beside the arrows are numbers, and letters that mean nothing there.
            let numbers = text.split('#').skip(1).map(|rest| rest.split(';').next());
            assert!(numbers.flatten().all(|it| it.parse::<u32>().is_ok()), "{text}");
            let left = text.replace("->>", "");
            let signs = "<>%`\"'&{}[]$*|~\\\r\u{0}\u{2028}\u{202e}\u{200b}";
            assert!(!left.contains(|char| signs.contains(char)), "{text}");
            assert_eq!(text.matches(';').count(), text.matches('#').count(), "{text}");
        }
    }
}

#[test]
fn the_longest_timeline_is_short_enough_to_be_drawn() {
    let text = "\u{1f600}".repeat(1_000);
    let many = (0..100).map(|at| {
        let url = format!("https://as{at}.example/{}", "%".repeat(1_000));
        entry(Endpoint::Token, &url, Some(200), Finding::Failed { code: text.as_str().into() })
    });
    let drawn = drawn(many);
    assert!((20_000..50_000).contains(&drawn.len()), "{}", drawn.len());
}
