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
    /// The store lost a lease whose end had not come.
    LeaseDropped,
    /// The store's clock was set ahead while somebody had a lease.
    StoreClockAhead,
    /// It was set back.
    StoreClockBehind,
    /// Somebody waited for a lease that was never given back.
    WaitsForTheDead,
    /// A lease was not given back, since nobody heard of it.
    ReleaseLost,
    /// Its holder was told that the lease is over, when it wanted to reserve room.
    LeaseOver,
    /// The holder of a refresh lock was stopped.
    HolderStopped,
    /// The same, and its clock that never goes back was, too.
    HolderSuspended,
    /// It was stopped after room was reserved, and before it looked at its clocks.
    StoppedBeforeLook,
    /// It was stopped after that, with its request on the way.
    StoppedAfterLook,
    /// A refresh was held back, as too little of the lease was left.
    HeldBack,
    /// A lease was taken over that had ended early at the store, with a request on the way.
    TakenEarly,
    /// A lease was taken over whose holder was stopped after its look.
    TakenFromStopped,
    /// The first byte of a refresh left after others had taken the lease.
    LateFirstByte,
    /// By a clock that is behind, a token lived that was expired.
    SeemsToLive,
    /// By a clock that is ahead, a token was expired that lived.
    SeemsExpired,
    /// The store forgot what it had acknowledged.
    WriteLost,
    /// Then somebody had to log in again.
    LoginAfterFailover,
}

/// How often each thing came about.
#[derive(Clone, Debug)]
pub struct Seen {
    counts: [u64; Sight::ALL.len()],
}

impl Default for Seen {
    fn default() -> Self {
        Self { counts: [0; Sight::ALL.len()] }
    }
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
        let came_about = Sight::ALL.into_iter().filter(|it| self.count(*it) > 0);
        match came_about.min_by_key(|it| self.count(*it)) {
            Some(rarest) => write!(f, "; rarest {rarest:?} {}", self.count(rarest)),
            None => Ok(()),
        }
    }
}
