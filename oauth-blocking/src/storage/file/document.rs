//! The text of a file: its format, whose grant it is, and the grant.
//!
//! The format stands in front, and is counted up when the rest may be another. A record that is sealed has another
//! one, so that versions which cannot open it leave it alone: `sealed` stands in the place of `record`, in base64. Files
//! of the first versions have no format, nor an application.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use oauth_core::Secret;
use oauth_core::client::StorageError;
use oauth_core::seal::Sealing;
use oauth_core::session::{Key, KeyKind, Record, RecordDefect};

use super::indented::indented;
use crate::clock::OperatingSystem;

/// The text for a record; a secret, unless it is sealed.
///
/// # Errors
///
/// [`StorageError::Sealed`].
pub(super) fn write(
    key: &Key,
    record: &Record,
    sealing: &Sealing,
    place: &str,
) -> Result<String, StorageError> {
    if sealing.is_none() {
        return Ok(text(FORMAT, key, "record", &Secret::from(record.to_json())));
    }
    let sealed = STANDARD.encode(sealing.to_store(key, record, place, &OperatingSystem)?);
    Ok(text(SEALED, key, "sealed", &Secret::from(format!("\"{sealed}\""))))
}

/// The content is JSON already: to write a record once more in another form would be half of all that is compiled here.
fn text(format: u32, key: &Key, name: &str, content: &Secret) -> String {
    // All keys are texts, so it always serializes.
    let head = serde_json::to_string(&Head { format, key }).unwrap_or_default();
    let head = head.strip_suffix('}').unwrap_or_default();
    let json = Secret::from(format!("{head},\"{name}\":{}}}", content.expose()));
    let mut text = indented(json.expose());
    text.push('\n');
    text
}

/// How long a text may be for a record of that many bytes.
pub(super) fn room(record: usize, sealing: &Sealing) -> usize {
    if sealing.is_none() { record } else { (record + OF_SEAL) / 3 * 4 }
}

/// Whose grant a text is, if it is one.
pub(super) fn key(text: &[u8]) -> Option<Key> {
    serde_json::from_slice(text).ok()
}

/// Reads what [`write`] wrote for the same key; `None` if it is damaged. A later version may have another idea of
/// everything but `format` and `record.format`. A record of another key is damage: somebody renamed the file.
///
/// # Errors
///
/// [`StorageError::Newer`] and [`StorageError::Sealed`]: it stays where it is.
pub(super) fn read(
    key: &Key,
    text: &[u8],
    sealing: &Sealing,
    place: &str,
) -> Result<Option<Record>, StorageError> {
    let Ok(document) = serde_json::from_slice::<Value>(text) else { return Ok(None) };
    let format = document["format"].as_u64();
    if let Some(found) = format.filter(|found| *found > SEALED.into()) {
        let found = found.try_into().unwrap_or(u32::MAX);
        return Err(StorageError::Newer { place: place.into(), found });
    }
    let is_own = document["application"].as_str() == Some(&key.application)
        && kind(&document) == Some(key.kind)
        && is_of(&document, key);
    let is_sealed = format == Some(SEALED.into());
    let stored = match is_sealed {
        true => sealed(&document),
        false => Some(record(&document).into_bytes()),
    };
    let Some(stored) = stored else { return Ok(None) };
    let record = sealing.from_store(key, &stored, None, place)?;
    Ok(record.filter(|_| is_own && (is_sealed || format == Some(FORMAT.into()))))
}

/// The same for a file of the first versions.
///
/// # Errors
///
/// As [`read`].
pub(super) fn read_former(key: &Key, text: &[u8]) -> Result<Record, RecordDefect> {
    let document: Value = serde_json::from_slice(text).map_err(|_| RecordDefect::Damaged)?;
    let record = Record::from_json(record(&document).as_bytes())?;
    if is_of(&document, key) { Ok(record) } else { Err(RecordDefect::Damaged) }
}

/// Whether a text is as it would be written now, sealed or not and with the same key. That of a later version never is.
pub(super) fn is_current(text: &[u8], sealing: &Sealing) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(text) else { return false };
    let format = document["format"].as_u64();
    if format != Some(SEALED.into()) {
        return sealing.is_none() && format == Some(FORMAT.into());
    }
    sealed(&document).is_some_and(|sealed| sealing.is_current(&sealed))
}

/// Grants do not say that they are.
fn kind(document: &Value) -> Option<KeyKind> {
    document.get("kind").map_or(Some(KeyKind::Grant), |kind| KeyKind::deserialize(kind).ok())
}

/// The JSON of the record. What is not there reads as null.
fn record(document: &Value) -> String {
    document["record"].to_string()
}

/// The bytes that are sealed.
fn sealed(document: &Value) -> Option<Vec<u8>> {
    document["sealed"].as_str().and_then(|sealed| STANDARD.decode(sealed).ok())
}

fn is_of(document: &Value, key: &Key) -> bool {
    let found = |name| document[name].as_str();
    found("profile") == Some(&key.profile) && found("server_url") == Some(&key.server_url)
}

/// What stands before the grant.
#[derive(Serialize)]
struct Head<'a> {
    format: u32,
    #[serde(flatten)]
    key: &'a Key,
}

/// The number of this format of files. Records have a number of their own.
const FORMAT: u32 = 2;

/// The same for a record that is sealed.
const SEALED: u32 = 3;

/// How much longer sealed bytes are, at most, with the longest name of a key: a seal of the host's own may add some too.
const OF_SEAL: usize = 1024;
