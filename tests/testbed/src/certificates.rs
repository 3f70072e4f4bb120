//! The certificate authority of one control plane, and the key that signs its service-account tokens.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// The files the programs are started with.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) server: PathBuf,
    pub(crate) server_key: PathBuf,
    pub(crate) signing_key: PathBuf,
    pub(crate) verification_key: PathBuf,
}

impl Certificates {
    /// Makes new ones in a folder.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "testbed");
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate()?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let server = CertificateParams::new(names)?.signed_by(&server_key, &issuer)?;
        let tokens = KeyPair::generate()?;

        let write = |name: &str, pem: &str| {
            let path = folder.join(name);
            fs::write(&path, pem).map(|()| path)
        };
        Ok(Self {
            authority: write("ca.crt", &authority_pem)?,
            server: write("server.crt", &server.pem())?,
            server_key: write("server.key", &server_key.serialize_pem())?,
            signing_key: write("tokens.key", &tokens.serialize_pem())?,
            verification_key: write("tokens.pub", &tokens.public_key_pem())?,
        })
    }
}
