//! What those who watch are told of logins, refreshes and tokens: here alone, so that all adapters tell it in one
//! order. Single steps are told where they are done.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::client::error::ClientError;
use crate::client::event::Event;
use crate::client::exchange::Exchange;
use crate::client::host::Host;
use crate::client::shared::Client;
use crate::client::trace::{Span, Work};
use crate::client::user_agent::UserAgentError;
use crate::session::{Head, LoginReason, Record, Session, Turn};
use crate::wire::ResourceChallenge;
use crate::{BearerAuth, Endpoint, Finding, Remedy, TokenData};

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// That a login is needed, and there was no token since.
    is_needed: AtomicBool,
    /// The token that the store was seen to hold, once it was looked at.
    token: Mutex<Option<Option<BearerAuth>>>,
    /// The token that the MCP server refused last.
    refused: Mutex<Option<BearerAuth>>,
    /// The MCP server has refused a request without a token.
    was_asked: AtomicBool,
}

/// What a turn was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A look at what others may have stored.
    Look,
    /// Anything else.
    Own,
}

impl Purpose {
    pub(super) fn of(turn: &Turn<'_>) -> Self {
        if matches!(turn, Turn::Load(_)) { Self::Look } else { Self::Own }
    }
}

impl Told {
    /// There is a token: the next need for a login is another one.
    pub(super) fn met(&self) {
        self.is_needed.store(false, Ordering::Relaxed);
    }

    pub(super) fn was_asked(&self) -> bool {
        self.was_asked.load(Ordering::Relaxed)
    }

    /// Whether the token of this record is the one that the MCP server refused.
    pub(super) fn was_refused(&self, record: Option<&Record>) -> bool {
        let refused = lock(&self.refused);
        let token = record.and_then(Record::tokens).map(|tokens| &tokens.access_token);
        refused.is_some() && refused.as_ref() == token
    }

    /// The MCP server takes the token that is held, whatever it said before.
    pub(super) fn accepted(&self) {
        *lock(&self.refused) = None;
    }

    /// The need is told already, or none: the host itself wants the login.
    pub(super) fn need_is_known(&self) {
        self.is_needed.store(true, Ordering::Relaxed);
    }
}

impl<H: Host> Client<H> {
    /// A call has no token, or the server wants one.
    pub(super) fn tell_need(&self, reason: &LoginReason) {
        if !self.told.is_needed.swap(true, Ordering::Relaxed) {
            self.tell(&Event::LoginNeeded { reason });
        }
    }

    /// The same where no login is begun for it.
    pub(super) async fn tell_unmet_need(&self, reason: &LoginReason) {
        Span::of(Work::Access, self).around(async { self.tell_need(reason) }).await;
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

    /// After each turn: whether the token is another one than before, and was found in the store.
    pub(super) fn tell_of_token(&self, purpose: Purpose, session: &Session) -> bool {
        let tokens = tokens(session);
        let token = tokens.map(|tokens| &tokens.access_token);
        let is_adopted = {
            let mut known = lock(&self.told.token);
            if known.as_ref().is_some_and(|known| known.as_ref() == token) {
                return false;
            }
            // A turn that looks at nothing before the first look has not seen the store.
            if known.is_none() && purpose == Purpose::Own && token.is_none() {
                return false;
            }
            let had_looked = known.replace(token.cloned()).is_some();
            had_looked && purpose == Purpose::Look && token.is_some()
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
        outcome: &Result<(), ClientError<H::Http>>,
        session: &mut Session,
    ) {
        let code = match (outcome, &refresh.answer) {
            (Err(error), _) => return self.tell(&Event::RefreshFailed { code: error.code() }),
            // Somebody else did it, or there was no need.
            (Ok(()), None) => return,
            (Ok(()), Some(Ok(()))) => {
                if !refresh.has_adopted {
                    let expires_at = tokens(session).and_then(|tokens| tokens.expires_at);
                    self.tell(&Event::Refreshed { expires_at });
                }
                return;
            }
            (Ok(()), Some(Err(code))) => &**code,
        };
        let can_refresh = tokens(session).is_some_and(|tokens| tokens.refresh_token.is_some());
        self.tell(&match session.turn() {
            Err(_) => Event::RefreshFailed { code },
            Ok(Turn::Ready(_)) if can_refresh => Event::RefreshPostponed { code },
            Ok(_) => Event::RefreshRefused { code },
        });
    }

    /// How a login ended.
    pub(super) fn tell_end_of_login<T>(
        &self,
        outcome: &Result<T, ClientError<H::Http>>,
        session: &Session,
    ) {
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
pub(super) struct Worked {
    pub(super) purpose: Purpose,
    pub(super) exchange: Option<Exchange>,
}

/// What a turn did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// Who was asked.
    pub(super) asked: Option<Endpoint>,
    /// Whether it found a token that somebody else has stored.
    pub(super) has_adopted: bool,
}

/// Whoever panicked has left what is whole: each change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tokens(session: &Session) -> Option<&TokenData> {
    session.record().and_then(Record::tokens)
}
