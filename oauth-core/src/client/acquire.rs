//! How a token is found: at hand, in the store, or by driving the session.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use http::HeaderValue;

use crate::client::driver::{Driver, Operation};
use crate::client::failures::Epoch;
use crate::client::host::{Host, Runtime as _};
use crate::client::mode::{Login, Mode, Quiet};
use crate::client::pauses::Pauses;
use crate::client::shared::{Client, Outcome, SessionOf};
use crate::client::take::{Taken, need};
use crate::client::token_cache::header_value;
use crate::client::trace::Work;
use crate::session::{Authorization, LoginReason, Turn};

impl<H: Host> Client<H> {
    /// A token at hand; else one that lives in the store; else one that has to be waited for; or why there is none
    /// without a login.
    pub(super) async fn find<T>(
        self: &Arc<Self>,
        mode: Mode,
        login: Login,
        since: Epoch,
        mut use_it: impl FnMut(&Authorization<'_>, &HeaderValue) -> T,
    ) -> Outcome<Result<T, LoginReason>, H> {
        if let Some(found) = self.at_hand(&mut use_it) {
            return Ok(Ok(found));
        }
        let Taken { mut session, quiet } = self.take(mode).await?;
        let now = self.now();
        // Nobody renews aside what is found beside a login.
        if session.authorization(now).is_none() {
            if H::Runtime::HAS_BACKGROUND && !quiet.is_own {
                let held = session.snapshot();
                let is_first = held.record().is_none();
                if held.is_look_due(now) || held.living_authorization(now).is_none() {
                    session.access();
                    let look = Driver::new(self, since, Operation::Look).look(&mut session);
                    self.span(Work::Access).around(Box::pin(look)).await?;
                }
                let found = self.seen(session.snapshot());
                let is_fresh = found.fresh(now).is_some();
                if let Some(living) =
                    found.living(now).map(|(token, header)| use_it(&token, header))
                {
                    self.show(found);
                    drop(session);
                    self.renew_aside();
                    if is_fresh || !is_first {
                        return Ok(Ok(living));
                    }
                    self.linger().await;
                    // The server may take only the new one by now.
                    let renewed = self
                        .shown()
                        .fresh(self.now())
                        .map(|(token, header)| use_it(&token, header));
                    return Ok(Ok(renewed.unwrap_or(living)));
                }
            }
            session.access();
            session = self.drive(session, login.with(quiet), since).await?.0;
        }
        // A token may be good for this call, although another one was refused for want of a scope.
        let token = match session.authorization(self.now()) {
            None => match session.turn() {
                Ok(Turn::Ready(token)) => Some(token),
                _ => None,
            },
            at_hand => at_hand,
        };
        let found = token.map(|token| use_it(&token, &header_value(&token.to_auth())));
        Ok(found.ok_or_else(|| need(&mut session)))
    }

    /// A token that costs no wait: a fresh one, or one that lives while it is renewed by somebody else.
    fn at_hand<T>(
        self: &Arc<Self>,
        use_it: &mut impl FnMut(&Authorization<'_>, &HeaderValue) -> T,
    ) -> Option<T> {
        let now = self.now();
        let is_look_due = {
            let shown = self.shown();
            if let Some((token, header)) = shown.fresh(now) {
                return Some(use_it(&token, header));
            }
            shown.living(now)?;
            shown.snapshot.is_look_due(now)
        };
        if H::Runtime::HAS_BACKGROUND && !is_look_due {
            self.renew_aside();
        } else if self.host.runtime().try_take().is_some() {
            // Nobody is at it, so it is on the caller.
            return None;
        }
        self.shown().living(now).map(|(token, header)| use_it(&token, header))
    }

    /// Renews the token while nobody waits, unless somebody is at it already.
    fn renew_aside(self: &Arc<Self>) {
        let Some(mut session) = self.host.runtime().try_take() else { return };
        // It may have been done just before.
        if session.authorization(self.now()).is_some() {
            return;
        }
        session.access();
        let (client, since) = (Arc::clone(self), self.failures.now());
        let renew = async move {
            // If it fails there is a pause, and the token that lives is used meanwhile.
            drop(client.run(session, Login::Never(Quiet::default()), since).await);
        };
        self.host.runtime().spawn_background(self.span(Work::Access).around(renew));
    }

    /// Gives what was begun aside a moment. A program that makes one call and ends would end in the middle of
    /// the refresh, and lose the only copy of the next refresh token.
    async fn linger(&self) {
        let (begun, mut pauses) = (self.instant(), Pauses::new(FIRST_PAUSE, LONGEST_PAUSE));
        while self.host.runtime().try_take().is_none() {
            let left = MOMENT.saturating_sub(self.since(begun));
            let Some(pause) = pauses.next_within(left, self.chance()) else { return };
            self.host.runtime().sleep(pause).await;
        }
    }

    /// Drives the session until there is a token, or a login is needed that may not begin. What has
    /// begun goes on if the caller is gone.
    pub(super) async fn drive(
        self: &Arc<Self>,
        session: SessionOf<H>,
        login: Login,
        since: Epoch,
    ) -> Outcome<(SessionOf<H>, bool), H> {
        let (mut session, found) = self.drive_on(session, login, since).await?;
        drop(session.take_timeline());
        Ok((session, found))
    }

    pub(super) async fn drive_on(
        self: &Arc<Self>,
        mut session: SessionOf<H>,
        login: Login,
        since: Epoch,
    ) -> Outcome<(SessionOf<H>, bool), H> {
        if matches!(session.turn(), Ok(Turn::Ready(_))) {
            return Ok((session, true));
        }
        // Boxed, because a call that finds a token at hand would have to be as large as all this.
        let work = Box::pin(Arc::clone(self).run(session, login, since));
        self.host.runtime().run_to_completion(self.span(Work::Access).around(work)).await
    }

    async fn run(
        self: Arc<Self>,
        mut session: SessionOf<H>,
        login: Login,
        since: Epoch,
    ) -> Outcome<(SessionOf<H>, bool), H> {
        let outcome = Driver::new(&self, since, Operation::Token(login)).run(&mut session).await;
        let shown = self.seen(session.snapshot());
        // Whoever was at a login in vain may know less than a call beside it has found, and that less than the login
        // has brought meanwhile.
        match outcome.is_ok() && !login.is_beside() {
            true => self.show(shown),
            false => self.show_unless_older(shown),
        }
        outcome.map(|found| (session, found))
    }
}

/// How long the first call of a client waits at most for the refresh of a token that still lives: almost all are
/// done by then.
const MOMENT: Duration = Duration::from_secs(2);

/// The pauses between two looks whether it is done grow from one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
