//! What those who watch are told of logins, refreshes and tokens: here alone, so that all adapters tell it in one
//! order. Single steps are told where they are done.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::exchange::Exchange;
use crate::client::host::Host;
use crate::client::shared::{Client, Failure};
use crate::client::told::lock;
use crate::client::trace::Work;
use crate::client::user_agent::UserAgentError;
use crate::session::{Head, LoginReason, Record, Session, Turn};
use crate::wire::ResourceChallenge;
use crate::{Endpoint, Finding, Remedy, TokenData};

impl<H: Host> Client<H> {
    /// A call has no token, or the server wants one.
    pub(super) fn tell_need(&self, reason: &LoginReason) {
        if !self.told.is_needed.swap(true, Ordering::Relaxed) {
            self.tell(&Event::LoginNeeded { reason });
        }
    }

    /// The same where no login is begun for it.
    pub(super) async fn tell_unmet_need(&self, reason: &LoginReason) {
        self.span(Work::Access).around(async { self.tell_need(reason) }).await;
    }

    /// What the MCP server's answer to a request of the application was taken for, if that carried a token.
    pub(super) fn tell_refusal(
        &self,
        sent: Option<u64>,
        session: &Session,
        status: u16,
        head: &Head<'_>,
    ) {
        let Some(sent) = sent else {
            return self.told.was_asked.store(true, Ordering::Relaxed);
        };
        let Some(Finding::Refused { remedy, .. }) =
            session.timeline().entries().last().map(|entry| &entry.finding)
        else {
            return;
        };
        match remedy {
            Remedy::WiderLogin => {
                self.told.need_is_known();
                let challenge = ResourceChallenge::select(head.challenges());
                let scopes = challenge.as_ref().and_then(|challenge| challenge.scope.as_ref());
                self.tell(&Event::StepUp { scopes });
            }
            // It may be taken yet, or was replaced by now.
            Remedy::OtherToken | Remedy::Wait | Remedy::Nonce | Remedy::Proof => {}
            _ => {
                if session.record().is_some_and(|record| record.generation() == sent) {
                    let token = tokens(session).map(|tokens| tokens.access_token.clone());
                    *lock(&self.told.refused) = token;
                    // Once it is taken again, that is news.
                    self.taken.store(0, Ordering::Relaxed);
                }
                self.tell(&Event::TokenRefused { status });
            }
        }
    }

    /// Tells what a turn came to.
    pub(super) fn tell_turn(&self, worked: Worked, session: &Session) -> Done {
        let has_looked = matches!(worked, Worked::Looked);
        let asked = match worked {
            Worked::Exchange(exchange) => {
                let asked = exchange.request.endpoint();
                self.tell_of(exchange, session);
                Some(asked)
            }
            Worked::Looked | Worked::Own => None,
        };
        Done { asked, has_adopted: self.tell_of_token(has_looked, session) }
    }

    /// After each turn: whether the token is another one than before, and was found in the store.
    fn tell_of_token(&self, has_looked: bool, session: &Session) -> bool {
        let tokens = tokens(session);
        let is_adopted = {
            let mut known = lock(&self.told.token);
            let is_same = |known: &Option<Arc<TokenData>>| match (known, tokens) {
                (Some(known), Some(tokens)) => {
                    // The same one, almost always: tokens are compared as secrets are, which takes long.
                    Arc::ptr_eq(known, tokens) || known.access_token == tokens.access_token
                }
                (known, tokens) => known.is_none() && tokens.is_none(),
            };
            if known.as_ref().is_some_and(is_same) {
                return false;
            }
            // A turn that looks at nothing before the first look has not seen the store.
            if known.is_none() && !has_looked && tokens.is_none() {
                return false;
            }
            let was_known = known.replace(tokens.cloned()).is_some();
            was_known && has_looked && tokens.is_some()
        };
        if is_adopted {
            self.tell(&Event::Adopted { expires_at: tokens.and_then(|it| it.expires_at) });
        }
        is_adopted
    }

    /// How a refresh ended.
    pub(super) fn tell_end_of_refresh(
        &self,
        refresh: &Refresh,
        failure: Option<&Failure<H>>,
        session: &mut Session,
    ) {
        let code = match (failure, &refresh.answer) {
            (Some(error), _) => return self.tell(&Event::RefreshFailed { code: error.code() }),
            // Somebody else did it, or there was no need.
            (None, None) => return,
            (None, Some(Ok(()))) => {
                if !refresh.has_adopted {
                    let expires_at = tokens(session).and_then(|tokens| tokens.expires_at);
                    self.tell(&Event::Refreshed { expires_at });
                }
                return;
            }
            (None, Some(Err(code))) => &**code,
        };
        let can_refresh = tokens(session).is_some_and(|tokens| tokens.refresh_token.is_some());
        self.tell(&match session.turn() {
            Err(_) => Event::RefreshFailed { code },
            Ok(Turn::Ready(_)) if can_refresh => Event::RefreshPostponed { code },
            Ok(_) => Event::RefreshRefused { code },
        });
    }

    /// How a login ended.
    pub(super) fn tell_end_of_login<T>(&self, outcome: &Result<T, Failure<H>>, session: &Session) {
        self.tell(&match outcome {
            Ok(_) => Event::LoginFinished {
                expires_at: tokens(session).and_then(|tokens| tokens.expires_at),
                scopes: session.record().and_then(Record::scopes),
            },
            Err(ClientError::Authentication(_)) => Event::LoginHandedOut,
            Err(
                ClientError::UserAgent(UserAgentError::Cancelled | UserAgentError::Abandoned)
                | ClientError::OAuth { error: crate::Error::Cancelled, .. },
            ) => Event::LoginCancelled,
            Err(error) => Event::LoginFailed { code: error.code(), error },
        });
    }
}

/// A refresh, as far as it concerns those who watch.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    /// What came of the request, if one was sent: tokens, or the code of the reason why none.
    answer: Option<Result<(), Box<str>>>,
    has_adopted: bool,
}

impl Refresh {
    /// A turn of it is done.
    pub(super) fn note(&mut self, done: Done, session: &Session) {
        self.has_adopted |= done.has_adopted;
        if done.asked == Some(Endpoint::Token) {
            let code = session.timeline().entries().last().and_then(|it| it.finding.code());
            self.answer = Some(code.map_or(Ok(()), |code| Err(code.into())));
        }
    }
}

/// What was done for a turn, and not told yet.
pub(super) enum Worked {
    /// A look at what others may have stored.
    Looked,
    /// A request was sent.
    Exchange(Exchange),
    /// Anything else.
    Own,
}

/// What a turn did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// Who was asked.
    pub(super) asked: Option<Endpoint>,
    /// Whether it found a token that somebody else has stored.
    pub(super) has_adopted: bool,
}

fn tokens(session: &Session) -> Option<&Arc<TokenData>> {
    session.record()?.tokens.as_ref()
}
