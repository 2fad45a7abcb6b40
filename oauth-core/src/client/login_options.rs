//! What a host wants of one login, and who may share it.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::flow::AuthorizationOptions;
use crate::wire::Prompt;

/// What one login is asked for beyond what the builder has set up: another account, other scopes, less time. Only the
/// login that is begun with them has them, and not one that comes later.
///
/// # Who shares a login
///
/// A login that is under way is shared only if it was asked for the same (the limit aside), and only with callers of the
/// same client. All others are waited for, in whichever process or thread, and then this one has a page of its own:
/// nobody gets an account that they did not ask for. Who asks for nothing in particular, as `login()` does, shares any
/// login; so do calls that need a token and wait.
///
/// ```
/// use std::time::Duration;
/// use oauth_core::client::LoginOptions;
///
/// // "Switch account", for a user who waits.
/// let options = LoginOptions::new().select_account().limit(Duration::from_secs(120));
/// // The account of a certain person, and no more than they need.
/// let options = LoginOptions::new().login_hint("ann@example.com")?.scope("files:read")?;
/// # Ok::<_, oauth_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginOptions {
    pub(super) request: AuthorizationOptions,
    pub(super) limit: Option<Duration>,
}

impl LoginOptions {
    /// Nothing in particular: the login of `login()`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The user chooses one of their accounts (`prompt=select_account`), also where the server would have taken the
    /// one that they are logged in with.
    #[must_use]
    pub fn select_account(self) -> Self {
        self.prompt(Prompt::SelectAccount)
    }

    /// What the user is asked, whatever the server knows of them: [`AuthorizationOptions::prompt`].
    #[must_use]
    pub fn prompt(self, prompt: Prompt) -> Self {
        Self { request: self.request.prompt(prompt), ..self }
    }

    /// Who is expected to log in. The server may ignore it: who did log in is not checked.
    ///
    /// # Errors
    ///
    /// As [`AuthorizationOptions::login_hint`].
    pub fn login_hint(self, hint: &str) -> Result<Self, crate::Error> {
        Ok(Self { request: self.request.login_hint(hint)?, ..self })
    }

    /// The scopes to ask for, separated by spaces, in place of all others: [`AuthorizationOptions::scope`]. A later
    /// login asks for what the server wants again; a call that lacks a scope leads to one, as ever.
    ///
    /// # Errors
    ///
    /// As [`AuthorizationOptions::scope`].
    pub fn scope(self, scope: &str) -> Result<Self, crate::Error> {
        Ok(Self { request: self.request.scope(scope)?, ..self })
    }

    /// Scopes to ask for in addition to all that is asked for otherwise: [`AuthorizationOptions::add_scope`].
    ///
    /// # Errors
    ///
    /// As [`AuthorizationOptions::add_scope`].
    pub fn add_scope(self, scope: &str) -> Result<Self, crate::Error> {
        Ok(Self { request: self.request.add_scope(scope)?, ..self })
    }

    /// How long this login may take, from the call to the redirect: the wait for other logins, discovery and
    /// registration, and the user at the page. It takes the place of the builder's `wait`, may be longer, and what is
    /// handed out expires then. What comes after the redirect is not cut short.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

/// The logins that ended here, as far as others may share what came of them.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<Logins>);

#[derive(Debug, Clone, Default)]
pub(super) struct Logins {
    ended: u64,
    finished: u64,
    last: AuthorizationOptions,
    last_finished: bool,
}

/// What came of a login that was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// Its tokens are there.
    Tokens,
    /// Its failure, if one has failed.
    Failure,
    /// Nothing: it was asked for something else.
    Nothing,
}

impl Ended {
    pub(super) fn now(&self) -> Logins {
        self.lock().clone()
    }

    pub(super) fn note(&self, asked: AuthorizationOptions, has_finished: bool) {
        let mut logins = self.lock();
        logins.ended += 1;
        logins.finished += u64::from(has_finished);
        (logins.last, logins.last_finished) = (asked, has_finished);
    }

    /// What a caller who waited since `before` shares. Who wants nothing in particular shares any login. Who does
    /// shares the last one, if that was asked for the same: the tokens of another may be another account's.
    pub(super) fn shared_since(&self, before: &Logins, wanted: &AuthorizationOptions) -> Shared {
        let now = self.lock();
        let is_same = now.last == *wanted && now.ended != before.ended;
        match wanted.is_empty() {
            true if now.finished != before.finished => Shared::Tokens,
            true => Shared::Failure,
            false if is_same && now.last_finished => Shared::Tokens,
            false if is_same => Shared::Failure,
            false => Shared::Nothing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Logins> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_shares_a_login_that_was_asked_for_something_else() {
        let any = AuthorizationOptions::new();
        let hint = |hint| AuthorizationOptions::new().login_hint(hint);
        let [ann, bob] = ["ann", "bob"].map(|it| hint(it).unwrap_or_else(|e| panic!("{e}")));
        for (ended, wanted, shared) in [
            (&[][..], &any, Shared::Failure),
            (&[], &ann, Shared::Nothing),
            (&[(&ann, true)], &any, Shared::Tokens),
            (&[(&ann, true)], &ann, Shared::Tokens),
            (&[(&ann, true)], &bob, Shared::Nothing),
            (&[(&any, true)], &ann, Shared::Nothing),
            (&[(&any, false)], &ann, Shared::Nothing),
            (&[(&ann, false)], &ann, Shared::Failure),
            (&[(&ann, false)], &bob, Shared::Nothing),
            (&[(&ann, true), (&bob, true)], &ann, Shared::Nothing),
            (&[(&bob, false), (&ann, true)], &ann, Shared::Tokens),
            (&[(&ann, true), (&bob, false)], &any, Shared::Tokens),
        ] {
            let logins = Ended::default();
            // What ended before counts for nobody.
            logins.note(ann.clone(), true);
            let before = logins.now();
            for (asked, has_finished) in ended {
                logins.note((*asked).clone(), *has_finished);
            }
            assert_eq!(logins.shared_since(&before, wanted), shared, "{ended:?} {wanted:?}");
        }
    }
}
