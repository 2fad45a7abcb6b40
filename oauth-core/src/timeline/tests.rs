use alloc::string::ToString as _;

use super::*;
use crate::json::{Defect, MemberNames};
use crate::tolerance::Tolerances;
use crate::url::{HttpAllowance, UrlDefect};

fn entry(status: u16) -> Entry {
    let url = HttpUrl::parse("https://a.example/m?key=planted", HttpAllowance::Forbidden);
    let url = url.unwrap_or_else(|defect| panic!("{defect}"));
    let finding = Finding::NothingHere { defect: Some(Defect::Html) };
    Entry::new(Endpoint::ResourceMetadata, &url, Some(status), finding)
}

#[test]
fn a_timeline_keeps_the_newest_steps() {
    let mut timeline = Timeline::default();
    (0..100).for_each(|status| timeline.push(entry(status)));
    let statuses = timeline.entries().iter().filter_map(|entry| entry.status);
    assert!(statuses.eq(100 - 32..100));
}

#[test]
fn a_finding_is_written_down_under_its_name() {
    let code = || "refused_token_other".into();
    for finding in [
        Finding::document(),
        Finding::NothingHere { defect: None },
        Finding::OutOfReach,
        Finding::Unusable { defect: UrlDefect::Plaintext },
        Finding::NotUsed { code: code() },
        Finding::Profile { name: "Google".into() },
        Finding::Moved { to: "https://a.example/".into() },
        Finding::LeadsAway { to: "https://a.example/".into() },
        Finding::Registered { tolerated: Tolerances::NONE, misshapen: MemberNames::default() },
        Finding::CameBack,
        Finding::OtherLogin,
        Finding::Tokens {
            lacks: None,
            lifetime: None,
            refresh_token: true,
            tolerated: Tolerances::NONE,
            misshapen: MemberNames::default(),
        },
        Finding::Postponed { code: code() },
        Finding::Revoked,
        Finding::NoLoginAskedFor,
        Finding::Refused { remedy: Remedy::GiveUp, misshapen: MemberNames::default() },
        Finding::Retried { refusal: code(), retry: Retry::WiderRegistration },
        Finding::Failed { code: code() },
    ] {
        let written = serde_json::to_string(&finding).unwrap_or_else(|e| panic!("{e}"));
        let name = written.split('"').nth(1);
        assert_eq!(name, Some(finding.name()));
    }
}

#[test]
fn a_step_is_shown_without_the_query() {
    let shown = entry(404).to_string();
    assert!(shown.starts_with("404  resource metadata  https://a.example/m\n"), "{shown}");
    assert!(shown.contains("HTML") && !shown.contains("planted"), "{shown}");
}

#[test]
fn of_a_text_that_is_no_url_two_hundred_characters_are_kept() {
    for (written, kept) in [(200, 200), (201, 200)] {
        let entry = Entry::of_text(Endpoint::Token, &"x".repeat(written), entry(200).finding);
        assert_eq!(entry.url.len(), kept);
    }
}
