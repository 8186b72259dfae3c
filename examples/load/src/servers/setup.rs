use clap::ValueEnum;
use serde::{Serialize, Serializer};

/// How two nodes hear each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Adapter {
    /// Two workers of one supervisor, which relays
    Cluster,
    /// Streams of Redis
    Redis,
    /// Channels of Redis
    RedisPubsub,
    /// Core NATS
    Nats,
    /// LISTEN and NOTIFY of the database that also has the messages
    Postgres,
}

/// Where messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StoreKind {
    Sqlite,
    Postgres,
}

/// One node alone, or two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    One(StoreKind),
    Two(Adapter),
}

impl Setup {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One(StoreKind::Sqlite) => "one node, SQLite",
            Self::One(StoreKind::Postgres) => "one node, PostgreSQL",
            Self::Two(Adapter::Cluster) => "cluster, SQLite",
            Self::Two(Adapter::Redis) => "Redis streams, SQLite",
            Self::Two(Adapter::RedisPubsub) => "Redis pub/sub, SQLite",
            Self::Two(Adapter::Nats) => "NATS, SQLite",
            Self::Two(Adapter::Postgres) => "PostgreSQL, both",
        }
    }

    /// SQLite wherever that is possible, so that what differs is the adapter.
    pub(crate) fn store(self) -> StoreKind {
        match self {
            Self::One(store) => store,
            Self::Two(Adapter::Postgres) => StoreKind::Postgres,
            Self::Two(_) => StoreKind::Sqlite,
        }
    }
}

impl Serialize for Setup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
