//! Tokens have come through a client that all profiles share: whoever doubted it need not any more, and it belongs
//! to who issued them.
//!
//! ```text
//!  tokens ─▶ Load ─┬─ doubted ─▶ Save ─▶ Ready
//!                  └─ not ─────────────▶ Ready
//! ```
//!
//! It is only good to know: the tokens are stored already, and are used whatever comes of it.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::session::authorization::Snapshot;
use crate::session::event::{Ask, Event};
use crate::session::known::Known;
use crate::session::next::{Next, To};
use crate::session::record::Record;
use crate::session::shared::{SharedClient, issuer_record};
use crate::session::transaction::Saving;
use crate::time::UnixTime;

/// Where it stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Vouch {
    /// A look at what is known of the client.
    Load,
    /// It is doubted no more.
    Save(Box<Saving>),
}

impl Vouch {
    pub(crate) fn ask(&self, _: &Snapshot) -> Result<Ask, Error> {
        Ok(match self {
            Self::Load => Ask::Load,
            Self::Save(_) => Ask::Save,
        })
    }

    pub(crate) fn handle(self, event: Event<'_>, known: &mut Known) -> Next<Self> {
        match (self, event) {
            (Self::Load, Event::Loaded(stored, now)) => known.doubt_loaded(stored, now),
            (Self::Save(_), Event::Saved(_) | Event::Conflict(_)) => Next::Away(To::Ready),
            (_, Event::Failed(_)) => Next::Away(To::Ready),
            (vouch, _) => Next::Stay(vouch),
        }
    }
}

impl Known {
    /// Tokens came through the client: nobody has to doubt it, and it belongs to who issued them.
    pub(crate) fn vouch(&mut self) -> Next<Vouch> {
        let binding = self.held.record.as_ref().map(|record| &record.binding);
        match binding.and_then(|binding| SharedClient::of(binding, &self.held.settings)) {
            Some(client) => {
                self.shared = Some(client.into());
                Next::Here(Vouch::Load)
            }
            None => To::Ready.into(),
        }
    }

    /// What is known of it was read.
    fn doubt_loaded(&self, stored: Option<Record>, now: UnixTime) -> Next<Vouch> {
        let Some(own) = &self.held.record else { return To::Ready.into() };
        let is_brought = matches!(self.shared.as_deref(), Some(SharedClient::Brought { .. }));
        let is_same = |shared: &Record| {
            let (binding, own) = (&shared.binding, &own.binding);
            binding.client.client_id == own.client.client_id
                && binding.server.is_of(own.server.issuer.as_str())
        };
        match stored {
            Some(shared) if is_same(&shared) && shared.is_doubted() => {
                Next::Here(Vouch::Save(Saving::boxed(shared.vouched(), shared.generation)))
            }
            // A claim that has brought no tokens gives way to who issued some.
            stored if is_brought && stored.as_ref().is_none_or(Record::is_doubted) => {
                let expected = stored.map_or(0, |record| record.generation);
                Next::Here(Vouch::Save(Saving::boxed(issuer_record(&own.binding, now), expected)))
            }
            _ => To::Ready.into(),
        }
    }
}
