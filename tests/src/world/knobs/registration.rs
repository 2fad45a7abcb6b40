//! Choices about clients.

/// How clients become known; the pre-registered client is known in every case, to the first server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// By RFC 7591.
    Dcr,
    /// By metadata document or RFC 7591.
    CimdAndDcr,
    /// By metadata document.
    CimdOnly,
    /// Not at all: there is only [`PRE_CLIENT_ID`](crate::world::PRE_CLIENT_ID).
    None,
}

/// How a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// `none`: a public client.
    None,
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
    /// `private_key_jwt`.
    PrivateKeyJwt,
}

impl AuthMethod {
    /// The name in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Whether the client has a secret for it.
    pub(in crate::world) const fn has_secret(self) -> bool {
        matches!(self, Self::Basic | Self::Post)
    }

    pub(in crate::world) fn named(name: &str) -> Option<Self> {
        let all = [Self::None, Self::Basic, Self::Post, Self::PrivateKeyJwt];
        all.into_iter().find(|method| method.as_str() == name)
    }
}

/// What the scopes of a registration mean when the client asks for some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisteredScopes {
    /// Nothing: a client may ask for any.
    Free,
    /// The client may ask for those that it named, and for none if it named none: a server of the Python SDK
    /// without default scopes.
    Named,
    /// The same; a client that names none is registered with these, and told so: one with default scopes.
    Default(String),
    /// A client that named some may ask for no others; one that named none may ask for any, as at
    /// oidc-provider.
    OnlyIfNamed,
}

/// How the registration endpoint answers a sound request badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationForm {
    /// 400 `invalid_redirect_uri`.
    RefuseRedirectUri,
    /// 400 `invalid_client_metadata`.
    RefuseMetadata,
    /// 403 without a word of OAuth.
    Forbidden,
    /// 401, as from a server that wants an initial access token.
    Unauthorized,
    /// 200 instead of 201; sound otherwise.
    Status200,
    /// No `client_id`.
    NoClientId,
    /// An empty `client_id`.
    EmptyClientId,
    /// `client_secret_basic` without a secret.
    NoSecret,
    /// No `token_endpoint_auth_method`; sound otherwise.
    NoMethod,
    /// A method no client knows.
    OddMethod,
    /// A list of redirect URIs that lacks the client's.
    OtherRedirectUris,
}
