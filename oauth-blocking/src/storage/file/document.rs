//! The text of a file: its format, whose grant it is, and the grant.
//!
//! The format stands in front, and is counted up when the rest may be another. A record that is sealed has another
//! one, so that versions which cannot open it leave it alone: `sealed` stands in the place of `record`, in base64. Files
//! of the first versions have no format, nor an application.
//!
//! A text is gone through once for its members, and only those are read that are asked for: a list looks at all records
//! that there are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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
    Members::of(text)?.key()
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
    Members::of(text).map_or(Ok(None), |members| members.read(key, sealing, place))
}

/// The same for a file of the first versions.
///
/// # Errors
///
/// As [`read`].
pub(super) fn read_former(key: &Key, text: &[u8]) -> Result<Record, RecordDefect> {
    let members = Members::of(text).ok_or(RecordDefect::Damaged)?;
    let record = Record::from_json(members.record().as_bytes())?;
    if members.is_of(key) { Ok(record) } else { Err(RecordDefect::Damaged) }
}

/// Whether a text is as it would be written now, sealed or not and with the same key. That of a later version never is.
pub(super) fn is_current(text: &[u8], sealing: &Sealing) -> bool {
    let Some(members) = Members::of(text) else { return false };
    let format = members.format();
    if format != Some(SEALED.into()) {
        return sealing.is_none() && format == Some(FORMAT.into());
    }
    members.sealed().is_some_and(|sealed| sealing.is_current(&sealed))
}

/// Whether a text has a record that is sealed, by whichever key.
#[cfg(feature = "keyring")]
pub(super) fn is_sealed(text: &[u8]) -> bool {
    Members::of(text).is_some_and(|members| members.format() == Some(SEALED.into()))
}

/// The members of a text as they are written.
#[derive(Deserialize)]
pub(super) struct Members<'a> {
    #[serde(borrow)]
    format: Option<&'a RawValue>,
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    application: Option<&'a RawValue>,
    #[serde(borrow)]
    profile: Option<&'a RawValue>,
    #[serde(borrow)]
    server_url: Option<&'a RawValue>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    #[serde(borrow)]
    sealed: Option<&'a RawValue>,
}

impl<'a> Members<'a> {
    /// `None` if it is no object.
    pub(super) fn of(text: &'a [u8]) -> Option<Self> {
        // A list would be read as one, member by member.
        let is_object = text.trim_ascii_start().starts_with(b"{");
        is_object.then(|| serde_json::from_slice(text).ok())?
    }

    /// As [`key`].
    pub(super) fn key(&self) -> Option<Key> {
        Some(Key {
            kind: self.kind()?,
            application: member(self.application).unwrap_or_default(),
            profile: member(self.profile)?,
            server_url: member(self.server_url)?,
        })
    }

    /// As [`read`].
    pub(super) fn read(
        &self,
        key: &Key,
        sealing: &Sealing,
        place: &str,
    ) -> Result<Option<Record>, StorageError> {
        let format = self.format();
        if let Some(found) = format.filter(|found| *found > SEALED.into()) {
            let found = found.try_into().unwrap_or(u32::MAX);
            return Err(StorageError::Newer { place: place.into(), found });
        }
        let application: Option<String> = member(self.application);
        let is_own = application.as_deref() == Some(&key.application)
            && self.kind() == Some(key.kind)
            && self.is_of(key);
        let is_sealed = format == Some(SEALED.into());
        let record = match is_sealed {
            true => {
                let Some(sealed) = self.sealed() else { return Ok(None) };
                sealing.from_store(key, &sealed, None, place)?
            }
            false => sealing.from_store(key, self.record().as_bytes(), None, place)?,
        };
        Ok(record.filter(|_| is_own && (is_sealed || format == Some(FORMAT.into()))))
    }

    fn format(&self) -> Option<u64> {
        member(self.format)
    }

    /// Grants do not say that they are.
    fn kind(&self) -> Option<KeyKind> {
        self.kind.map_or(Some(KeyKind::Grant), |kind| member(Some(kind)))
    }

    /// The JSON of the record. What is not there reads as null.
    fn record(&self) -> &'a str {
        self.record.map_or("null", RawValue::get)
    }

    /// The bytes that are sealed.
    fn sealed(&self) -> Option<Vec<u8>> {
        STANDARD.decode(member::<String>(self.sealed)?).ok()
    }

    fn is_of(&self, key: &Key) -> bool {
        let is = |raw, text: &str| member::<String>(raw).is_some_and(|found| found == text);
        is(self.profile, &key.profile) && is(self.server_url, &key.server_url)
    }
}

/// What a member says, if it is of that kind.
fn member<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::grant("My editor", "work", "https://mcp.example.com/mcp")
    }

    fn read(text: &str) -> Result<Option<Record>, StorageError> {
        super::read(&key(), text.as_bytes(), &Sealing::default(), "place")
    }

    #[test]
    fn what_is_no_record_is_damaged() {
        for text in ["", "{", "9", "[9]", "[2, null]", "\"text\"", "{}", "null", r#"{"format":2}"#]
        {
            assert_eq!(read(text), Ok(None), "{text}");
            assert_eq!(super::key(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn of_a_later_version_nothing_but_its_number_is_read() {
        for text in [
            r#"{"format":4}"#,
            r#" {"more":[1e999],"format":4,"application":9,"kind":{},"record":7} "#,
        ] {
            assert!(matches!(read(text), Err(StorageError::Newer { found: 4, .. })), "{text}");
        }
    }

    #[test]
    fn whose_it_is_stands_in_front_of_the_record() {
        let text = |kind: &str| {
            let key = r#""profile":"wor\u006b","server_url":"https://mcp.example.com/mcp""#;
            format!(r#"{{"format":2,{kind}"application":"My editor",{key},"record":null}}"#)
        };
        assert_eq!(super::key(text("").as_bytes()), Some(key()));
        let client = Key { kind: KeyKind::Client, ..key() };
        assert_eq!(super::key(text(r#""kind":"client","#).as_bytes()), Some(client));
        assert_eq!(super::key(text(r#""kind":"another","#).as_bytes()), None);
    }
}
