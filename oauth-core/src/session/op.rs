//! The operation that is under way, and the arrows between operations: which leads to which stands here alone.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::{Part, WithoutUser};
use crate::session::access::Access;
use crate::session::acquire::Acquire;
use crate::session::authorization::Snapshot;
use crate::session::cancel::Cancel;
use crate::session::claim::Claim;
use crate::session::client::Client;
use crate::session::event::{Ask, Event};
use crate::session::keep::Keep;
use crate::session::known::Known;
use crate::session::login::Login;
use crate::session::logout::Logout;
use crate::session::need::Need;
use crate::session::next::{Next, To};
use crate::session::progress::LoginProgress;
use crate::session::refresh::Refresh;
use crate::session::resume::Resume;
use crate::session::transaction::{Lock, Saving};
use crate::session::vouch::Vouch;

/// The operation that is under way. Each has a file, which says what it waits for and where an event leads.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) enum Op {
    /// A look into the store.
    Access(Access),
    /// A token without a user, asked for again and again.
    Acquire(Part<Acquire, WithoutUser>),
    /// One request with the refresh token.
    Refresh(Refresh),
    /// Tokens on their way into the store.
    Keep(Keep),
    /// A login, from the need for it to its tokens.
    Login(Login),
    /// A login that looks for the client of all profiles, or registers it.
    Client(Client),
    /// A login that looks whose the client is that the host brings.
    Claim(Claim),
    /// After tokens: their client is doubted no more.
    Vouch(Vouch),
    /// A login that was given up, and takes back what it wrote.
    Cancel(Cancel),
    /// A login that was handed out, and comes back.
    Resume(Resume),
    /// The end of the tokens.
    Logout(Logout),
    /// The release of a lock, and what comes then; there is a token if it is nothing.
    Unlock(Lock, Option<Box<Op>>),
    /// None: there is a token.
    #[default]
    Ready,
    /// None: it could not be had.
    Failed(Box<Error>),
}

/// Hands what the session is asked, and what happens to it, to the operation that is under way. An operation that is
/// not listed does not compile.
macro_rules! operations {
    ($($name:ident: $operation:ty,)*) => {
        $(impl From<$operation> for Op {
            fn from(operation: $operation) -> Self {
                Self::$name(operation)
            }
        })*

        impl Op {
            /// What it waits for.
            pub(crate) fn ask(&mut self, held: &Snapshot) -> Result<Ask, Error> {
                Ok(match self {
                    $(Self::$name(operation) => return operation.ask(held),)*
                    Self::Unlock(lock, _) => Ask::Unlock(*lock),
                    Self::Ready => Ask::Ready,
                    Self::Failed(error) => return Err((**error).clone()),
                })
            }

            /// Where an event leads, and whether it leads anywhere.
            pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> (Self, bool) {
                match (self, event) {
                    $((Self::$name(operation), event) => match operation.handle(event, known) {
                        Next::Here(operation) => (operation.into(), true),
                        Next::Away(to) => (Self::to(to, known), true),
                        Next::Stay(operation) => (operation.into(), false),
                    },)*
                    (Self::Unlock(_, then), Event::Unlocked) => (Self::then(then), true),
                    (op, _) => (op, false),
                }
            }
        }
    };
}

operations! {
    Access: Access,
    Acquire: Part<Acquire, WithoutUser>,
    Refresh: Refresh,
    Keep: Keep,
    Login: Login,
    Client: Client,
    Claim: Claim,
    Vouch: Vouch,
    Cancel: Cancel,
    Resume: Resume,
    Logout: Logout,
}

