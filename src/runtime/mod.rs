//! What every other room runs and counts with: handles of metrics, and the supervisor of workers.

pub mod handles;
pub mod supervisor;
