//! A host with a session and a store, driven by a script, with every rule checked on the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oauth_core::UnixTime;
use oauth_core::flow::{RedirectUri, Settings};
use oauth_core::session::{Attempt, Head, Lock, PendingLogin, Record, Session, Turn};

use crate::gifts::{SIGNATURE, key, random};
use crate::moves::{exchange, load, save, token, visit};
use crate::{
    CALLBACK, NOW, Rules, Script, assert_secretive, entropy, has_secret, restored, settings,
    spells_secret, stored,
};

/// The host.
#[derive(Debug)]
pub struct Host<'a> {
    session: Session,
    settings: Arc<Settings>,
    script: Script<'a>,
    rules: Rules,
    now: UnixTime,
    /// What the store holds.
    store: Option<Record>,
    /// The same when it was read last.
    known: Option<Record>,
    /// Access tokens that were in the store at some time.
    tokens: BTreeSet<String>,
    held: Vec<Lock>,
    attempt: Attempt,
    pending: Option<PendingLogin>,
    logins: u8,
    signatures: u32,
    checks: u32,
}

impl<'a> Host<'a> {
    /// A host for a script; `None` if it contains what would be a secret.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        if spells_secret(text) {
            return None;
        }
        let mut lines = text.lines();
        // A user logs in, and in a browser: the other ways are those of single logins.
        let letters: String = lines.next()?.chars().filter(|it| !"cdew".contains(*it)).collect();
        let letters = &*letters;
        let settings = Arc::new(settings(letters));
        let fixed = letters.contains('b').then(|| "planted-bearer".to_owned());
        Some(Self {
            session: Session::new(Arc::clone(&settings)),
            rules: Rules::new(settings.server().as_str(), letters),
            settings,
            script: Script::new(lines),
            now: NOW,
            store: None,
            known: None,
            tokens: fixed.into_iter().collect(),
            held: Vec::new(),
            attempt: Attempt::new(),
            pending: None,
            logins: 0,
            signatures: 0,
            checks: 0,
        })
    }

    /// Plays the script, then answers well until there is an end.
    ///
    /// # Panics
    ///
    /// A rule was broken, or there is no end.
    pub fn play(mut self) {
        while let Some(line) = self.script.line() {
            match line.strip_prefix('@') {
                Some(line) => self.meddle(line),
                None => drop(self.step(line)),
            }
            self.check();
        }
        self.session.access();
        self.held.clear();
        let mut turns = 0;
        while !self.step("") {
            self.check();
            turns += 1;
            assert!(turns < MAX_TURNS, "no end: {:?}", self.session);
        }
    }

    /// Takes one turn; whether that was an end.
    fn step(&mut self, line: &str) -> bool {
        let server = self.settings.server().as_str().to_owned();
        let Self { session, rules, script, now, held, .. } = self;
        match session.turn() {
            Err(error) => {
                assert!(held.is_empty(), "locks left behind after {error}");
                assert_secretive(&error);
                self.end(line);
                return true;
            }
            Ok(Turn::Load(reply)) => {
                load(&mut self.store, line);
                if self.known != self.store {
                    self.known.clone_from(&self.store);
                    rules.record(self.store.as_ref());
                    self.tokens.extend(self.store.as_ref().and_then(token));
                }
                reply.loaded(self.store.clone(), *now);
            }
            Ok(Turn::Lock(lock, reply)) if line != "-" => {
                assert!(!held.contains(&lock), "takes {lock:?} twice");
                held.push(lock);
                reply.locked();
            }
            Ok(Turn::Reserve(reply)) => {
                assert!(reply.spend().generation > 0 && reply.spend().room() > 0);
                match line {
                    _ if !held.contains(&Lock::Refresh) => reply.lost(*now),
                    "-" => reply.lost(*now),
                    "!" => drop(reply.failed(*now)),
                    _ => reply.reserved(),
                }
            }
            Ok(Turn::Save(reply)) => {
                save(&mut self.store, &mut self.tokens, reply, line, *now);
            }
            Ok(Turn::Unlock(lock, reply)) => {
                held.retain(|own| *own != lock);
                reply.unlocked();
            }
            Ok(Turn::Http(request, reply)) => {
                rules.request(&request);
                exchange(script, rules, &request, reply, (line, &server, *now));
            }
            Ok(Turn::Login(mut reply)) => {
                assert!(held.is_empty(), "locks at the need for a login");
                if let Some(challenge) = line.strip_prefix('W') {
                    reply.challenge([challenge]);
                }
                reply.begin();
            }
            Ok(Turn::Prepare(reply)) if line != "-" => {
                let registered = reply.registered_redirect_uri().filter(|_| line == "r");
                let uri = RedirectUri::parse(registered.unwrap_or(CALLBACK));
                self.logins = self.logins.wrapping_add(1);
                if let Ok(uri) = uri {
                    rules.login(true);
                    reply.prepared(uri, entropy(self.logins), *now);
                }
            }
            Ok(Turn::Key(reply)) => reply.given(key(), *now),
            Ok(Turn::Sign(reply)) => {
                self.signatures = self.signatures.wrapping_add(1);
                let unsigned = reply.unsigned(random(self.signatures), *now);
                let unsigned = unsigned.expect("there is something to sign");
                reply.signed(&unsigned, &SIGNATURE, *now).expect("it has the length of one");
            }
            Ok(turn @ (Turn::Assertion(_) | Turn::Device(..) | Turn::Wait(..))) => {
                panic!("a user logs in, and here: {turn:?}")
            }
            Ok(Turn::Browser(url, reply)) => {
                assert!(!held.contains(&Lock::Refresh), "a person looks at a page");
                rules.browser(&url);
                if let Some(given_out) = visit(rules, &url, reply, line, *now) {
                    rules.handed_out();
                    self.pending = Some(given_out);
                }
            }
            Ok(Turn::Ready(authorization)) => {
                assert!(held.is_empty(), "locks at a token");
                assert!(authorization.attach("POST", &server).is_ok());
                for url in ["https://evil.example/mcp", "ftp://mcp.example.com/mcp", line] {
                    let attached = authorization.attach("GET", url).is_ok();
                    assert!(!attached || rules.is_own(url), "{url}");
                }
                self.end(line);
                return true;
            }
            Ok(Turn::LoggedOut(_)) => {
                assert!(held.is_empty(), "locks after a logout");
                self.end(line);
                return true;
            }
            // The lock, or the page, is not to be had now.
            Ok(Turn::Lock(..) | Turn::Prepare(_)) => {}
        }
        false
    }

    /// A host that has nothing to do starts over.
    fn end(&mut self, line: &str) {
        self.now = self.now + Duration::from_secs(line.len() as u64 * 60);
        self.session.access();
    }

    /// Calls what nobody asked for.
    fn meddle(&mut self, line: &str) {
        let (name, rest) = line.split_at_checked(1).unwrap_or(("", line));
        match name {
            "a" => self.session.access(),
            "r" => self.session.renew(),
            "l" => self.session.logout(),
            "t" => return self.now = self.now + Duration::from_secs(rest.parse().unwrap_or(0)),
            "n" => return self.attempt = Attempt::new(),
            "s" => return self.attempt.sent_with(self.session.authorization(self.now).as_ref()),
            "z" => return self.session = restored(&stored(&self.session)),
            "d" => return self.store = None,
            "1" | "3" => {
                let status = if name == "1" { 401 } else { 403 };
                let lines = rest.split('\t').map(|line| ("www-authenticate", line.as_bytes()));
                let verdict =
                    self.session.answered(&mut self.attempt, status, Head::of(lines), self.now);
                if let Err(error) = verdict {
                    assert_secretive(&error);
                }
            }
            "p" => {
                let Some(pending) = self.pending.clone() else { return };
                self.rules.login(false);
                self.session = Session::resume(Arc::clone(&self.settings), "somebody", pending)
                    .expect("the login is to this server");
            }
            _ => return,
        }
        // Whoever starts over releases what he holds.
        self.held.clear();
    }

    /// What holds at all times.
    fn check(&mut self) {
        self.checks += 1;
        // What is slow is checked now and then.
        if self.checks.is_multiple_of(8) {
            let before = stored(&self.session);
            drop(self.session.turn());
            assert_eq!(stored(&self.session), before, "asking changes nothing");
            let shown = format!("{:?}", self.session);
            assert!(!has_secret(&shown), "a session shows a secret: {shown}");
        }
        if let Some(authorization) = self.session.authorization(self.now) {
            let token = authorization.to_auth().token().to_owned();
            assert!(self.tokens.contains(&token), "{token} is used before it is stored");
        }
        if let Some(record) = self.session.record() {
            assert!(self.rules.is_own(record.binding().resource()), "another server's record");
        }
    }
}

/// Far more than any way to an end takes.
const MAX_TURNS: usize = 90;
