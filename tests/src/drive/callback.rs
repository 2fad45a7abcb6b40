//! Where users come back to.

use oauth_core::flow::RedirectUri;
use oauth_core::loopback::CallbackUrl;

use super::CALLBACK;

/// Where redirects can come back to.
#[derive(Clone, Debug)]
pub enum Callback {
    /// Wherever it is registered already, else at one place.
    Registered,
    /// Nowhere but here.
    At(&'static str),
    /// At a listener that takes any port: the one that is registered already if it is free, else the next.
    AnyPort {
        /// The ports that are somebody else's.
        taken: Vec<u16>,
        /// How often another port was taken than a registered one.
        others: u16,
    },
}

impl Callback {
    /// A listener, while all ports are free.
    #[must_use]
    pub const fn any_port() -> Self {
        Self::AnyPort { taken: Vec::new(), others: 0 }
    }

    /// Gets ready for a login.
    ///
    /// # Panics
    ///
    /// The place is none.
    pub fn listen(&mut self, registered: Option<&str>) -> RedirectUri {
        let fixed = |uri| RedirectUri::parse(uri).expect("the callback is sound");
        match self {
            Self::Registered => fixed(registered.unwrap_or(CALLBACK)),
            Self::At(place) => fixed(place),
            Self::AnyPort { taken, others } => {
                let callback = CallbackUrl::default();
                let known = registered.and_then(|uri| callback.port_of(uri));
                let known = known.filter(|port| !taken.contains(port));
                callback.redirect_uri(known.unwrap_or_else(|| {
                    *others += 1;
                    FIRST_PORT + *others
                }))
            }
        }
    }
}

const FIRST_PORT: u16 = 50_000;
