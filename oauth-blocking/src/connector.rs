//! The client that there is unless the host brings one.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use oauth_core::client::AddressFilter;
use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, Resolver};
use ureq::unversioned::transport::time::Duration as Left;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, RustlsConnector, SocksConnector,
    TcpConnector, Transport,
};

use crate::resolver::{FilteredResolver, Names};

/// An agent that trusts what the system trusts, and connects to what the filter keeps.
pub(crate) fn agent(filter: AddressFilter) -> ureq::Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Config::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_recv_response(Some(HEAD_LIMIT))
        .tls_config(tls)
        .build();
    filtered_agent(config, filter)
}

/// A ureq agent that connects only to addresses that an [`AddressFilter`] keeps: for a host that sets up ureq itself.
///
/// ```
/// # use oauth_blocking::{OAuth, filtered_agent, ureq};
/// let builder = OAuth::new("https://mcp.example.com/mcp")?.private_host("auth.corp.example");
/// let config = ureq::Agent::config_builder().https_only(true).build();
/// let agent = filtered_agent(config, builder.address_filter()?);
/// let oauth = builder.http_client(agent);
/// # Ok::<(), oauth_blocking::Error>(())
/// ```
///
/// `localhost` and what is below it is this machine, and nobody is asked about it (RFC 6761 §6.3).
///
/// Where there is a proxy, names are resolved by it, and only hosts that are addresses by their spelling are kept back:
/// the proxy decides what it connects to. The proxy itself may be anywhere.
#[must_use]
pub fn filtered_agent(config: Config, filter: AddressFilter) -> ureq::Agent {
    over(config, filter, DefaultResolver::default())
}

/// The same with a resolver of the host's: what is at a name and a port. It is asked on the thread of the call, which
/// waits for it as long as it takes.
#[must_use]
pub fn filtered_agent_by(
    config: Config,
    filter: AddressFilter,
    resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
) -> ureq::Agent {
    over(config, filter, Names(resolve))
}

fn over(config: Config, filter: AddressFilter, resolver: impl Resolver) -> ureq::Agent {
    // As ureq's own connector, but for the addresses.
    let connector =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(InTurn(TcpConnector::default()))
            .chain(RustlsConnector::default());
    ureq::Agent::with_parts(config, connector, FilteredResolver::new(filter, resolver))
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
