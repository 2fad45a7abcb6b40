//! A connection that is opened anew when it broke.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Socket};

use crate::postgres::error::StatementError;
use crate::postgres::statement::{Answer, Parameter, Statements};

/// One connection at a time, opened when it is needed: for hosts without a pool.
///
/// Statements of many tasks go through it one after another, in milliseconds. Another one is opened when it has broken,
/// when a statement on it was waited for in vain, and when it was not used for a minute: firewalls forget such ones
/// without a word.
pub struct Reconnecting {
    connect: Box<Connect>,
    /// Held while a connection is opened: the others wait for it.
    connecting: tokio::sync::Mutex<()>,
    current: Mutex<Option<Connected>>,
}

type Connect = dyn Fn() -> Opening + Send + Sync;
type Opening = Pin<Box<dyn Future<Output = Result<Client, StatementError>> + Send>>;

struct Connected {
    client: Arc<Client>,
    used: Instant,
}

impl Reconnecting {
    /// Asks for a client whenever one is needed. The closure opens the connection, and has a task run it.
    pub fn new<F, E>(connect: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Client, E>> + Send + 'static,
        E: Into<StatementError>,
    {
        let connect = move || -> Opening {
            let opening = connect();
            Box::pin(async move { opening.await.map_err(Into::into) })
        };
        Self { connect: Box::new(connect), connecting: <_>::default(), current: <_>::default() }
    }

    /// Connects as this configuration says.
    ///
    /// # Security
    ///
    /// A host that is not this machine is reached by TLS or not at all, as with `sslmode=require`; `sslmode=disable`
    /// does without. Whether a certificate is checked, and against which name, is up to `tls`.
    pub fn to<T>(config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::TlsConnect: Send,
        T::Stream: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let config = secured(config);
        Self::new(move || {
            let (config, tls) = (config.clone(), tls.clone());
            async move {
                let (client, connection) = config.connect(tls).await?;
                // It ends when its client is dropped, and its errors are those of the statements.
                tokio::spawn(connection);
                Ok::<_, tokio_postgres::Error>(client)
            }
        })
    }

    async fn client(&self) -> Result<Arc<Client>, StatementError> {
        if let Some(client) = self.usable() {
            return Ok(client);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(client) = self.usable() {
            return Ok(client);
        }
        let client = Arc::new((self.connect)().await?);
        *self.current() = Some(Connected { client: Arc::clone(&client), used: Instant::now() });
        Ok(client)
    }

    fn usable(&self) -> Option<Arc<Client>> {
        let mut current = self.current();
        let connected = current.as_mut()?;
        if connected.client.is_closed() || connected.used.elapsed() > LONGEST_REST {
            *current = None;
            return None;
        }
        connected.used = Instant::now();
        Some(Arc::clone(&connected.client))
    }

    /// Nothing is half done when a thread panics here.
    fn current(&self) -> MutexGuard<'_, Option<Connected>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Statements for Reconnecting {
    fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a> {
        Box::pin(async move {
            let client = self.client().await?;
            let doubt = Doubt { of: self, client: &client };
            let answer = client.run(statement, parameters).await;
            if !answer.as_ref().is_err_and(StatementError::is_retryable) {
                std::mem::forget(doubt);
            }
            answer
        })
    }
}

impl fmt::Debug for Reconnecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reconnecting")
    }
}

/// Dropped, it gives a connection up: nobody knows whether it answers. Statements that wait on it already go on.
struct Doubt<'a> {
    of: &'a Reconnecting,
    client: &'a Arc<Client>,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let mut current = self.of.current();
        if current.as_ref().is_some_and(|connected| Arc::ptr_eq(&connected.client, self.client)) {
            *current = None;
        }
    }
}

/// What is preferred can be taken away by whoever is on the way.
fn secured(mut config: Config) -> Config {
    if config.get_ssl_mode() == SslMode::Prefer && !is_local(&config) {
        config.ssl_mode(SslMode::Require);
    }
    config
}

/// Whether all hosts are this machine.
fn is_local(config: &Config) -> bool {
    let is_loopback = |address: &IpAddr| address.is_loopback();
    // Addresses stand in place of names.
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|address| is_loopback(&address))
            }
            #[cfg(unix)]
            Host::Unix(_) => true,
        }),
        addresses => addresses.iter().all(is_loopback),
    }
}

/// Less than any firewall keeps a connection in mind that nothing goes through.
const LONGEST_REST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for (url, expected) in [
            ("postgres://localhost/d", true),
            ("postgres://127.0.0.1/d", true),
            ("postgres://[::1]/d", true),
            ("host=/run/postgresql", true),
            ("postgres://db.example/d", false),
            ("postgres://10.0.0.1/d", false),
            ("postgres://localhost,db.example/d", false),
            ("host=localhost hostaddr=10.0.0.1", false),
        ] {
            assert_eq!(is_local(&url.parse().expect(url)), expected, "{url}");
        }
    }

    #[test]
    fn another_machine_is_not_talked_to_in_the_clear() {
        for (url, expected) in [
            ("host=localhost", SslMode::Prefer),
            ("host=db.example", SslMode::Require),
            ("host=db.example sslmode=prefer", SslMode::Require),
            ("host=db.example sslmode=require", SslMode::Require),
            ("host=db.example sslmode=disable", SslMode::Disable),
        ] {
            let config = secured(url.parse().expect(url));
            assert_eq!(config.get_ssl_mode(), expected, "{url}");
        }
    }
}
