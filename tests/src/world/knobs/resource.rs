//! Choices about the MCP server.

/// Which scope each MCP method needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopePolicy {
    /// None.
    Open,
    /// `tools/list` and `tools/call` need `mcp:basic`.
    Basic,
    /// `tools/list` needs `mcp:basic`, `tools/call` needs `mcp:write`.
    StepUp,
    /// `tools/list` and `tools/call` need `mcp:write`, and having it does not help.
    AlwaysInsufficient,
    /// `tools/list` and `tools/call` need a scope more each time: `mcp:level-1`, `mcp:level-2` …
    EverMore,
}

/// What the 403 of a step-up carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepUpChallenge {
    /// `error`, `scope` and `resource_metadata`.
    Full,
    /// `error` and `scope`.
    WithoutUrl,
    /// `error` and `resource_metadata`.
    WithoutScope,
    /// `scope` and `resource_metadata`: no step-up signal.
    WithoutError,
}

/// How an expired, revoked or unknown access token is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// 401 with `error="invalid_token"`.
    Challenged,
    /// 401 with the challenge of a request without a token.
    Unexplained,
    /// 403 with `error="invalid_token"`.
    Forbidden,
    /// 400 with `error="invalid_token"`.
    BadRequest,
}
