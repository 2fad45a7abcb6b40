//! The program `doctor`: what it takes, and what it prints for people, programs and bug reports.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[allow(dead_code, reason = "its main is the program's")]
#[path = "../../oauth-blocking/examples/doctor.rs"]
mod doctor;

use std::path::{Path, PathBuf};

use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, PkceSupport, What};
use serde_json::{Value, json};

fn serve(knobs: Knobs) -> Served {
    Served::start(knobs).unwrap()
}

/// What it prints, and whether a login can begin.
fn ran(arguments: &[&str]) -> Result<(String, bool), String> {
    let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
    let mut out = Vec::new();
    let can_begin = doctor::run(&arguments, &mut out).map_err(|error| error.to_string())?;
    Ok((String::from_utf8(out).unwrap(), can_begin))
}

/// A file that is gone afterwards.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &Value) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = path.join(format!("doctor-{name}-{}.json", std::process::id()));
        std::fs::write(&path, text.to_string()).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn settings_are_given_as_arguments() {
    let served = serve(Knobs { pkce: PkceSupport::Absent, ..Knobs::default() });
    let url = served.server_url();
    let (text, can_begin) = ran(&[&url]).unwrap();
    assert!(!can_begin && text.contains("error[no_s256]"), "{text}");
    let arguments = [
        &*url,
        "tolerate=unlisted_s256",
        "scope=17",
        "client_id=5",
        "private_hosts=a.example",
        r#"private_hosts=["b.example", "c.example"]"#,
        r#"resource_mode={"fixed": "api://name"}"#,
        r#"authorization_parameters={"access_type": "offline"}"#,
        "discovery_limit=20",
        "registration_for_each_profile=true",
    ];
    let (text, can_begin) = ran(&arguments).unwrap();
    assert!(can_begin && text.contains("unlisted_s256") && text.contains("`client_id`"), "{text}");
    assert!(text.contains("17 (set up with `scope`)"), "{text}");
    assert_eq!(served.world().count(What::Register), 0);
}

#[test]
fn settings_that_nobody_knows_are_named() {
    let url = "https://mcp.example/mcp";
    for (argument, expected) in [
        ("clientId=x", "did you mean \"client_id\"?"),
        ("private_host=x", "did you mean \"private_hosts\"?"),
        ("tolerate=issuer_slsh", "did you mean \"issuer_slash\"?"),
        ("wait=soon", "`wait`"),
        ("client_secret=planted", "without a client id"),
        ("--jsn", "doctor [--json]"),
        ("name", "doctor [--json]"),
    ] {
        let error = ran(&[url, argument]).unwrap_err();
        assert!(error.contains(expected) && !error.contains("planted"), "{argument}: {error}");
    }
    assert!(ran(&[]).unwrap_err().contains("doctor [--json]"));
}

#[test]
fn settings_come_from_a_configuration_file() {
    let strict = serve(Knobs { pkce: PkceSupport::Absent, ..Knobs::default() });
    let healthy = serve(Knobs::default());
    let (url, auth) = (strict.server_url(), json!({"tolerate": ["unlisted_s256"]}));
    let of_one = File::new("auth", &auth);
    assert!(ran(&[&url, "--config", of_one.path()]).unwrap().1);
    let servers = json!({"mcpServers": {
        "one": {"url": url, "auth": auth},
        "other": {"url": healthy.server_url(), "auth": "an-api-key"},
        "third": {"url": url},
    }});
    let of_all = File::new("servers", &servers);
    let (text, can_begin) = ran(&["--config", of_all.path()]).unwrap();
    assert!(!can_begin && text.matches("can begin").count() == 2, "{text}");
    assert!(text.contains("carry the token that was set up"), "{text}");
    let (text, can_begin) = ran(&["one", "other", "--config", of_all.path()]).unwrap();
    assert!(can_begin && text.matches("can begin").count() == 2, "{text}");
    assert!(ran(&["fourth", "--config", of_all.path()]).unwrap_err().contains("fourth"));
    let wrong = json!({"mcpServers": {"one": {"url": url, "auth": {"clientid": "x"}}}});
    let wrong = ran(&["--config", File::new("wrong", &wrong).path()]).unwrap_err();
    assert!(wrong.starts_with("one: ") && wrong.contains("did you mean \"client_id\"?"), "{wrong}");
}

#[test]
fn programs_get_an_object_a_server() {
    let served = serve(Knobs::default());
    let (url, issuer) = (served.server_url(), served.world().issuer());
    let (text, _) = ran(&["--json", "--diagram", &url]).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let forecast = &told["forecast"];
    assert_eq!(told["name"], url);
    assert_eq!(forecast["server"], url);
    assert_eq!(forecast["status"]["status"], "not_needed", "nothing is stored");
    assert_eq!(forecast["login"]["issuer"], issuer);
    assert_eq!(forecast["login"]["client"], "dynamic");
    assert_eq!(forecast["login"]["provenance"], "discovered");
    assert_eq!(forecast["login"]["scopes"], "mcp:basic");
    assert_eq!(forecast["login"]["scopes_from"], "challenge");
    assert_eq!(forecast["login"]["can_revoke"], true);
    assert_eq!(forecast["login"]["tolerated"], json!([]));
    assert_eq!(forecast["timeline"][0]["status"], 401);
    assert_eq!(forecast["error"], Value::Null);
    assert!(told["diagram"].as_str().unwrap().starts_with("sequenceDiagram\n"));
    let served = serve(Knobs { pkce: PkceSupport::Absent, ..Knobs::default() });
    let (text, _) = ran(&["--json", &served.server_url()]).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let error = &told["forecast"]["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("no_s256"), &json!(false)));
    assert!(error["advice"].as_str().unwrap().contains("UnlistedS256"));
    assert_eq!((&told["forecast"]["login"], &told["diagram"]), (&Value::Null, &Value::Null));
}

/// What the user has set up is in none of it, and neither is what the server would put beside the diagram.
#[test]
fn a_bug_report_shows_no_secret_and_nothing_of_the_servers_own() {
    let forged = "javascript:```;participant Forged as <img src=x> %%{init: {}}%% # &lt;";
    let knobs = Knobs { challenge_url: Some(forged.into()), ..Knobs::default() };
    let served = serve(knobs);
    let url = served.server_url();
    let secrets = ["client_secret=planted1", "initial_access_token=planted2", "bearer=planted3"];
    let header = r#"server_headers={"x-edge-key": "planted4"}"#;
    let arguments = [&["--diagram", &url, "client_id=c", header][..], &secrets].concat();
    for json in [None, Some("--json")] {
        let arguments: Vec<_> = arguments.iter().copied().chain(json).collect();
        let (text, _) = ran(&arguments).unwrap();
        assert!(!text.contains("planted"), "{text}");
        if json.is_none() {
            let (_, diagram) = text.split_once("```mermaid\n").unwrap();
            let (diagram, rest) = diagram.split_once("```").unwrap();
            assert_eq!(rest.trim(), "", "{text}");
            assert!(diagram.contains("#59;participant Forged as #60;img"), "{diagram}");
            assert!(!diagram.contains(['<', '%', '`', '&']), "{diagram}");
        }
    }
}
