//! What is seen in a terminal, which `script` makes.

use oauth_tests::serve::Served;
use oauth_tests::world::{Consent, Knobs};

use crate::command::Home;

#[tokio::test]
async fn a_line_says_how_long_is_left_and_the_page_stands_as_it_is() {
    let served = Served::start(Knobs { consent: Consent::Page, ..Knobs::default() }).unwrap();
    let home = Home::new();
    let seen = home.seen(&["login", &served.server_url()], |seen| seen.contains(" left")).await;
    assert!(seen.contains("waiting for you, 4:5"), "{seen:?}");
    let page = seen.split("visit:\r\n\r\n  ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let page = page.unwrap_or_else(|| panic!("{seen:?}"));
    assert!(page.starts_with("http://127.0.0.1:") && !page.contains([' ', '\u{1b}']), "{seen:?}");
}

/// What they type would be wiped away.
#[tokio::test]
async fn nothing_moves_where_the_user_pastes() {
    let served = Served::start(Knobs { consent: Consent::Page, ..Knobs::default() }).unwrap();
    let home = Home::new();
    let login = ["login", "--paste", &served.server_url()];
    let seen = home.seen(&login, |seen| seen.contains("does not load:")).await;
    let lines: Vec<_> = seen.split("\r\n").collect();
    assert_eq!((lines[0], lines[1]), ("Logging in: nobody is logged in", "Open this page:"));
    assert!(lines.last().unwrap().ends_with("does not load: "), "{seen:?}");
    assert!(!seen.contains('\u{1b}'), "{seen:?}");
}
