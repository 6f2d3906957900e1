//! The sources from which functions can read.

use sea_orm::ConnectionTrait;

/// A source to read from: the [`Store`](super::Store) sees what is committed, a [`Tx`](super::Tx)
/// also sees its own changes.
pub trait Reader: Sync {
    /// The connection that the source uses.
    type Connection: ConnectionTrait;

    /// The connection that the source uses.
    fn connection(&self) -> &Self::Connection;
}
