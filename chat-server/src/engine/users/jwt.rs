mod claims;
mod error;
mod files;
mod header;
mod key;
mod key_file;
mod key_set;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chat_core::event::Token;
use chat_core::{Refusal, RefusalCode, Timestamp};
use jsonwebtoken::crypto::verify;
use serde_json::Value as Json;

pub use error::{JwtFileError, JwtFileErrorKind, JwtKeyError};

use claims::Claims;
use files::{Files, MAX_KEYS};
use header::Header;
use key::{Key, Keys};
use refusal::{invalid, no_token};

use super::issuer::{Issuer, Subject};
use super::owner::owner;

/// How far the issuer's clock may be ahead of this machine's, for `nbf`.
///
/// `exp` has no tolerance. A connection ends when its token expires, and a client that showed the token again within
/// a tolerance would be let in and cut off, about once a second.
const LEEWAY: Duration = Duration::from_secs(10);

/// Verifies JSON Web Tokens ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)): the keys, and what a token must say.
///
/// | key | algorithm |
/// |---|---|
/// | a secret: any bytes, 32 or more | HS256 |
/// | an RSA public key in PEM | RS256 |
/// | an Ed25519 public key in PEM | EdDSA |
/// | a P-256 public key in PEM | ES256 |
/// | a key set (JWKS, [RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), `{"keys":[…]}` | by the type of each key, as above |
///
/// Each key verifies this one algorithm, whatever the token says. If the token's header names a key (`kid`) that is
/// known, only that key counts; otherwise every key of the token's algorithm is tried. A token with `crit` in its
/// header is refused.
///
/// A token needs the claims `sub` and, unless [allowed otherwise](Self::allow_no_expiry), `exp`. Times are seconds
/// since 1970, also with a fraction, up to the year 9999. `exp` counts to the millisecond, `nbf` with a tolerance of
/// ten seconds. The user is `sub` together with `iss`. `aud` and `iss` are checked if values for them are set here;
/// otherwise any token of a key is accepted, whomever it is for.
///
/// The user's name is the first usable of the claims `nickname`, `preferred_username`, `name` and `sub`. A name never
/// keeps anybody out: what is not allowed in a nickname is removed, and a name that somebody else has gets a number.
///
/// Clones share the keys: [`reload`](Self::reload) changes them for all.
///
/// ```
/// use chat_server::JwtVerifier;
///
/// let secret = b"32 bytes or more, which only two know";
/// let verifier = JwtVerifier::from_bytes(secret)?
///     .with_audiences(["chat.example.org"])
///     .with_issuers(["https://login.example.org"]);
/// # Ok::<_, chat_server::JwtKeyError>(())
/// ```
#[derive(Clone)]
pub struct JwtVerifier {
    files: Arc<Files>,
    /// Any audience, if empty.
    audiences: BTreeSet<String>,
    /// Any issuer, if empty.
    issuers: BTreeSet<String>,
    needs_expiry: bool,
}

impl JwtVerifier {
    /// The maximum number of keys in all files together.
    pub const MAX_KEYS: usize = MAX_KEYS;

