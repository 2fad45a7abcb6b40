//! Choices about how a login begins: pushed, or on another device.

/// What the authorization servers do about pushed requests (RFC 9126).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Par {
    /// They do not know them.
    Unknown,
    /// They take them.
    Offered,
    /// They take no others; another one is a violation.
    Required,
}

/// How the endpoint for pushed requests answers a sound one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParForm {
    /// 200 instead of 201; sound otherwise.
    Status200,
    /// No `request_uri`.
    NoRequestUri,
    /// An empty `request_uri`.
    EmptyRequestUri,
    /// A `request_uri` with what has a meaning in a query; sound otherwise.
    OddRequestUri,
    /// A `request_uri` of more than 4 KiB.
    LongRequestUri,
    /// No `expires_in`; sound otherwise.
    NoExpiresIn,
    /// `expires_in` is a text with the number in it.
    ExpiresInText,
    /// `expires_in` is 0.
    ExpiresInZero,
    /// 400, or 401 for `invalid_client`, with this `error`.
    Refuse(String),
}

/// What the user does who was shown a device's code, if they do not enter it by
/// [`approve_device`](crate::world::World::approve_device), or by opening the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceUser {
    /// Nothing.
    Waits,
    /// Consents so many seconds after the code was given.
    ApprovesAfter(u64),
    /// Says no so many seconds after.
    DeniesAfter(u64),
}

/// How the device authorization endpoint answers a sound request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceForm {
    /// No `verification_uri_complete`; sound otherwise.
    NoComplete,
    /// No `device_code`.
    NoDeviceCode,
    /// No `user_code`.
    NoUserCode,
    /// No `verification_uri`.
    NoVerificationUri,
    /// No `expires_in`.
    NoExpiresIn,
    /// `interval` is a text with the number in it.
    IntervalText,
    /// The page is `http`; no change in a world on loopback.
    HttpPage,
    /// The page is a `javascript:` URL.
    ScriptPage,
    /// The page with the code in it is a `javascript:` URL.
    ScriptComplete,
    /// The user's code has control characters in it.
    ControlCharacters,
    /// 400 with this `error`.
    Refuse(String),
}
