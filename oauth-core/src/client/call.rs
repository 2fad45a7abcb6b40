//! A request of the application.

use alloc::sync::Arc;

use crate::HttpUrl;
use crate::client::failures::Epoch;
use crate::client::fields::Token;
use crate::client::mode::Mode;
use crate::session::Attempt;

/// A request of the application, over all the times it is sent.
#[derive(Debug)]
pub struct Call {
    pub(super) mode: Mode,
    pub(super) attempt: Attempt,
    pub(super) since: Epoch,
    /// What a remedy brought: the request is sent with it, even if it expires in the same second.
    pub(super) remedied: Option<Token>,
    pub(super) moved: Option<Arc<HttpUrl>>,
    pub(super) redirects: u8,
}

impl Call {
    /// One that was not sent yet, of a caller who waits since then.
    pub(super) fn new(mode: Mode, since: Epoch) -> Self {
        Self { mode, attempt: Attempt::new(), since, remedied: None, moved: None, redirects: 0 }
    }
}
