//! A host that is put together from its parts.

use crate::client::host::{Host, HttpSender, Runtime, Users};
use crate::client::storage::nonblocking::TokenStorage;
use crate::client::system::System;
use crate::session::Session;

/// A [`Host`] that is put together from its parts. Another session gets the same ones, and threads or tasks of its own.
#[derive(Debug)]
pub struct HostParts<H, S, U, R, Y> {
    /// Its HTTP client.
    pub http: H,
    /// Where grants rest.
    pub store: S,
    /// How its users are reached.
    pub users: U,
    /// Its threads or tasks, which have the session.
    pub runtime: R,
    /// Its time and randomness.
    pub system: Y,
}

impl<H, S, U, R, Y> Host for HostParts<H, S, U, R, Y>
where
    H: HttpSender + Clone,
    S: TokenStorage + Clone,
    U: Users + Clone,
    R: Runtime,
    Y: System + Clone,
{
    type Http = H;
    type Store = S;
    type Users = U;
    type Runtime = R;
    type System = Y;

    fn http(&self) -> &H {
        &self.http
    }

    fn store(&self) -> &S {
        &self.store
    }

    fn users(&self) -> &U {
        &self.users
    }

    fn runtime(&self) -> &R {
        &self.runtime
    }

    fn system(&self) -> &Y {
        &self.system
    }

    fn with_session(&self, session: Session) -> Self {
        let Self { http, store, users, runtime, system } = self;
        Self {
            http: http.clone(),
            store: store.clone(),
            users: users.clone(),
            runtime: runtime.with_session(session),
            system: system.clone(),
        }
    }
}
