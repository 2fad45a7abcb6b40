//! The client that there is unless the host brings one.

use std::time::{Duration, Instant};

use oauth_core::client::AddressFilter;
use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::time::Duration as Left;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, RustlsConnector, SocksConnector,
    TcpConnector, Transport,
};

use crate::resolver::FilteredResolver;

/// An agent that trusts what the system trusts, and connects to what the filter keeps.
pub(crate) fn agent(filter: AddressFilter) -> ureq::Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Config::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_recv_response(Some(HEAD_LIMIT))
        .tls_config(tls)
        .build();
    // As ureq's own connector, but for the addresses.
    let connector =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(InTurn(TcpConnector::default()))
            .chain(RustlsConnector::default());
    let resolver = FilteredResolver::new(filter, DefaultResolver::default());
    ureq::Agent::with_parts(config, connector, resolver)
}

/// Gives each of several addresses a moment, and all of them the whole time after that: one that swallows
/// connections does not hold up the others (RFC 8305 has the reasons, and more).
#[derive(Debug)]
struct InTurn<C>(C);

impl<In: Transport, C: Connector<In>> Connector<In> for InTurn<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<C::Out>, ureq::Error> {
        if chained.is_some() || details.addrs.len() < 2 {
            return self.0.connect(details, chained);
        }
        let begun = Instant::now();
        for address in &details.addrs {
            let mut details = copy(details);
            details.addrs.push(*address);
            if *details.timeout.after > MOMENT {
                details.timeout.after = Left::from(MOMENT);
            }
            if let Ok(connected) = self.0.connect(&details, None) {
                return Ok(connected);
            }
        }
        let mut all = copy(details);
        for address in &details.addrs {
            all.addrs.push(*address);
        }
        all.timeout.after = details.timeout.after.saturating_sub(begun.elapsed()).into();
        all.now = (details.current_time)();
        self.0.connect(&all, None)
    }
}

/// The same without addresses.
fn copy<'a>(details: &ConnectionDetails<'a>) -> ConnectionDetails<'a> {
    ConnectionDetails {
        uri: details.uri,
        addrs: details.resolver.empty(),
        config: details.config,
        request_level: details.request_level,
        resolver: details.resolver,
        now: details.now,
        timeout: details.timeout,
        current_time: details.current_time.clone(),
        run_connector: details.run_connector.clone(),
        register_shutdown: details.register_shutdown.clone(),
    }
}

/// How long one of several addresses is waited for at first.
const MOMENT: Duration = Duration::from_millis(300);

/// How long connecting may take, TLS and proxies included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long an answer may be waited for. Tools may take long; a stream has its head at once.
const HEAD_LIMIT: Duration = Duration::from_secs(300);
