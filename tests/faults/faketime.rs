//! Programs whose clock is off.

use tokio::process::Command;

use crate::CannotRun;
use crate::support::Cli;

/// What the environment of a program says so that its clock is off, as this variable of libfaketime
/// says: `FAKETIME` with `+4s`, or `FAKETIME_TIMESTAMP_FILE` with a file that says it.
pub(crate) async fn environment(
    name: &'static str,
    value: &str,
) -> Result<[(&'static str, String); 5], CannotRun> {
    let shown =
        Command::new("faketime").args(["-f", "+0s", "printenv", "LD_PRELOAD"]).output().await;
    let shown = shown.map_err(|_| CannotRun("there is no faketime".to_owned()))?;
    let library = String::from_utf8(shown.stdout).expect("UTF-8");
    let on = || "1".to_owned();
    Ok([
        ("LD_PRELOAD", library.trim().to_owned()),
        (name, value.to_owned()),
        ("FAKETIME_NO_CACHE", on()),
        // Timers go on as they are.
        ("FAKETIME_DONT_FAKE_MONOTONIC", on()),
        ("DONT_FAKE_MONOTONIC", on()),
    ])
}

/// Makes the clock of an installation be off.
pub(crate) async fn is_off(
    cli: &mut Cli,
    name: &'static str,
    value: &str,
) -> Result<(), CannotRun> {
    for (name, value) in environment(name, value).await? {
        cli.set(name, value);
    }
    Ok(())
}
