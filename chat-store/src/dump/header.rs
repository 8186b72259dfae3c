use std::collections::BTreeMap;

use chat_core::Epoch;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MoveError, TABLES};

/// What the first line says that an export is.
const RECORD: &str = "export";

/// The version of the format.
const VERSION: u32 = 1;

/// The first line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    record: String,
    /// A program that knows a lower one only cannot read the export.
    version: u32,
    /// The program that wrote it.
    created_by: String,
    pub(crate) epoch: Epoch,
    /// The last offset that was ever used.
    pub(crate) tail: i64,
    pub(crate) horizon: i64,
    /// Up to where contents below the horizon are removed.
    pub(crate) wiped: i64,
    pub(crate) plain_keys_upto: Option<i64>,
    /// Whether every offset from the horizon to the tail has a message.
    pub(crate) dense: bool,
    /// The number of lines of each record.
    pub(crate) counts: BTreeMap<String, u64>,
}

impl Header {
    /// Creates the header of a log; everything else has to be set.
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            record: RECORD.into(),
            version: VERSION,
            created_by: concat!("chat-store ", env!("CARGO_PKG_VERSION")).into(),
            epoch,
            tail: 0,
            horizon: 0,
            wiped: 0,
            plain_keys_upto: None,
            dense: true,
            counts: BTreeMap::new(),
        }
    }

    /// Reads the first line.
    pub(crate) fn read(line: &str) -> Result<Self, MoveError> {
        let other = || MoveError::line(1, "is not that of an export of this program");
        let header: Self = serde_json::from_str(line).map_err(|_| other())?;
        if header.record != RECORD {
            return Err(other());
        }
        if header.version > VERSION {
            return Err(MoveError::line(1, "says that a later version of this program wrote it"));
        }
        match header.counts.keys().find(|name| TABLES.iter().all(|it| it.record != **name)) {
            Some(_) => Err(other()),
            None => Ok(header),
        }
    }

    /// Returns the number of lines, the header included.
    pub(crate) fn lines(&self) -> u64 {
        1 + self.counts.values().sum::<u64>()
    }

    /// Returns a digest by which an import that goes on knows its export.
    pub(crate) fn id(line: &str) -> String {
        data_encoding::HEXLOWER.encode(&Sha256::digest(line.trim_end()))
    }
}
