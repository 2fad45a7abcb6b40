//! What a session asks for, and what can happen to it.

use crate::error::Error;
use crate::http::Request;
use crate::session::authorization::Authorization;
use crate::session::event::Ask;
use crate::session::logged_out::LoggedOut;
use crate::session::machine::Session;
use crate::session::reply::{
    AssertionReply, BrowserReply, DeviceReply, HttpReply, KeyReply, LoadReply, LockReply,
    LoginReply, PrepareReply, ReserveReply, SaveReply, SignReply, UnlockReply, WaitReply,
};
use crate::session::transaction::Lock;
use crate::time::UnixTime;
use crate::wire::{AuthorizationUrl, DevicePage};

/// What to do next. Exhaustive on purpose: a driver has to handle all of it.
#[derive(Debug)]
pub enum Turn<'a> {
    /// Read the record from the store.
    Load(LoadReply<'a>),
    /// Take a lock that others who share the store respect. Wait for it if need be.
    Lock(Lock, LockReply<'a>),
    /// See that the refresh lock is still held, and that what a refresh brings can be stored.
    Reserve(ReserveReply<'a>),
    /// Write a record, if the store still holds the generation it replaces.
    Save(SaveReply<'a>),
    /// Release the lock, if it is still held: a host that stopped in between may have done so.
    Unlock(Lock, UnlockReply<'a>),
    /// Send the request, once: signatures and assertions in it are good for one. Who cannot tell whether it was sent,
    /// because a process has ended, starts over with [`Session::access`].
    Http(Request, HttpReply<'a>),
    /// Sign what the reply says, with the key that the settings name.
    Sign(SignReply<'a>),
    /// Bring what says who this workload or its user is.
    Assertion(AssertionReply<'a>),
    /// Make the key that tokens will be bound to.
    Key(KeyReply<'a>),
    /// A login is needed. Begin one, or stop here.
    Login(LoginReply<'a>),
    /// A login begins. Listen for the redirect, and say where. With
    /// [`RedirectUri::at_any_port`](crate::flow::RedirectUri::at_any_port), a login may ask once more.
    Prepare(PrepareReply<'a>),
    /// Send the user to the URL.
    Browser(AuthorizationUrl, BrowserReply<'a>),
    /// Show the user where to go on another device, and with which code (RFC 8628).
    Device(DevicePage, DeviceReply<'a>),
    /// Wait, and do nothing else, until it is that late.
    Wait(UnixTime, WaitReply<'a>),
    /// There is a token.
    Ready(Authorization<'a>),
    /// The user is logged out.
    LoggedOut(LoggedOut),
}

impl Session {
    /// Says what to do next. Asking changes nothing.
    ///
    /// # Errors
    ///
    /// Why there is no token. The session stays usable: [`access`](Self::access) starts over.
    ///
    /// With [`PeerMisbehaved::NotTolerated`](crate::error::PeerMisbehaved::NotTolerated) there is one, and it
    /// is stored, but the policy refuses what it needed. Each access says so until the token is renewed, or
    /// the policy tolerates it.
    pub fn turn(&mut self) -> Result<Turn<'_>, Error> {
        Ok(match self.op.ask(&self.known.held)? {
            Ask::Load => Turn::Load(LoadReply { session: self }),
            Ask::Lock(lock) => Turn::Lock(lock, LockReply { session: self }),
            Ask::Reserve => Turn::Reserve(ReserveReply { session: self }),
            Ask::Save => Turn::Save(SaveReply { session: self }),
            Ask::Unlock(lock) => Turn::Unlock(lock, UnlockReply { session: self }),
            Ask::Http(request) => Turn::Http(request, HttpReply { session: self }),
            Ask::Sign => Turn::Sign(SignReply { session: self }),
            Ask::Assertion => Turn::Assertion(AssertionReply { session: self }),
            Ask::Key => Turn::Key(KeyReply { session: self }),
            Ask::Login => Turn::Login(LoginReply { session: self }),
            Ask::Prepare => Turn::Prepare(PrepareReply { session: self }),
            Ask::Browser(url) => Turn::Browser(url, BrowserReply { session: self }),
            Ask::Device(page) => Turn::Device(page, DeviceReply { session: self }),
            Ask::Wait(until) => Turn::Wait(until, WaitReply { session: self }),
            Ask::LoggedOut(outcome) => Turn::LoggedOut(outcome),
            Ask::Ready => {
                self.known.held.check()?;
                return self.known.held.token().map(Turn::Ready).ok_or(Error::LoginRequired);
            }
        })
    }
}
