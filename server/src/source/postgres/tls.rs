//! Connects to a server, encrypted or not.

use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::source::tls::Tls;

/// Connects, and drives the connection on a task of its own.
pub(super) async fn connect(config: &Config, tls: &Tls) -> Result<(Client, AbortHandle), Error> {
    // What ends the connection is told to whoever waits for an answer.
    match tls {
        Tls::Off => {
            let (client, connection) = config.connect(NoTls).await?;
            Ok((client, tokio::spawn(connection).abort_handle()))
        }
        Tls::Checked(tls) => {
            let maker = MakeRustlsConnect::new(rustls::ClientConfig::clone(tls));
            let (client, connection) = config.connect(maker).await?;
            Ok((client, tokio::spawn(connection).abort_handle()))
        }
    }
}
