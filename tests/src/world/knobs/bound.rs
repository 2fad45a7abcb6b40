//! Choices about tokens that are bound to a key (RFC 9449).

/// What the authorization servers do about DPoP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dpop {
    /// They do not know it: metadata says nothing, and proofs are not read.
    Unknown,
    /// They list it, and bind the tokens of a request with a proof.
    Offered,
    /// They list it and read proofs, and the access tokens are `Bearer` all the same. The refresh tokens of
    /// public clients are bound.
    InVain,
    /// They list it, and take no token request without a proof. That is a violation where the resource has
    /// said that it wants bound tokens.
    Required,
}

/// What the MCP server does about DPoP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceDpop {
    /// It does not know the scheme, and takes bound tokens as `Bearer` (RFC 9449 §7.2).
    Unknown,
    /// It takes both, each token as it was issued; its challenges say `Bearer` to whoever has not said `DPoP`.
    Taken,
    /// It takes bound tokens only; its challenges say `DPoP`.
    Required,
}

/// The nonces that a server wants in proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonces {
    /// None, and none are given.
    None,
    /// One that is given with the refusal of a proof without it, and good for so long.
    Needed {
        /// For how many seconds each is good.
        seconds: u64,
    },
    /// The newest: each answer, a good one as well, brings another.
    EachAnswer,
    /// As if needed, and none is good.
    NeverGood,
    /// As if needed, in two fields at once, which must be ignored.
    Twice,
}
