//! What only the host has, asked for: its keys sign, and its source gives assertions.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::Poll;

use crate::client::gifts::{Gift, NOTHING, new_key};
use crate::client::host::{Host, Runtime as _};
use crate::client::shared::{Client, Outcome};
use crate::flow::{SigningKey, WantedAssertion};
use crate::keys::{DpopKey, SigningFailure};
use crate::session::{AssertionReply, KeyReply, Record, SignReply};
use crate::wire::Unsigned;

impl<H: Host> Client<H> {
    /// Has a key sign that tokens are bound to: the host's own, or one that is stored with them.
    pub(super) async fn sign_with(
        &self,
        key: &DpopKey,
        unsigned: &Unsigned,
    ) -> Result<Vec<u8>, SigningFailure> {
        match (&self.gifts.dpop_key, key.secret()) {
            (_, Some(_)) => self.signers.sign(key, unsigned),
            (Some(own), None) => self.within_limit(own.sign(unsigned)).await,
            (None, None) => Err(NOTHING.into()),
        }
    }

    /// A record whose key can be used, or that says that it cannot.
    pub(super) fn with_readable_key(&self, record: Record) -> Record {
        let key = record.binding().dpop_key().filter(|key| key.secret().is_some());
        match key.is_none_or(|key| self.signers.reads(key)) {
            true => record,
            false => record.with_lost_key(),
        }
    }

    /// Makes a key that tokens will be bound to.
    pub(super) fn make_key(&self, reply: KeyReply<'_>) -> Outcome<(), H> {
        let entropy = self.entropy()?;
        let now = self.now();
        match new_key(entropy, reply.algorithms()) {
            Ok(key) => reply.given(key, now),
            Err(why) => reply.failed(&why.to_string(), now),
        }
        Ok(())
    }

    /// Has a key sign: the client's, or the one that tokens are bound to.
    pub(super) async fn sign(&self, reply: SignReply<'_>) -> Outcome<(), H> {
        let random = self.entropy()?.into_random();
        let Some(unsigned) = reply.unsigned(random, self.now()) else { return Ok(()) };
        let bound_to = match reply.key() {
            Some(SigningKey::Dpop(key)) => Some(key.clone()),
            _ => None,
        };
        let signed = match (&self.gifts.key, bound_to) {
            (_, Some(key)) => self.sign_with(&key, &unsigned).await,
            (Some(key), None) => self.within_limit(key.sign(&unsigned)).await,
            (None, None) => Err(NOTHING.into()),
        };
        let now = self.now();
        match signed {
            Ok(signature) => {
                Ok(reply.signed(&unsigned, &signature, now).map_err(crate::Error::from)?)
            }
            Err(why) => {
                reply.failed(&why.to_string(), now);
                Ok(())
            }
        }
    }

    /// Asks the host's source.
    pub(super) async fn bring(&self, reply: AssertionReply<'_>) {
        let given = match (&self.gifts.source, reply.wanted()) {
            (Some(source), Some(wanted)) => {
                let wanted = WantedAssertion { profile: &self.key.profile, ..wanted };
                self.within_limit(source.assertion(wanted)).await
            }
            _ => Err(NOTHING.into()),
        };
        let now = self.now();
        match given {
            Ok(assertion) => reply.given(assertion, now),
            Err(why) => reply.failed(&why.to_string(), now),
        }
    }
}

impl<H: Host> Client<H> {
    /// What the host gives, as long as one request may take: others wait for the lock that is held meanwhile.
    async fn within_limit<T>(&self, mut gift: Gift<'_, T>) -> Result<T, SigningFailure> {
        let mut limit = None;
        poll_fn(|context| match gift.as_mut().poll(context) {
            Poll::Ready(given) => Poll::Ready(given),
            Poll::Pending => {
                // A host that blocks would sleep at once, so it is asked only where something is waited for.
                let limit = limit.get_or_insert_with(|| {
                    Box::pin(self.host.runtime().sleep(self.limits.request))
                });
                limit.as_mut().poll(context).map(|()| Err(TOO_LONG.into()))
            }
        })
        .await
    }
}

/// Why nothing comes of it where the host takes its time.
const TOO_LONG: &str = "the host took too long";
