//! Who can be asked.

use sea_orm::ConnectionTrait;

/// Whoever can read: the [`Store`](super::Store) for what is committed, a [`Tx`](super::Tx) for what it sees itself.
pub trait Reader: Sync {
    /// The connection behind it.
    type Connection: ConnectionTrait;

    /// The connection behind it.
    fn connection(&self) -> &Self::Connection;
}
