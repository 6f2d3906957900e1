//! How much a client is used.

use chrono::{DateTime, Utc};

use super::authority::{ChangeClients, May};
use crate::domain::client::ClientId;
use crate::domain::verdict::Fault;
use crate::store::{Reader, families};

/// The largest number that is counted.
const MOST: u64 = 10_000;

/// How many sessions of people a client has, and whether there may be more.
pub async fn sessions(
    _may: &May<ChangeClients>,
    reader: &impl Reader,
    client: &ClientId,
    now: DateTime<Utc>,
) -> Result<(u64, bool), Fault> {
    let count = families::count_of_client(reader, client, MOST, now).await?;
    Ok((count, count == MOST))
}
