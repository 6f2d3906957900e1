//! What all other rooms use to run and to count work: batches of questions, handles of metrics,
//! spans of traces, and the supervisor of workers.

pub mod batch;
pub mod handles;
pub mod spans;
pub mod supervisor;
