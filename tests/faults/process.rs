//! What the kernel knows about a server.

use crate::support::Binary;

/// The resident memory of a server in KiB.
pub(crate) fn memory(binary: &Binary) -> u64 {
    of_process(binary, "VmRSS:")
}

/// A number that the kernel knows about a server.
fn of_process(binary: &Binary, name: &str) -> u64 {
    let process = binary.child.id().expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    line.split_whitespace().next().expect("a number").parse().expect("a number")
}

/// How many files a server has open.
pub(crate) fn open_files(binary: &Binary) -> usize {
    let process = binary.child.id().expect("a process");
    std::fs::read_dir(format!("/proc/{process}/fd")).expect("files").count()
}

/// How many threads a server has.
pub(crate) fn threads(binary: &Binary) -> u64 {
    of_process(binary, "Threads:")
}
