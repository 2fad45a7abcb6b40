//! What users of OAuth clients suffer from when a program starts again: one test for each pain that no
//! other file is about. The README of the tests has the whole list, and is held to it here.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{assert_sound, builder, call, logins, serve};
use oauth_blocking::FileTokenStorage;
use oauth_core::session::Key;
use oauth_tests::drive::{Callback, SERVER_URL, Stage, play_later, settings};
use oauth_tests::files;
use oauth_tests::world::{AuthMethod, Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, Registration, What};

const LIST: &str = "tools/list";

/// Longer than an access token lives.
const HOUR: u64 = 3600;

/// A scenario after a first login, whose requests are not counted; also with restarts before every turn.
fn later(knobs: &Knobs, scenario: impl Fn(&mut Stage)) -> Stage {
    play_later(knobs, &settings(), scenario)
}

/// A minute before its end, and not an hour after some restart: what is stored is a time, not a duration.
#[test]
fn expiry_survives_a_restart() {
    let stage = later(&Knobs::default(), |stage| {
        for (seconds, refreshes) in [(1000, 0), (1000, 0), (1539, 0), (1, 1)] {
            stage.world.advance(seconds);
            stage.restart();
            assert_eq!(stage.call(LIST), Ok(200));
            assert_eq!(stage.refreshes(), refreshes);
        }
    });
    let calls = stage.world.requests(What::Mcp(LIST.into()));
    assert!(calls.iter().all(|call| call.status == 200), "no expired token was sent");
    assert!(stage.store.written.iter().all(|text| !text.contains("expires_in")));
    let record = stage.record().unwrap();
    let expires_at = record.tokens().unwrap().expires_at.map(|at| at.as_secs());
    assert_eq!(expires_at, Some(stage.world.now + HOUR));
}

#[test]
fn a_client_secret_survives_a_restart() {
    let own = settings().client_id(PRE_CLIENT_ID, Some(PRE_CLIENT_SECRET.into())).unwrap();
    for method in [AuthMethod::Basic, AuthMethod::Post] {
        for (settings, registration) in
            [(settings(), Registration::Dcr), (own.clone(), Registration::None)]
        {
            let knobs = Knobs {
                registration,
                token_auth_methods: Some(vec![method]),
                pre_method: method,
                awkward_secret: true,
                ..Knobs::default()
            };
            let stage = play_later(&knobs, &settings, |stage| {
                stage.world.knobs.metadata_off = true;
                stage.world.advance(HOUR);
                stage.restart();
                assert_eq!(stage.call(LIST), Ok(200), "{method:?} {registration:?}");
            });
            assert_eq!(stage.world.oauth_requests(), 1);
            assert_eq!(stage.refreshes(), 1);
        }
    }
}

/// The key is the profile and the URL, and nothing that may be another one next time.
#[test]
fn tokens_are_found_whatever_port_the_user_came_back_to() {
    let stage = later(&Knobs::default(), |stage| {
        let key = Key::grant("", "", SERVER_URL);
        assert_eq!(stage.key(), key);
        let other = settings().client_name("Another name").scope("mcp:write").unwrap();
        stage.restart_with(
            other.client_metadata_url("https://app.example.com/client.json").unwrap(),
        );
        stage.callback = Callback::At("http://127.0.0.1:49153/callback");
        assert_eq!(stage.key(), key);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    assert_eq!(stage.world.oauth_requests(), 0);
}

/// A directory that is gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("mcp-oauth-pains-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn records(&self) -> Vec<PathBuf> {
        let paths = files::below(&self.0.join("tokens")).into_iter();
        paths.filter(|path| files::is_grant(path)).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_damaged_file_costs_nobody_else_a_login() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let store = FileTokenStorage::in_dir(directory.0.join("tokens"));
    let call_all = || {
        for name in ["anna", "bert", "carl"] {
            let oauth = builder(&served, &store).profile(name).build().unwrap();
            assert_eq!(call(&oauth, &served, LIST).unwrap(), 200, "{name}");
        }
    };
    call_all();
    let records = directory.records();
    assert_eq!((records.len(), logins(&served)), (3, 3));
    fs::write(&records[0], r#"{"profile": "#).unwrap();
    call_all();
    assert_eq!(logins(&served), 4, "one of three");
    assert_sound(&served);
}

/// The tests that the README names, with the files that it says they are in.
fn named(readme: &str) -> Vec<(&str, &str)> {
    let links = readme.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        let (path, _) = rest.split_once(')')?;
        path.ends_with(".rs").then_some((name, path))
    });
    links.collect()
}

/// The tests in a file.
fn tests_in(text: &str) -> Vec<&str> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim_start) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        if is_test && let Some((_, rest)) = line.split_once("fn ") {
            names.extend(rest.split('(').next());
            is_test = false;
        }
    }
    names
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_test_that_the_readme_names_exists() {
    let readme = read("README.md");
    let named = named(&readme);
    for (name, path) in &named {
        assert!(tests_in(&read(path)).contains(name), "{path} has no test {name}");
    }
    for name in ["pains_refresh", "pains_registration", "pains_restart", "servers/main"] {
        let path = &*format!("tests/{name}.rs");
        for name in tests_in(&read(path)) {
            assert!(named.contains(&(name, path)), "the README lacks {name}");
        }
    }
}

#[test]
fn the_readme_has_a_row_for_every_pain_and_case() {
    let readme = read("README.md");
    let rows: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("| ")).collect();
    for number in 1..=96 {
        let own = rows.iter().filter(|row| row.starts_with(&format!("{number} |")));
        let cells: Vec<_> = own.flat_map(|row| row.split(" |")).map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{number}: {cells:?}");
        assert!(cells[1..3].iter().all(|cell| !cell.is_empty()), "{number}: {cells:?}");
        // Some pains cannot arise, but what has failed once is shown not to.
        let is_shown = ["`](", "story.rs)", "Not done"].iter().any(|it| cells[2].contains(it));
        assert!(is_shown || number < FIRST_CASE, "{number}: {cells:?}");
    }
}

/// The first of the rows that are not about pains.
const FIRST_CASE: usize = 34;
