//! What is left of a run, and whether it is what must have happened.

use oauth_blocking::{
    FileTokenStorage, GrantQuery, Leases as _, Loaded, Lock, Records as _, UserAgentError,
};
use oauth_tests::files;

use crate::Run;
use crate::history::History;
use crate::tokio_common::common::{
    APPLICATION, builder, key, logins, refreshes, registrations, visitor_who,
};

impl Run {
    pub(crate) fn judge(&self) {
        if let Some(windows) = &self.course.windows {
            println!("{windows}, {} calls failed meanwhile, {} logins", self.failed, self.logins);
            assert!(self.failed > 0, "the windows are none");
        }
        let history = History::of(&self.served.world());
        assert_eq!(self.served.world().reuses, u32::try_from(history.reused.len()).unwrap());
        let [refreshed, ended, logged_in] = self.generations.judge(&history);
        let lost =
            self.generations.judge_losses(&self.lost, &history, self.course.windows.is_some());
        assert_eq!(history.refreshes(), refreshed + lost);
        let killed_at_login = self.lost.iter().filter(|(held, _)| held.lock == "Login").count();
        assert!(self.logins - logged_in <= killed_at_login);
        println!(
            "seed {}: {refreshed} refreshed, {ended} ended, {logged_in} of {} logged in, {} killed, \
             {lost} lost, {} reused, {:?}",
            self.seed,
            self.logins,
            self.started - self.course.callers,
            history.reused.len(),
            self.begun.elapsed()
        );
    }

    /// The record is whole, nothing is locked or left over, and a new client goes on at once.
    pub(crate) fn go_on_alone(&self) {
        let store = FileTokenStorage::in_dir(self.store.directory());
        let key = key(&self.served);
        assert!(matches!(store.load(&key), Ok(Loaded::Record(_))));
        for lock in [Lock::Refresh, Lock::Login] {
            assert!(store.try_lock(&key, lock).unwrap().is_some());
        }
        let before = refreshes(&self.served);
        let nobody = visitor_who(|_| Err(UserAgentError::Cancelled));
        let oauth = builder(&self.served, &store).user_agent(nobody).build().unwrap();
        assert!(oauth.refresh_token().unwrap().is_some());
        assert!(refreshes(&self.served) > before);
        let grants = store.list_all(&GrantQuery::new(APPLICATION)).unwrap();
        assert!(matches!(&grants[..], [grant] if grant.key == key && grant.has_refresh_token));
        // Whoever was killed has left its locks at most, until the next save of another process.
        for path in files::below(store.directory()) {
            let end = path.extension().unwrap();
            assert!(["json", "lock"].iter().any(|known| end == *known), "{path:?}");
        }
        assert_eq!(self.served.world().violations, [""; 0]);
        assert_eq!((registrations(&self.served), logins(&self.served)), (1, 1 + self.logins));
    }
}
