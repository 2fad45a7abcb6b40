//! The example `host` against servers that nobody here wrote, command by command: what it says, which pages it
//! opens, and what the servers see of it.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use crate::program::{Home, Program};
use crate::server::{LIFETIME, Server};

#[test]
fn the_host_lives_with_version_1_of_the_python_sdk() {
    live_with_python(1);
}

#[test]
fn the_host_lives_with_version_2_of_the_python_sdk() {
    live_with_python(2);
}

/// Of these two kinds of servers, only this one asks for more than a login brings.
#[test]
fn the_host_lives_with_oidc_provider_and_asks_for_more_when_its_user_wants_it() {
    let mut host = Host::new(Server::oidc_provider(&[]), "POST /reg 201");
    host.is_started_quietly();
    host.gives_up_a_login_that_finds_no_server();
    host.gives_up_a_login_at_its_page();
    host.logs_in();
    host.asks_for_more_when_told_so();
    host.calls();
    host.logs_in();
    host.calls();
    live_on(host);
}

fn live_with_python(version: u8) {
    let mut host = Host::new(Server::python(version, &["--sessions"]), "POST /register 201");
    host.is_started_quietly();
    host.gives_up_a_login_that_finds_no_server();
    host.gives_up_a_login_at_its_page();
    host.logs_in();
    host.calls();
    host.logs_in();
    host.calls();
    live_on(host);
}

fn live_on(mut host: Host) {
    host.refreshes_once_for_many_calls();
    host.refreshes_once_for_many_ends();
    host.says_that_tokens_are_dead_whoever_is_at_a_page();
    host.logs_out();
}

/// A user with a program, and the server that they use it for.
#[derive(Debug)]
struct Host {
    server: Server,
    /// The request that makes a client known.
    registration: &'static str,
    home: Home,
    /// Pages that were opened.
    pages: usize,
    program: Program,
    /// What it said when it was started.
    started: String,
}

impl Host {
    fn new(server: Server, registration: &'static str) -> Self {
        let home = Home::new();
        let (program, started) = Program::start(&home, &[NAME], &server.url);
        Self { server, registration, home, pages: 0, program, started }
    }

    /// Nothing but the call that is refused.
    fn is_started_quietly(&mut self) {
        assert_eq!(self.started, NEEDS_A_LOGIN);
        let requests = self.requests();
        assert!(requests.iter().all(|request| request.ends_with("/mcp 401")), "{requests:?}");
        self.no_page();
    }

    /// A server that does not answer: the login looks for it as long as it may.
    fn gives_up_a_login_that_finds_no_server(&mut self) {
        self.server.goes_on(false);
        self.program.begin(LOGIN);
        self.program.says("Ctrl-C ends it");
        give_up("no answer", &mut self.program);
        self.server.goes_on(true);
        self.no_page();
    }

    /// The port is free, and the next login has it again, and the client that was registered.
    fn gives_up_a_login_at_its_page(&mut self) {
        self.program.begin(LOGIN);
        let first = callback(&self.next_page());
        self.program.says("Visit");
        give_up("at its page", &mut self.program);
        let port = first.port().unwrap();
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
        self.registered();
        self.program.begin(LOGIN);
        assert_eq!(callback(&self.next_page()), first);
        give_up("at its page", &mut self.program);
        self.no_registration();
    }

    /// A page of its own, whatever there is already, and no new client.
    fn logs_in(&mut self) {
        self.program.begin(LOGIN);
        self.consents();
        let said = self.program.said();
        assert!(said.ends_with("  logged in, and connected\n"), "{said}");
        self.no_registration();
    }

    /// The user is not asked, but told that something is missing, and the next login asks for it.
    fn asks_for_more_when_told_so(&mut self) {
        let scope = |page: &str| parameter(page, "scope");
        assert!(!scope(&self.home.page(self.pages)).contains("mcp:write"));
        let said = self.program.run(CALL);
        assert_eq!(said, "  judge: a login for more scopes is needed: mcp:write; `login judge`\n");
        self.no_page();
        self.logs_in();
        assert!(scope(&self.home.page(self.pages)).contains("mcp:write"));
    }

