//! How Keiki's own connections to others are encrypted: by rustls, with the server's certificate checked, or not at all.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Whether and how a connection is encrypted.
#[derive(Clone)]
pub enum Tls {
    /// In the clear.
    Off,
    /// Encrypted; the certificate must be of the host and of a known authority.
    Checked(Arc<rustls::ClientConfig>),
}

impl fmt::Debug for Tls {
    /// Without the authorities: there are hundreds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Checked(_) => "Checked",
        })
    }
}

/// Why there is no configuration for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of authorities is of no use.
    #[error("cannot read {file}: {why}")]
    File {
        /// Its name.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// The system has none.
    #[error("this system has no certificate authorities: name a file of them")]
    NoRoots,
    /// The library refuses.
    #[error(transparent)]
    Library(#[from] rustls::Error),
}

impl Tls {
    /// Checks certificates against the authorities of a file, or else of the system.
    ///
    /// # Errors
    ///
    /// There are no authorities.
    pub fn checked(authorities: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        match authorities {
            Some(file) => {
                let broken = |why: String| TlsError::File {
                    file: file.display().to_string(),
                    why,
                };
                let certificates = CertificateDer::pem_file_iter(file).map_err(|error| broken(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| broken(error.to_string()))?;
                    roots.add(certificate).map_err(|error| broken(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(broken("no certificate in it".into()));
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(TlsError::NoRoots);
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::Checked(Arc::new(config)))
    }
}
