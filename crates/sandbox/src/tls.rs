//! The self-signed certificate of the TLS listeners, as brokers' access servers commonly have.
//! Kept beside the books, so that a client that pinned it still trusts it after a restart.

use qd_kernel::{Problem, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

pub struct Identity {
    pub certificate_pem: String,
    acceptor: TlsAcceptor,
}

impl Identity {
    pub fn open(dir: Option<&Path>) -> Result<Identity> {
        let stored = dir.map(|d| (d.join("sandbox-cert.pem"), d.join("sandbox-key.pem")));
        if let Some((cert, key)) = &stored
            && let (Ok(c), Ok(k)) = (std::fs::read_to_string(cert), std::fs::read_to_string(key))
        {
            return Identity::from_pem(c, &k);
        }
        let names = ["localhost", "127.0.0.1", "::1", "sandbox"].map(String::from).to_vec();
        let made = rcgen::generate_simple_self_signed(names).map_err(bug)?;
        let (c, k) = (made.cert.pem(), made.signing_key.serialize_pem());
        if let Some((cert, key)) = &stored {
            std::fs::write(cert, &c).map_err(bug)?;
            write_private(key, &k).map_err(bug)?;
        }
        Identity::from_pem(c, &k)
    }

    fn from_pem(certificate_pem: String, key_pem: &str) -> Result<Identity> {
        let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes())
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(bug)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(bug)?;
        let mut cfg = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(bug)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(bug)?;
        cfg.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Identity {
            certificate_pem,
            acceptor: TlsAcceptor::from(Arc::new(cfg)),
        })
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }
}

fn bug(e: impl std::fmt::Display) -> Problem {
    Problem::bug("sandbox_tls", "the sandbox certificate could not be made or read").with_source(e)
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}