    fn calls(&mut self) {
        let said = self.program.run(CALL);
        assert!(said.contains(r#""text":"42""#), "{said}");
        self.no_page();
    }

    fn refreshes_once_for_many_calls(&mut self) {
        self.expires();
        let calls = vec![ARGUMENTS; 20].join(", ");
        let said = self.program.run(&format!("call {NAME} add {calls}"));
        assert_eq!(said.matches(r#""text":"42""#).count(), 20, "{said}");
        let requests = self.requests();
        assert_eq!(count(&requests, "POST /token"), 1, "{requests:?}");
        assert_eq!(count(&requests, "POST /mcp"), 20, "{requests:?}");
        self.no_page();
    }

    /// Of another process, which has five sessions; each of them begins with a token that lives.
    fn refreshes_once_for_many_ends(&mut self) {
        let names = ["one", "two", "three", "four", "five"];
        let (program, said) = Program::start(&self.home, &names, &self.server.url);
        assert_eq!(said.matches(": connected\n").count(), names.len(), "{said}");
        self.expires();
        program.end();
        let requests = self.requests();
        assert_eq!(count(&requests, "POST /token"), 1, "{requests:?}");
        assert_eq!(count(&requests, "DELETE /mcp 200"), names.len(), "{requests:?}");
        self.no_page();
    }

    /// The server has forgotten everything. One process is at its page; another one is told at once, and may wait
    /// for that page, and not any more.
    fn says_that_tokens_are_dead_whoever_is_at_a_page(&mut self) {
        // Of a token that was issued a moment ago, a refusal is not believed at once.
        thread::sleep(LIFETIME / 2);
        self.server.restart();
        assert_eq!(self.program.run(CALL), NEEDS_A_LOGIN);
        self.no_page();
        self.program.begin(LOGIN);
        self.next_page();
        let begun = Instant::now();
        let (mut other, said) = Program::start(&self.home, &[NAME], &self.server.url);
        println!("a quiet start with a dead token took {:?}", begun.elapsed());
        assert_eq!(said, NEEDS_A_LOGIN);
        self.no_page();
        other.begin(LOGIN);
        other.says("waiting");
        give_up("waiting for another process", &mut other);
        self.no_page();

        self.home.consent(self.pages);
        let said = self.program.said();
        assert!(said.ends_with("  logged in, and connected\n"), "{said}");
        self.registered();
        // What one process has brought is the other one's as well.
        assert!(other.run("list").contains("logged in "));
        other.begin(LOGIN);
        self.consents();
        assert!(other.said().ends_with("  logged in, and connected\n"));
        self.no_registration();
        other.end();
    }

    fn logs_out(mut self) {
        let said = self.program.run(&format!("logout {NAME}"));
        assert!(said.starts_with("  "), "{said}");
        assert_eq!(self.program.run(CALL), NEEDS_A_LOGIN);
        self.no_page();
        self.program.end();
    }

    /// The user consents at a page that was not there before.
    fn consents(&mut self) {
        self.next_page();
        self.home.consent(self.pages);
    }

    fn next_page(&mut self) -> String {
        self.pages += 1;
        self.home.page(self.pages)
    }

    fn no_page(&self) {
        assert_eq!(self.home.pages().len(), self.pages);
    }

    /// One more client has been registered since this was looked at last.
    fn registered(&mut self) {
        let requests = self.requests();
        assert_eq!(count(&requests, self.registration), 1, "{requests:?}");
    }

    fn no_registration(&mut self) {
        let requests = self.requests();
        assert_eq!(count(&requests, self.registration), 0, "{requests:?}");
    }

    fn requests(&self) -> Vec<String> {
        self.server.requests()
    }

    /// The token does, whenever it was issued. What was requested before does not matter any more.
    fn expires(&self) {
        thread::sleep(LIFETIME + Duration::from_secs(1));
        self.requests();
    }
}

/// Where the user comes back to.
fn callback(page: &str) -> Url {
    Url::parse(&parameter(page, "redirect_uri")).unwrap()
}

fn parameter(page: &str, name: &str) -> String {
    let page = Url::parse(page).unwrap();
    let found = page.query_pairs().find(|(known, _)| known == name);
    found.unwrap().1.into_owned()
}

/// Ctrl-C ends a login and not the program.
fn give_up(what: &str, program: &mut Program) {
    let begun = Instant::now();
    program.interrupt();
    let said = program.said();
    println!("a login was given up, {what}, in {:?}", begun.elapsed());
    assert!(said.contains("cancelled"), "{said}");
}

fn count(requests: &[String], beginning: &str) -> usize {
    requests.iter().filter(|request| request.starts_with(beginning)).count()
}

const NAME: &str = "judge";
const LOGIN: &str = "login judge";
const ARGUMENTS: &str = r#"{"a":19,"b":23}"#;
const CALL: &str = r#"call judge add {"a":19,"b":23}"#;
const NEEDS_A_LOGIN: &str = "  judge: a login is needed; `login judge`\n";
