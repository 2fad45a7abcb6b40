//! Why the program ends early.

use std::fmt;
use std::io;

use crate::error::GatewayError;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    Usage,
    /// `DATABASE_URL` cannot be read.
    #[cfg(feature = "postgres")]
    DatabaseUrl,
    /// There is one, and no driver is built in.
    #[cfg(not(feature = "postgres"))]
    NoDatabase,
    /// The database does not do what is asked of it.
    #[cfg(feature = "postgres")]
    Database(oauth_tokio::postgres::StatementError),
    /// The tables of the store cannot be made.
    #[cfg(feature = "postgres")]
    Tables(oauth_tokio::StorageError),
    /// The operating system refuses.
    System { doing: &'static str, error: io::Error },
    /// The gateway cannot be set up.
    Setup(GatewayError),
    /// A gateway does not say where it listens.
    NotStarted { name: &'static str },
    /// A gateway had to be killed, or ended with an error.
    NotEnded { name: &'static str },
    /// The story's own requests.
    Http(reqwest::Error),
    /// The story went another way.
    Unexpected { wanted: &'static str, status: u16 },
    /// The simulated server saw the protocol broken.
    Violations(Vec<String>),
    /// It took too long.
    TooSlow,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Failure {
    /// For `map_err`: what was being done when the operating system refused.
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { doing, error }
    }

    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Usage => Some(USAGE),
            #[cfg(feature = "postgres")]
            Self::DatabaseUrl => Some("write it as postgres://user:password@127.0.0.1/database"),
            #[cfg(not(feature = "postgres"))]
            Self::NoDatabase => {
                Some("build it with `--features postgres`, or unset DATABASE_URL to use files")
            }
            #[cfg(feature = "postgres")]
            Self::Database(_) | Self::Tables(_) => {
                Some("see that the database runs, and that its role may make tables")
            }
            Self::System { .. } => Some("see that this user may do that here"),
            Self::Setup(error) => Some(error.advice()),
            Self::NotStarted { .. } | Self::NotEnded { .. } => {
                Some("look at what it printed above")
            }
            Self::TooSlow => Some("try again when the machine has less to do"),
            Self::Http(_) => Some("see that programs may connect to 127.0.0.1 here"),
            Self::Unexpected { .. } | Self::Violations(_) => {
                Some("this is a bug: report it with what was printed above")
            }
            Self::Interrupted => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage => f.write_str("these arguments are not understood"),
            #[cfg(feature = "postgres")]
            Self::DatabaseUrl => {
                f.write_str("DATABASE_URL is not the URL of a PostgreSQL database")
            }
            #[cfg(not(feature = "postgres"))]
            Self::NoDatabase => {
                f.write_str("DATABASE_URL is set, and this program was built without databases")
            }
            #[cfg(feature = "postgres")]
            Self::Database(error) => write!(f, "the database cannot be used: {error}"),
            #[cfg(feature = "postgres")]
            Self::Tables(error) => write!(f, "the tables cannot be made: {error}"),
            Self::System { doing, error } => write!(f, "cannot {doing}: {error}"),
            Self::Setup(error) => error.fmt(f),
            Self::NotStarted { name } => write!(f, "{name} did not start"),
            Self::NotEnded { name } => write!(f, "{name} did not end as it should"),
            Self::Http(error) => write!(f, "a request of the story could not be sent: {error}"),
            Self::Unexpected { wanted, status } => {
                write!(f, "the story wanted {wanted}, and the last answer was {status}")
            }
            Self::Violations(found) => {
                write!(f, "the servers saw the protocol broken: {}", found.join("; "))
            }
            Self::TooSlow => f.write_str("the story took too long"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<oauth_tokio::Error> for Failure {
    fn from(error: oauth_tokio::Error) -> Self {
        Self::Setup(error.into())
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // A redirect's URL has a code in it.
        Self::Http(error.without_url())
    }
}

const USAGE: &str = "no arguments for the story, or: \
     serve NAME [--listen ADDRESS] [--url URL] [--files DIRECTORY] SERVER=URL…";
