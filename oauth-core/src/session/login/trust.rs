//! What a session thinks of the client of a login: whether the server may have forgotten it, and what is written down
//! of that.

use crate::error::{Error, Refusal};
use crate::flow::Binding;
use crate::http::Endpoint;
use crate::session::known::Known;
use crate::session::progress::{LoginProgress, PATIENCE, RegistrationTrust};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::{Registration, RegistrationKind};

impl Known {
    /// The record without the doubt of this login, if the server has sent its user back, or has heard them elsewhere: so it knows the client,
    /// whatever else it said.
    pub(super) fn known_by(&self, progress: &LoginProgress, error: &Error) -> Option<Record> {
        let knows_client = match error {
            // It has given the client a code.
            Error::LoginExpired { .. } => true,
            _ => error.refusal().is_some_and(|it| {
                let of_user = [Endpoint::Authorization, Endpoint::DeviceAuthorization];
                of_user.contains(&it.endpoint) && !it.is_about_client()
            }),
        };
        let record = self.held.record.as_ref().filter(|record| record.is_doubted())?;
        let is_own = progress.trust == RegistrationTrust::Proven && progress.replaces.is_none();
        (is_own && knows_client).then(|| record.vouched())
    }

    /// What there is to think of it, as the login begins. `refused` says that the MCP server refuses what it has brought.
    pub(super) fn recognize(
        &self,
        client: &Registration,
        refused: bool,
        now: UnixTime,
    ) -> RegistrationTrust {
        let Some(record) = &self.held.record else { return RegistrationTrust::Known };
        let vouches = record.can_refresh(now) || (!refused && serves(record, now));
        if client.kind() != RegistrationKind::Dynamic {
            RegistrationTrust::Known
        } else if *record.binding.client == *client {
            if vouches { RegistrationTrust::Proven } else { RegistrationTrust::Old }
        } else if record.elsewhere().iter().any(|known| *known.client == *client) {
            RegistrationTrust::Elsewhere
        } else {
            RegistrationTrust::Known
        }
    }

    /// Nobody came back from a page for this client. A server that has forgotten its client shows a page about that
    /// and sends nobody back, whatever the page was for, so the next login registers one. Tokens that come through the
    /// client before that end the doubt: they make another generation.
    pub(super) fn doubt(&mut self, trust: RegistrationTrust) {
        match trust {
            RegistrationTrust::Known => {}
            RegistrationTrust::Proven | RegistrationTrust::Old => {
                self.refused_mut().closed = Some(self.generation());
            }
            RegistrationTrust::Elsewhere => self.refused_mut().elsewhere = true,
        }
    }

    /// What the next login does otherwise.
    pub(super) fn learn(&mut self, refusal: &Refusal, trust: RegistrationTrust) {
        if refusal.is_about_client() {
            match trust {
                RegistrationTrust::Elsewhere => self.refused_mut().elsewhere = true,
                RegistrationTrust::Known | RegistrationTrust::Proven | RegistrationTrust::Old => {
                    self.refuse_client();
                }
            }
        }
        if refusal.is_about_scope() {
            self.refused_mut().scopes = true;
        }
        if refusal.is_about_scope() || &*refusal.code == "access_denied" {
            self.forget_unmet_scopes();
        }
    }

    /// What is written before the user is sent off: the client, so that a login that is given up need
    /// not register again, and a store that cannot be written is found out in time. While there is a grant that
    /// may still serve, it stays until the new one is there, and only its client is doubted: whoever starts
    /// anew after a dead page knows nothing else of it.
    pub(super) fn registration_record(
        &self,
        binding: &Binding,
        trust: RegistrationTrust,
        now: UnixTime,
    ) -> Option<Record> {
        // A login that comes to nothing does not make a client of the host's this server's.
        let is_first = self.held.record.as_ref().is_none_or(Record::is_of_login);
        let is_brought = binding.client.kind() == RegistrationKind::PreRegistered;
        let is_doubted = trust != RegistrationTrust::Known || is_brought && is_first;
        let doubt_from = is_doubted.then(|| now + PATIENCE);
        let known = |record: &Record| {
            record.binding.server == binding.server && record.binding.client == binding.client
        };
        match &self.held.record {
            Some(record) if known(record) || trust == RegistrationTrust::Proven => {
                return record.doubting(doubt_from?);
            }
            Some(record) if serves(record, now) => return None,
            _ => {}
        }
        let mut binding = binding.clone();
        // Scopes that were asked for in vain are not asked for again.
        binding.forget_requested();
        let record = Record::new(now, binding.into(), None);
        let record = record.after(self.held.record.as_ref(), None).doubted(doubt_from);
        Some(record.moved_to(self.moved_to().cloned()))
    }
}

/// Whether a grant may be good for anything. A refresh token may, even if by this clock the client's
/// secret is expired: the clock may be wrong.
fn serves(record: &Record, now: UnixTime) -> bool {
    record.is_unexpired(now)
        || record.tokens.as_ref().is_some_and(|tokens| tokens.refresh_token.is_some())
}
