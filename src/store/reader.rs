//! Who can be asked.

use sea_orm::ConnectionTrait;

/// Whoever can read: the [`Store`] for what is committed, a [`Tx`] for what it sees itself.
pub trait Reader: Sync {
    /// The connection behind it.
    type Connection: ConnectionTrait;

    /// The connection behind it.
    fn connection(&self) -> &Self::Connection;
}
