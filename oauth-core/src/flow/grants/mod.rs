//! How tokens are asked for, one file for each grant.

use alloc::boxed::Box;

use crate::error::PeerMisbehaved;
use crate::flow::binding::Grant;

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
