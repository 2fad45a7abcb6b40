//! A turn as JSON.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use oauth_core::flow::SigningKey;
use oauth_core::keys::{DpopKey, PublicJwk};
use oauth_core::session::{Key, Lock, LoggedOut, LoginReason, RevocationOutcome, Session, Turn};
use oauth_core::wire::{DevicePage, Issuer};
use oauth_core::{Endpoint, MAX_BODY, Request, Scopes, Secret, SigningAlgorithms, UnixTime};
use serde::Serialize;

use crate::error::Failure;

/// The key `client` is there if it is about a client's record, and not about the user's own. Only a host with
/// `client_records` gets such.
#[derive(Serialize)]
#[serde(tag = "turn", rename_all = "snake_case")]
pub(crate) enum Written<'a> {
    /// What was `spent` for is lost if the store fails, as at `save`.
    Load {
        spent: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Key>,
    },
    Lock {
        lock: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Key>,
    },
    /// `room` is in bytes.
    Reserve {
        generation: u64,
        room: usize,
    },
    /// `record` is a text, so that a host that stores it cannot change it on the way. If something was `spent` for it,
    /// a host whose store fails tries again for a while before it says so.
    Save {
        record: String,
        generation: u64,
        expected: u64,
        spent: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Key>,
    },
    Unlock {
        lock: &'a str,
    },
    Http {
        endpoint: Endpoint,
        method: &'a str,
        url: Box<str>,
        headers: Vec<(&'a str, Box<str>)>,
        body: Option<Box<str>>,
        /// Bytes.
        read_at_most: usize,
    },
    /// What a key that tokens will be bound to may sign with.
    Key {
        algorithms: SigningAlgorithms,
    },
    /// `reason` says why, and `missing` which scopes it is about; `code` is the error of a host that begins no login.
    /// What is missing is not lost: the session's next login asks for it. `issuer` is known after a first login.
    Login {
        lacks_challenge: bool,
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        issuer: Option<Box<str>>,
        code: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<Scopes>,
    },
    /// `unsigned` says what is to be signed. The `key` is the `client`'s own, or `dpop` for the one that is named.
    Sign {
        key: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        dpop_key: Option<BoundTo>,
    },
    /// `grant` says what kind of assertion; `audience` is that of a workload's JWT.
    Assertion {
        grant: &'a str,
        audience: Box<str>,
        token_endpoint: Box<str>,
        resource: Box<str>,
    },
    Prepare {
        registered_redirect_uri: Option<&'a str>,
    },
    /// A host that can show a code beside the page asks for one where that is offered (`offers_code`), before it sends
    /// the user off. Then `device` is what to show, and `until` when `waited` has to be answered, if the user is not back;
    /// the turns after that lead back to the same page.
    Browser {
        url: Box<str>,
        state: Box<str>,
        moved_from: Option<&'a str>,
        unconfirmed_issuer: Option<&'a str>,
        #[serde(skip_serializing_if = "core::ops::Not::not")]
        offers_code: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<Page>,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<UnixTime>,
    },
    Device {
        #[serde(flatten)]
        page: Page,
        moved_from: Option<&'a str>,
    },
    Wait {
        until: UnixTime,
    },
    Ready,
    LoggedOut {
        refresh_token: Token<'a>,
        access_token: Token<'a>,
    },
}

/// For a user with another device: `complete_url` is the page with the code in it, if the server has such.
#[derive(Serialize)]
pub(crate) struct Page {
    url: Box<str>,
    complete_url: Option<Box<str>>,
    code: Box<str>,
    expires_at: UnixTime,
}

impl From<&DevicePage> for Page {
    fn from(page: &DevicePage) -> Self {
        Self {
            url: page.verification_uri.as_str().into(),
            complete_url: page.verification_uri_complete.as_ref().map(|it| it.as_str().into()),
            code: page.user_code.clone(),
            expires_at: page.expires_at,
        }
    }
}

/// The key that tokens are bound to. The `secret` is there if it is stored with them.
#[derive(Serialize)]
pub(crate) struct BoundTo {
    jwk: PublicJwk,
    thumbprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Secret>,
}

impl From<&DpopKey> for BoundTo {
    fn from(key: &DpopKey) -> Self {
        let (jwk, secret) = (key.public_key().clone(), key.secret().cloned());
        Self { jwk, thumbprint: key.thumbprint(), secret }
    }
}

/// What became of a token. One that is alive has a reason, which is the code of an error.
#[derive(Serialize)]
pub(crate) struct Token<'a> {
    fate: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// What the session wants, for a host to read.
