//! pgbench, the program that Postgres measures itself with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::statements::Statements;

/// How many connections pgbench has: enough to share commits, and more than the server uses at
/// once for what it does in batches.
const CLIENTS: u32 = 8;

/// The newest one of this machine.
pub(crate) fn find() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            let program = version.path().join("bin/pgbench");
            program.exists().then_some((number, program))
        })
        .collect();
    found.sort();
    if let Some((_, program)) = found.pop() {
        return Some(program);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("pgbench")).find(|one| one.exists())
}

/// How many requests a second Postgres could serve, if their statements were all there is to do.
/// `run` is another number each time: the ids of new rows begin there.
pub(crate) fn requests_per_second(
    program: &Path,
    url: &str,
    folder: &Path,
    statements: &Statements,
    run: usize,
    length: Duration,
) -> Result<f64, String> {
    let folder = tempfile::tempdir_in(folder).unwrap();
    // In the first second statements are prepared and planned.
    let seconds = length.as_secs_f64().ceil().max(1.0) + 1.0;
    let mut command = Command::new(program);
    command
        .args(["--no-vacuum", "--protocol=prepared", "--progress=1"])
        .arg(format!("--client={CLIENTS}"))
        .arg(format!("--time={seconds}"))
        .arg(format!("--define=n={}", run * 1_000_000_000));
    for (number, script) in statements.scripts.iter().enumerate() {
        let file = folder.path().join(format!("{number}.sql"));
        fs::write(&file, &script.text).unwrap();
        command.arg(format!("--file={}@{}", file.display(), script.weight));
        for (name, value) in &script.variables {
            command.arg(format!("--define={name}={value}"));
        }
    }
    let output = command.arg(url).output().map_err(|error| format!("pgbench: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("pgbench: {said}"));
    }
    // progress: 2.0 s, 5213.0 tps, lat 1.534 ms stddev 0.402, 0 failed
    let rates = said.lines().filter_map(|line| {
        let (_, rate) = line.strip_prefix("progress: ")?.split_once(" s, ")?;
        rate.split_once(" tps")?.0.parse::<f64>().ok()
    });
    let rates: Vec<f64> = rates.skip(1).collect();
    if rates.is_empty() {
        return Err(format!("pgbench says no rate: {said}"));
    }
    let transactions = rates.iter().sum::<f64>() / rates.len() as f64;
    Ok(transactions / statements.per_request)
}
