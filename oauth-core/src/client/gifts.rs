//! What only the host has: keys that sign, and a source of assertions.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;
#[cfg(feature = "es256")]
use std::sync::{Mutex, PoisonError};

use crate::entropy::Entropy;
use crate::flow::WantedAssertion;
#[cfg(feature = "es256")]
use crate::keys::SoftwareKey;
use crate::keys::{DpopKey, Signer, SigningFailure};
#[cfg(feature = "es256")]
use crate::signing_algorithm::SigningAlgorithm;
use crate::signing_algorithm::SigningAlgorithms;
use crate::wire::{KeyDescription, SubjectToken, Unsigned};

/// What a host gives when it is ready.
pub type Gift<'a, T> = Pin<Box<dyn Future<Output = Result<T, SigningFailure>> + Send + 'a>>;

/// A key that signs for the client, wherever it is: in memory, or in a service or a chip that is asked.
///
/// Every [`Signer`] is one.
pub trait PrivateKey: Send + Sync {
    /// Which key it is, and what it can do.
    fn describe(&self) -> KeyDescription;

    /// Signs [`Unsigned::bytes`] with [`Unsigned::algorithm`].
    ///
    /// # Errors
    ///
    /// Why not, to be shown: nothing secret may be in it. A token that lives is used, and the next call asks again.
    fn sign<'a>(&'a self, unsigned: &'a Unsigned) -> Gift<'a, Vec<u8>>;
}

impl<S: Signer + Send + Sync> PrivateKey for S {
    fn describe(&self) -> KeyDescription {
        KeyDescription::of(self)
    }

    fn sign<'a>(&'a self, unsigned: &'a Unsigned) -> Gift<'a, Vec<u8>> {
        let signed = Signer::sign(self, unsigned.algorithm(), unsigned.bytes());
        Box::pin(core::future::ready(signed))
    }
}

/// Where what says who a workload or its user is comes from. It is asked anew for each token: what it gives is sent
/// once, and not stored.
///
/// A function is one that gives the JWT of a workload, or the ID token of a user. It should not take long: on a runtime
/// it runs where tasks run.
pub trait AssertionSource: Send + Sync {
    /// What says so, for what is wanted.
    ///
    /// # Errors
    ///
    /// Why there is none, to be shown: nothing secret may be in it. A token that lives is used, and the next call asks
    /// again.
    fn assertion<'a>(&'a self, wanted: WantedAssertion<'a>) -> Gift<'a, SubjectToken>;
}

impl<F, T, E> AssertionSource for F
where
    F: Fn(&WantedAssertion<'_>) -> Result<T, E> + Send + Sync,
    T: Into<SubjectToken>,
    E: Into<SigningFailure>,
{
    fn assertion<'a>(&'a self, wanted: WantedAssertion<'a>) -> Gift<'a, SubjectToken> {
        let given = self(&wanted).map(Into::into).map_err(Into::into);
        Box::pin(core::future::ready(given))
    }
}

/// All that a host gives in this way.
#[derive(Clone, Default)]
pub struct Gifts {
    /// The client's key.
    pub key: Option<Arc<dyn PrivateKey>>,
    /// The key that tokens are bound to; without it, one is made for each login.
    pub dpop_key: Option<Arc<dyn PrivateKey>>,
    /// Where assertions come from.
    pub source: Option<Arc<dyn AssertionSource>>,
}

impl fmt::Debug for Gifts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, dpop_key, source } = self;
        f.debug_struct("Gifts")
            .field("key", &key.is_some())
            .field("dpop_key", &dpop_key.is_some())
            .field("source", &source.is_some())
            .finish()
    }
}

/// Keys that are stored with tokens, as they sign: what it takes to read one is not done again for each request.
#[derive(Default)]
pub(super) struct Signers {
    #[cfg(feature = "es256")]
    last: Mutex<Option<(DpopKey, Arc<SoftwareKey>)>>,
}

impl Signers {
    /// Whether a key can be read.
    #[cfg(feature = "es256")]
    pub(super) fn reads(&self, key: &DpopKey) -> bool {
        self.signer(key).is_ok()
    }

    /// The same, where nobody tries.
    #[cfg(not(feature = "es256"))]
    #[expect(clippy::unused_self, reason = "with the feature, it is used")]
    pub(super) fn reads(&self, _: &DpopKey) -> bool {
        true
    }

    #[cfg(feature = "es256")]
    pub(super) fn sign(
        &self,
        key: &DpopKey,
        unsigned: &Unsigned,
    ) -> Result<Vec<u8>, SigningFailure> {
        Signer::sign(&*self.signer(key)?, unsigned.algorithm(), unsigned.bytes())
    }

    #[cfg(feature = "es256")]
    fn signer(&self, key: &DpopKey) -> Result<Arc<SoftwareKey>, SigningFailure> {
        let at_hand = {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            last.as_ref().filter(|(own, _)| own == key).map(|(_, signer)| Arc::clone(signer))
        };
        Ok(match at_hand {
            Some(signer) => signer,
            None => {
                let signer = Arc::new(key.signer()?.ok_or(NOTHING)?);
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                *last = Some((key.clone(), Arc::clone(&signer)));
                signer
            }
        })
    }

    #[cfg(not(feature = "es256"))]
    #[expect(clippy::unused_self, reason = "with the feature, it is used")]
    pub(super) fn sign(&self, _: &DpopKey, _: &Unsigned) -> Result<Vec<u8>, SigningFailure> {
        Err(NO_ES256.into())
    }
}

/// A key that tokens will be bound to.
#[cfg(feature = "es256")]
pub(super) fn new_key(
    entropy: Entropy,
    algorithms: SigningAlgorithms,
) -> Result<DpopKey, SigningFailure> {
    if !algorithms.contains(SigningAlgorithm::Es256) {
        return Err("keys that are made here sign with ES256 only".into());
    }
    Ok(DpopKey::es256(&entropy.into_key())?)
}

#[cfg(not(feature = "es256"))]
pub(super) fn new_key(_: Entropy, _: SigningAlgorithms) -> Result<DpopKey, SigningFailure> {
    Err(NO_ES256.into())
}

#[cfg(not(feature = "es256"))]
const NO_ES256: &str = "keys are made with the feature `es256`, which is off";

/// Why nothing comes of it where the host has set up nothing.
pub(super) const NOTHING: &str = "the host has set up none";
