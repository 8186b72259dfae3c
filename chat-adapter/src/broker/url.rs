use url::Url;

use crate::BroadcastError;

/// The URL of a broker. This crate's own parameters are removed before the client library sees it.
///
/// It may contain a password: nothing here shows it, and no error repeats it.
pub(crate) struct BrokerUrl(Url);

impl BrokerUrl {
    pub(crate) fn parse(url: &str) -> Result<Self, BroadcastError> {
        Ok(Self(Url::parse(url).map_err(|error| BroadcastError::url(error.to_string()))?))
    }

    /// Removes a query parameter and returns its value.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let (mine, others): (Vec<_>, Vec<_>) =
            self.0.query_pairs().into_owned().partition(|(key, _)| key == name);
        self.0.set_query(None);
        if !others.is_empty() {
            self.0.query_pairs_mut().extend_pairs(others);
        }
        mine.into_iter().next_back().map(|(_, value)| value)
    }

    /// Returns the URL with only these query parameters.
    #[cfg(feature = "postgres")]
    pub(crate) fn only(mut self, names: &[&str]) -> Self {
        let pairs = self.0.query_pairs().into_owned();
        let kept: Vec<_> = pairs.filter(|(key, _)| names.contains(&key.as_str())).collect();
        self.0.set_query(None);
        if !kept.is_empty() {
            self.0.query_pairs_mut().extend_pairs(kept);
        }
        self
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

#[cfg(any(feature = "nats", feature = "redis"))]
impl BrokerUrl {
    /// Refuses a URL without a host.
    pub(crate) fn with_host(self) -> Result<Self, BroadcastError> {
        match self.0.host_str() {
            None | Some("") => {
                Err(BroadcastError::url(format!("the {}:// URL names no host", self.0.scheme())))
            }
            Some(_) => Ok(self),
        }
    }

    /// Refuses query parameters that are left: a misspelt parameter must not be ignored silently.
    pub(crate) fn refuse_others(&self) -> Result<(), BroadcastError> {
        match self.0.query_pairs().next() {
            Some((name, _)) => Err(BroadcastError::url(format!(
                "a {}:// URL has no parameter {name:?} here",
                self.0.scheme()
            ))),
            None => Ok(()),
        }
    }

    /// Returns the broker's host and port, for messages to people.
    pub(crate) fn place(&self, kind: &str, port: u16) -> String {
        let host = self.0.host_str().unwrap_or_default();
        format!("{kind} at {host}:{}", self.0.port().unwrap_or(port))
    }
}

#[cfg(feature = "redis")]
impl BrokerUrl {
    /// Removes the parameter `ca` and returns the certificates in the file that it names, in PEM.
    pub(crate) fn take_authorities(
        &mut self,
        has_tls: bool,
    ) -> Result<Option<Vec<u8>>, BroadcastError> {
        let Some(path) = self.take("ca") else { return Ok(None) };
        if !has_tls {
            return Err(BroadcastError::url("ca is for rediss://, which has TLS"));
        }
        let read = std::fs::read(&path).map_err(|error| {
            BroadcastError::url(format!("the authorities in {path} cannot be read: {error}"))
        });
        read.map(Some)
    }
}
