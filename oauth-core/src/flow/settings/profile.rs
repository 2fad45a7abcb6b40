//! What is known of providers, and how far a host wants it applied.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::flow::settings::Settings;
use crate::profile::Profile;
use crate::scope::Scopes;
use crate::tolerance::Tolerance;
use crate::wire::{Dialect, ServerMetadata};

impl Settings {
    /// What is known of the provider of an authorization server, unless the policy refuses that.
    pub(crate) fn profile_of(&self, server: &ServerMetadata) -> Option<&'static Profile> {
        let is_refused = !self.policy.tolerates.contains(Tolerance::ProviderProfile);
        if is_refused { None } else { Profile::of(server.issuer.as_str()) }
    }

    /// How requests to that server are written, if these scopes are asked for.
    pub(crate) fn dialect_with(
        &self,
        server: &ServerMetadata,
        requested: Option<&Scopes>,
    ) -> Option<Box<Dialect>> {
        Dialect::with_profile(self.dialect.as_deref(), self.profile_of(server), requested)
    }

    /// Reports that it is applied.
    pub(crate) fn report_profile(&self, server: &mut Arc<ServerMetadata>) {
        if self.profile_of(server).is_some() {
            Arc::make_mut(server).tolerated.insert(Tolerance::ProviderProfile);
        }
    }
}
