//! Variables of the environment, or else of a file: `NAME=value` lines.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use oauth_blocking::Secret;

use super::Failure;

/// What the file says. The environment goes before it.
pub(crate) struct Env(BTreeMap<Box<str>, Secret>);

impl Env {
    /// Reads the file, if there is one.
    pub(crate) fn load(file: &Path) -> Result<Self, Failure> {
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::parse("")),
            Err(error) => Err(format!("{}: {error}", file.display()).into()),
        }
    }

    /// Values may stand in quotation marks. What is no `NAME=value` says nothing; nor does a line that begins with `#`,
    /// nor what stands behind ` #` after a value without quotation marks.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let pairs =
            lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
        Self(
            pairs
                .map(|(name, value)| (name.trim().into(), unquoted(value.trim()).into()))
                .collect(),
        )
    }

    /// A variable. An empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<Secret> {
        let set = std::env::var(name).ok().map(Secret::from);
        set.or_else(|| self.0.get(name).cloned()).filter(|value| !value.is_empty())
    }
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote))
        {
            return inner;
        }
    }
    value.split(" #").next().unwrap_or_default().trim_end()
}
