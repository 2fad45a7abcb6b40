//! What is known of providers by their issuers: data, in one table.
//!
//! A profile says what no document of the provider says, and what its users would have to find out. It is
//! applied to logins at issuers that match it, unless a policy refuses
//! [`Tolerance::ProviderProfile`](crate::Tolerance::ProviderProfile); what the host has set up itself wins over
//! it. Which answers can be read depends on no issuer, and stands nowhere here.

use crate::scope::Scopes;
use crate::url::{Canonical, HttpAllowance, HttpUrl};

/// What is known of one provider.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Its name where it is written down; it never changes.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) display_name: &'static str,
    issuers: &'static [Pattern],
    /// What authorization requests say beyond the specifications.
    pub(crate) authorization: &'static [(&'static str, &'static str)],
    pub(crate) prompt: Prompt,
    pub(crate) resource: Resource,
    pub(crate) refresh_tokens: RefreshTokens,
    /// It supports S256, and its metadata does not say so.
    pub(crate) s256: bool,
    /// Where its endpoints are, if it publishes no metadata.
    pub(crate) endpoints: Option<Endpoints>,
    /// Its words for a refusal of the `resource` parameter, however well that names the resource.
    refuses_resource: &'static [&'static str],
}

/// Whether `prompt=consent` goes with the wish for a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prompt {
    Consent,
    /// It gives refresh tokens without, and its users may not be allowed to consent themselves.
    Never,
}

/// What requests say about the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Sent,
    /// It is left out where every scope that is asked for names the resource itself.
    NamedByScopes,
}

/// What a refresh token needs besides an authorization request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefreshTokens {
    AsItsMetadataSays,
    /// The scope `offline_access`, listed or not.
    WithOfflineAccess,
}

/// Endpoints that are known beforehand.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) authorization: &'static str,
    pub(crate) token: &'static str,
}

