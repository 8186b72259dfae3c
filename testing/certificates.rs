//! Certificates of an authority of the tests' own. A module of the tests that need them.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// The files of a server that this machine knows as 127.0.0.1 and localhost.
#[derive(Clone)]
pub(crate) struct Certificates {
    pub(crate) server: PathBuf,
    pub(crate) key: PathBuf,
    /// Whoever trusts this one trusts the server.
    pub(crate) authority: PathBuf,
    /// The authority of somebody else.
    pub(crate) stranger: PathBuf,
}

impl Certificates {
    /// Makes new ones in a folder.
    pub(crate) fn make(folder: &Path) -> Self {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (parameters, authority_key) = authority("authority");
        let authority_pem = parameters.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(parameters, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let server = CertificateParams::new(names).unwrap().signed_by(&key, &issuer);
        let (stranger, stranger_key) = authority("stranger");
        Self {
            server: write("server.pem", server.unwrap().pem()),
            key: write("server.key", key.serialize_pem()),
            authority: write("authority.pem", authority_pem),
            stranger: write("stranger.pem", stranger.self_signed(&stranger_key).unwrap().pem()),
        }
    }
}

fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut parameters = CertificateParams::new([]).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    (parameters, KeyPair::generate().unwrap())
}
