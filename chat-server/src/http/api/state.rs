use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::token::TokenName;
use super::tokens::ApiTokens;
use crate::socketio::socket::{Connections, Services};

/// The state of the API. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

struct Shared {
    connections: Connections,
    tokens: ApiTokens,
    /// Ends all streams.
    stopping: CancellationToken,
    /// By the names of tokens that were used.
    accounts: Mutex<HashMap<TokenName, Arc<Account>>>,
}

impl Api {
    /// Creates it for the holders of these tokens. Streams end with `stopping`.
    pub(crate) fn new(
        connections: Connections,
        tokens: ApiTokens,
        stopping: CancellationToken,
    ) -> Self {
        Self(Arc::new(Shared { connections, tokens, stopping, accounts: Mutex::default() }))
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.0.connections
    }

    pub(super) fn services(&self) -> &Services {
        self.0.connections.services()
    }

    pub(super) fn tokens(&self) -> &ApiTokens {
        &self.0.tokens
    }

    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Returns the account of all tokens with a name.
    pub(super) fn account(&self, name: &TokenName) -> Arc<Account> {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(name) {
            return Arc::clone(account);
        }
        let Services { log, limits, .. } = self.services();
        let account = Account::new(name, log.reader(), limits.max_streams_per_token);
        accounts.insert(name.clone(), Arc::clone(&account));
        account
    }
}
