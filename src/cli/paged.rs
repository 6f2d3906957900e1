//! Which page of a list a verb shows.

use clap::Args;

// A comment of documentation would stand in the help of every verb that has these arguments.
#[derive(Debug, Args)]
pub(super) struct Paged {
    /// So many at most
    #[arg(long, default_value_t = 1000, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) limit: u64,
    /// The page after an earlier one: what that one said as `next`
    #[arg(long, value_name = "NEXT")]
    pub(super) after: Option<String>,
}