pub(crate) fn written(session: &mut Session) -> Result<String, Failure> {
    let timeline = session.timeline().clone();
    let turn = session.turn().map_err(|error| Failure::Told(error, timeline))?;
    let written = match &turn {
        Turn::Load(reply) => {
            Written::Load { spent: reply.is_spent(), client: client(reply.key("")) }
        }
        Turn::Lock(lock, reply) => {
            Written::Lock { lock: name(*lock), client: client(reply.key("")) }
        }
        Turn::Reserve(reply) => {
            let spend = reply.spend();
            let (generation, room) = (spend.generation, spend.room());
            Written::Reserve { generation, room }
        }
        Turn::Save(reply) => Written::Save {
            record: reply.record().to_json(),
            generation: reply.record().generation(),
            expected: reply.expected(),
            spent: reply.is_spent(),
            client: client(reply.key("")),
        },
        Turn::Unlock(lock, _) => Written::Unlock { lock: name(*lock) },
        Turn::Http(request, _) => self::request(request),
        Turn::Login(reply) => {
            let (reason, lacks_challenge) = (reply.reason(), reply.lacks_challenge());
            let (name, code) = (reason.name(), reply.error().code());
            let missing = match reason {
                LoginReason::StepUp { missing } => Some(missing),
                _ => None,
            };
            let issuer = reply.issuer().map(Into::into);
            Written::Login { lacks_challenge, reason: name, issuer, code, missing }
        }
        Turn::Sign(reply) => match reply.key().ok_or(Failure::OutOfTurn)? {
            SigningKey::Client => Written::Sign { key: "client", dpop_key: None },
            SigningKey::Dpop(key) => Written::Sign { key: "dpop", dpop_key: Some(key.into()) },
        },
        Turn::Key(reply) => Written::Key { algorithms: reply.algorithms() },
        Turn::Assertion(reply) => {
            let wanted = reply.wanted().ok_or(Failure::OutOfTurn)?;
            Written::Assertion {
                grant: wanted.kind.name(),
                audience: wanted.audience.into(),
                token_endpoint: wanted.token_endpoint.into(),
                resource: wanted.resource.into(),
            }
        }
        Turn::Prepare(reply) => {
            Written::Prepare { registered_redirect_uri: reply.registered_redirect_uri() }
        }
        Turn::Browser(url, reply) => Written::Browser {
            url: url.as_str().into(),
            state: url.state().into(),
            moved_from: reply.moved_from().map(Issuer::as_str),
            unconfirmed_issuer: reply.unconfirmed_issuer().map(Issuer::as_str),
            offers_code: reply.offers_code(),
            device: reply.device_page().as_ref().map(Into::into),
            until: reply.poll_at(),
        },
        Turn::Device(page, reply) => Written::Device {
            page: page.into(),
            moved_from: reply.moved_from().map(Issuer::as_str),
        },
        Turn::Wait(until, _) => Written::Wait { until: *until },
        Turn::Ready(_) => Written::Ready,
        Turn::LoggedOut(LoggedOut { refresh_token, access_token }) => Written::LoggedOut {
            refresh_token: fate(refresh_token),
            access_token: fate(access_token),
        },
    };
    Ok(json(&written))
}

/// A request for the host to send.
pub(crate) fn request(request: &Request) -> Written<'_> {
    // Forms and JSON: text.
    let body = core::str::from_utf8(request.body()).ok().filter(|it| !it.is_empty());
    Written::Http {
        endpoint: request.endpoint(),
        method: request.method().as_str(),
        url: request.url().as_str().into(),
        headers: request.headers().map(|(name, value)| (name, value.into())).collect(),
        body: body.map(Into::into),
        read_at_most: MAX_BODY + 1,
    }
}

/// Nothing here can fail to serialize: all keys are texts.
pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn fate(fate: &RevocationOutcome) -> Token<'_> {
    let (fate, reason) = match fate {
        RevocationOutcome::Absent => ("absent", None),
        RevocationOutcome::Revoked => ("revoked", None),
        RevocationOutcome::NotRevocable => ("not_revocable", None),
        RevocationOutcome::Alive(error) => ("alive", Some(error.code())),
    };
    Token { fate, reason }
}

fn client(key: Key) -> Option<Key> {
    Some(key).filter(|key| !key.kind.is_grant())
}

fn name(lock: Lock) -> &'static str {
    match lock {
        Lock::Refresh => "refresh",
        Lock::Login => "login",
        Lock::Client => "client",
    }
}