/// Which issuers are meant. Hosts match at label boundaries only, and only https at its own port.
#[derive(Debug)]
enum Pattern {
    /// This one, with or without a slash at its end.
    Issuer(&'static str),
    /// All of this host.
    Host(&'static str),
    /// All of this host that end with this path.
    HostAndEnd(&'static str, &'static str),
    /// All hosts below this one.
    Below(&'static str),
    /// All hosts below this one, with this end of the path.
    BelowAndEnd(&'static str, &'static str),
    /// Hosts with one label between these.
    Between(&'static str, &'static str),
}

impl Profile {
    /// The profile that an issuer matches.
    pub(crate) fn of(issuer: &str) -> Option<&'static Self> {
        let parsed;
        let issuer = match Canonical::of(issuer, HttpAllowance::Forbidden) {
            Some(Canonical { host, has_port, path }) => Parts::new(issuer, host, path, has_port),
            None => {
                parsed = HttpUrl::parse(issuer, HttpAllowance::Forbidden).ok()?;
                let has_port = parsed.origin().len() != "https://".len() + parsed.host().len();
                Parts::new(parsed.as_str(), parsed.host(), parsed.path(), has_port)
            }
        }?;
        PROFILES.iter().find(|profile| profile.issuers.iter().any(|it| it.matches(issuer)))
    }

    /// Whether it is of one authorization server, and not of all that a provider's customers have.
    pub(crate) fn is_one_server(&self) -> bool {
        self.issuers.iter().all(|it| matches!(it, Pattern::Issuer(_)))
    }

    /// Whether a refusal is one of the `resource` parameter, in the words of a provider.
    pub(crate) fn any_refuses_resource(words: &str) -> bool {
        PROFILES.iter().flat_map(|it| it.refuses_resource).any(|marker| words.contains(marker))
    }

    /// Whether requests with these scopes leave the resource out.
    pub(crate) fn leaves_resource_out(&self, scopes: Option<&Scopes>) -> bool {
        self.resource == Resource::NamedByScopes && scopes.is_some_and(name_their_resource)
    }
}

/// An issuer without slashes at its end, found apart once for all patterns.
#[derive(Clone, Copy)]
struct Parts<'a> {
    whole: &'a str,
    host: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    /// Another port is another server.
    fn new(whole: &'a str, host: &'a str, path: &'a str, has_port: bool) -> Option<Self> {
        let (whole, path) = (whole.trim_end_matches('/'), path.trim_end_matches('/'));
        (!has_port).then_some(Self { whole, host, path })
    }
}

impl Pattern {
    fn matches(&self, issuer: Parts<'_>) -> bool {
        let Parts { whole, host, path } = issuer;
        let is_below = |parent: &str| {
            let child = host.strip_suffix(parent).and_then(|rest| rest.strip_suffix('.'));
            child.is_some_and(|labels| !labels.is_empty())
        };
        match *self {
            Self::Issuer(text) => whole == text,
            Self::Host(name) => host == name,
            Self::HostAndEnd(name, end) => host == name && path.ends_with(end),
            Self::Below(parent) => is_below(parent),
            Self::BelowAndEnd(parent, end) => is_below(parent) && path.ends_with(end),
            Self::Between(before, after) => host
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        }
    }
}

/// Whether each scope begins with the resource that it belongs to (`api://app/read`), but for those of
/// OpenID Connect, which belong to none.
fn name_their_resource(scopes: &Scopes) -> bool {
    let mut others = scopes.iter().filter(|scope| !OF_OPENID.contains(scope)).peekable();
    let names = |scope: &str| {
        let at = scope.rfind('/');
        at.is_some_and(|at| at > 0 && at + 1 < scope.len() && !scope[..at].ends_with('/'))
    };
    others.peek().is_some() && others.all(names)
}

const OF_OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// Says nothing: what a profile begins with.
const PLAIN: Profile = Profile {
    name: "",
    display_name: "",
    issuers: &[],
    authorization: &[],
    prompt: Prompt::Consent,
    resource: Resource::Sent,
    refresh_tokens: RefreshTokens::AsItsMetadataSays,
    s256: false,
    endpoints: None,
    refuses_resource: &[],
};

/// Of two that match, the first one counts.
static PROFILES: [Profile; 8] = [
    Profile {
        name: "google",
        display_name: "Google",
        issuers: &[Pattern::Issuer("https://accounts.google.com")],
        // Without both there is no refresh token; from the second login on, without the second one.
        authorization: &[("access_type", "offline"), ("prompt", "consent")],
        ..PLAIN
    },
    Profile {
        name: "entra",
        display_name: "Microsoft Entra v2.0",
        issuers: &[
            Pattern::HostAndEnd("login.microsoftonline.com", "/v2.0"),
            Pattern::HostAndEnd("login.microsoftonline.us", "/v2.0"),
            Pattern::HostAndEnd("login.partner.microsoftonline.cn", "/v2.0"),
            // External ID: a host for each tenant.
            Pattern::BelowAndEnd("ciamlogin.com", "/v2.0"),
        ],
        prompt: Prompt::Never,
        resource: Resource::NamedByScopes,
        s256: true,
        // The resource does not match the scopes, and the parameter is not supported.
        refuses_resource: &["AADSTS9010010", "AADSTS901002:"],
        ..PLAIN
    },
    Profile {
        name: "entra_v1",
        display_name: "Microsoft Entra v1.0",
        issuers: &[
            Pattern::Host("sts.windows.net"),
            Pattern::Host("login.microsoftonline.com"),
            Pattern::Host("login.microsoftonline.us"),
            Pattern::Host("login.partner.microsoftonline.cn"),
            Pattern::Below("ciamlogin.com"),
        ],
        prompt: Prompt::Never,
        s256: true,
        ..PLAIN
    },
    Profile {
        name: "okta",
        display_name: "Okta",
        issuers: &[
            Pattern::Below("okta.com"),
            Pattern::Below("oktapreview.com"),
            Pattern::Below("okta-emea.com"),
        ],
        refresh_tokens: RefreshTokens::WithOfflineAccess,
        ..PLAIN
    },
    Profile {
        name: "auth0",
        display_name: "Auth0",
        issuers: &[Pattern::Below("auth0.com")],
        refresh_tokens: RefreshTokens::WithOfflineAccess,
        ..PLAIN
    },
    Profile {
        name: "cognito",
        display_name: "Amazon Cognito",
        issuers: &[Pattern::Between("cognito-idp.", ".amazonaws.com")],
        s256: true,
        ..PLAIN
    },
    Profile {
        name: "github",
        display_name: "GitHub",
        issuers: &[Pattern::Issuer("https://github.com/login/oauth")],
        s256: true,
        endpoints: Some(Endpoints {
            authorization: "https://github.com/login/oauth/authorize",
            token: "https://github.com/login/oauth/access_token",
        }),
        ..PLAIN
    },
    Profile {
        name: "slack",
        display_name: "Slack",
        issuers: &[Pattern::Issuer("https://slack.com"), Pattern::Issuer("https://mcp.slack.com")],
        endpoints: Some(Endpoints {
            authorization: "https://slack.com/oauth/v2_user/authorize",
            token: "https://slack.com/api/oauth.v2.user.access",
        }),
        ..PLAIN
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_match_at_label_boundaries() {
        for (issuer, name) in [
            ("https://accounts.google.com", Some("google")),
            ("https://accounts.google.com/", Some("google")),
            ("https://accounts.google.com:8443", None),
            ("https://accounts.google.com/x", None),
            ("https://accounts.google.com.evil.example", None),
            ("https://evil-accounts.google.com", None),
            ("http://accounts.google.com", None),
            ("https://login.microsoftonline.com/tid/v2.0", Some("entra")),
            ("https://login.microsoftonline.com/tid/v2.0/", Some("entra")),
            ("https://login.microsoftonline.us/tid/v2.0", Some("entra")),
            ("https://contoso.ciamlogin.com/tid/v2.0", Some("entra")),
            ("https://ciamlogin.com/tid/v2.0", None),
            ("https://evilciamlogin.com/tid/v2.0", None),
            ("https://login.microsoftonline.com/tid", Some("entra_v1")),
            ("https://sts.windows.net/tid/", Some("entra_v1")),
            ("https://login.microsoftonline.com.evil.example/tid/v2.0", None),
            ("https://acme.okta.com/oauth2/default", Some("okta")),
            ("https://acme.oktapreview.com", Some("okta")),
            ("https://okta.com", None),
            ("https://notokta.com", None),
            ("https://.okta.com", None),
            ("https://acme.eu.auth0.com/", Some("auth0")),
            ("https://acme-auth0.com/", None),
            ("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc", Some("cognito")),
            ("https://cognito-idp.a.b.amazonaws.com/x", None),
            ("https://cognito-idp..amazonaws.com/x", None),
            ("https://cognito-idp.amazonaws.com/x", None),
            ("https://github.com/login/oauth", Some("github")),
            ("https://github.com", None),
            ("https://slack.com", Some("slack")),
            ("https://mcp.slack.com/", Some("slack")),
            ("https://evil.slack.com", None),
            ("not a url", None),
        ] {
            assert_eq!(Profile::of(issuer).map(|it| it.name), name, "{issuer}");
        }
    }

    #[test]
    fn every_profile_has_a_name_of_its_own_and_sound_data() {
        for (at, profile) in PROFILES.iter().enumerate() {
            assert!(!profile.name.is_empty() && !profile.display_name.is_empty());
            assert!(!profile.issuers.is_empty());
            assert!(PROFILES[..at].iter().all(|other| other.name != profile.name));
            for endpoint in profile.endpoints.iter().flat_map(|it| [it.authorization, it.token]) {
                let url = HttpUrl::parse(endpoint, HttpAllowance::Forbidden);
                assert_eq!(url.as_ref().map(HttpUrl::as_str), Ok(endpoint));
            }
        }
    }

    #[test]
    fn the_resource_is_left_out_only_where_every_scope_names_it() {
        let entra = Profile::of("https://login.microsoftonline.com/tid/v2.0");
        for (scopes, out) in [
            ("api://app/read", true),
            ("api://app/read api://app/write offline_access openid", true),
            ("22222222-aaaa/.default", true),
            ("https://graph.microsoft.com/User.Read", true),
            ("api://app/read User.Read", false),
            ("User.Read", false),
            ("openid offline_access", false),
            ("api://app", false),
            ("/read", false),
            ("api://app/", false),
        ] {
            let scopes = Scopes::parse(scopes);
            let found = entra.map(|it| it.leaves_resource_out(scopes.as_ref()));
            assert_eq!(found, Some(out), "{scopes:?}");
        }
        assert_eq!(entra.map(|it| it.leaves_resource_out(None)), Some(false));
    }
}
