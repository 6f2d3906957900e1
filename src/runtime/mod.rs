//! What every other room runs and counts with: handles of metrics.

pub mod handles;
