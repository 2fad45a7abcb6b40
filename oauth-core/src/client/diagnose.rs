//! A look ahead at a login.

use alloc::string::ToString as _;
use alloc::sync::Arc;

use crate::client::addresses::forbidden;
use crate::client::host::Host;
use crate::client::obstacle::silence;
use crate::client::shared::{Client, Outcome};
use crate::client::trace::{self, Work};
use crate::flow::{Diagnosis, Login, RedirectUri};
use crate::session::Forecast;

impl<H: Host> Client<H> {
    /// Finds out what the user will experience, and what a first login would do, without logging in: nothing is
    /// registered, nobody is sent anywhere, and the store is only read. Without a user: which requests for a token would
    /// be made, and none is. All requests together take as long as
    /// [`Limits::discovery`](super::Limits) at most.
    ///
    /// # Errors
    ///
    /// There is no randomness. Why a login could not begin is in the diagnosis.
    pub async fn diagnose(&self) -> Outcome<Forecast, H> {
        let status = self.status().await.map_err(|error| error.to_string().into());
        let deadline = self.deadline_after(self.limits.discovery);
        let probe = self.probe_within(self.left(deadline)).await;
        let settings = Arc::clone(&self.settings);
        let login = match settings.grant_kind().has_user() {
            true => {
                let (redirect_uri, entropy) = (RedirectUri::parse(NOWHERE)?, self.entropy()?);
                Login::new(settings, redirect_uri, entropy, self.now())
            }
            false => Login::without_user(settings, self.now())?,
        };
        let mut diagnosis = Diagnosis::new(login, &probe);
        while let Some((request, reply)) = diagnosis.step() {
            match self.send(&request, self.left(deadline)).await {
                Ok(response) => reply.response(&response, self.now()),
                Err(error) => match forbidden(error.as_ref()) {
                    Some(address) => reply.forbidden(address),
                    None => reply.unanswered(silence(error.as_ref())),
                },
            }
        }
        let said = async { trace::steps(&diagnosis.timeline()) };
        self.span(Work::Diagnose).around(said).await;
        Ok(Forecast::new(&self.key.server_url, status, diagnosis))
    }
}

/// Where nobody will come back to.
const NOWHERE: &str = "http://127.0.0.1/callback";
