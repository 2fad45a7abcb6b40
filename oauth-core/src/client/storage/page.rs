//! Lists of grants, page by page: a gateway has tens of thousands.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use crate::client::storage::StoredGrant;
use crate::session::Key;

/// Which grants are [listed](super::Records::list): a program's, all of them or those of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantQuery {
    application: Box<str>,
    profile: Option<Box<str>>,
    after: Option<Cursor>,
    limit: usize,
}

impl GrantQuery {
    /// Those of a program, by its name.
    #[must_use]
    pub fn new(application: &str) -> Self {
        Self { application: application.into(), profile: None, after: None, limit: PAGE }
    }

    /// Only those of this profile.
    #[must_use]
    pub fn profile(self, profile: &str) -> Self {
        Self { profile: Some(profile.into()), ..self }
    }

    /// The page that follows another one.
    #[must_use]
    pub fn after(self, cursor: Cursor) -> Self {
        Self { after: Some(cursor), ..self }
    }

    /// At most so many on a page; 1,000 if nothing is said, and never none.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit: limit.max(1), ..self }
    }

    /// The program's name.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The profile, if only one is asked for.
    #[must_use]
    pub fn of_profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// Where the page before has ended.
    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    /// How many there may be on the page.
    #[must_use]
    pub fn page_length(&self) -> usize {
        self.limit
    }

    /// Whether a grant under this key is asked for, and comes after the page before, if the store's order is that of
    /// [ids](Key::id).
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        let is_after = |after: &Cursor| *key.id().to_string() > *after.0;
        key.application == self.application
            && self.profile.as_ref().is_none_or(|profile| key.profile == *profile)
            && self.after.as_ref().is_none_or(is_after)
    }

    /// The page, of all grants that [match](Self::matches) or at least the first ones of them, in the order of their ids.
    #[must_use]
    pub fn page(&self, mut grants: Vec<StoredGrant>) -> GrantPage {
        grants.sort_by_cached_key(|grant| grant.key.id());
        self.page_in_order(grants)
    }

    /// The same of grants that are in the order of their ids already.
    #[must_use]
    pub fn page_in_order(&self, mut grants: Vec<StoredGrant>) -> GrantPage {
        let is_last = grants.len() <= self.limit;
        grants.truncate(self.limit);
        let last = grants.last().filter(|_| !is_last);
        let next = last.map(|grant| Cursor::new(grant.key.id().to_string()));
        GrantPage { grants, next }
    }
}

/// Some of the grants, and where the next ones begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrantPage {
    /// The grants, without secrets.
    pub grants: Vec<StoredGrant>,
    /// Where the next page begins; `None` if this is the last one. There may be none on the next page.
    pub next: Option<Cursor>,
}

/// A place in a list, between two pages: a text of the store's, for the store alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(Box<str>);

impl Cursor {
    /// A place with this name. What was listed once may be deleted or added meanwhile, so it is no number.
    #[must_use]
    pub fn new(place: impl Into<Box<str>>) -> Self {
        Self(place.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({:?})", self.0)
    }
}

/// How many grants are on a page: some hundred kilobytes.
const PAGE: usize = 1000;
