use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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
    /// By the names of tokens that were used.
    accounts: Mutex<HashMap<TokenName, Arc<Account>>>,
}

impl Api {
    pub(crate) fn new(connections: Connections, tokens: ApiTokens) -> Self {
        Self(Arc::new(Shared { connections, tokens, accounts: Mutex::default() }))
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

    /// Returns the account of all tokens with a name.
    pub(super) fn account(&self, name: &TokenName) -> Arc<Account> {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(name) {
            return Arc::clone(account);
        }
        let account = Account::new(name, self.services().log.reader());
        accounts.insert(name.clone(), Arc::clone(&account));
        account
    }
}
