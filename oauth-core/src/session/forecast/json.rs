//! A forecast for programs.

use alloc::string::String;
use alloc::string::ToString as _;

use serde::ser::{Serialize, Serializer};

use super::Forecast;
use crate::error::Error;
use crate::flow::{GrantKind, LoginPlan, ScopeSource};
use crate::scope::Scopes;
use crate::session::status::Status;
use crate::timeline::Timeline;
use crate::tolerance::Tolerances;
use crate::url::HttpUrl;
use crate::wire::{Provenance, RegistrationKind};

/// An object: `server`; `status`, as the store has it, or `store_error` if it cannot tell; `status_without_login`, the status with
/// which the server answers who has no token, if it asks for no login; `login`, what one would do, or `error`, why none
/// can begin; and the steps of the `timeline`. There is no secret in it.
impl Serialize for Forecast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let login_plan = self.diagnosis.login_plan();
        let whole = Whole {
            server: &self.server,
            status: self.status().ok(),
            store_error: self.status().err(),
            status_without_login: self.diagnosis.status_without_login(),
            login: login_plan.as_ref().ok().map(Login::of),
            error: login_plan.as_ref().err().map(Trouble::of),
            timeline: self.diagnosis.timeline(),
        };
        whole.serialize(serializer)
    }
}

#[derive(serde::Serialize)]
struct Whole<'a> {
    server: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_without_login: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<Login<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Trouble<'a>>,
    timeline: Timeline,
}

#[derive(serde::Serialize)]
struct Login<'a> {
    grant: GrantKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_is_listed: Option<bool>,
    issuer: &'a str,
    provenance: Provenance,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    client: RegistrationKind,
    authentication: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<&'a str>,
    resource: &'a str,
    scopes: Option<&'a Scopes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_from: Option<ScopeSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed_to: Option<&'a str>,
    is_bound: bool,
    can_revoke: bool,
    tolerated: Tolerances,
}

impl<'a> Login<'a> {
    fn of(login_plan: &LoginPlan<'a>) -> Self {
        let LoginPlan { server, client, resource, requested, requested_by, profile, .. } =
            *login_plan;
        Self {
            grant: login_plan.grant,
            grant_is_listed: login_plan.is_listed(),
            issuer: server.issuer.as_str(),
            provenance: server.provenance,
            provider: profile,
            client,
            authentication: login_plan.authentication.as_str(),
            identity_provider: login_plan.identity_provider.map(HttpUrl::without_query),
            resource,
            scopes: requested,
            scopes_from: requested_by,
            pushed_to: login_plan.pushed_to.map(HttpUrl::without_query),
            is_bound: login_plan.is_bound,
            can_revoke: server.revocation_endpoint.is_some(),
            tolerated: server.tolerated,
        }
    }
}

#[derive(serde::Serialize)]
struct Trouble<'a> {
    code: &'a str,
    message: String,
    actor: String,
    advice: &'a str,
    retryable: bool,
}

impl<'a> Trouble<'a> {
    fn of(error: &'a Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            actor: error.actor().to_string(),
            advice: error.advice(),
            retryable: error.is_retryable(),
        }
    }
}
