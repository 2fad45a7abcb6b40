//! Where a platform leaves what says which workload this is.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use oauth_core::client::{AssertionSource, Gift};
use oauth_core::flow::WantedAssertion;
use oauth_core::keys::SigningFailure;
use oauth_core::wire::SubjectToken;

/// A file that a platform writes anew from time to time, such as a projected service account token of Kubernetes. It
/// is read for each token that is asked for.
#[derive(Debug, Clone)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    /// The file at this path. It need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        File::open(&self.0)?.take(MAX_LENGTH + 1).read_to_string(&mut text)?;
        match text.trim() {
            _ if text.len() as u64 > MAX_LENGTH => Err(io::Error::other("it is too long")),
            "" => Err(io::Error::other("it is empty")),
            token => Ok(token.into()),
        }
    }
}

impl AssertionSource for TokenFile {
    fn assertion<'a>(&'a self, _: WantedAssertion<'a>) -> Gift<'a, SubjectToken> {
        let read = self.read().map(SubjectToken::from);
        let named = read.map_err(|why| format!("{}: {why}", self.0.display()).into());
        Box::pin(std::future::ready(named))
    }
}

/// An environment variable that a platform sets. It is read for each token that is asked for.
#[derive(Debug, Clone)]
pub struct TokenVariable(String);

impl TokenVariable {
    /// The variable of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl AssertionSource for TokenVariable {
    fn assertion<'a>(&'a self, _: WantedAssertion<'a>) -> Gift<'a, SubjectToken> {
        let value = std::env::var(&self.0).ok();
        let token = value.as_deref().map(str::trim).filter(|token| !token.is_empty());
        let missing = || SigningFailure::from(format!("the environment has no `{}`", self.0));
        let given = token.map(SubjectToken::from).ok_or_else(missing);
        Box::pin(std::future::ready(given))
    }
}

/// How long a token may be, in bytes.
const MAX_LENGTH: u64 = 64 * 1024;
