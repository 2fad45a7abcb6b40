//! The text of a file: whose grant it is, and the grant.

use serde::Serialize;
use serde_json::Value;

use oauth_core::session::{Key, Record, RecordDefect};

/// The text for a record; a secret.
pub(super) fn write(key: &Key, record: &Record) -> String {
    let document = Document { key, record };
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
/// but `record.format`.
///
/// # Errors
///
/// A [`RecordDefect`]. A record of another key is damage: somebody renamed the file.
pub(super) fn read(key: &Key, text: &[u8]) -> Result<Record, RecordDefect> {
    let document: Value = serde_json::from_slice(text).map_err(|_| RecordDefect::Damaged)?;
    // What is not there reads as null.
    let record = Record::from_json(document["record"].to_string().as_bytes())?;
    let found = |name| document[name].as_str();
    if found("profile") == Some(&key.profile) && found("server_url") == Some(&key.server_url) {
        Ok(record)
    } else {
        Err(RecordDefect::Damaged)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    key: &'a Key,
    record: &'a Record,
}
