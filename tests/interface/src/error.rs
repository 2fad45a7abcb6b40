//! Why a call came to nothing.

use alloc::string::{String, ToString as _};

use oauth_core::Timeline;
use oauth_core::session::RecordDefect;
use serde::Serialize;

/// Why a call came to nothing. Everything but `Core` is the host's mistake, and has changed nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the machine says.
    Core(oauth_core::Error),
    /// The same, and how it came to that.
    Told(oauth_core::Error, Timeline),
    /// There is no session of this number, or no such attempt.
    NoSuch(&'static str),
    /// There are as many sessions as there may be.
    Full,
    /// The session waits for something else.
    OutOfTurn,
    /// The input is no JSON object of this kind, or has a value of the wrong type, here.
    Json { column: usize },
    /// The input lacks this.
    Lacks(&'static str),
    /// What the store holds is no record.
    Record(RecordDefect),
}

impl From<oauth_core::Error> for Failure {
    fn from(error: oauth_core::Error) -> Self {
        Self::Core(error)
    }
}

#[derive(Serialize)]
struct Text<'a> {
    error: Members<'a>,
}

#[derive(Serialize)]
struct Members<'a> {
    code: &'a str,
    message: String,
    actor: String,
    advice: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
}

impl Failure {
    pub(crate) fn to_json(&self) -> String {
        let error = match self {
            Self::Core(error) | Self::Told(error, _) => Members {
                code: error.code(),
                message: error.to_string(),
                actor: error.actor().to_string(),
                advice: error.advice(),
                retryable: error.is_retryable(),
                explanation: match self {
                    Self::Told(error, timeline) => Some(error.explain(timeline).to_string()),
                    _ => None,
                },
            },
            other => Members {
                code: other.code(),
                message: other.message(),
                actor: oauth_core::error::Actor::Developer.to_string(),
                advice: "see what the function takes, and when",
                retryable: false,
                explanation: None,
            },
        };
        // All keys are texts, so it always serializes.
        serde_json::to_string(&Text { error }).unwrap_or_default()
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Core(error) | Self::Told(error, _) => error.code(),
            Self::NoSuch(_) => "no_such",
            Self::Full => "full",
            Self::OutOfTurn => "out_of_turn",
            Self::Json { .. } => "input",
            Self::Lacks(_) => "input",
            Self::Record(RecordDefect::Format { .. }) => "record_is_newer",
            Self::Record(_) => "record_is_damaged",
        }
    }

    /// Nothing of the input is in it: the input may be secret.
    fn message(&self) -> String {
        match self {
            Self::Core(error) | Self::Told(error, _) => error.to_string(),
            Self::NoSuch(what) => alloc::format!("there is no {what} of this number"),
            Self::Full => "too many sessions are open".into(),
            Self::OutOfTurn => "the session waits for something else".into(),
            Self::Json { column } => alloc::format!("the input cannot be read at byte {column}"),
            Self::Lacks(what) => alloc::format!("the input lacks {what}"),
            Self::Record(defect) => defect.to_string(),
        }
    }
}
