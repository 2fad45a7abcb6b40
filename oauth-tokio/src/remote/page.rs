//! Pages of a list, in the order of ids.

use oauth_core::client::{Cursor, GrantPage, GrantQuery, StorageError, StoredGrant};

use crate::remote::row::{self, Found, Rows};

/// The id after which a page begins; empty for the first one.
///
/// # Errors
///
/// The cursor is of another store.
pub(crate) fn after(query: &GrantQuery) -> Result<Vec<u8>, StorageError> {
    query.cursor().map_or(Ok(Vec::new()), |cursor| {
        id(cursor.as_str())
            .map(Vec::from)
            .ok_or_else(|| StorageError::refused("the list goes on at a cursor of another store"))
    })
}

/// How many ids are looked at for a page.
pub(crate) fn length(query: &GrantQuery) -> usize {
    query.page_length().min(LONGEST)
}

/// The grants among what was found; the list goes on after `last`.
///
/// # Errors
///
/// [`StorageError::Sealed`]: whoever has no key would see an empty list.
pub(crate) fn page(
    store: &impl Rows,
    found: &[Found],
    last: Option<&[u8]>,
) -> Result<GrantPage, StorageError> {
    let mut page = GrantPage::default();
    for found in found {
        let Some(key) = found.own_key().filter(|key| key.kind.is_grant()) else { continue };
        let read = row::read(store.sealing(), key, found.numbers(), &found.body, &store.place(key));
        let record = match read {
            Err(error @ StorageError::Sealed { .. }) => return Err(error),
            record => record.ok().flatten(),
        };
        page.grants.extend(record.and_then(|record| StoredGrant::new(key, &record)));
    }
    page.next = last.map(|id| Cursor::new(hex(id)));
    Ok(page)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`hex`] has written of an id.
pub(crate) fn id(digits: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes = bytes.collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())?;
    bytes.try_into().ok()
}

/// However many are asked for, records come with what is listed.
const LONGEST: usize = 1000;
