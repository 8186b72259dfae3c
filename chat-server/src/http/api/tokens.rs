use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::watch;

use super::token::{ApiToken, SecretHash};
use super::token_file::{ApiTokenFileError, ApiTokenLineError, read, tokens_in};

/// The tokens with which applications use the API, see [`ChatBuilder::api`](crate::ChatBuilder::api). Cheap to clone;
/// clones share the same tokens.
///
/// Each line of the text is the JSON of an [`ApiToken`]. Empty lines, and those that begin with `#`, do not count.
///
/// ```
/// use chat_server::{ApiToken, ApiTokens};
///
/// let new = ApiToken::create("ci", vec!["send:ci".parse()?])?;
/// // Give `new.secret` to the application: it is kept nowhere else.
/// let tokens: ApiTokens = new.token.to_string().parse()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ApiTokens(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Where they are from; none for those in memory.
    path: Option<PathBuf>,
    tokens: watch::Sender<Tokens>,
}

type Tokens = Arc<[Arc<ApiToken>]>;

impl ApiTokens {
    /// Reads the tokens in a file, which nobody but its owner may read or write.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or a line is not the JSON of a token.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, ApiTokenFileError> {
        let path = path.into();
        let tokens = read(&path)?;
        Ok(Self::new(Some(path), tokens))
    }

    /// Reads the file again. If it cannot be used, the previous tokens stay. Streams of tokens that are gone end.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn reload(&self) -> Result<(), ApiTokenFileError> {
        if let Some(path) = self.path() {
            let tokens = read(path)?;
            self.0.tokens.send_replace(shared(tokens));
        }
        Ok(())
    }

    /// Returns the number of tokens.
    pub fn len(&self) -> usize {
        self.0.tokens.borrow().len()
    }

    /// Returns whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn new(path: Option<PathBuf>, tokens: Vec<ApiToken>) -> Self {
        let tokens = watch::Sender::new(shared(tokens));
        Self(Arc::new(Shared { path, tokens }))
    }

    fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// Returns the token with this secret.
    pub(super) fn find(&self, secret: &str) -> Option<Arc<ApiToken>> {
        let hash = SecretHash::of(secret);
        self.0.tokens.borrow().iter().find(|token| token.hash() == hash).cloned()
    }

    /// Waits until a token is not valid any more.
    pub(super) async fn until_gone(&self, token: &ApiToken) {
        let mut tokens = self.0.tokens.subscribe();
        let is_gone = |tokens: &Tokens| !tokens.iter().any(|known| **known == *token);
        // It lives as long as these tokens.
        let _ = tokens.wait_for(is_gone).await;
    }
}

fn shared(tokens: Vec<ApiToken>) -> Tokens {
    tokens.into_iter().map(Arc::new).collect()
}

impl FromStr for ApiTokens {
    type Err = ApiTokenLineError;

    fn from_str(text: &str) -> Result<Self, ApiTokenLineError> {
        Ok(Self::new(None, tokens_in(text)?))
    }
}

#[cfg(test)]
mod tests {
    use chat_core::RoomId;

    use super::super::scope::Right;
    use super::*;

    #[test]
    fn a_token_is_found_by_its_secret_alone() {
        let scopes = vec!["send:ci".parse().unwrap(), "read".parse().unwrap()];
        let new = ApiToken::create("ci", scopes).unwrap();
        let other = ApiToken::create("ci", vec![]).unwrap();
        let text = format!("# tokens\n\n{}\n{}\n", other.token, new.token);
        let tokens: ApiTokens = text.parse().unwrap();
        let found = tokens.find(&new.secret).unwrap();
        assert_eq!((&*found, tokens.len()), (&new.token, 2));
        let room: RoomId = "ci".parse().unwrap();
        assert!(found.allows(Right::Send, Some(&room)) && !found.allows(Right::Send, None));
        for wrong in ["", &new.secret[1..], &new.secret.to_uppercase()] {
            assert!(tokens.find(wrong).is_none());
        }
    }

    #[tokio::test]
    async fn a_token_that_leaves_the_file_is_gone_when_it_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let [first, second] = ["a", "b"].map(|name| ApiToken::create(name, vec![]).unwrap());
        let write = |text: &str| super::super::token_file::tests::write(&path, text, 0o600);
        write(&format!("{}\n{}\n", first.token, second.token));
        let tokens = ApiTokens::from_file(&path).unwrap();
        let gone = tokio::spawn({
            let (tokens, token) = (tokens.clone(), first.token.clone());
            async move { tokens.until_gone(&token).await }
        });
        write("no JSON");
        tokens.reload().unwrap_err();
        assert!(tokens.find(&first.secret).is_some(), "the previous ones stay");
        write(&second.token.to_string());
        tokens.reload().unwrap();
        gone.await.unwrap();
        assert!(tokens.find(&first.secret).is_none() && tokens.find(&second.secret).is_some());
    }
}
