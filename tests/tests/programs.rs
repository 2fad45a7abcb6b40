//! Programs on one machine and one home directory, as real processes: whose grants they find. Each is this
//! test program again, under a name of its own and told by variables what to do.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{assert_sound, logins, registrations, serve, visitor_who};
use oauth_blocking::{OAuth, OAuthBuilder, UserAgentError};
use oauth_tests::files;
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET};

/// What a process is told. Without a user it has to find what it needs.
const SERVER: &str = "OAUTH_TEST_SERVER";
const NAME: &str = "OAUTH_TEST_NAME";
const CLIENT: &str = "OAUTH_TEST_CLIENT";
const USER: &str = "OAUTH_TEST_USER";

/// A home directory, with executables in it.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Where it was built on another system, its path there is not whole here.
        let path = path.join(format!("programs-{name}-{}", std::process::id()));
        let path = std::path::absolute(path).unwrap();
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn program(&self, served: &Served, executable: &str) -> Program<'_> {
        let path = self.0.join(format!("{executable}{}", std::env::consts::EXE_SUFFIX));
        if !path.exists() {
            std::fs::hard_link(std::env::current_exe().unwrap(), &path).unwrap();
        }
        let mut command = Command::new(path);
        command
            .args(["--exact", "process", "--nocapture"])
            .env(SERVER, served.server_url())
            .env("HOME", &self.0)
            .env("USERPROFILE", &self.0)
            .env("XDG_DATA_HOME", self.0.join("data"))
            .env("LOCALAPPDATA", self.0.join("data"));
        Program { command, home: self }
    }

    /// The text of each grant in the home directory.
    fn records(&self) -> Vec<String> {
        let paths = files::below(&self.0).into_iter();
        let records = paths.filter(|path| files::is_grant(path));
        records.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Program<'a> {
    command: Command,
    home: &'a Home,
}

impl Program<'_> {
    fn named(mut self, name: &str) -> Self {
        self.command.env(NAME, name);
        self
    }

    fn with_client(mut self, id: &str) -> Self {
        self.command.env(CLIENT, id);
        self
    }

    fn with_user(mut self) -> Self {
        self.command.env(USER, "");
        self
    }

    /// Runs it: the scopes of its token, if it has one.
    fn run(mut self) -> Option<String> {
        let output = self.command.current_dir(&self.home.0).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
        let mut lines = said.lines().filter_map(|line| line.split_once("result: "));
        let line = lines.next().unwrap_or_else(|| panic!("{said}")).1.to_owned();
        (line != "login needed").then_some(line)
    }
}

/// What the processes do that the tests below start; nothing in an ordinary run.
#[test]
fn process() {
    let Ok(url) = std::env::var(SERVER) else { return };
    let scope =
        if std::env::var_os(CLIENT).is_some() { "mcp:basic" } else { "mcp:basic mcp:write" };
    let mut builder: OAuthBuilder = OAuth::new(&url).unwrap().scope(scope);
    if let Ok(name) = std::env::var(NAME) {
        builder = builder.client_name(&name);
    }
    if let Ok(id) = std::env::var(CLIENT) {
        builder = builder.client_id(&id).client_secret(PRE_CLIENT_SECRET);
    }
    let has_user = std::env::var_os(USER).is_some();
    let oauth = builder.user_agent(visitor_who(move |url| match has_user {
        true => Ok(common::redirect(url)),
        false => Err(UserAgentError::Cancelled),
    }));
    let oauth = oauth.build().unwrap();
    let token = if has_user { oauth.authenticate().map(Some) } else { oauth.initialize() };
    // The harness writes its own words first.
    match token.unwrap() {
        None => println!("\nresult: login needed"),
        Some(_) => {
            let record = oauth.record().unwrap();
            println!("\nresult: {}", record.scopes().unwrap().as_str());
        }
    }
}

#[test]
fn two_programs_never_see_each_others_grants() {
    let (served, home) = (serve(Knobs::default()), Home::new("two"));
    let editor = || home.program(&served, "one").named("Editor");
    let agent = || home.program(&served, "one").named("Agent").with_client(PRE_CLIENT_ID);
    assert_eq!(editor().with_user().run().as_deref(), Some("mcp:basic mcp:write"));
    assert_eq!(agent().run(), None);
    assert_eq!(agent().with_user().run().as_deref(), Some("mcp:basic"));
    assert_eq!(editor().run().as_deref(), Some("mcp:basic mcp:write"));
    assert_eq!(agent().run().as_deref(), Some("mcp:basic"));
    assert_eq!((logins(&served), registrations(&served)), (2, 1));
    let records = home.records();
    let of = |name: &str| records.iter().filter(|text| text.contains(name)).count();
    assert_eq!([records.len(), of("\"Editor\""), of("\"Agent\"")], [2, 1, 1]);
    assert_sound(&served);
}

#[test]
fn two_versions_of_one_program_share_a_login() {
    let (served, home) = (serve(Knobs::default()), Home::new("versions"));
    let scopes = Some("mcp:basic mcp:write".to_owned());
    assert_eq!(home.program(&served, "foo-1.2.3").with_user().run(), scopes);
    assert_eq!(home.program(&served, "foo-1.3.0-beta.1").run(), scopes);
    assert_eq!(home.program(&served, "foo").run(), scopes);
    assert_eq!(home.program(&served, "bar").run(), None);
    // A name that is set counts, whatever the executable is called.
    assert_eq!(home.program(&served, "bar").named("foo").run(), scopes);
    assert_eq!(home.program(&served, "foo").named("Bar").run(), None);
    assert_eq!((logins(&served), registrations(&served)), (1, 1));
    assert_sound(&served);
}
