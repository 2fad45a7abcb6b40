//! Writes `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1).

use http::{Response, header};

use super::{Challenge, ResourceDpop, StepUpChallenge, World, answer};

impl World {
    /// Adds the challenge of a 401, or of another status that stands for one.
    pub(super) fn challenge(&self, response: &mut Response<Vec<u8>>, error: Option<&str>) {
        self.challenge_as(response, error, false);
    }

    /// The same to a request that had the scheme `DPoP`, or not.
    pub(super) fn challenge_as(
        &self,
        response: &mut Response<Vec<u8>>,
        error: Option<&str>,
        dpop: bool,
    ) {
        let mut pairs = Vec::new();
        if let Some(error) = error {
            pairs.push(("error", error.to_owned()));
            pairs.push(("error_description", "The token is \\\"no\\\" good".to_owned()));
        }
        if let Some(scope) = &self.knobs.challenge_scope {
            pairs.push(("scope", scope.clone()));
        }
        let url = self.challenge_url();
        let lines = match self.knobs.challenge {
            Challenge::Bare => Vec::new(),
            Challenge::WithoutUrl => vec![line("Bearer", &pairs)],
            Challenge::Full | Challenge::Dpop | Challenge::RepeatedUrl => {
                let twice = self.knobs.challenge == Challenge::RepeatedUrl;
                let dpop = dpop
                    || self.knobs.challenge == Challenge::Dpop
                    || self.knobs.resource_dpop == ResourceDpop::Required;
                if let Some(url) = url {
                    pairs.extend(vec![("resource_metadata", url); if twice { 2 } else { 1 }]);
                }
                vec![if dpop { self.dpop_line(pairs) } else { line("Bearer", &pairs) }]
            }
            Challenge::BearerAndDpop => {
                let said = |scheme_is_dpop: bool| {
                    let mut pairs = pairs.clone();
                    pairs.retain(|(name, _)| scheme_is_dpop == dpop || !name.starts_with("error"));
                    pairs.extend(url.clone().map(|url| ("resource_metadata", url)));
                    pairs
                };
                vec![line("Bearer", &said(false)), self.dpop_line(said(true))]
            }
            Challenge::AmongOthers => among_others(&pairs, url.as_deref()),
        };
        for line in lines {
            answer::set(response, header::WWW_AUTHENTICATE, &line);
        }
    }

    /// The 403 of a step-up, whose challenge does not depend on that of the 401.
    pub(super) fn step_up(&mut self, scope: &str, dpop: bool) -> Response<Vec<u8>> {
        self.step_ups += 1;
        let form = self.knobs.step_up_challenge;
        let mut pairs = Vec::new();
        if form != StepUpChallenge::WithoutError {
            pairs.push(("error", "insufficient_scope".to_owned()));
        }
        if form != StepUpChallenge::WithoutScope {
            pairs.push(("scope", scope.to_owned()));
        }
        if form != StepUpChallenge::WithoutUrl {
            pairs.extend(self.challenge_url().map(|url| ("resource_metadata", url)));
        }
        let mut response = answer::text(403, "more scope is needed");
        let line = if dpop { self.dpop_line(pairs) } else { line("Bearer", &pairs) };
        answer::set(&mut response, header::WWW_AUTHENTICATE, &line);
        self.remark(format!("the token lacks {scope}"));
        response
    }

    /// RFC 9449 §7.1.
    fn dpop_line(&self, mut pairs: Vec<(&str, String)>) -> String {
        if self.knobs.resource_dpop != ResourceDpop::Unknown {
            pairs.push(("algs", self.knobs.dpop_algs.join(" ")));
        }
        line("DPoP", &pairs)
    }

    fn challenge_url(&self) -> Option<String> {
        self.knobs.challenge_url.clone().or_else(|| self.prm_url())
    }
}

fn line(scheme: &str, pairs: &[(&str, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    if pairs.is_empty() { format!("{scheme} realm=\"mcp\"") } else { line_of(scheme, &pairs) }
}

fn line_of(scheme: &str, pairs: &[String]) -> String {
    format!("{scheme} {}", pairs.join(", "))
}

/// All that RFC 9110 §11.6.1 allows, around one challenge that means the same as a plain one.
fn among_others(pairs: &[(&str, String)], url: Option<&str>) -> Vec<String> {
    let mut bearer = vec!["realm = \"the \\\"mcp\\\", Bearer scope=no\"".to_owned()];
    bearer.extend(pairs.iter().map(|(name, value)| format!("{} =\t\"{value}\"", upper(name))));
    bearer.push("x_scope=\"trap\"".into());
    bearer.push("x_resource_metadata=\"https://evil.example.com/metadata\"".into());
    bearer.extend(url.map(|url| format!("resource_metadata= \"{url}\"")));
    let mut lines = vec![
        "Negotiate YWJjZA==, , Basic realm=\"a, \\\"quoted\\\" realm\", charset=\"UTF-8\"".into(),
        format!("NTLM,bEaReR {}", bearer.join(" ,")),
    ];
    lines.extend(url.map(|url| format!("DPoP algs=\"ES256\", resource_metadata=\"{url}\"")));
    lines
}

fn upper(name: &str) -> String {
    name[..1].to_uppercase() + &name[1..]
}
