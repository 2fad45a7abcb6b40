//! What a user is shown who consents on another device.

use alloc::boxed::Box;
use core::fmt;

use crate::plain::Plain;
use crate::time::UnixTime;
use crate::url::HttpUrl;

/// What a user is shown, so that they consent on another device (RFC 8628 §3.3). `Display` says it in one sentence, with
/// what the server wrote [escaped](crate::Plain).
///
/// # Security
///
/// Show the URL together with the code: a user who is shown a code alone can be led elsewhere with it. Whoever reads the
/// code can decide in the user's place, so it belongs in no log: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DevicePage {
    /// Where they type the code. As safe to open as an [`AuthorizationUrl`](crate::wire::AuthorizationUrl).
    pub verification_uri: HttpUrl,
    /// The same with the code in it, if the server has such a URL: for a browser, or as a picture to be scanned.
    pub verification_uri_complete: Option<HttpUrl>,
    /// What they type. It prints as itself, and has at most 64 bytes.
    pub user_code: Box<str>,
    /// Until when they can.
    pub expires_at: UnixTime,
}

impl fmt::Display for DevicePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verification_uri, user_code, .. } = self;
        write!(f, "open {verification_uri} on any device, and enter the code {}", Plain(user_code))
    }
}

impl fmt::Debug for DevicePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevicePage")
            .field("verification_uri", &self.verification_uri)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
