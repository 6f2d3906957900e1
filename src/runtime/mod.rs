//! What all other rooms use to run and to count work: attempts for which many wait, batches of
//! questions, memory that is given back, handles of metrics, spans of traces, and the supervisor of
//! workers.

pub mod attempts;
pub mod batch;
pub mod free_memory;
pub mod handles;
pub mod spans;
pub mod supervisor;
