//! One turn of a session, with a store that may fail.

use http::Request;
use oauth_core::Error;
use oauth_core::flow::RedirectUri;
use oauth_core::session::{Lock, Turn};

use super::laws::{self, View};
use super::{Fault, Simulation};
use crate::drive::{CALLBACK, entropy};

/// What a turn came to.
pub(super) enum Turned {
    /// It was taken.
    Done(String),
    /// The lock is somebody else's.
    Blocked,
    /// A request has to go out first.
    Sends(Request<Vec<u8>>),
    /// The store failed.
    Broken(&'static str),
    /// A login is needed.
    NeedsLogin,
    /// The user has to be shown a page.
    Page(String),
    Ready,
    Failed(Error),
}

impl Simulation {
    /// Does what the session asks for, as far as that needs neither the network nor a person.
    pub(super) fn turn(&mut self, at: usize) -> Result<Turned, String> {
        let fault = self.store_fault();
        let ignored = self.strikes(Fault::LockIgnored);
        let elsewhere = self.dice.chance(100);
        let clocks = self.plan.menu.chance(Fault::ClockJump) == 0;
        let time = self.world.now;
        let ends = self.plan.lease.map_or(u64::MAX, |seconds| time + seconds);
        let Self { world, hosts, store, ledger, logins, .. } = self;
        let host = &mut hosts[at];
        let (now, profile) = (host.now(time), host.profile);
        let turn = match host.session.turn() {
            Ok(turn) => turn,
            Err(error) => return Ok(Turned::Failed(error)),
        };
        Ok(match turn {
            Turn::Load(_) if fault.load => Turned::Broken("the store cannot be read"),
            Turn::Load(reply) => {
                let record = store.load(profile).cloned();
                let text = format!("loads {}", laws::label(record.as_ref()));
                reply.loaded(record, now);
                Turned::Done(text)
            }
            Turn::Lock(lock, _) if store.held_by(at).any(|held| held == lock) => {
                return Err(format!("h{at} would wait for itself: {lock:?}"));
            }
            Turn::Lock(lock, reply) => {
                if ignored {
                    store.force(profile, lock, at, ends);
                } else if !store.lock(profile, lock, at, time, ends) {
                    return Ok(Turned::Blocked);
                }
                reply.locked();
                host.lost_lock = false;
                let how = if store.is_alone(lock, at) { "" } else { ", as another does" };
                Turned::Done(format!("locks {lock:?}{how}"))
            }
            Turn::Reserve(reply) if !store.held_by(at).any(|held| held == Lock::Refresh) => {
                reply.lost(now);
                Turned::Done("has lost the lock".into())
            }
            Turn::Reserve(reply) => {
                reply.reserved();
                Turned::Done("reserves".into())
            }
            Turn::Unlock(lock, reply) => {
                store.unlock(lock, at);
                reply.unlocked();
                Turned::Done(format!("unlocks {lock:?}"))
            }
            Turn::Save(_) if fault.save || store.full_until > time => {
                Turned::Broken("the store cannot be written")
            }
            Turn::Save(reply) => {
                let (record, expected) = (reply.record().clone(), reply.expected());
                let text = format!("saves {}", laws::label(Some(&record)));
                let found = store.generation(profile);
                if found != expected {
                    reply.conflict(found);
                    return Ok(Turned::Done(format!("{text}, but #{found} is not #{expected}")));
                }
                let view = View { world, store, ledger, profile, clocks, now };
                laws::loses_nothing(store.load(profile), &record, &view)
                    .map_err(|law| format!("{law} by h{at}"))?;
                store.put(profile, record);
                if fault.report {
                    return Ok(Turned::Broken("the store was written and does not say so"));
                }
                ledger.settle(at);
                reply.saved(now);
                Turned::Done(text)
            }
            Turn::Http(request, _) => Turned::Sends((&request).into()),
            Turn::Login(_) => Turned::NeedsLogin,
            Turn::Prepare(reply) => {
                *logins += 1;
                let own = reply.registered_redirect_uri().unwrap_or(CALLBACK);
                let uri = if elsewhere { ELSEWHERE } else { own };
                let uri = RedirectUri::parse(uri).map_err(|error| error.to_string())?;
                reply.prepared(uri, entropy(*logins), now);
                Turned::Done(format!("begins login {logins}"))
            }
            Turn::Browser(url, _) => Turned::Page(url.as_str().into()),
            Turn::Ready(_) => Turned::Ready,
            // Nobody logs out here.
            Turn::LoggedOut(_) => return Err(format!("h{at} is logged out")),
        })
    }
}

/// Another place where a redirect can come back to, for which no client is registered at first.
const ELSEWHERE: &str = "http://127.0.0.1:49153/callback";
