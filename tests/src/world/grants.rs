//! Codes, tokens and the grants they belong to.
//!
//! A grant is born with a code and dies when a spent code comes back, or a spent refresh token (RFC 6749
//! §4.1.2, RFC 9700 §4.14.2; as the knob says), is revoked, or ended by the test; with it die all of its tokens.

use super::places::Server;

/// Everything issued so far; nothing is ever removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants {
    grants: Vec<Granted>,
    codes: Vec<Code>,
    access: Vec<Access>,
    refresh: Vec<Refresh>,
}

/// What a user allowed.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) server: Server,
    pub(super) client_id: String,
    pub(super) resource: Option<String>,
    pub(super) scope: String,
    pub(super) refreshable: bool,
    pub(super) dead: bool,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) value: String,
    pub(super) grant: usize,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    /// The key that the request was made with (RFC 9449 §10).
    pub(super) jkt: Option<String>,
    pub(super) expires_at: u64,
    pub(super) spent: bool,
}

/// An access token.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) value: String,
    pub(super) grant: usize,
    pub(super) scope: String,
    pub(super) issued_at: u64,
    pub(super) expires_at: u64,
    /// The key that it is bound to.
    pub(super) jkt: Option<String>,
    pub(super) revoked: bool,
}

/// A refresh token.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub(super) value: String,
    pub(super) grant: usize,
    pub(super) expires_at: Option<u64>,
    /// The key that it is bound to.
    pub(super) jkt: Option<String>,
    /// When it was first used, if it is replaced by then.
    pub(super) spent_at: Option<u64>,
}

/// A value that may be known to one server and its client only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credential<'a> {
    pub(super) kind: Kind,
    pub(super) value: &'a str,
    pub(super) server: Server,
}

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Secret,
    Code,
    Access,
    Refresh,
    /// What a host brings: a workload's JWT, an ID token, an ID-JAG.
    Brought,
}

impl Grants {
    pub(super) fn open(&mut self, granted: Granted) -> usize {
        self.grants.push(granted);
        self.grants.len() - 1
    }

    /// Issues a code; its value is made here.
    pub(super) fn add_code(&mut self, mut code: Code) -> String {
        let number = self.codes.len() + 1;
        code.value = format!("code-{number}-{}", self.grants[code.grant].server.tag());
        self.codes.push(code.clone());
        code.value
    }

    /// Issues an access token; its value is made here.
    pub(super) fn add_access(&mut self, mut access: Access) -> String {
        let number = self.access.len() + 1;
        access.value = format!("at-{number}-{}", self.grants[access.grant].server.tag());
        self.access.push(access.clone());
        access.value
    }

    pub(super) fn add_refresh(
        &mut self,
        grant: usize,
        expires_at: Option<u64>,
        jkt: Option<String>,
    ) -> String {
        let value = format!("rt-{}-{}", self.refresh.len() + 1, self.grants[grant].server.tag());
        self.refresh.push(Refresh { value: value.clone(), grant, expires_at, jkt, spent_at: None });
        value
    }

    pub(super) fn spend_code(&mut self, value: &str) {
        for code in self.codes.iter_mut().filter(|code| code.value == value) {
            code.spent = true;
        }
    }

    pub(super) fn spend_refresh(&mut self, value: &str, now: u64) {
        for token in self.refresh.iter_mut().filter(|token| token.value == value) {
            token.spent_at.get_or_insert(now);
        }
    }

    pub(super) fn kill(&mut self, grant: usize) {
        self.grants[grant].dead = true;
    }

    pub(super) fn end_all(&mut self) {
        for grant in &mut self.grants {
            grant.dead = true;
        }
    }

    pub(super) fn revoke_access(&mut self) {
        for token in &mut self.access {
            token.revoked = true;
        }
    }

    pub(super) fn revoke_one(&mut self, value: &str) {
        for token in self.access.iter_mut().filter(|token| token.value == value) {
            token.revoked = true;
        }
    }

    pub(super) fn get(&self, grant: usize) -> &Granted {
        &self.grants[grant]
    }

    pub(super) fn code(&self, value: &str) -> Option<&Code> {
        self.codes.iter().find(|code| code.value == value)
    }

    pub(super) fn access(&self, value: &str) -> Option<&Access> {
        self.access.iter().find(|token| token.value == value)
    }

    pub(super) fn refresh(&self, value: &str) -> Option<&Refresh> {
        self.refresh.iter().find(|token| token.value == value)
    }

    pub(super) fn alive(&self) -> usize {
        self.grants.iter().filter(|grant| !grant.dead).count()
    }

    pub(super) fn credentials(&self) -> impl Iterator<Item = Credential<'_>> {
        let server = |grant: usize| self.grants[grant].server;
        let codes = self.codes.iter().map(move |code| (Kind::Code, &code.value, code.grant));
        let access = self.access.iter().map(move |token| (Kind::Access, &token.value, token.grant));
        let refresh =
            self.refresh.iter().map(move |token| (Kind::Refresh, &token.value, token.grant));
        codes.chain(access).chain(refresh).map(move |(kind, value, grant)| Credential {
            kind,
            value,
            server: server(grant),
        })
    }
}
