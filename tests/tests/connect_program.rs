//! The example `connect`: a service that keeps its users' tokens, and the variables that lead to it.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[allow(dead_code, reason = "its main is the program's")]
#[path = "../../oauth-blocking/examples/connect/main.rs"]
mod connect;

use std::path::Path;

use connect::Api;
use connect::env::Env;
use connect::simulated::{Service, User};
use oauth_blocking::{Consent, Error, Secret};

/// Somebody who does not consent.
struct Nobody;

impl Consent for Nobody {
    fn consent(&self, _: Option<&str>) -> Result<(), Error> {
        Err(oauth_core::Error::Cancelled.into())
    }
}

/// Somebody who says that they have, and has not.
struct Liar;

impl Consent for Liar {
    fn consent(&self, _: Option<&str>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn a_file_says_what_the_environment_does_not() {
    let text = "
# a comment
export A_OF_FILE=one
B_OF_FILE = \"two # three\"   # behind
C_OF_FILE='four=five' # behind
D_OF_FILE=six#seven # behind
E_OF_FILE=
no variable
PATH=never
";
    let env = Env::parse(text);
    let get = |name| env.get(name).as_ref().map(|value: &Secret| value.expose().to_owned());
    for (name, expected) in [
        ("A_OF_FILE", Some("one")),
        ("B_OF_FILE", Some("two # three")),
        ("C_OF_FILE", Some("four=five")),
        ("D_OF_FILE", Some("six#seven")),
        ("E_OF_FILE", None),
        ("no variable", None),
        ("F_OF_FILE", None),
    ] {
        assert_eq!(get(name).as_deref(), expected, "{name}");
    }
    assert_eq!(get("PATH"), std::env::var("PATH").ok());
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("there-is-no.env");
    assert!(Env::load(&missing).unwrap().get("A_OF_FILE").is_none());
    assert!(Env::load(Path::new(env!("CARGO_TARGET_TMPDIR"))).is_err(), "a directory");
}

#[test]
fn the_user_is_sent_to_the_page_once_and_the_call_made_again() {
    let service = Service::start().unwrap();
    let api = Api::from(&Env::parse(&service.variables())).unwrap().unwrap();
    for _ in 0..2 {
        let answer = api.ask(&User, "What is on today?", &["owner/calendar".into()]).unwrap();
        assert_eq!(answer["mcp_tool_results"][0]["tool_name"], "list_events");
    }
    assert_eq!(service.visits(), 1);
    connect::simulated::run().unwrap();
}

#[test]
fn a_denial_and_a_second_failure_are_returned() {
    let service = Service::start().unwrap();
    let api = Api::from(&Env::parse(&service.variables())).unwrap().unwrap();
    let denied = api.ask(&Nobody, "?", &[]).unwrap_err();
    assert!(denied.downcast_ref::<Error>().is_some(), "{denied}");
    let again = api.ask(&Liar, "?", &[]).unwrap_err();
    assert!(again.downcast_ref::<oauth_blocking::ConnectRequired>().is_some(), "{again}");
    assert_eq!(service.visits(), 0);
}

#[test]
fn no_page_is_opened_but_of_the_server_that_is_set() {
    let service = Service::start().unwrap();
    let elsewhere = service.variables() + "DEDALUS_AS_URL=https://as.example\n";
    let api = Api::from(&Env::parse(&elsewhere)).unwrap().unwrap();
    let error = api.ask(&User, "?", &[]).unwrap_err().to_string();
    assert!(error.contains("DEDALUS_AS_URL is https://as.example"), "{error}");
    assert_eq!(service.visits(), 0);
    assert!(Api::from(&Env::parse("DEDALUS_API_URL=https://api.example")).unwrap().is_none());
    let plain = "DEDALUS_API_KEY=planted\nDEDALUS_API_URL=http://api.example";
    let error = Api::from(&Env::parse(plain)).err().unwrap().to_string();
    assert!(error.starts_with("DEDALUS_API_URL: ") && !error.contains("planted"), "{error}");
}
