//! The driver's part that needs no user: what it does for each of those turns.

use alloc::boxed::Box;

use crate::client::addresses::forbidden;
use crate::client::driver::{Driver, HeldLock};
use crate::client::event::Event;
use crate::client::exchange::Exchange;
use crate::client::host::{Host, Users as _};
use crate::client::keep::Reserved;
use crate::client::limits::{WAIT, is_spent_at};
use crate::client::obstacle::silence;
use crate::client::shared::Outcome;
use crate::client::storage::{Loaded, Written};
use crate::client::tell::Worked;
use crate::session::{
    AssertionReply, HttpReply, KeyReply, LoadReply, Lock, LockReply, ReserveReply, SaveReply,
    SignReply, UnlockReply,
};
use crate::{Endpoint, Request, Response, UnixTime};

impl<H: Host> Driver<'_, H> {
    /// Reads a record.
    pub(super) async fn load(&mut self, reply: LoadReply<'_>) -> Outcome<Worked, H> {
        let client = self.client;
        if self.held.lock.is_none() {
            client.migrate().await?;
        }
        let key = reply.key_or(&client.key);
        let reserved = self.held.reserved.filter(|_| self.held.lock.is_some());
        let store_by = reserved.map(|it| it.store_by);
        let record = match client.load(&key, &reply, store_by).await {
            Ok(Loaded::Nothing) => None,
            // What is taken back needs no proof.
            Ok(Loaded::Record(record)) if reply.is_of_logout() => Some(*record),
            Ok(Loaded::Record(record)) => {
                let record = client.with_readable_key(*record);
                Some(client.bindings.shared(record))
            }
            Ok(Loaded::Damaged { kept }) => {
                client.tell(&Event::DamagedRecord { kept: &kept });
                None
            }
            Err(error) => {
                let goes_on = reply.failed(self.now());
                return client.spared(error, key.kind, goes_on).map(|()| Worked::Looked);
            }
        };
        reply.loaded(record, self.now());
        Ok(Worked::Looked)
    }

    /// Takes a lock, and waits for it if need be.
    pub(super) async fn lock(&mut self, lock: Lock, reply: LockReply<'_>) -> Outcome<Worked, H> {
        let client = self.client;
        if self.held.lock.is_none() {
            client.migrate().await?;
        }
        match lock {
            Lock::Refresh => return self.lock_refresh(reply).await,
            Lock::Login => {
                let lock = Box::pin(client.lock_login(self.wait().unwrap_or(WAIT)));
                self.held.lock = Some(self.while_wanted(lock).await??);
            }
            Lock::Client => {
                let (key, limit) = (reply.key_or(&client.key), self.at_most(client.patience()));
                let lock = Box::pin(client.lock_client(&key, limit));
                self.held.client = Some(self.while_wanted(lock).await??);
            }
        }
        reply.locked();
        Ok(Worked::Own)
    }

    async fn lock_refresh(&mut self, mut reply: LockReply<'_>) -> Outcome<Worked, H> {
        let client = self.client;
        let key = reply.key_or(&client.key);
        let mut held = match client.try_lock(&key, Lock::Refresh).await {
            Ok(held) => held,
            Err(error) => {
                let goes_on = reply.failed(self.now());
                return client.spared(error, key.kind, goes_on).map(|()| Worked::Own);
            }
        };
        if held.is_none() && !reply.held_elsewhere(self.now()) {
            let lock = Box::pin(client.lock_refresh(self.at_most(client.patience())));
            held = Some(self.while_wanted(lock).await??);
        }
        if held.is_some() {
            self.held.lock = held;
            reply.locked();
        }
        Ok(Worked::Own)
    }

    /// Sees that the refresh token can be spent.
    pub(super) async fn reserve(&mut self, reply: ReserveReply<'_>) -> Outcome<Worked, H> {
        let client = self.client;
        let Some(mut held) = self.held.lock.take() else {
            reply.lost(self.now());
            return Ok(Worked::Own);
        };
        let (key, begun) = (reply.key_or(&client.key), client.instant());
        let reserved = Reserved::new(begun, client.now());
        match client.store().reserve(&key, &mut held.lease, reply.spend()).await {
            Ok(true) => {
                self.held.lock = Some(HeldLock::new(held.lease, begun));
                self.held.reserved = Some(reserved);
                reply.reserved();
            }
            Ok(false) => {
                client.unlock(&key, Some(held)).await;
                reply.lost(self.now());
            }
            Err(error) => {
                client.unlock(&key, Some(held)).await;
                let goes_on = reply.failed(self.now());
                client.spared(error, key.kind, goes_on)?;
            }
        }
        Ok(Worked::Own)
    }

    /// Writes a record.
    pub(super) async fn save(&mut self, reply: SaveReply<'_>) -> Outcome<Worked, H> {
        let client = self.client;
        let key = reply.key_or(&client.key);
        let is_locked = self.held.lock.is_some();
        let reserved = self.held.reserved.map(|it| it.store_by);
        let store_by = is_locked.then(|| reserved.unwrap_or_else(|| client.time_to_store()));
        let is_spent = reply.is_spent();
        match client.save(&key, &reply, store_by).await {
            Ok(Written::Done) => reply.saved(self.now()),
            Ok(Written::Conflict { stored }) => reply.conflict(stored),
            Err(error) => match reply.failed(self.now()) {
                // That it failed is told already, each time.
                true if is_spent => {}
                goes_on => client.spared(error, key.kind, goes_on)?,
            },
        }
        Ok(Worked::Own)
    }

    /// Releases a lock.
    pub(super) async fn unlock(&mut self, lock: Lock, reply: UnlockReply<'_>) -> Worked {
        let key = reply.key_or(&self.client.key);
        let held = self.held.take(lock);
        self.client.unlock(&key, held).await;
        reply.unlocked();
        Worked::Own
    }

    /// Sends a request.
    pub(super) async fn send(
        &mut self,
        request: Request,
        reply: HttpReply<'_>,
    ) -> Outcome<Worked, H> {
        let (client, endpoint) = (self.client, request.endpoint());
        if self.outlasts_lease() {
            reply.lost(self.now());
            return Ok(Worked::Own);
        }
        let asked = self.now();
        let send = Box::pin(client.send(&request, self.left_for(endpoint)));
        let at_page = self.login.as_mut().and_then(|login| login.at_page.as_mut());
        let answer = match (is_spent_at(endpoint), at_page) {
            (true, Some(page)) => client.host.users().beside(page, send).await,
            (true, None) => send.await,
            (false, _) => self.while_wanted(send).await?,
        };
        match &answer {
            // Tokens that it brings were issued before it was read, by as much as this process was stopped meanwhile.
            Ok(response) if brings_tokens(endpoint, response) => reply.response(response, asked),
            Ok(response) => reply.response(response, self.now()),
            Err(error) => match forbidden(error.as_ref()) {
                Some(address) => reply.forbidden(address, self.now()),
                None => reply.unanswered(silence(error.as_ref()), self.now()),
            },
        }
        let outcome = answer.map(|response| response.status());
        Ok(Worked::Exchange(Exchange { request, outcome }))
    }

    /// Whether a request could outlast the lease under which it spends a token: the process may have been stopped since
    /// the lock was looked at, or its machine suspended.
    fn outlasts_lease(&self) -> bool {
        let client = self.client;
        let left = self.held.reserved.map(|it| it.left(client.instant(), client.now()));
        left.is_some_and(|left| left < client.limits.request)
    }

    /// Has a key sign.
    pub(super) async fn sign(&mut self, reply: SignReply<'_>) -> Outcome<Worked, H> {
        self.client.sign(reply).await.map(|()| Worked::Own)
    }

    /// Asks for what says who this workload or its user is.
    pub(super) async fn bring(&mut self, reply: AssertionReply<'_>) -> Worked {
        self.client.bring(reply).await;
        Worked::Own
    }

    /// Makes a key.
    pub(super) fn make_key(&mut self, reply: KeyReply<'_>) -> Outcome<Worked, H> {
        self.client.make_key(reply).map(|()| Worked::Own)
    }

    fn now(&self) -> UnixTime {
        self.client.now()
    }
}

/// Whether an answer may have tokens in it.
fn brings_tokens(endpoint: Endpoint, response: &Response) -> bool {
    endpoint == Endpoint::Token && response.status() == 200
}