    /// Creates a verifier with a key, or a key set, as a file would hold it. Line ends after a secret are ignored.
    ///
    /// # Errors
    /// When tokens cannot be verified with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JwtKeyError> {
        Ok(Self::new(Files::in_memory(Keys::read(bytes)?)?))
    }

    /// Creates a verifier with the keys in these files, which [`reload`](Self::reload) reads again. The call blocks.
    ///
    /// # Errors
    /// When a file cannot be read, has no key that tokens can be verified with, or there are too many keys.
    pub fn from_files(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
    ) -> Result<Self, JwtFileError> {
        Ok(Self::new(Files::read(paths.into_iter().map(Into::into).collect())?))
    }

    fn new(files: Files) -> Self {
        let (audiences, issuers) = Default::default();
        Self { files: Arc::new(files), audiences, issuers, needs_expiry: true }
    }

    /// Accepts only tokens whose claim `aud` is, or contains, one of these values; by default `aud` is not looked at.
    #[must_use]
    pub fn with_audiences(self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { audiences: values.into_iter().map(Into::into).collect(), ..self }
    }

    /// Accepts only tokens whose claim `iss` is one of these values; by default any issuer is accepted.
    #[must_use]
    pub fn with_issuers(self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { issuers: values.into_iter().map(Into::into).collect(), ..self }
    }

    /// Accepts tokens without the claim `exp`, which are valid for as long as their key is.
    #[must_use]
    pub fn allow_no_expiry(self) -> Self {
        Self { needs_expiry: false, ..self }
    }

    /// Reads the files again, and returns the number of keys that count from now on, for all clones. The call blocks.
    ///
    /// The keys of a file that cannot be read stay, and the log has an error. Connections last until their token
    /// expires, also if its key is gone. Without files it changes nothing.
    pub fn reload(&self) -> usize {
        self.files.reload()
    }

    /// Returns the files that [`reload`](Self::reload) reads.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.paths()
    }

    /// Returns the claims of a token that a known key has signed.
    fn signed(&self, token: &str) -> Result<Claims, Refusal> {
        let header = Header::read(token)?;
        let keys = self.files.keys();
        let all = || keys.iter().flat_map(|keys| keys.iter());
        let is_named = |key: &Key| header.kid.is_some() && key.id == header.kid;
        let named = all().any(is_named);
        let fitting = all()
            .filter(|key| Some(key.algorithm) == header.algorithm && (!named || is_named(key)));
        let Some((message, signature)) = token.rsplit_once('.') else { return Err(no_token()) };
        let mut refusal = invalid("the token is not signed as it has to be");
        for key in fitting {
            // An error says that the signature is no base64, or the key none for this algorithm.
            let verified = verify(signature, message.as_bytes(), &key.decoding, key.algorithm);
            if let Ok(true) = verified {
                return Claims::read(message).ok_or_else(|| {
                    invalid("the token's claims are no JSON object with each claim once")
                });
            }
            refusal = invalid("the token is not signed with the right key");
        }
        Err(refusal)
    }

    fn check_addressee(&self, claims: &Claims) -> Result<(), Refusal> {
        let is_one_of = |values: &BTreeSet<String>, claim: &Json| {
            claim.as_str().is_some_and(|claim| values.contains(claim))
        };
        let is_for_us = match &claims.aud {
            Json::Array(aud) => aud.iter().any(|aud| is_one_of(&self.audiences, aud)),
            aud => is_one_of(&self.audiences, aud),
        };
        if !self.audiences.is_empty() && !is_for_us {
            return Err(invalid("the token is for another service (`aud`)"));
        }
        if !self.issuers.is_empty() && !is_one_of(&self.issuers, &claims.iss) {
            return Err(invalid("the token is from another issuer (`iss`)"));
        }
        Ok(())
    }

    /// Returns when the token expires, if it is valid now.
    fn check_times(&self, claims: &Claims) -> Result<Option<Timestamp>, Refusal> {
        let times = claims.times().map_err(invalid)?;
        let now = Timestamp::now();
        if times.nbf.is_some_and(|nbf| nbf > now.plus(LEEWAY)) {
            return Err(invalid("the token is not valid yet"));
        }
        match times.exp {
            None if self.needs_expiry => Err(invalid("the token never expires: it needs `exp`")),
            Some(exp) if exp <= now => {
                let message = "the token has expired; get a new one";
                Err(Refusal::new(RefusalCode::ExpiredToken, message))
            }
            until => Ok(until),
        }
    }
}

impl Issuer for JwtVerifier {
    fn subject(&self, token: Option<&Token>) -> Result<Subject, Refusal> {
        let missing = || invalid("a token is needed: give it as `token` in `auth`");
        let claims = self.signed(token.ok_or_else(missing)?.as_str())?;
        let sub = claims.sub.as_ref().and_then(Json::as_str).filter(|sub| !sub.is_empty());
        let sub = sub.ok_or_else(|| invalid("the token has no subject (`sub`)"))?;
        let iss = match &claims.iss {
            Json::Null => "",
            Json::String(iss) => iss,
            _ => return Err(invalid("the token's issuer (`iss`) is no text")),
        };
        self.check_addressee(&claims)?;
        let until = self.check_times(&claims)?;
        let token_claims = claims.token_claims().map_err(invalid)?;
        Ok(Subject {
            owner: owner("jwt", &[iss, sub]),
            names: claims.names(),
            until,
            claims: Arc::new(token_claims),
        })
    }
}

/// Hides the keys.
impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { audiences, issuers, needs_expiry, .. } = self;
        f.debug_struct("JwtVerifier")
            .field("audiences", audiences)
            .field("issuers", issuers)
            .field("needs_expiry", needs_expiry)
            .finish_non_exhaustive()
    }
}
