//! What is in a row: the numbers of kinds and locks, and the record.

use oauth_core::client::StorageError;
use oauth_core::seal::{Envelope, Sealing};
use oauth_core::session::{Key, KeyKind, Lock, Record};

use crate::postgres::error::StatementError;
use crate::postgres::statement::Row;

/// The number of this format of rows: the record as JSON, plain or sealed. It is counted up when what is in `body` may be
/// another, the format of records included: statements compare it, so that nothing newer is replaced.
pub(super) const FORMAT: i64 = 1;

/// What is listed.
pub(super) const GRANT_KINDS: [KeyKind; 2] = [KeyKind::Grant, KeyKind::Machine];

/// What is stored.
pub(super) const ALL_KINDS: [KeyKind; 4] =
    [KeyKind::Grant, KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer];

/// These numbers never change.
pub(super) fn kind(kind: KeyKind) -> i64 {
    match kind {
        KeyKind::Grant => 1,
        KeyKind::Machine => 2,
        KeyKind::Client => 3,
        KeyKind::ClientIssuer => 4,
    }
}

pub(super) fn lock(lock: Lock) -> i64 {
    match lock {
        Lock::Refresh => 1,
        Lock::Login => 2,
        Lock::Client => 3,
    }
}

/// Reads `body`, which is that of a record with this generation; `None` if it is damaged. A record of another
/// generation is damage: nobody could replace it.
///
/// # Errors
///
/// [`StorageError::Newer`] and [`StorageError::Sealed`]: it stays where it is.
pub(super) fn read(
    sealing: &Sealing,
    key: &Key,
    (format, generation): (i64, i64),
    body: &[u8],
    place: &str,
) -> Result<Option<Record>, StorageError> {
    if format > FORMAT {
        let found = format.try_into().unwrap_or(u32::MAX);
        return Err(StorageError::Newer { place: place.into(), found });
    }
    let Ok(generation) = u64::try_from(generation) else { return Ok(None) };
    let record = sealing.from_store(key, body, Some(generation), place)?;
    Ok(record.filter(|_| format == FORMAT))
}

/// The id of the key that a body is sealed with, if it is: for people and their tools. What counts is what stands in the
/// body.
pub(super) fn key_id(body: &[u8]) -> &str {
    Envelope::parse(body).map_or("", |sealed| sealed.key_id())
}

/// The key in four columns, from this one on: `None` if it is no text, or none of these kinds.
pub(super) fn key(
    row: &Row,
    first: usize,
    kinds: &[KeyKind],
) -> Result<Option<Key>, StatementError> {
    let text = |bytes| std::str::from_utf8(bytes).ok().map(Box::from);
    let found = row.number(first)?;
    let kind = kinds.iter().copied().find(|it| kind(*it) == found);
    let parts = (
        kind,
        text(row.bytes(first + 1)?),
        text(row.bytes(first + 2)?),
        text(row.bytes(first + 3)?),
    );
    let (Some(kind), Some(application), Some(profile), Some(server_url)) = parts else {
        return Ok(None);
    };
    Ok(Some(Key { kind, application, profile, server_url }))
}

/// Those of records are less than 2⁵³. None is stored under what does not fit.
pub(super) fn number(generation: u64) -> i64 {
    generation.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use oauth_core::session::RecordDefect;

    use super::*;

    /// Otherwise a statement could replace a record that this version cannot read.
    #[test]
    fn the_format_is_counted_up_with_that_of_records() {
        let of = |format: i64| format!("{{\"format\":{format}}}");
        assert_eq!(Record::from_json(of(FORMAT).as_bytes()), Err(RecordDefect::Damaged));
        let found = (FORMAT + 1).try_into().expect("small");
        let newer = Err(RecordDefect::Format { found });
        assert_eq!(Record::from_json(of(FORMAT + 1).as_bytes()), newer);
        let key = Key::grant("", "", "");
        let read = |format| read(&Sealing::none(), &key, (format, 1), b"{}", "row");
        assert_eq!(read(FORMAT + 1), Err(StorageError::Newer { place: "row".into(), found }));
        assert_eq!(read(FORMAT), Ok(None));
    }
}
