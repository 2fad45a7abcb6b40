//! Lists of the store on trial.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::client::storage::{
    Cursor, GrantPage, GrantQuery, Records as _, StorageError, StoredGrant,
};
use crate::client::storage_contract::sample::record;
use crate::client::storage_contract::tests::fault::Fault;
use crate::client::storage_contract::tests::store::{Store, locked};

impl Store {
    pub(super) fn page(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        let limit = query.page_length();
        let mut asked = query.clone();
        let mut all = self.all(query)?;
        let unreadable = locked(&self.shared.put);
        all.retain(|grant| !unreadable.contains_key(&grant.key));
        if self.is(Fault::CountsCursors) {
            let begin = query.cursor().map_or(0, |it| it.as_str().parse().unwrap_or(0));
            all.sort_by_key(|grant| grant.key.id());
            let rest = all.len().saturating_sub(begin + limit);
            let grants: Vec<_> = all.into_iter().skip(begin).take(limit).collect();
            let next = (rest > 0).then(|| Cursor::new((begin + limit).to_string()));
            return Ok(GrantPage { grants, next });
        }
        // Not all of what the query asks for: some faults are that more is listed.
        if let Some(cursor) = query.cursor() {
            all.retain(|grant| *grant.key.id().to_string() > *cursor.as_str());
        }
        if self.is(Fault::PagesAreTooLong) {
            asked = asked.limit(limit.saturating_add(1));
        }
        let mut page = asked.page(all);
        match self.shared.fault {
            Fault::ForgetsTheLastOfAPage if page.next.is_some() => drop(page.grants.pop()),
            Fault::RepeatsOneOfAPage if page.next.is_some() && limit > 1 => {
                page.grants.pop();
                page.next = page.grants.last().map(|it| Cursor::new(it.key.id().to_string()));
                page.grants.truncate(1);
                page.grants.push(page.grants[0].clone());
            }
            Fault::ListHasNoEnd => page.next = page.next.or(Some(Cursor::new(""))),
            Fault::CursorIsAToken if page.next.is_some() => {
                let record = record("a", 0).expect("a sample");
                let token = record.tokens().expect("it has tokens").access_token.token();
                let next = page.next.map_or_else(String::new, |it| it.as_str().into());
                page.next = Some(Cursor::new(next + token));
            }
            _ => {}
        }
        Ok(page)
    }

    fn all(&self, query: &GrantQuery) -> Result<Vec<StoredGrant>, StorageError> {
        let asked = query.application();
        let own = if self.is(Fault::IgnoresApplications) { "" } else { asked };
        let mut all = self.shared.memory.list_all(&GrantQuery::new(own))?;
        if self.is(Fault::ListsAllApplications) {
            let another = asked.to_string() + "work";
            all.extend(self.shared.memory.list_all(&GrantQuery::new(&another))?);
        }
        all.sort_by_key(|grant| grant.key.id());
        all.dedup();
        if let Some(profile) = query.of_profile() {
            all.retain(|grant| match self.shared.fault {
                Fault::ListsProfilesLikeIt => like(profile, &grant.key.profile),
                _ => *grant.key.profile == *profile,
            });
        }
        if self.is(Fault::ListsWithoutTokens)
            && let Some(grant) = all.first()
        {
            let mut client = grant.clone();
            client.key.kind = crate::session::KeyKind::Client;
            all.push(client);
        }
        Ok(all)
    }
}

/// As databases compare texts in a `like`.
fn like(pattern: &str, text: &str) -> bool {
    pattern == text || pattern.strip_suffix('%').is_some_and(|begin| text.starts_with(begin))
}
