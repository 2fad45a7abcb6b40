// The chapters are in this crate because it has the other two beneath it, so that their examples compile here. In the
// repository they are read as files: there a link leads to a file, which the last lines of a chapter say. Here it leads to a
// module, which the lines before the chapter say: of two definitions, the first one counts. The line that a documentation
// test names is counted from here, and not from the beginning of the chapter.
#![doc = include_str!("guide/links.txt")]
#![doc = ""]
#![doc = include_str!("guide/README.md")]

/// Each chapter, with what it is about in this documentation.
macro_rules! chapters {
    ($($name:ident: $($item:path)+;)+) => {$(
        #[doc = include_str!("guide/links.txt")]
        #[doc = ""]
        #[doc = include_str!(concat!("guide/", stringify!($name), ".md"))]
        #[doc = ""]
        #[doc = concat!("In this documentation: ", $("[`", stringify!($item), "`](crate::", stringify!($item), ") "),+)]
        pub mod $name {}
    )+};
}

chapters! {
    choose: AuthConfig BearerAuth ConnectRequired with_oauth_retry_if;
    command: AuthConfig;
    desktop: OAuth LoginOptions LoginHandle Event Events UserAgent LoopbackBrowser PasteBack with_oauth_retry;
    gateway: Profiles NoUserAgent AuthenticationError PendingLogin HttpClient;
    machines: OAuthBuilder TokenFile TokenVariable AssertionSource PrivateKey;
    another_device: DevicePage Event LocalUser;
    servers: AuthConfig Policy Tolerance ResourceMode ClientMetadata OAuthClientProvider;
    own_http: oauth_core::flow::Flow oauth_core::session::Session oauth_core::client::HttpSender adapter;
    own_store: Records Leases TokenStorage Split FileTokenStorage MemoryTokenStorage Blocking;
    wasm: oauth_core;
    bound_tokens: Dpop DpopKey;
    errors: Error ProtocolError Timeline Forecast Event Events Status;
    testing: UserAgentFn MemoryTokenStorage;
    moving: OAuth Forecast Record Key TokenData;
    security: Policy Tolerance;
}
