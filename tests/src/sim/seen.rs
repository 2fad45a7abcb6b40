//! What came about in a batch of runs: a simulation in which something never does proves nothing of it.

use core::fmt;

macro_rules! sights {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Something that is worth to be counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Sight {
            $($(#[$doc])* $name,)*
        }

        impl Sight {
            const ALL: [Self; [$(stringify!($name)),*].len()] = [$(Self::$name),*];
        }
    };
}

sights! {
    /// A key was made that tokens are bound to.
    KeyMade,
    /// A login or a refresh brought a bound token.
    TokenBound,
    /// A refresh token was spent with a proof, and brought tokens.
    BoundRefresh,
    /// The MCP server took a bound token.
    BoundCall,
    /// An authorization server wanted its nonce in a proof that had none.
    ServerNonce,
    /// The same, as the nonce in the proof was too old.
    ServerNonceExpired,
    /// The MCP server wanted its nonce in a proof that had none.
    ResourceNonce,
    /// The same, as the nonce in the proof was too old.
    ResourceNonceExpired,
    /// A call was answered that had been sent again with the nonce that was wanted.
    NonceRenewed,
    /// A good answer brought the nonce for the next proof.
    NonceAhead,
    /// A proof was refused for its time.
    ProofOfAnotherTime,
    /// The MCP server began to take bound tokens only.
    Switch,
    /// The same while others were stored.
    SwitchWithBearerTokens,
    /// A bound token was taken by a server that has begun to take no others.
    BoundAfterSwitch,
    /// A key did not sign, or was not made.
    SignerFailed,
    /// A signature or a key was given up that took too long.
    SignerGivenUp,
    /// A signature or a key came late.
    SignerLate,
    /// A user on another device was shown a code.
    DeviceCode,
    /// A poll found that nothing is decided yet.
    PollPending,
    /// A poll was told to slow down.
    PollSlowedDown,
    /// The answer to a poll was lost, or was an error of a server in trouble.
    PollUnanswered,
    /// A user on another device said no.
    DeviceDenied,
    /// The time for a device code was over.
    DeviceExpired,
    /// A device code brought tokens.
    DeviceLogin,
    /// A login's request was pushed.
    Push,
    /// The answer to a push was lost, or was an error of a server in trouble.
    PushUnanswered,
    /// A login was pushed after the answer to another push was lost.
    PushRepeated,
    /// A user came to the page after the reference had expired.
    ReferenceExpired,
    /// A login that was pushed brought tokens.
    PushedLogin,
}

/// How often each thing came about.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    counts: [u64; Sight::ALL.len()],
}

impl Seen {
    /// It came about.
    pub(super) const fn add(&mut self, sight: Sight) {
        self.counts[sight as usize] += 1;
    }

    /// With what came about in another run.
    pub(super) fn merge(&mut self, other: &Self) {
        for (count, others) in self.counts.iter_mut().zip(&other.counts) {
            *count += others;
        }
    }

    /// How often it did.
    #[must_use]
    pub const fn count(&self, sight: Sight) -> u64 {
        self.counts[sight as usize]
    }

    /// What never did.
    #[must_use]
    pub fn missing(&self) -> Vec<Sight> {
        Sight::ALL.into_iter().filter(|sight| self.count(*sight) == 0).collect()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, sight) in Sight::ALL.into_iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{sight:?} {}", self.count(sight))?;
        }
        Ok(())
    }
}