impl Op {
    /// The way into an operation.
    fn to(to: To, known: &mut Known) -> Self {
        match to {
            To::Ready => Self::Ready,
            To::Failed(error) => Self::Failed(error),
            To::LoggedOut(outcome) => Logout::Done(outcome).into(),
            To::Access(need) => Access(need).into(),
            To::Refresh(need) => Refresh::Lock(need).into(),
            To::Mark(saving, need) => Refresh::SaveRefused(saving, need).into(),
            // Whoever has set up a grant without a user is sent to no page, wherever the need comes from.
            To::Login(need) if known.held.settings.machine_grant().is_some() => {
                let acquire = Part::new(Acquire::Lock(need));
                acquire.map_or_else(|error| Self::Failed(Box::new(error.into())), Self::Acquire)
            }
            To::Login(need) => Login::Needed(need).into(),
            To::Run(progress) => Login::Run(progress).into(),
            To::Settle(progress, now) => Self::on(known.settle(progress, now), known),
            To::Clear(saving, error) => Login::SaveKnown(saving, error).into(),
            To::Register(progress) => Client::Lock(progress).into(),
            To::Share(saving, progress) => Client::Save(saving, progress).into(),
            To::Claim(progress) => Claim::Load(progress).into(),
            To::TakeBack(doubts) => Self::on(Cancel::of(doubts, known), known),
            To::Keep(unstored) => Keep::Save(unstored).into(),
            To::Kept(unstored) => Keep::Kept(unstored).into(),
            To::Unsaved(unstored) => Keep::Unsaved(unstored).into(),
            To::Vouch => Self::on(known.vouch(), known),
            To::Disown(record, need) => Self::on(Logout::disown(record, need), known),
            To::Unlock(lock, to) => {
                let then = to.map_or(Self::Ready, |to| Self::to(*to, known));
                Self::Unlock(lock, (!matches!(then, Self::Ready)).then(|| Box::new(then)))
            }
        }
    }

    /// Where an operation is entered that may be over at once.
    fn on<S: Into<Self>>(next: Next<S>, known: &mut Known) -> Self {
        match next {
            Next::Here(operation) | Next::Stay(operation) => operation.into(),
            Next::Away(to) => Self::to(to, known),
        }
    }

    /// What comes after a release.
    fn then(then: Option<Box<Self>>) -> Self {
        then.map_or(Self::Ready, |then| *then)
    }

    /// Whoever starts over has released its locks: what was to come after that is left.
    pub(crate) fn let_go(&mut self) {
        while let Self::Unlock(_, then) = self {
            *self = Self::then(then.take());
        }
    }

    /// The record on its way into the store.
    pub(crate) fn saving(&self) -> Option<&Saving> {
        match self {
            Self::Keep(keep) => keep.saving(),
            Self::Refresh(Refresh::SaveTrouble(saving, ..) | Refresh::SaveRefused(saving, _))
            | Self::Login(Login::SaveClient(saving, _) | Login::SaveKnown(saving, _))
            | Self::Client(Client::Save(saving, _))
            | Self::Claim(Claim::Save(saving, _))
            | Self::Vouch(Vouch::Save(saving))
            | Self::Cancel(Cancel::Save(saving, _))
            | Self::Logout(Logout::Save(saving, _)) => Some(saving),
            _ => None,
        }
    }

    /// Whether tokens are lost if the store fails.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self, Self::Keep(keep) if keep.is_spent())
    }

    /// Whether nothing is under way, and there is a token.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self, Self::Ready | Self::Keep(Keep::Kept(_)))
    }

    /// Whether what is read, written or locked is the client's, and not the session's own.
    pub(crate) fn is_about_client(&self) -> bool {
        matches!(
            self,
            Self::Client(_)
                | Self::Claim(_)
                | Self::Vouch(_)
                | Self::Cancel(_)
                | Self::Unlock(Lock::Client, _)
        )
    }

    /// The need for a login, if that is what the host has to decide about.
    pub(crate) fn needed(&self) -> Option<&Need> {
        match self {
            Self::Login(Login::Needed(need)) => Some(need),
            _ => None,
        }
    }

    /// The same, to add what the server says.
    pub(crate) fn needed_mut(&mut self) -> Option<&mut Need> {
        match self {
            Self::Login(Login::Needed(need)) => Some(need),
            _ => None,
        }
    }

    /// The login whose flow waits for an answer or for its user.
    pub(crate) fn running(&self) -> Option<&LoginProgress> {
        match self {
            Self::Login(Login::Run(progress)) => Some(progress),
            _ => None,
        }
    }

    /// The login that is under way.
    pub(crate) fn login(&self) -> Option<&LoginProgress> {
        match self {
            Self::Login(Login::Run(progress) | Login::SaveClient(_, progress)) => Some(progress),
            Self::Client(client) => Some(client.progress()),
            Self::Claim(claim) => Some(claim.progress()),
            Self::Unlock(_, then) => then.as_ref()?.login(),
            _ => None,
        }
    }
}
