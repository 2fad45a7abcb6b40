//! What a host passes in: a JSON object, and for some functions bytes behind a line feed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use oauth_core::error::Obstacle;
use oauth_core::flow::AuthorizationOptions;
use oauth_core::keys::DpopKey;
use oauth_core::session::Head;
use oauth_core::wire::{Prompt, SubjectToken, SubjectTokenKind, Unsigned};
use oauth_core::{Response, Secret, UnixTime, Unreadable, read_json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Failure;

/// The members of all inputs but settings; each function takes those that it needs.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    now: Option<UnixTime>,
    expires_at: Option<UnixTime>,
    pub(crate) profile: Box<str>,
    /// As it was saved.
    pub(crate) record: Option<Secret>,
    stored: Option<u64>,
    seconds: Option<u64>,
    pub(crate) status: Option<u16>,
    /// Why no answer came, if the host knows, and its HTTP client's words about it.
    pub(crate) obstacle: Option<Obstacle>,
    pub(crate) words: Box<str>,
    pub(crate) headers: Vec<(Box<str>, Box<str>)>,
    pub(crate) challenges: Vec<Box<str>>,
    /// As the answer of the function of that name was.
    unsigned: Option<Unsigned>,
    assertion: Option<Secret>,
    /// As in the settings, with its private half.
    dpop_key: Option<DpopKey>,
    /// What kind of token the assertion is.
    kind: Option<SubjectTokenKind>,
    /// Why there is no signature, assertion or key.
    reason: Option<Box<str>>,
    redirect_uri: Option<Box<str>>,
    /// Whether the key that is stored with the tokens cannot be read.
    pub(crate) lost_key: bool,
    /// Whether the listener can have another port as well.
    pub(crate) any_port: bool,
    query: Option<Secret>,
    pub(crate) method: Box<str>,
    url: Option<Box<str>>,
    pub(crate) attempt: Option<u32>,
    prompt: Vec<Prompt>,
    login_hint: Option<Secret>,
    scope: Box<str>,
    add_scope: Box<str>,
}

macro_rules! required {
    ($($name:ident: $type:ty),*) => {
        impl Input {
            $(pub(crate) fn $name(&mut self) -> Result<$type, Failure> {
                self.$name.take().ok_or(Failure::Lacks(stringify!($name)))
            })*
        }
    };
}

required! {
    now: UnixTime, expires_at: UnixTime, stored: u64, seconds: u64, status: u16, redirect_uri: Box<str>, query: Secret,
    url: Box<str>, unsigned: Unsigned, assertion: Secret, dpop_key: DpopKey, reason: Box<str>
}

impl Input {
    /// The number of a request of the application that was sent.
    pub(crate) fn number(&self) -> Result<u32, Failure> {
        self.attempt.ok_or(Failure::Lacks("attempt"))
    }

    /// What one login is asked for.
    pub(crate) fn options(&self) -> Result<AuthorizationOptions, Failure> {
        let options = AuthorizationOptions::new().scope(&self.scope)?.add_scope(&self.add_scope)?;
        let options = self.prompt.iter().fold(options, |options, it| options.prompt(*it));
        Ok(match &self.login_hint {
            Some(hint) => options.login_hint(hint.expose())?,
            None => options,
        })
    }

    /// What says who the workload or its user is.
    pub(crate) fn subject(&mut self) -> Result<SubjectToken, Failure> {
        let token = self.assertion()?;
        Ok(SubjectToken { token, kind: self.kind.unwrap_or(SubjectTokenKind::IdToken) })
    }

    /// A key that was made for a login. Nobody could sign with it later if it were not stored.
    pub(crate) fn new_key(&mut self) -> Result<DpopKey, Failure> {
        let key = self.dpop_key()?;
        if key.secret().is_some() { Ok(key) } else { Err(Failure::Lacks("the key's secret")) }
    }

    /// The answer to a request.
    pub(crate) fn response(&self, status: u16, body: &[u8]) -> Response {
        let response = Response::new(status, body.into());
        self.headers.iter().fold(response, |it, (name, value)| it.with_header(name, value))
    }

    pub(crate) fn challenges(&self) -> impl Iterator<Item = &str> {
        self.challenges.iter().map(|value| &**value)
    }

    /// The head of an answer of the MCP server, of which a host may have taken the challenges apart.
    pub(crate) fn head(&self) -> Head<'_> {
        let challenges = self.challenges.iter().map(|value| ("www-authenticate", value.as_bytes()));
        let fields = self.headers.iter().map(|(name, value)| (&**name, value.as_bytes()));
        Head::of(challenges.chain(fields))
    }
}

/// What makes a text that is signed unlike any other.
pub(crate) fn random(bytes: &[u8]) -> Result<[u8; 16], Failure> {
    bytes.try_into().map_err(|_| Failure::Lacks("16 random bytes"))
}

/// The object, and the bytes behind it. JSON as machines write it has no line feed.
pub(crate) fn read<T: Default + DeserializeOwned>(input: &[u8]) -> Result<(T, &[u8]), Failure> {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let json = parts.next().unwrap_or_default();
    let bytes = parts.next().unwrap_or_default();
    if json.is_empty() {
        return Ok((T::default(), bytes));
    }
    let text = core::str::from_utf8(json);
    let text = text.map_err(|error| Failure::Json { column: error.valid_up_to() })?;
    let read = read_json(text);
    Ok((read.map_err(|Unreadable { at }| Failure::Json { column: at })?, bytes))
}
