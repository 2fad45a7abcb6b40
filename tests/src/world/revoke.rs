//! The revocation endpoint (RFC 7009).

use http::{Request, Response};

use super::answer::Refused;
use super::places::Server;
use super::{World, answer};

impl World {
    pub(super) fn revoke(
        &mut self,
        server: Server,
        request: &Request<Vec<u8>>,
    ) -> Response<Vec<u8>> {
        if !self.knobs.revocation {
            return answer::text(404, "no revocation here");
        }
        let fault = self.knobs.revocation_damage.take(self.party_of(server));
        self.through(fault, |world| match world.revoke_token(server, request) {
            Ok(()) => answer::text(200, ""),
            Err(refusal) => *refusal,
        })
    }

    /// Revokes a token; one that is unknown counts as revoked (RFC 7009 §2.2).
    fn revoke_token(&mut self, server: Server, request: &Request<Vec<u8>>) -> Result<(), Refused> {
        let sent = self.posted_form(request)?;
        let client = self.authenticate(server, &sent, request)?;
        let Some(value) = sent.get("token") else {
            return Err(self.refuse("invalid_request", "revocation without token"));
        };
        let refresh = self.grants.refresh(value).map(|token| token.grant);
        let access = self.grants.access(value).map(|token| token.grant);
        let Some(grant) = refresh.or(access) else {
            return Ok(());
        };
        let granted = self.grants.get(grant);
        if granted.server != server || granted.client_id != client.id {
            return Err(self.refuse("invalid_grant", "revocation of a token of another client"));
        }
        match refresh {
            Some(grant) => self.grants.kill(grant),
            None if !self.knobs.revokes_access_tokens => {
                let (code, why) = ("unsupported_token_type", "access tokens are not looked up");
                self.remark(why);
                return Err(answer::oauth_error(400, code, why).into());
            }
            None => self.grants.revoke_one(value),
        }
        Ok(())
    }
}
