//! The text of a file: its format, whose grant it is, and the grant.
//!
//! The format stands in front, and is counted up when the rest may be another: a record that is sealed, for
//! instance, with the name of its key beside it in the place of the record. Files of the first versions have
//! none, nor an application.

use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use oauth_core::session::{Key, KeyKind, Record, RecordDefect};

/// The text for a record; a secret.
pub(super) fn write(key: &Key, record: &Record) -> String {
    let document = Document { format: FORMAT, key, record };
    // All keys are texts, so it always serializes.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Whose grant a text is, if it is one.
pub(super) fn key(text: &[u8]) -> Option<Key> {
    serde_json::from_slice(text).ok()
}

/// Reads what [`write`] wrote for the same key. A later version may have another idea of everything
/// but `format` and `record.format`.
///
/// # Errors
///
/// A [`RecordDefect`]. A record of another key is damage: somebody renamed the file.
pub(super) fn read(key: &Key, text: &[u8]) -> Result<Record, RecordDefect> {
    let document: Value = serde_json::from_slice(text).map_err(|_| RecordDefect::Damaged)?;
    match document["format"].as_u64() {
        Some(found) if found > FORMAT.into() => {
            return Err(RecordDefect::Format { found: found.try_into().unwrap_or(u32::MAX) });
        }
        found => {
            let record = record(&document)?;
            let is_own = document["application"].as_str() == Some(&key.application)
                && kind(&document) == Some(key.kind);
            if found == Some(FORMAT.into()) && is_own && is_of(&document, key) {
                return Ok(record);
            }
        }
    }
    Err(RecordDefect::Damaged)
}

/// The same for a file of the first versions.
///
/// # Errors
///
/// As [`read`].
pub(super) fn read_former(key: &Key, text: &[u8]) -> Result<Record, RecordDefect> {
    let document: Value = serde_json::from_slice(text).map_err(|_| RecordDefect::Damaged)?;
    let record = record(&document)?;
    if is_of(&document, key) { Ok(record) } else { Err(RecordDefect::Damaged) }
}

/// Grants do not say that they are.
fn kind(document: &Value) -> Option<KeyKind> {
    document.get("kind").map_or(Some(KeyKind::Grant), |kind| KeyKind::deserialize(kind).ok())
}

fn record(document: &Value) -> Result<Record, RecordDefect> {
    // What is not there reads as null.
    Record::from_json(document["record"].to_string().as_bytes())
}

fn is_of(document: &Value, key: &Key) -> bool {
    let found = |name| document[name].as_str();
    found("profile") == Some(&key.profile) && found("server_url") == Some(&key.server_url)
}

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    #[serde(flatten)]
    key: &'a Key,
    record: &'a Record,
}

/// The number of this format of files. Records have a number of their own.
const FORMAT: u32 = 2;
