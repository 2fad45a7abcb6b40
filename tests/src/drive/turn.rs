//! One turn of a session, done as a careful host does it.

use oauth_core::session::{Lock, Turn};
use oauth_core::{Error, UnixTime};

use super::gifts::Gifts;
use super::scene::{Event, User};
use super::stage::Stage;
use super::{entropy, stored};

impl Stage {
    /// Takes one turn.
    ///
    /// # Errors
    ///
    /// Why there is no token.
    pub fn step(&mut self, host: usize) -> Result<Event, Error> {
        self.interrupt(host);
        let (profile, now) = (self.profiles.get(host).copied().unwrap_or_default(), self.now());
        let Self {
            world,
            store,
            user,
            network,
            sessions,
            refused_redirects,
            callback,
            logins,
            gifts,
            pages,
            ..
        } = self;
        let turn = match sessions[host].turn() {
            Ok(turn) => turn,
            Err(error) => {
                assert_eq!(store.held_by(host), [], "locks left behind after {error}");
                return Err(error);
            }
        };
        match turn {
            Turn::Load(reply) if store.broken.load => return Ok(spared(reply.failed(now))),
            Turn::Load(reply) => {
                let record = store.load(&reply.key(profile));
                let record = match reply.is_of_logout() {
                    true => record,
                    false => record.map(Gifts::with_readable_key),
                };
                reply.loaded(record, now);
            }
            Turn::Lock(_, reply) if store.broken.lock => return Ok(spared(reply.failed(now))),
            Turn::Lock(lock, reply) if !store.lock(&reply.key(profile), lock, host) => {
                return Ok(Event::Blocked(lock));
            }
            Turn::Lock(_, reply) => reply.locked(),
            Turn::Reserve(reply) => {
                let key = reply.key(profile);
                if !store.holds(&key, Lock::Refresh, host) {
                    reply.lost(now);
                } else if store.broken.reserve {
                    store.unlock(&key, Lock::Refresh, host);
                    return Ok(spared(reply.failed(now)));
                } else {
                    reply.reserved();
                }
            }
            Turn::Save(reply) if store.broken.save => {
                let record = stored(reply.record());
                let goes_on = reply.failed(now);
                store.not_taken.extend(goes_on.then_some(record));
                return Ok(spared(goes_on));
            }
            Turn::Save(reply) => {
                match store.save(&reply.key(profile), reply.record(), reply.expected()) {
                    Ok(()) => reply.saved(now),
                    Err(stored) => reply.conflict(stored),
                }
            }
            Turn::Unlock(lock, reply) => {
                store.unlock(&reply.key(profile), lock, host);
                reply.unlocked();
            }
            Turn::Http(request, reply) => match network.send(world, request) {
                Ok(response) => reply.response(&response, now),
                Err(None) => reply.unreachable(now),
                Err(Some(address)) => reply.forbidden(address, now),
            },
            Turn::Sign(reply) => gifts.sign(reply, now),
            Turn::Assertion(reply) => gifts.bring(world, reply, now),
            Turn::Key(reply) => gifts.make_key(reply, now),
            Turn::Login(_) => {
                assert_eq!(store.held_by(host), [], "locks at the need for a login");
                return Ok(Event::Login);
            }
            Turn::Prepare(reply) => {
                *logins += 1;
                let redirect_uri = callback.listen(reply.registered_redirect_uri());
                reply.prepared(redirect_uri, entropy(*logins), now);
            }
            // Whatever is to be shown beside the page is asked for before that.
            Turn::Browser(_, reply) if reply.offers_code() => {
                assert_eq!(reply.device_page(), None);
                reply.ask_for_code(now);
            }
            Turn::Browser(_, reply) if waits_at_page(user, now) => {
                let User::ReturnsAt(returns_at) = *user else { return Ok(Event::Page) };
                let Some(until) = reply.poll_at() else {
                    assert_eq!(reply.device_page(), None);
                    if returns_at == u64::MAX {
                        return Ok(Event::Page);
                    }
                    world.advance(returns_at - now.as_secs());
                    return Ok(Event::Progress);
                };
                let page = reply.device_page().expect("what is polled for is shown");
                if pages.last() != Some(&page) {
                    pages.push(page);
                }
                reply.waited(now);
                let Ok(Turn::Browser(_, reply)) = sessions[host].turn() else {
                    panic!("it is too early")
                };
                assert_eq!(reply.poll_at(), Some(until), "and it stays so");
                let late = until.as_secs().min(returns_at);
                world.advance(late - now.as_secs());
                reply.waited(UnixTime::from_secs(late));
            }
            Turn::Browser(url, reply) => {
                let held = store.held_by(host);
                assert!(!held.contains(&Lock::Refresh), "a person looks at a page");
                let visit = match user {
                    User::Waits | User::Absent => return Ok(Event::Page),
                    User::GivesUp => Err("closed".into()),
                    User::ConsentsAfter(queries) if !queries.is_empty() => Ok(queries.remove(0)),
                    User::Consents | User::ConsentsAfter(_) | User::ReturnsAt(_) => {
                        world.visit(url.as_str())
                    }
                };
                match visit {
                    // Whoever gets a redirect that is none of his waits on, but not for ever.
                    Ok(_) if refused_redirects.len() > 9 => reply.cancelled(),
                    Ok(query) => refused_redirects.extend(reply.redirect(&query, now).err()),
                    Err(_) => reply.cancelled(),
                }
            }
            Turn::Device(page, reply) => match user {
                User::Waits | User::Absent => return Ok(Event::Page),
                User::GivesUp => reply.cancelled(),
                User::Consents | User::ConsentsAfter(_) | User::ReturnsAt(_) => {
                    pages.push(page);
                    reply.shown(now);
                }
            },
            Turn::Wait(until, reply) => {
                assert!(now < until, "there is something to wait for");
                assert_eq!(store.held_by(host), [Lock::Login], "nobody else asks for a code");
                assert_eq!(
                    reply.page().as_ref(),
                    pages.last(),
                    "the user may have to see it again"
                );
                reply.waited(now);
                let Ok(Turn::Wait(again, reply)) = sessions[host].turn() else {
                    panic!("it is too early")
                };
                assert_eq!(again, until, "and it stays so");
                world.advance(until.as_secs() - now.as_secs());
                reply.waited(until);
            }
            Turn::Ready(_) => {
                assert_eq!(store.held_by(host), [], "locks at a token");
                return Ok(Event::Ready);
            }
            Turn::LoggedOut(outcome) => {
                assert_eq!(store.held_by(host), [], "locks after a logout");
                return Ok(Event::LoggedOut(outcome));
            }
        }
        Ok(Event::Progress)
    }
}

/// Whether the user takes their time at a page.
fn waits_at_page(user: &User, now: UnixTime) -> bool {
    matches!(user, User::ReturnsAt(at) if now.as_secs() < *at)
}

/// What a store that failed leads to.
fn spared(goes_on: bool) -> Event {
    if goes_on { Event::Progress } else { Event::Broken }
}
