//! The columns of the matrix: what may befall a request.

use oauth_tests::world::Fault;

/// What goes wrong. Each of them may happen to every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody listens.
    Refused,
    /// The connection is reset in the middle of the answer.
    Reset,
    /// No answer, until the time limit.
    Silence,
    /// Half of an answer, and then nothing until the time limit.
    Stalled,
    /// 500.
    Status500,
    /// 503, without a word about when to come back.
    Status503,
    /// 429 with `Retry-After`.
    Status429,
    /// 307 to another host.
    Redirect,
    /// 200 with a web page.
    Html,
    /// 200 without a body.
    Empty,
    /// 200 with half of a document.
    Truncated,
    /// 200 with a document and two megabytes of blanks behind it.
    Huge,
    /// 200 with a document and blanks behind it without an end.
    Endless,
    /// 200 with a document in which a member that nobody knows is nested a hundred thousand deep.
    Deep,
    /// 200 with a document that says it is `text/plain`.
    Text,
    /// 200 with a document that is not UTF-8.
    NotUtf8,
}

impl Failure {
    pub(crate) const ALL: [Self; 16] = [
        Self::Refused,
        Self::Reset,
        Self::Silence,
        Self::Stalled,
        Self::Status500,
        Self::Status503,
        Self::Status429,
        Self::Redirect,
        Self::Html,
        Self::Empty,
        Self::Truncated,
        Self::Huge,
        Self::Endless,
        Self::Deep,
        Self::Text,
        Self::NotUtf8,
    ];

    /// The fault of the world that does it; `None` is a server that is not there. `elsewhere` is the
    /// other host.
    pub(crate) fn fault(self, elsewhere: &str) -> Option<Fault> {
        Some(match self {
            Self::Refused => return None,
            Self::Reset => Fault::Reset,
            Self::Silence => Fault::Silent,
            Self::Stalled => Fault::Stalled,
            Self::Status500 => Fault::Status(500),
            Self::Status503 => Fault::Status(503),
            Self::Status429 => Fault::TooMany { retry_after: RETRY_AFTER },
            Self::Redirect => Fault::Redirect { status: 307, location: elsewhere.into() },
            Self::Html => Fault::Html,
            Self::Empty => Fault::Empty,
            Self::Truncated => Fault::Truncated,
            Self::Huge => Fault::Huge,
            Self::Endless => Fault::Endless,
            Self::Deep => Fault::Deep,
            Self::Text => Fault::TextPlain,
            Self::NotUtf8 => Fault::NotUtf8,
        })
    }

    /// Whether only a time limit ends it.
    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Silence | Self::Stalled)
    }

    /// Whether the server did what it was asked for: a code or a refresh token is spent then.
    pub(crate) fn is_handled(self) -> bool {
        match self {
            Self::Refused
            | Self::Silence
            | Self::Status500
            | Self::Status503
            | Self::Status429
            | Self::Redirect
            | Self::Html
            | Self::Empty => false,
            Self::Reset
            | Self::Stalled
            | Self::Truncated
            | Self::Huge
            | Self::Endless
            | Self::Deep
            | Self::Text
            | Self::NotUtf8 => true,
        }
    }

    /// What the HTTP client says of it; nothing if it has an answer.
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            // A connection that was kept from an earlier request ends together with the server.
            Self::Refused => &["refused", "connection closed"],
            Self::Reset => &["reset", "disconnected"],
            Self::Silence | Self::Stalled => &["time ran out"],
            _ => &[],
        }
    }

    /// Its name in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Reset => "reset in the middle",
            Self::Silence => "silence",
            Self::Stalled => "silence in the middle",
            Self::Status500 => "500",
            Self::Status503 => "503",
            Self::Status429 => "429, Retry-After",
            Self::Redirect => "307 to another host",
            Self::Html => "200, web page",
            Self::Empty => "200, empty",
            Self::Truncated => "200, half a document",
            Self::Huge => "200, 2 MiB",
            Self::Endless => "200, endless",
            Self::Deep => "200, deep JSON",
            Self::Text => "200, JSON as text",
            Self::NotUtf8 => "200, not UTF-8",
        }
    }
}

/// What a busy server asks to wait, in seconds.
pub(crate) const RETRY_AFTER: u64 = 7;
