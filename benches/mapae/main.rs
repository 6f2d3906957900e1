//! The speed of the real server over loopback, as ratios to what this machine can do at all. Each
//! limit is measured seconds before the operation it bounds, because a machine is not equally fast
//! from one minute to the next.
//!
//! `cargo bench` measures everything, `cargo bench -- refresh` the rows whose name has this in it.
//! `MAPAE_BENCH_SECONDS` is the time that one row is measured, three times over; 2 by default.
//! `MAPAE_BENCH_POSTGRES` names a Postgres server (`postgres://user@host:port`) for the rows on it,
//! which are left out without it. It must be as durable as it is in production.
//! `MAPAE_BENCH_PEOPLE` is how many people the rows about people have; ten million by default.
//! `MAPAE_BENCH_FAMILIES` is how many families the row of many families has; ten million by default.
//! `MAPAE_BENCH_BEFORE` is the `mapae` of an earlier version for the rows beside it, which are left
//! out without it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on stops")]
#![expect(clippy::indexing_slicing, reason = "what is sliced was found there before")]
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::disallowed_methods, reason = "a bench reads its own environment")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "figures for a table"
)]

mod bare;
mod before;
mod bounds;
mod crowd;
mod day;
mod factors;
mod families;
mod groups;
mod limits;
mod load;
mod month;
mod operations;
mod people;
mod pgbench;
mod postgres;
mod process;
mod proofs;
mod recorder;
mod replicas;
mod report;
mod server;
mod site;
mod statements;
mod status_list;
mod stream;
mod turns;
mod waves;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Builder;

use load::Window;
use operations::Bench;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(answer) = bare::Answer::asked_for(&arguments) {
        bare::serve(&answer);
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("cargo bench runs this in the release profile");
        return ExitCode::SUCCESS;
    }
    let filter = arguments.into_iter().find(|argument| !argument.starts_with("--"));
    let seconds = std::env::var("MAPAE_BENCH_SECONDS").map_or(2.0, |text| text.parse().unwrap());
    let window = Window::of(Duration::from_secs_f64(seconds));

    // One thread generates the load: it shares the cores with the server.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let postgres = std::env::var("MAPAE_BENCH_POSTGRES").ok();
    let bench = Bench::new(filter.unwrap_or_default(), window, postgres);
    let report = runtime.block_on(bench.run());
    report.finish()
}
