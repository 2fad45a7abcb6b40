//! How tokens are asked for, one file for each grant.

use alloc::boxed::Box;

use crate::error::{PeerIncompatible, PeerMisbehaved};
use crate::flow::binding::{Binding, Grant};
use crate::time::UnixTime;
use crate::timeline::Finding;
use crate::tolerance::Tolerances;
use crate::wire::TokenData;

pub(crate) mod client_credentials;
pub(crate) mod code;
pub(crate) mod device;
pub(crate) mod exchange;
pub(crate) mod jwt_bearer;
pub(crate) mod push;

/// Tokens, and whether the policy tolerates what they needed.
pub(crate) struct Issued {
    pub(crate) grant: Box<Grant>,
    pub(crate) checked: Result<(), PeerMisbehaved>,
}

impl Issued {
    /// The outcome, with what the answer was taken for.
    ///
    /// # Errors
    ///
    /// [`PeerIncompatible::TokenNotBound`]: such tokens are of no use.
    pub(crate) fn new(
        binding: Binding,
        tokens: TokenData,
        tolerates: Tolerances,
        now: UnixTime,
    ) -> Result<(Self, Finding), PeerIncompatible> {
        binding.check_type(&tokens)?;
        let (finding, checked) = (binding.granted(&tokens, now), tokens.check(tolerates));
        Ok((Self { grant: Grant { binding, tokens }.into(), checked }, finding))
    }
}
