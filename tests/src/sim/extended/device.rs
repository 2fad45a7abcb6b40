//! Users with another device: what they do with a code, and how often a host asks what they have decided.

use core::time::Duration;
use std::collections::HashMap;

use http::{Request, Response};
use oauth_core::UnixTime;
use oauth_core::session::Turn;
use serde_json::Value;

use super::super::{Sight, Simulation};
use super::Front;

/// The device codes that were given out, and when each may be asked about.
#[derive(Debug, Default)]
pub(in crate::sim) struct Codes {
    codes: HashMap<String, Code>,
}

/// All times are those of the host that has the code.
#[derive(Debug)]
struct Code {
    asked_at: Option<UnixTime>,
    least: Duration,
    /// Whether its host knows how it ended.
    has_ended: bool,
}

impl Codes {
    /// A request goes out, which may ask about a code.
    ///
    /// # Errors
    ///
    /// It is too early, or its end is known.
    pub(in crate::sim) fn ask(
        &mut self,
        body: &str,
        now: UnixTime,
        has_clock: bool,
    ) -> Result<(), String> {
        let Some(name) = code_in(body) else { return Ok(()) };
        let Some(code) = self.codes.get_mut(name) else { return Ok(()) };
        if code.has_ended {
            return Err(format!("{name} is asked about, and its end is known"));
        }
        if has_clock && code.asked_at.is_some_and(|last| now < last + code.least) {
            return Err(format!("{name} is asked about too early: {code:?} at {now:?}"));
        }
        code.asked_at = Some(now);
        Ok(())
    }

    /// Nobody knows whether this was sent: its process has ended.
    pub(in crate::sim) fn forget(&mut self, request: &Request<Vec<u8>>) {
        let body = String::from_utf8_lossy(request.body());
        if let Some(code) = code_in(&body).and_then(|name| self.codes.get_mut(name)) {
            code.asked_at = None;
        }
    }

    /// An answer has come, or the news that there is none.
    fn hear(
        &mut self,
        request: &Request<Vec<u8>>,
        answer: Option<&Response<Vec<u8>>>,
    ) -> Option<Sight> {
        let body = String::from_utf8_lossy(request.body());
        let said: Value =
            answer.and_then(|it| serde_json::from_slice(it.body()).ok()).unwrap_or_default();
        if request.uri().path() == "/device_authorization" {
            let name = said["device_code"].as_str()?;
            let seconds = |member: &str| said[member].as_u64().map(Duration::from_secs);
            let code = Code {
                asked_at: None,
                least: seconds("interval").unwrap_or(USUAL),
                has_ended: false,
            };
            self.codes.insert(name.into(), code);
            return None;
        }
        let code = self.codes.get_mut(code_in(&body)?)?;
        let error = said["error"].as_str().unwrap_or_default();
        let is_sound = answer.is_some_and(|it| matches!(it.status().as_u16(), 200 | 400));
        match error {
            // It is the same question, with another proof.
            "use_dpop_nonce" | "invalid_dpop_proof" => {
                code.asked_at = None;
                None
            }
            "authorization_pending" => Some(Sight::PollPending),
            "slow_down" => {
                code.least += SLOWER;
                Some(Sight::PollSlowedDown)
            }
            "access_denied" | "expired_token" | "invalid_grant" => {
                code.has_ended = true;
                match error {
                    "access_denied" => Some(Sight::DeviceDenied),
                    "expired_token" => Some(Sight::DeviceExpired),
                    _ => None,
                }
            }
            _ if is_sound && said["access_token"].is_string() => {
                code.has_ended = true;
                Some(Sight::DeviceLogin)
            }
            _ if !is_sound => Some(Sight::PollUnanswered),
            _ => None,
        }
    }
}

/// The device code that a request asks about.
pub(in crate::sim) fn code_in(body: &str) -> Option<&str> {
    let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == "device_code").map(|(_, code)| code)
}

impl Simulation {
    /// An answer has come to a session, or none will.
    pub(in crate::sim) fn hears(
        &mut self,
        at: usize,
        request: &Request<Vec<u8>>,
        answer: Option<&Response<Vec<u8>>>,
    ) {
        if let Some(sight) = self.codes.hear(request, answer) {
            self.seen.add(sight);
        }
        let status = answer.map_or(0, |it| it.status().as_u16());
        let path = request.uri().path();
        if path == "/par" && !(200..500).contains(&status) {
            self.seen.add(Sight::PushUnanswered);
            self.hosts[at].lost_push = true;
        }
        let body = String::from_utf8_lossy(request.body());
        let is_code = body.contains("grant_type=authorization_code");
        if self.plan.extended.front == Front::Pushed && is_code && status == 200 {
            self.seen.add(Sight::PushedLogin);
        }
    }

    /// A code for another device is to be shown, or its user is waited for; false while nothing happens.
    ///
    /// # Errors
    ///
    /// There is a browser.
    pub(in crate::sim) fn wait_for_device(&mut self, at: usize) -> Result<bool, String> {
        if self.plan.extended.front != Front::Device {
            let turn = self.hosts[at].session.turn();
            return Err(format!("a user logs in with a browser, and yet: {turn:?}"));
        }
        self.is_worth_a_page(at)?;
        let faulty = self.menu.any();
        let whim = if faulty { self.dice.below(40) } else { 39 };
        let is_stuck = self.is_healing && self.idle > 4 * self.hosts.len();
        let Self { world, hosts, seen, .. } = self;
        let host = &mut hosts[at];
        let now = host.now(world.now);
        let what = match host.session.turn() {
            // Reads it, and is not done yet.
            Ok(Turn::Device(..)) if whim < 10 => return Ok(false),
            Ok(Turn::Device(_, reply)) if whim == 10 => {
                reply.cancelled();
                "closes the code"
            }
            Ok(Turn::Device(_, reply)) => {
                reply.shown(now);
                seen.add(Sight::DeviceCode);
                host.is_away = whim < 20;
                "shows a code"
            }
            Ok(Turn::Wait(_, reply)) if whim == 0 => {
                reply.cancelled();
                "gives the code up"
            }
            Ok(Turn::Wait(until, reply)) => {
                let page = reply.page().ok_or("nobody knows what is waited for")?;
                match whim {
                    1 => {
                        // Who says no is not asked again.
                        host.lacks_scope = false;
                        world.deny_device(&page.user_code);
                    }
                    35.. if !host.is_away || !faulty => {
                        world.approve_device(&page.user_code);
                    }
                    _ => {}
                }
                if now < until && !is_stuck {
                    self.idle += 1;
                    return Ok(false);
                }
                world.advance(until.since(now).as_secs());
                let now = now.max(until);
                reply.waited(now);
                if now >= page.expires_at {
                    seen.add(Sight::DeviceExpired);
                    if let Ok(Turn::Wait(..) | Turn::Sign(_) | Turn::Http(..)) = host.session.turn()
                    {
                        return Err(format!("h{at} waits for a code whose time is over"));
                    }
                }
                "has waited"
            }
            turn => return Err(format!("asking changes something: {turn:?}")),
        };
        self.say(at, || what.into());
        Ok(true)
    }
}

/// How long there is between two polls where the server says nothing (RFC 8628 §3.2).
const USUAL: Duration = Duration::from_secs(5);

/// What `slow_down` adds to it (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);
