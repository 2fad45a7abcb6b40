//! All clauses, in one table, and how they are tried.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::pin::Pin;

use crate::client::storage_contract::bench::Bench;
use crate::client::storage_contract::clauses::{
    damage, deletes, durable, keys, leases, list, locks, logins, races, records, reserve, tokens,
};
use crate::client::storage_contract::finding::Kept;
use crate::client::storage_contract::report::{Checked, Clause, Report, Verdict};
use crate::client::storage_contract::stage::Stage;

/// Tries all clauses, one after the other. One that is broken keeps no other from being tried.
pub async fn check<S: Stage>(stage: &S) -> Report {
    let mut checked = Vec::new();
    for clause in CLAUSES {
        checked.push(tried(stage, *clause).await);
    }
    Report { checked }
}

/// Tries the clause of this name alone; `None` if there is none.
pub async fn check_clause<S: Stage>(stage: &S, name: &str) -> Option<Checked> {
    let clause = CLAUSES.iter().find(|clause| clause.name == name)?;
    Some(tried(stage, *clause).await)
}

async fn tried<S: Stage>(stage: &S, clause: Clause) -> Checked {
    let bench = Bench { stage, application: clause.name };
    let verdict = function(&bench).await.map_or_else(Verdict::from, |()| Verdict::Kept);
    Checked { clause, verdict }
}

/// One function for each clause: its file, its name and what it says.
macro_rules! clauses {
    ($($file:ident::$name:ident $says:literal)+) => {
        /// All clauses, in the order in which they are tried.
        pub const CLAUSES: &[Clause] =
            &[$(Clause { name: stringify!($name), says: $says }),+];

        /// The clause that has this bench.
        fn function<'b, S: Stage>(
            bench: &'b Bench<'_, S>,
        ) -> Pin<Box<dyn Future<Output = Kept> + Send + 'b>> {
            match bench.application {
                $(stringify!($name) => Box::pin($file::$name(bench)),)+
                _ => Box::pin(async { Ok(()) }),
            }
        }
    };
}

clauses! {
    records::nothing_is_there_at_first
        "What was never saved is not there, and can be neither replaced nor deleted."
    records::what_is_saved_is_loaded
        "A record is there as it was saved, and so is the one that replaces it."
    records::others_see_it_at_once
        "What one has saved or deleted, all others find with their next call."
    records::a_conflict_changes_nothing
        "A save over another generation than the stored one changes nothing, and says which one is stored."
    records::a_repeated_save_meets_itself
        "Who saves again because no answer came is told the generation of their own record."
    records::generations_are_exact
        "Generations up to 2^53 are told from their neighbours."
    records::long_records_are_kept
        "A record of 300 KiB is kept."
    records::any_content_is_kept
        "Whatever a server has put into an answer is kept, and so is a record without tokens."
    records::a_dropped_save_is_done_or_not
        "A save that is dropped before it is done has saved the record as a whole, or nothing."
    keys::any_text_is_a_key
        "Profiles and URLs are any texts, of any length."
    keys::spellings_are_told_apart
        "Profiles and URLs that are written differently, if only in case, accents, slashes or blanks, are others."
    keys::parts_are_told_apart
        "Application, profile and URL do not run into each other."
    keys::kinds_are_told_apart
        "Keys of different kinds are others."
    keys::applications_are_told_apart
        "Applications do not find each other's records."
    deletes::only_what_is_expected_is_deleted
        "A delete of another generation than the stored one changes nothing, and says which one is stored."
    deletes::what_was_deleted_can_be_saved_anew
        "After a delete a record can be saved over nothing; a late save or delete does nothing to it."
    deletes::erase_deletes_whatever_is_there
        "A key is empty after it was erased, and may have been before."
    races::one_of_many_first_saves_is_done
        "Of many saves over nothing at once one is done; its record is there, and all others are told so."
    races::one_of_many_saves_is_done
        "Of many saves over one generation at once one is done; its record is there, and all others are told so."
    races::one_of_many_changes_is_done
        "Of many saves and deletes of one generation at once one is done."
    races::one_of_many_takes_a_lock
        "Of many who take a lock at once one has it."
    locks::a_lock_has_one_holder
        "Nobody has a lock that another holds, through the same handle or another."
    locks::locks_of_a_key_are_independent
        "The locks of a key are taken and released independently."
    locks::locks_of_keys_are_independent
        "Keys that are written differently have other locks."
    locks::a_released_lock_is_free
        "A lock is free as soon as it was released."
    locks::a_dropped_lock_becomes_free
        "A lock whose lease is dropped becomes free within five seconds, or when the lease ends."
    locks::a_held_lock_is_extended
        "Who holds a lock can extend it, and holds it then."
    locks::held_is_said_of_what_is_held
        "A lock that somebody holds is said to be held; others are not."
    locks::a_dropped_call_keeps_no_lock
        "Who drops the call that takes a lock does not keep it for longer than a lease lasts."
    leases::a_lease_lasts
        "A lease lasts for LEASE_LENGTH."
    leases::a_lease_ends
        "A lease that was not extended ends, and then another has the lock."
    leases::an_extended_lease_begins_anew
        "A lease that is extended lasts as long as a new one."
    leases::a_lost_lease_cannot_be_extended
        "Who has lost a lock is told so when they extend it, also if nobody else has taken it."
    leases::a_lost_lease_frees_nothing
        "Who releases or drops a lease that they have lost does not free the lock of who has it now."
    reserve::the_holder_reserves
        "Who holds the lock of the stored generation may spend its token, and still holds the lock."
    reserve::another_generation_is_not_reserved
        "Nobody may spend the token of another generation than the stored one."
    reserve::a_lost_lease_reserves_nothing
        "Who has lost the lock may not spend."
    reserve::a_reserved_lease_begins_anew
        "A lease lasts as long as a new one after a token was reserved for spending."
    list::pages_hold_everything_once
        "All grants are on the pages of a list once, however long these are, and no page is too long."
    list::pages_survive_changes
        "A grant that stays is listed once, whatever is deleted or added between two pages."
    list::a_profile_is_listed_alone
        "A list of one profile has all of its grants, and no others."
    list::an_application_is_listed_alone
        "A list has no grants of other applications."
    list::only_grants_are_listed
        "What has no tokens, as the client that profiles share, is not listed."
    list::a_list_has_no_secrets
        "No token and no client secret is in a list, nor in a cursor."
    tokens::tokens_are_those_of_the_default_profile
        "Tokens that a program brings are stored in the default profile, whatever is there, and deleted there."
    damage::what_is_damaged_is_set_aside
        "A damaged record is said to be one, is not listed, and leaves its key free."
    damage::what_is_newer_is_left_alone
        "A record of a later version is neither replaced nor deleted, and said to be one."
    logins::a_login_is_taken_once
        "A login that waits is given out as it was put, to whoever asks first, and to nobody after them."
    logins::one_of_many_takes_a_login
        "Of many who take a login at once one is given it."
    logins::logins_are_told_apart
        "A login is given out under its own id only."
    logins::a_login_ends
        "A login is given out until its end has come, and not after it."
    durable::a_store_that_is_opened_again_holds_everything
        "What was acknowledged is there when all handles are gone and the store is opened again."
    durable::a_store_that_was_killed_holds_everything
        "What was acknowledged is there after a loss of power."
    logins::a_store_that_was_killed_keeps_logins
        "After a loss of power a login that waits is there, and one that was taken is not."
}
