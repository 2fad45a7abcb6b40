//! A client that the host brings with a secret, and without saying whose it is: it belongs to the first
//! authorization server that issued tokens to it, for all profiles.
//!
//! ```text
//!  Browser ─▶ Load ─┬─ this server's, or nobody's ─▶ Save ─┬─▶ Http (the secret leaves) ─┬─ tokens ─▶ Save: for good
//!                   │                     ▲                │                             └─ none ─▶ for some minutes
//!                   │                     └── conflict ────┘
//!                   └─ another's ─▶ an error
//! ```
//!
//! It is written down before the secret leaves: of two first logins to different servers, one sends it. What ends
//! a claim that has brought no tokens is time: a server that does not answer keeps the client from no other.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Error, PeerIncompatible};
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::need::MAX_LOST_RACES;
use crate::session::next::{Next, To};
use crate::session::progress::{LoginProgress, Ownership, PATIENCE};
use crate::session::record::Record;
use crate::session::shared::issuer_record;
use crate::session::transaction::{Lock, Saving};
use crate::time::UnixTime;

/// Where a login stands that has to know whose its client is. The login lock is held.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Claim {
    /// A look at whose it is.
    Load(Box<LoginProgress>),
    /// That it is this server's is written down: then the login sends its secret there.
    Save(Box<Saving>, Box<LoginProgress>),
}

impl Claim {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Load(_) => Ask::Load,
            Self::Save(..) => Ask::Save,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Load(progress), Event::Loaded(stored, now)) => {
                known.issuer_loaded(progress, stored, now)
            }
            (Self::Save(_, mut progress), Event::Saved(now)) => {
                progress.ownership = Ownership::Taken;
                Next::Away(To::Settle(progress, now))
            }
            (Self::Save(_, progress), Event::Conflict(_)) => Self::again(progress),
            // What its user has brought is spent.
            (Self::Load(progress), Event::Cancelled) if !progress.flow.is_redeeming() => {
                Next::Away(To::TakeBack(progress.doubts))
            }
            (claim, _) => Next::Stay(claim),
        }
    }

    pub(crate) fn progress(&self) -> &LoginProgress {
        match self {
            Self::Load(progress) | Self::Save(_, progress) => progress,
        }
    }

    /// Others have written whose the client is since it was read.
    fn again(mut progress: Box<LoginProgress>) -> Next<Self> {
        let lost_races = match progress.ownership {
            Ownership::Free { lost_races } => lost_races,
            Ownership::Unknown | Ownership::Taken => 0,
        };
        if lost_races >= MAX_LOST_RACES {
            return Lock::Login.release(To::failed(Error::Contended)).into();
        }
        progress.ownership = Ownership::Free { lost_races: lost_races + 1 };
        Next::Here(Self::Load(progress))
    }
}

impl Known {
    /// Whose the client is that the host brings was read.
    fn issuer_loaded(
        &mut self,
        mut progress: Box<LoginProgress>,
        stored: Option<Record>,
        now: UnixTime,
    ) -> Next<Claim> {
        let Some(binding) = progress.flow.binding() else { return To::Run(progress).into() };
        // A login that has brought no tokens keeps nobody out for long.
        let claimed = stored.as_ref().filter(|record| !record.is_doubtful(now));
        let found = &binding.server.issuer;
        if let Some(Record { binding: claimed, .. }) = claimed
            && !claimed.server.is_of(found.as_str())
        {
            let (expected, found) = (claimed.server.issuer.as_str().into(), found.as_str().into());
            let error = PeerIncompatible::ForeignClient { expected, found };
            return Lock::Login.release(To::failed(error)).into();
        }
        if !progress.flow.sends_credentials() {
            progress.ownership = Ownership::Free { lost_races: 0 };
            return To::Settle(progress, now).into();
        }
        if claimed.is_some_and(|record| !record.is_doubted()) {
            progress.ownership = Ownership::Taken;
            return To::Settle(progress, now).into();
        }
        let expected = stored.as_ref().map_or(0, |record| record.generation);
        let record = issuer_record(binding, now).doubted(Some(now + PATIENCE));
        Next::Here(Claim::Save(Saving::boxed(record, expected), progress))
    }
}
