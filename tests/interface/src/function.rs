//! The names of what can be called.

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident => $variant:ident,)*) => {
        /// What a host can call. The names are those of the module's exports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Function {
            $($(#[$doc])* $variant,)*
        }

        impl Function {
            /// All of them, with their names.
            pub const ALL: &[(Self, &str)] = &[$((Self::$variant, stringify!($name)),)*];
        }

        /// Calls a macro with the name and the variant of each function, for who exports them.
        #[macro_export]
        macro_rules! for_each_function {
            ($export:ident) => { $($export!($name, $variant);)* };
        }
    };
}

functions! {
    /// `{settings}`: a new session; its number is in the answer.
    open => Open,
    /// `{settings, profile, pending}`: a session that finishes a login which was handed out.
    resume => Resume,
    /// Forgets a session.
    close => Close,
    /// What to do now. Asking changes nothing.
    turn => Turn,
    /// `{now}`: whether there is a token that needs no thought.
    fresh => Fresh,
    /// Starts over: the next turns find a token.
    access => Access,
    /// The same, but another token than the one that is held.
    renew => Renew,
    /// The same, but only a login will do, also if the last one was in vain. `{prompt, login_hint, scope, add_scope}` say
    /// what this one is asked for: a list of `login`, `select_account` and `consent`, who is expected, and scopes
    /// instead of the others or in addition to them. Other sessions' logins do not take its place then. A limit is the
    /// host's own, who stops at `browser` with `cancelled`.
    log_in => LogIn,
    /// `{seconds}`: the same as `access`, but a token that does not live for so many `seconds`, as a subprocess may need,
    /// is refreshed. Nobody logs in for more time: if that comes to nothing, it stays in use.
    access_for => AccessFor,
    /// `{seconds, now}`: an error, unless the token lives for so many `seconds`.
    lives_for => LivesFor,
    /// The next turns log out.
    logout => Logout,
    /// Answers `load`: `{record, now}`, the text as it was saved or null. With `lost_key` the host cannot read the key that
    /// it has stored with the tokens: they are given up, for a login or another token.
    loaded => Loaded,
    /// Answers `lock`.
    locked => Locked,
    /// At `lock`: `{now}`, somebody else holds it. Whether the session `goes_on` without; else it still waits.
    held_elsewhere => HeldElsewhere,
    /// Answers `reserve`: the lock is still held, and there is room for the record.
    reserved => Reserved,
    /// Answers `reserve`: `{now}`, the lock is not held any more. Also `http`, if its request spends a refresh token and was
    /// not sent, since it was lost after that.
    lost => Lost,
    /// Answers `load`, `lock`, `reserve` and `save`: `{now}`, the store failed. With `goes_on` the session does
    /// without, for some seconds if this was `spent` for; otherwise the host stops.
    failed => Failed,
    /// Answers `save`: `{now}`.
    saved => Saved,
    /// Answers `save`: `{stored}`, the generation that the store holds instead, 0 for none.
    conflict => Conflict,
    /// Answers `unlock`.
    unlocked => Unlocked,
    /// Answers `http`: `{status, headers, now}`, and behind a line feed the body.
    response => Response,
    /// Answers `http`: `{now}`, no answer came; `{obstacle, words}` say why, if the host can tell: `name`,
    /// `connection`, `tls`, `proxy` or `time`, and what its HTTP client says.
    unreachable => Unreachable,
    /// Before `begin`: `{challenges}`, what the server says to a request without a token.
    challenge => Challenge,
    /// The same as the core asks it, while `login` lacks the challenge: the next request, by POST at first. It also
    /// finds servers that answer GET in another way, or have moved.
    probe => Probe,
    /// Answers `probe`: `{status, headers}`, or without a status that no answer came.
    probed => Probed,
    /// Answers `login`. A host that asks nobody stops there instead: nothing is locked or sent, `code` is the error of
    /// its call, and `access` or `log_in` come later.
    begin => Begin,
    /// At `sign`: `{now}`, and behind a line feed 16 random bytes that were never used before. The answer says with
    /// which key of the client (`key_id`, if it has one), how (`algorithm`), and what is to be signed: the text `input`
    /// as it is, which is no digest. Asking changes nothing.
    unsigned => Unsigned,
    /// Answers `sign`: `{unsigned, now}`, the answer of `unsigned` as it was, and behind a line feed the signature.
    /// With `ES256` that is r‖s in 64 bytes, not DER.
    signed => Signed,
    /// Answers `key`: `{dpop_key, now}`, a new key `{jwk, secret}`. Its private half is stored with the tokens, as a text
    /// of the host's own making. A host whose key stays with it names that in the settings, and is not asked.
    ///
    /// Answers `assertion`: `{assertion, kind, now}`, what says who the workload or its user is. It is sent once, and
    /// not stored. An identity provider has to know its `kind`: `id_token`, which is meant if nothing is said,
    /// `refresh_token` or `saml2`.
    given => Given,
    /// Answers `sign`, `key` and `assertion`: `{reason, now}`, there is none. The `reason` is shown: nothing secret may
    /// be in it. A token that lives is used.
    unavailable => Unavailable,
    /// Answers `prepare`: `{redirect_uri, any_port, now}`, and behind a line feed 64 random bytes. With
    /// `any_port` the listener took any port that was free, and a login may ask once more.
    prepared => Prepared,
    /// Answers `browser`: `{query, now}`.
    redirected => Redirected,
    /// Answers `browser` where it `offers_code`: `{now}`, the host can show one beside the page.
    ask_for_code => AskForCode,
    /// Answers `device`: `{now}`, the user sees the page's address and the code, and goes on seeing them.
    shown => Shown,
    /// Answers `wait`, and `browser` if there is a code beside it: `{now}`, it is that late. Too early, the session still
    /// waits.
    waited => Waited,
    /// Answers `browser`, `device` and `wait`: the user gave up.
    cancelled => Cancelled,
    /// At any turn of a login: the host does not want it any more. Whether it `ends`: the next turns take back what it
    /// wrote, and say `cancelled`. A login whose user has come back is finished.
    cancel_login => CancelLogin,
    /// Takes the login out at `browser`: `{profile, expires_at}`. The answer can be stored.
    suspend => Suspend,
    /// `{method, url, now, attempt}`, and behind a line feed 16 random bytes as for `unsigned`: the header fields for a
    /// request of the application, null where there is no token. `attempt` is absent the first time, and the number in
    /// the answer later. For a token that is bound to a key the answer says what is to be signed instead (`unsigned`),
    /// and with which key (`dpop_key`).
    attach => Attach,
    /// `{attempt, unsigned}`, and behind a line feed the signature: the `headers` that `attach` could not say. They are
    /// good once: a request that is sent again is attached to again.
    proved => Proved,
    /// `{attempt, status, headers, now}`: whether to deliver an answer, to send the request again (`retry`), or
    /// to do so after `wait` seconds (`wait`), in which other calls may use the session. Of the `headers` only
    /// `WWW-Authenticate`, `DPoP-Nonce` and `Date` count; the values of the first may be `challenges` instead.
    answered => Answered,
    /// What is stored, as far as the session knows.
    record => Record,
    /// How it came to this.
    timeline => Timeline,
    /// `{now}`: how it stands, as far as the session knows: `status` is `bearer`, `not_needed`, `logged_in`, `refused`,
    /// `login_needed` or `login_under_way`. With the first two of these words for a token come `issuer`, `scopes`,
    /// `expires_at`, `is_refreshable` and `who`, which is for display only and not verified.
    status => Status,
}
