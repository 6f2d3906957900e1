//! What every other room runs and counts with: batches of questions, handles of metrics, and the
//! supervisor of workers.

pub mod batch;
pub mod handles;
pub mod supervisor;
