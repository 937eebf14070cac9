//! `--ca-file`: the CA of a cluster, as PEM or as its base64 from a kubeconfig.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kubeknock::input;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The largest file that is read.
const MAX_SIZE: u32 = 1024 * 1024;

/// The certificates in a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let shown = format!("--ca-file {}", path.display());
    let bytes = File::open(path).and_then(|file| input::bytes(file, MAX_SIZE));
    let bytes = bytes.with_context(|| shown.clone())?;
    certificates(&bytes).with_context(|| shown)
}

fn certificates(bytes: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let without_space: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let decoded = BASE64_STANDARD.decode(without_space);
    let pem = decoded.as_deref().unwrap_or(bytes);
    let certificates: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<_, _>>()
        // The original error repeats lines, and the file may have private keys.
        .map_err(|_| anyhow::anyhow!("invalid certificate: truncated or damaged"))?;
    if certificates.is_empty() {
        bail!("no certificate: expected PEM, or its base64 from certificate-authority-data");
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_and_its_base64_are_read_and_anything_else_is_an_error() {
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::default()
            .self_signed(&key)
            .unwrap()
            .pem();
        let both = format!("# the old one\n{pem}{pem}");
        assert_eq!(certificates(both.as_bytes()).unwrap().len(), 2);
        let data = BASE64_STANDARD.encode(&pem);
        assert_eq!(
            certificates(data.as_bytes()).unwrap(),
            certificates(pem.as_bytes()).unwrap()
        );
        for bad in [
            "",
            "kubernetes",
            "aGVsbG8=",
            "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n",
        ] {
            assert!(certificates(bad.as_bytes()).is_err(), "{bad}");
        }
        // The library's error would repeat the line.
        let damaged = certificates(b"-----BEGIN CERTIFICATE hunter2\n")
            .unwrap_err()
            .to_string();
        assert_eq!(damaged, "invalid certificate: truncated or damaged");
        let missing = read(Path::new("no/such/ca.pem")).unwrap_err();
        assert!(
            missing.to_string().contains("--ca-file no/such/ca.pem"),
            "{missing}"
        );
    }
}
