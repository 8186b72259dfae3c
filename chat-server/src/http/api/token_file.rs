use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::token::ApiToken;
use crate::http::owner_only::is_exposed;

/// Maximum number of tokens in a file: each request looks through them.
const MAX_TOKENS: usize = 1000;

/// Why a file of tokens cannot be used.
#[derive(Debug, Error)]
#[error("the file of tokens {} cannot be used", path.display())]
#[non_exhaustive]
pub struct ApiTokenFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: ApiTokenFileErrorKind,
}

/// What is wrong with a file of tokens.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiTokenFileErrorKind {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Others than its owner may read or write it.
    #[error("others than its owner may use it; run `chmod 600` on it")]
    Exposed,
    /// A line is not the JSON of a token.
    #[error(transparent)]
    Line(#[from] ApiTokenLineError),
}

/// Why a text is not a list of tokens.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApiTokenLineError {
    /// A line is not the JSON of a token.
    #[error("line {line} is not the JSON of a token")]
    Json {
        /// Its number, from 1 on.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// There are too many.
    #[error("there are more than {MAX_TOKENS} tokens")]
    TooMany,
}

/// Reads the tokens in a file that only its owner may use.
pub(super) fn read(path: &Path) -> Result<Vec<ApiToken>, ApiTokenFileError> {
    let read = || {
        if is_exposed(path)? {
            return Err(ApiTokenFileErrorKind::Exposed);
        }
        Ok(tokens_in(&std::fs::read_to_string(path)?)?)
    };
    read().map_err(|source| ApiTokenFileError { path: path.to_owned(), source })
}

/// Reads the tokens in a text, one a line.
pub(super) fn tokens_in(text: &str) -> Result<Vec<ApiToken>, ApiTokenLineError> {
    let mut tokens = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let token = serde_json::from_str(line);
        tokens.push(token.map_err(|source| ApiTokenLineError::Json { line: index + 1, source })?);
    }
    if tokens.len() > MAX_TOKENS { Err(ApiTokenLineError::TooMany) } else { Ok(tokens) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Writes a file that others may use as `mode` says.
    pub(in crate::http::api) fn write(path: &Path, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;

        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        for (mode, is_exposed) in [(0o600, false), (0o400, false), (0o640, true), (0o602, true)] {
            write(&path, "", 0o600);
            write(&path, "", mode);
            assert_eq!(read(&path).is_err(), is_exposed, "{mode:o}");
        }
    }

    #[test]
    fn a_line_that_is_no_token_is_named() {
        let hash = "0".repeat(64);
        let right = format!(r#"{{"name":"ci","sha256":"{hash}","scopes":["read"]}}"#);
        assert_eq!(tokens_in(&format!("\n# all\n {right}\r\n")).unwrap().len(), 1);
        for wrong in [
            "{}".to_owned(),
            right.replace("read", "shout"),
            right.replace("00", "0"),
            right.replace("ci", "c i"),
            right.replace("scopes", "scope"),
            right.replace("]", "],\"admin\":true"),
        ] {
            let error = tokens_in(&format!("# all\n{wrong}")).unwrap_err();
            assert!(error.to_string().starts_with("line 2 "), "{wrong}: {error}");
        }
        assert!(tokens_in(&format!("{right}\n").repeat(MAX_TOKENS + 1)).is_err());
    }
}
