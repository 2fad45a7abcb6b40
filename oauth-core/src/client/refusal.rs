//! What is done about a refusal of the MCP server, so that a request can be sent again.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;

use http::HeaderMap;

use crate::BearerAuth;
use crate::client::call::Call;
use crate::client::error::ClientError;
use crate::client::fields::Token;
use crate::client::host::{Host, Runtime as _};
use crate::client::login_options::LoginOptions;
use crate::client::mode::Mode;
use crate::client::shared::{Client, Outcome};
use crate::client::take::{Taken, need};
use crate::client::token_cache::header_value;
use crate::client::trace::{self, Span, Work};
use crate::session::{Head, Turn, Verdict};

/// An answer that something can be done about.
pub struct Recovery<H: Host>(What<H>);

enum What<H: Host> {
    /// The session's turns.
    Turns(Taken<H>),
    /// A wait, while nobody has the session.
    Moment(Duration),
    /// Another proof: the session, which somebody may have for long, is not needed for that.
    Proof,
}

impl<H: Host> Client<H> {
    /// What can be done about an answer of the MCP server; `None` if it is the application's.
    ///
    /// # Errors
    ///
    /// That all that may be done for one request was done.
    pub async fn judge(
        &self,
        call: &mut Call,
        status: u16,
        headers: &HeaderMap,
    ) -> Outcome<Option<Recovery<H>>, H> {
        let head = self.heard(call, headers);
        if !matches!(status, 401 | 403) {
            self.taken(call, status, &head);
            return Ok(None);
        }
        if call.attempt.lacks_nonce(status, &head) {
            return Ok(Some(Recovery(What::Proof)));
        }
        call.remedied = None;
        let mut taken = self.take_knowing(call.mode, call.since).await?;
        let session = &mut taken.session;
        let verdict = session.answered(&mut call.attempt, status, head.clone(), self.now());
        let verdict = verdict.map_err(|error| ClientError::from(error).after(session.timeline()));
        if matches!(verdict, Ok(Verdict::Deliver)) {
            return Ok(None);
        }
        let said = async {
            trace::last_step(session.timeline(), None);
            Span::current().outcome(&verdict, session.timeline());
            self.tell_refusal(call.attempt.generation(), session, status, &head);
        };
        self.span(Work::Access).around(said).await;
        Ok(Some(match verdict? {
            // Others need the session meanwhile.
            Verdict::Wait(pause) => Recovery(What::Moment(pause)),
            _ => Recovery(What::Turns(taken)),
        }))
    }

    /// An answer that is the application's: a success shows that the server takes the token, which decides
    /// whether another login may be made when it is refused later.
    pub fn delivered(&self, call: &mut Call, status: u16, headers: &HeaderMap) {
        let head = self.heard(call, headers);
        self.taken(call, status, &head);
    }

    /// What counts of a head. With a bound token, every answer may say what the next proof has to show.
    fn heard<'a>(&self, call: &Call, headers: &'a HeaderMap) -> Head<'a> {
        let head = Head::from(headers);
        if call.attempt.is_bound() {
            self.hear(&head);
        }
        head
    }

    fn taken(&self, call: &mut Call, status: u16, head: &Head<'_>) {
        let Some(sent) = call.attempt.generation().filter(|_| (200..300).contains(&status)) else {
            return;
        };
        if self.taken.load(Ordering::Relaxed) == sent {
            return;
        }
        // It can wait for the next success, and an answer must not wait for anything.
        if let Some(mut session) = self.host.runtime().try_take()
            && session.answered(&mut call.attempt, status, head.clone(), self.now()).is_ok()
        {
            self.taken.store(sent, Ordering::Relaxed);
            if self.shown().generation() == sent {
                self.told.accepted();
            }
        }
    }

    /// Does what the answer asks for: a refresh, a login, a wider scope, another proof, or a moment's wait for a token
    /// that was issued just now. Then the request can be sent again, with the token that this brings.
    ///
    /// # Errors
    ///
    /// Why it could not be done.
    pub async fn remedy(
        self: &Arc<Self>,
        call: &mut Call,
        remedy: Recovery<H>,
    ) -> Outcome<BearerAuth, H> {
        let Taken { session, quiet } = match remedy.0 {
            What::Turns(taken) => taken,
            What::Proof => {
                let shown = self.shown();
                let token = shown.snapshot.token().map(|token| token.to_auth());
                return token.ok_or_else(|| crate::Error::LoginRequired.into());
            }
            What::Moment(pause) => {
                self.host.runtime().sleep(pause).await;
                let mut taken = self.take(call.mode).await?;
                // What failed for others meanwhile is not this request's.
                if !matches!(taken.session.turn(), Ok(Turn::Ready(_))) {
                    taken.session.access();
                }
                taken
            }
        };
        // What happens belongs to the story of the request, and stays in the session.
        let (mut session, found) =
            self.drive_on(session, call.mode.login().with(quiet), call.since).await?;
        if !found {
            self.tell_unmet_need(&need(&mut session)).await;
            return Err(self.lacks(&mut session, quiet.is_own));
        }
        let Ok(Turn::Ready(token)) = session.turn() else {
            return Err(crate::Error::LoginRequired.into());
        };
        call.attempt.sent_with(Some(&token));
        let auth = token.to_auth();
        call.remedied = Some(Token::new(&token, header_value(&auth)));
        Ok(auth)
    }

    /// The two for hosts that send requests in their own way: `token` was refused. The token to send
    /// the request with once more, or `None` if the answer is the application's.
    ///
    /// # Errors
    ///
    /// As [`remedy`](Self::remedy).
    pub async fn refused(
        self: &Arc<Self>,
        mode: Mode,
        token: &BearerAuth,
        status: u16,
        headers: &HeaderMap,
    ) -> Outcome<Option<BearerAuth>, H> {
        let mut call = self.call(mode);
        call.attempt.sent_token(self.shown().snapshot.record(), token);
        match self.judge(&mut call, status, headers).await? {
            Some(remedy) => self.remedy(&mut call, remedy).await.map(Some),
            None => Ok(None),
        }
    }

    /// Another token than the one at hand, refreshed or through a login: a request of the host's own was
    /// refused.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn replace(self: &Arc<Self>, mode: Mode) -> Outcome<(), H> {
        if let Some(mut session) = self.host.runtime().try_take()
            && let Ok(Turn::Login(reply)) = session.turn()
            && matches!(reply.error(), crate::Error::ScopeRequired { .. })
        {
            // A refresh brings no scope.
            let error = self.lacks(&mut session, false);
            drop(session);
            return match mode {
                Mode::Interactive => self.log_in(LoginOptions::new()).await.map(drop),
                Mode::Quiet => Err(error),
            };
        }
        let mut call = self.call(mode);
        call.attempt.sent_with(self.shown().snapshot.token().as_ref());
        if call.attempt.generation().is_none() {
            let found = self.token(mode).await?;
            return found.map(drop).ok_or_else(|| crate::Error::LoginRequired.into());
        }
        let mut remedy = self.judge(&mut call, 401, &HeaderMap::new()).await?;
        if matches!(remedy, Some(Recovery(What::Moment(_)))) {
            // The same token in a moment would not be another one.
            remedy = self.judge(&mut call, 401, &HeaderMap::new()).await?;
        }
        match remedy {
            Some(remedy) => self.remedy(&mut call, remedy).await.map(drop),
            None => Ok(()),
        }
    }
}

impl<H: Host> core::fmt::Debug for Recovery<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Recovery").finish_non_exhaustive()
    }
}
