//! The options for signed tokens.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use chat_server::{JwtFileError, JwtVerifier};

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct JwtArgs {
    /// File with a key that verifies the signed tokens of clients; a client without a valid token is refused
    ///
    /// FILE holds a secret of at least 32 bytes (HS256), a public key in PEM: RSA (RS256), Ed25519 (EdDSA) or P-256
    /// (ES256), or a key set (JWKS) of such keys. Separate several with commas or repeat the option. On SIGHUP the
    /// files are read again. Clients send a JSON Web Token as `token` in `auth`. Its claim `sub`, with `iss`,
    /// identifies the user; `nickname`, `preferred_username` or `name` is the display name.
    #[arg(long = "jwt-key", env = "CHAT_JWT_KEY", value_name = "FILE", value_delimiter = ',')]
    files: Vec<PathBuf>,

    /// Audience that signed tokens must name in `aud`; separate several with commas or repeat the option
    ///
    /// Without this option, tokens for any audience are accepted.
    #[arg(
        long = "jwt-audience",
        env = "CHAT_JWT_AUDIENCE",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "files"
    )]
    audiences: Vec<String>,

    /// Issuer that signed tokens must name in `iss`; separate several with commas or repeat the option
    ///
    /// Without this option, the tokens of any issuer that has the key are accepted.
    #[arg(
        long = "jwt-issuer",
        env = "CHAT_JWT_ISSUER",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "files"
    )]
    issuers: Vec<String>,

    /// Accept signed tokens that never expire, without `exp`
    ///
    /// Such a token is valid until its key is changed.
    #[arg(
        long = "jwt-allow-no-expiry",
        env = "CHAT_JWT_ALLOW_NO_EXPIRY",
        value_parser = BoolishValueParser::new()
    )]
    allow_no_expiry: bool,
}

impl JwtArgs {
    pub(super) fn has_keys(&self) -> bool {
        !self.files.is_empty()
    }

    /// Reads the keys; none if there is no file with keys.
    pub(super) fn verifier(&self) -> anyhow::Result<Option<JwtVerifier>> {
        if !self.has_keys() {
            return Ok(None);
        }
        let verifier = JwtVerifier::from_files(&self.files);
        let verifier = verifier.map_err(|JwtFileError { path, source }| {
            anyhow::Error::new(source)
                .context(format!("--jwt-key {} cannot be used", path.display()))
        })?;
        let verifier = verifier.with_audiences(&self.audiences).with_issuers(&self.issuers);
        Ok(Some(if self.allow_no_expiry { verifier.allow_no_expiry() } else { verifier }))
    }
}
