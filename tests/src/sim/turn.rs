//! One turn of a session, with a store that may fail.

use http::Request;
use oauth_core::Error;
use oauth_core::UnixTime;
use oauth_core::flow::RedirectUri;
use oauth_core::session::{Lock, Record, SaveReply, Turn};

use super::host::{SecondLook, name};
use super::laws::{self, View};
use super::leases::Watch;
use super::store::{Hold, LEASE_LENGTH, Loser, Write};
use super::strike::StoreFault;
use super::{Fault, Sight, Simulation};
use crate::drive::{CALLBACK, entropy};

/// What a turn came to.
pub(super) enum Turned {
    /// It was taken.
    Done(String),
    /// The lock is somebody else's.
    Blocked,
    /// What was spent could not be stored: that is tried again, under the same lock.
    Unsaved,
    /// A request has to go out first.
    Sends(Request<Vec<u8>>),
    /// The store failed.
    Broken(&'static str),
    /// Something that only the host has.
    Gift,
    /// A user with another device is to be shown a code, or waited for.
    Device,
    /// A login is needed.
    NeedsLogin,
    /// The user has to be shown a page.
    Page(String),
    Ready,
    LoggedOut,
    Failed(Error),
}

/// Goes on with a living token where the store fails, or stops if there `lives` none.
fn spared(goes_on: bool, lives: bool, why: &'static str) -> Result<Turned, String> {
    match (goes_on, lives) {
        (true, _) => Ok(Turned::Done(format!("goes on, although {why}"))),
        (false, true) => Err(format!("a living token is of no use, because {why}")),
        (false, false) => Ok(Turned::Broken(why)),
    }
}

impl Simulation {
    /// Does what the session asks for, as far as that needs neither the network nor a person.
    pub(super) fn turn(&mut self, at: usize) -> Result<Turned, String> {
        let fault = self.store_fault();
        let ignored = self.strikes(Fault::LockIgnored);
        let elsewhere = self.dice.chance(100);
        let time = self.world.now;
        let ends = self.plan.lease.map_or(u64::MAX, |seconds| self.store.now(time) + seconds);
        let is_apart = self.plan.apart.is_some();
        let unheard = is_apart && self.strikes(Fault::ReleaseLost);
        if let Ok(Turn::Save(_)) = self.hosts[at].session.turn() {
            return self.save(at, &fault);
        }
        let frozen: Vec<(u64, Watch)> =
            self.hosts.iter().map(|host| (host.asleep_until, host.watch)).collect();
        let Self { hosts, store, ledger, logins, seen, .. } = self;
        let host = &mut hosts[at];
        let (now, profile) = (host.now(time), name(host.profile));
        let held = host.session.record().and_then(laws::access_token).map(String::from);
        let apart = is_apart.then_some(&*ledger);
        let lives = host.lives(now, apart) && store.held_by(at).all(|lock| lock == Lock::Refresh);
        let is_late = host.watch.is_late(time, now);
        let turn = match host.session.turn() {
            Ok(turn) => turn,
            Err(error) => return Ok(Turned::Failed(error)),
        };
        Ok(match turn {
            Turn::Load(reply) if fault.load => {
                let room = store.reserved(at).filter(|_| reply.is_spent());
                match room.map(|since| time <= since + LEASE_LENGTH) {
                    Some(true) => return Ok(Turned::Unsaved),
                    Some(false) => {
                        ledger.lose(at, "the store failed until its lease had ended");
                    }
                    None => {}
                }
                (host.look.decided_at, host.look.blind_at) = (time, time);
                let is_spent = reply.is_spent();
                let lives = lives && reply.key(&profile).kind.is_grant() && !is_spent;
                let goes_on = reply.failed(now);
                // What others stored could not be looked at, before these tokens were to be stored over it.
                let token = host.session.record().and_then(laws::access_token);
                host.kept.extend(token.filter(|_| is_spent && goes_on).map(String::from));
                spared(goes_on, lives, "the store cannot be read")?
            }
            Turn::Load(reply) => {
                let key = reply.key(&profile);
                let old = store.load_stale(&key).filter(|_| fault.stale);
                let (record, is_old) = match old {
                    Some(old) => (Some(old), Some(old) != store.load(&key)),
                    None => (store.load(&key), false),
                };
                let old = if is_old { ", which is not there any more" } else { "" };
                let text = format!("loads {}{old}", laws::label(record));
                let is_grant = key.kind.is_grant();
                if is_grant && store.held_by(at).any(|lock| lock == Lock::Refresh) {
                    host.second_look = if is_old {
                        SecondLook::Stale
                    } else if record
                        .is_some_and(|it| is_fresh(it, [&host.stale, &host.unwanted], now))
                    {
                        SecondLook::Fresh
                    } else {
                        SecondLook::Same
                    };
                }
                let record = record.cloned();
                host.retries_at = None;
                if is_grant && !is_old && reply.is_spent() {
                    // What is there by now may be newer than what was there instead of what was expected.
                    ledger.meet(at, record.as_ref().map_or(0, Record::generation));
                }
                if is_grant {
                    host.look.decided_at = time;
                    host.look.blind_at = if is_old { time } else { host.look.blind_at };
                }
                reply.loaded(record, now);
                Turned::Done(text)
            }
            Turn::Lock(lock, _) if store.held_by(at).any(|held| held == lock) => {
                return Err(format!("h{at} would wait for itself: {lock:?}"));
            }
            Turn::Lock(lock, reply) if fault.down => {
                spared(reply.failed(now), lives && lock == Lock::Refresh, "the store cannot lock")?
            }
            Turn::Lock(lock, mut reply) => {
                let key = reply.key(&profile);
                if ignored {
                    store.force(&key, lock, at, ends);
                } else if let Some(losers) = store.lock(&key, lock, at, (time, ends)) {
                    for Loser { host: loser, reserved, early } in losers {
                        let (asleep_until, watch) = frozen[loser];
                        match (reserved, early) {
                            (Some(_), Some(why)) => {
                                if ledger.lose(loser, why) {
                                    seen.add(Sight::TakenEarly);
                                }
                            }
                            (Some(_), None) if is_apart => match watch.excuse() {
                                Err(what) => return Err(format!("h{loser} {what}")),
                                Ok(Some(why)) if ledger.lose(loser, why) => {
                                    seen.add(Sight::TakenFromStopped);
                                }
                                Ok(_) => {}
                            },
                            (Some(since), None) if asleep_until <= since + LEASE_LENGTH => {
                                return Err(format!("h{loser} was not frozen, and lost its lock"));
                            }
                            _ => {
                                ledger.lose(loser, "it was frozen for longer than its lease");
                            }
                        }
                    }
                } else {
                    if lock != Lock::Refresh || !reply.held_elsewhere(now) {
                        return Ok(Turned::Blocked);
                    }
                    return match host.session.turn() {
                        Ok(Turn::Ready(_)) => {
                            Ok(Turned::Done("goes on, as another has the lock".into()))
                        }
                        _ => Err(format!("h{at} goes on without a token, as another has the lock")),
                    };
                }
                reply.locked();
                host.lost_locks.retain(|lost| *lost != lock);
                if lock == Lock::Refresh {
                    host.second_look = SecondLook::None;
                    host.stale = held;
                }
                let how = store.hold(lock, at);
                Turned::Done(format!("locks {lock:?}, {how:?}"))
            }
            Turn::Reserve(reply) => {
                if fault.lost {
                    store.unlock(Lock::Refresh, at);
                }
                match store.reserve(at, time, !fault.room) {
                    Some(true) => {
                        host.watch.begin(time, now);
                        reply.reserved();
                        Turned::Done("reserves".into())
                    }
                    Some(false) => {
                        seen.add(Sight::LeaseOver);
                        reply.lost(now);
                        Turned::Done("has lost the lock".into())
                    }
                    None => spared(reply.failed(now), lives, "there is no room")?,
                }
            }
            Turn::Unlock(lock, reply) => {
                if unheard {
                    seen.add(Sight::ReleaseLost);
                    store.leave_behind(lock, at);
                }
                store.unlock(lock, at);
                if lock == Lock::Refresh {
                    host.watch.end();
                }
                reply.unlocked();
                Turned::Done(format!("unlocks {lock:?}"))
            }
            Turn::Save(_) => return Err("asking changes something".into()),
            Turn::Http(_, reply) if is_late => {
                reply.lost(now);
                seen.add(Sight::HeldBack);
                Turned::Done("has too little of its lease left, and sends nothing".into())
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
            Turn::Sign(_) | Turn::Assertion(_) | Turn::Key(_) => Turned::Gift,
            Turn::Device(..) | Turn::Wait(..) => Turned::Device,
            Turn::Browser(url, _) => Turned::Page(url.as_str().into()),
            Turn::Ready(_) => Turned::Ready,
            Turn::LoggedOut(_) => Turned::LoggedOut,
        })
    }

    /// Writes a record, if the store does.
    fn save(&mut self, at: usize, fault: &StoreFault) -> Result<Turned, String> {
        let clocks = self.plan.menu.chance(Fault::ClockJump) == 0;
        let (time, is_apart) = (self.world.now, self.plan.apart.is_some());
        let Self { world, hosts, store, ledger, .. } = self;
        let host = &mut hosts[at];
        let (now, profile) = (host.now(time), name(host.profile));
        let leaves = host.leaves;
        let apart = is_apart.then_some(&*ledger);
        let lives = host.lives(now, apart) && store.held_by(at).all(|lock| lock == Lock::Refresh);
        let Ok(Turn::Save(reply)) = host.session.turn() else {
            return Err("asking changes something".into());
        };
        let (key, expected) = (reply.key(&profile), reply.expected());
        let record = reply.record().clone();
        let room = store.reserved(at).filter(|_| reply.is_spent());
        let may_wait = room.is_some_and(|since| time <= since + LEASE_LENGTH);
        let full = store.full_until > time && room.is_none();
        if room.is_some() && !may_wait {
            ledger.lose(at, "the store failed until its lease had ended");
        }
        if full || fault.save || fault.late || store.down_until > time {
            // What is there would have shown.
            host.look.blind_at = time;
            if fault.late {
                store.delay(Write { host: at, key, record, expected, leaves });
            }
            return failed(reply, &mut host.kept, now, may_wait, lives);
        }
        let text = format!("saves {}", laws::label(Some(&record)));
        let found = store.generation(&key);
        if found != expected {
            if key.kind.is_grant() {
                ledger.meet(at, found);
            }
            reply.conflict(found);
            return Ok(Turned::Done(format!("{text}, but #{found} is not #{expected}")));
        }
        if key.kind.is_grant() {
            let view = View { world, store, ledger, key: &key, leaves, clocks, now };
            laws::loses_nothing(store.load(&key), &record, &view)
                .map_err(|law| format!("{law} by h{at}"))?;
        }
        if key.kind.is_grant() {
            ledger.settle(at, record.generation());
            let token = laws::access_token(&record);
            if !reply.is_spent() && token.is_some_and(|it| !store.is_durable(&key, it)) {
                host.logged_in_at = Some(host.answered_at);
            }
        }
        store.put(&key, record, leaves, time);
        // Whoever has taken a lease over looked before.
        let is_seen = !is_apart || store.hold(Lock::Refresh, at) != Some(Hold::TakenOver);
        if let Some([since, until]) = host.pause.take().filter(|_| is_seen) {
            store.pause(&key, since, until);
        }
        if fault.report {
            // Who hears that it failed will find it there.
            return failed(reply, &mut host.kept, now, may_wait, lives);
        }
        if key.kind.is_grant() {
            host.look.decided_at = time;
        }
        reply.saved(now);
        host.retries_at = None;
        Ok(Turned::Done(text))
    }
}

fn failed(
    reply: SaveReply<'_>,
    kept: &mut Vec<String>,
    now: UnixTime,
    may_wait: bool,
    lives: bool,
) -> Result<Turned, String> {
    let is_spent = reply.is_spent();
    if is_spent && may_wait {
        return Ok(Turned::Unsaved);
    }
    let token = laws::access_token(reply.record()).map(String::from);
    let goes_on = reply.failed(now);
    kept.extend(token.filter(|_| is_spent && goes_on));
    spared(goes_on, lives && !is_spent, "the store cannot be written")
}

/// Whether a record has another access token than those that were known, and one that nobody has to refresh.
fn is_fresh(record: &Record, known: [&Option<String>; 2], now: UnixTime) -> bool {
    let Some(tokens) = record.tokens() else { return false };
    let is_other = known.iter().all(|it| it.as_deref() != Some(tokens.access_token.token()));
    is_other && record.refused_at().is_none() && tokens.is_valid_for(now, laws::MARGIN)
}

/// Another place where a redirect can come back to, for which no client is registered at first.
const ELSEWHERE: &str = "http://127.0.0.1:49153/callback";
