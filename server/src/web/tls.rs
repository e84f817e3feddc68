//! Encryption by Keiki itself: a certificate and its key, read anew when the files change, so that a renewed one is used
//! without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Where the certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those between it and its authority, as PEM.
    pub cert: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read as what it should be.
    #[error("cannot read {}: {why}", file.display())]
    File {
        /// Its name.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Certificate and key do not belong together, or are of a kind that is not supported.
    #[error("certificate and key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

impl TlsFiles {
    /// Reads both.
    ///
    /// # Errors
    /// One can't be read, or they don't belong together.
    pub fn load(&self) -> Result<ServerConfig, TlsError> {
        let broken = |file: &Path| {
            let file = file.to_owned();
            move |error: rustls::pki_types::pem::Error| TlsError::File {
                file,
                why: error.to_string(),
            }
        };
        let certificates = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(broken(&self.cert))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(broken(&self.key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Changes whenever one of them does.
    fn stamp(&self) -> io::Result<[SystemTime; 2]> {
        let changed = |file: &Path| std::fs::metadata(file)?.modified();
        Ok([changed(&self.cert)?, changed(&self.key)?])
    }
}

/// What encrypts connections; follows the files.
#[derive(Clone)]
pub struct Encryption(Arc<RwLock<Arc<ServerConfig>>>);

impl Encryption {
    /// With the files as they are now.
    ///
    /// # Errors
    /// They can't be used.
    pub fn new(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(files.load()?)))))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.read()))
    }

    /// Follows the files for as long as it is polled. What can't be used is told, and the certificate before it stays.
    pub(super) async fn follow(self, files: TlsFiles) {
        let mut before = files.stamp().ok();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = files.stamp().ok();
            if now == before {
                continue;
            }
            match files.load() {
                Ok(config) => {
                    *self.0.write() = Arc::new(config);
                    tracing::info!(cert = %files.cert.display(), "a new certificate is used");
                    before = now;
                }
                // Perhaps only one of the two has been written yet.
                Err(error) => tracing::warn!(%error, "the certificate before stays in use"),
            }
        }
    }
}
