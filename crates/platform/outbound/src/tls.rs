//! Who is trusted at the other end of TLS.

use crate::Cause;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Makes ring the process-wide TLS provider for libraries that look for one. May be called often.
pub fn init_tls() {
    // An error means that somebody installed one before: just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// SHA-256 of a certificate in DER form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// 64 hex digits in either case, colons allowed, as `openssl x509 -fingerprint -sha256` prints.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let hex: String = text.chars().filter(|c| *c != ':' && !c.is_ascii_whitespace()).collect();
        let mut out = [0u8; 32];
        hex::decode_to_slice(hex, &mut out).ok()?;
        Some(Fingerprint(out))
    }
    pub fn of(der: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(der).into())
    }
    /// Of the first certificate in PEM text.
    pub fn of_pem(pem: &str) -> Option<Fingerprint> {
        CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|der| Fingerprint::of(&der))
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// What makes a server's certificate acceptable.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Trust {
    /// The public authorities, name and dates checked.
    #[default]
    WebRoots,
    /// Exactly these certificates, whatever their name, dates or issuer: access servers of trading
    /// platforms have self-signed ones. Several, so that a change can be prepared.
    Pinned(Vec<Fingerprint>),
    /// Any certificate: anyone on the way can read and change everything. For a first connection
    /// in a closed network; logged at each connection.
    AcceptAny,
}

pub(crate) fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, Cause> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| Cause::new("tls_failed", e.to_string()))?;
    let config = match trust {
        Trust::WebRoots => {
            let roots = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::Pinned(pins) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned {
                pins: Some(pins.clone()),
                provider,
            }))
            .with_no_client_auth(),
        Trust::AcceptAny => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned { pins: None, provider }))
            .with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// Compares the certificate with the pins (none: any will do). The handshake's signature is
/// checked in both cases, so that the certificate shown is one whose key the server holds.
#[derive(Debug)]
struct Pinned {
    pins: Option<Vec<Fingerprint>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(pins) = &self.pins else {
            return Ok(ServerCertVerified::assertion());
        };
        let seen = Fingerprint::of(end_entity);
        if pins.contains(&seen) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(format!(
                "the certificate's fingerprint {seen} is not among the pinned ones"
            )))
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
