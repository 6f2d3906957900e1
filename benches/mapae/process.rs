//! What the kernel says about a process.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::io;
use std::time::Duration;

/// `USER_HZ`: the unit of the times in `/proc`, the same on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// The CPU time that all threads of a process took so far.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name comes second, in parentheses, and may have spaces in it.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap());
    TICK * ticks.sum::<u32>()
}

/// The CPU time of a process from a moment on, in nanoseconds: ticks are too coarse for a short turn.
/// It is exact if the threads wait when it is started and when it is read.
pub(crate) struct Stopwatch {
    pid: u32,
    started: HashMap<OsString, u64>,
}

impl Stopwatch {
    pub(crate) fn start(pid: u32) -> Self {
        Self { pid, started: nanoseconds(pid) }
    }

    /// The time since the start, of the threads that there are now.
    pub(crate) fn read(&self) -> Duration {
        let now = nanoseconds(self.pid);
        let since = now.iter().map(|(thread, time)| {
            time.saturating_sub(self.started.get(thread).copied().unwrap_or_default())
        });
        Duration::from_nanos(since.sum())
    }
}

/// The CPU time that each thread of a process took so far.
fn nanoseconds(pid: u32) -> HashMap<OsString, u64> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let time = |thread: io::Result<DirEntry>| {
        let thread = thread.ok()?;
        // It may have ended meanwhile.
        let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let first = times.split(' ').next()?.parse::<u64>().ok()?;
        Some((thread.file_name(), first))
    };
    threads.filter_map(time).collect()
}

/// The memory of a process in MB.
pub(crate) fn rss(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024.0
}
