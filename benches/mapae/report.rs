//! The table.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::load::Measured;

/// What the ratio is to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// How a measurement compares with its limit.
#[derive(Clone)]
pub(crate) struct Comparison {
    pub(crate) limit: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) ratio: f64,
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) connections: Option<usize>,
    /// The trial in the middle, or why the row is void.
    pub(crate) outcome: Result<(Measured, Comparison), String>,
    /// What the disk allows per second, where every request is made durable.
    pub(crate) by_disk: Option<f64>,
    pub(crate) target: Option<Target>,
}

/// All that was measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// Each value of each limit, in the order they were measured first.
    limits: Vec<(String, Vec<f64>)>,
    /// What is stored, in bytes.
    sizes: Vec<(String, f64)>,
    /// The quartiles of ratios, the median between the others.
    spreads: Vec<(String, [f64; 3])>,
}

const COLUMNS: [&str; 14] = [
    "operation",
    "connections",
    "req/s",
    "p50 ms",
    "p99 ms",
    "CPU µs/req",
    "load µs/req",
    "RSS MB",
    "limit",
    "limit value",
    "ratio",
    "by disk",
    "target",
    "verdict",
];

const LEGEND: &str = "\
Each row is measured three times, each time right after its limit; shown is the one with the ratio
in the middle. CPU is that of the server for one request, load that of the load generator, which
shares the cores. The limit of one connection is that of one core, and has no target. “By disk” is
what this disk allows: how often in a second it makes a page durable, times the rotations that share
one commit. Where it is less than the limit, the disk is slow and not the server. The limit “its
parts together” is the sum of the times of one exchange with bare axum, of the signatures, of the
password hash, and of pgbench with the statements that the server was seen to send, each on all
cores. On the mixed day half of the time of this machine is taken; its p99 stands beside that of the
same requests at the same rate with nothing else going on. Beside an earlier version the two servers
take turns; the ratio is the CPU of the earlier one for a request, divided by that of this one: the
median of all pairs of neighbouring turns. If it differs from 1 by less than half of the distance
between its quartiles, that may be noise.
";

impl Report {
    /// Adds a row, and says so: the whole takes minutes.
    pub(crate) fn add(&mut self, row: Row) {
        match &row.outcome {
            Ok((_, compared)) => println!("{}: {}", row.name(), figure(compared.ratio)),
            Err(error) => println!("{}: void: {error}", row.name()),
        }
        self.rows.push(row);
    }

    /// Remembers what a limit was.
    pub(crate) fn limit(&mut self, name: &str, value: f64) {
        match self.limits.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value),
            None => self.limits.push((name.to_owned(), vec![value])),
        }
    }

    /// Remembers how many bytes something takes in the database.
    pub(crate) fn size(&mut self, name: String, bytes: f64) {
        println!("{name}: {} bytes", figure(bytes));
        self.sizes.push((name, bytes));
    }

    /// Remembers how far ratios spread.
    pub(crate) fn spread(&mut self, name: String, quartiles: [f64; 3]) {
        let [lower, median, upper] = quartiles;
        println!("{name}: {median:.3} ({lower:.3} to {upper:.3})");
        self.spreads.push((name, quartiles));
    }

    /// Prints everything and writes it to `target/bench/report.md`.
    pub(crate) fn finish(self) -> ExitCode {
        let mut text = table(&COLUMNS, self.rows.iter().map(Row::cells).collect());
        for row in &self.rows {
            if let Err(error) = &row.outcome {
                writeln!(text, "\nVoid: {}: {error}", row.name()).unwrap();
            }
        }
        let limits = self.limits.into_iter().map(|(name, mut values)| {
            values.sort_by(f64::total_cmp);
            let (least, most) = (values[0], values[values.len() - 1]);
            vec![name, figure(least), figure(median(&values)), figure(most)]
        });
        let columns = ["measured limit", "least", "median", "most"];
        let mut text = format!("{text}\n{}\n", table(&columns, limits.collect()));
        if !self.sizes.is_empty() {
            let sizes = self.sizes.into_iter().map(|(name, bytes)| vec![name, figure(bytes)]);
            writeln!(text, "{}", table(&["what the database grows by", "bytes"], sizes.collect()))
                .unwrap();
        }
        if !self.spreads.is_empty() {
            let spreads = self.spreads.into_iter().map(|(name, quartiles)| {
                [vec![name], quartiles.map(|ratio| format!("{ratio:.3}")).to_vec()].concat()
            });
            let columns = ["ratio of turns", "lower quartile", "median", "upper quartile"];
            writeln!(text, "{}", table(&columns, spreads.collect())).unwrap();
        }
        text.push_str(LEGEND);
        println!("\n{text}");

        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("report.md"), text).unwrap();
        ExitCode::from(u8::from(self.rows.iter().any(|row| row.outcome.is_err())))
    }
}

/// The trial in the middle of those in which the same was measured twice, for the row and for its
/// limit; or why one of them is void.
pub(crate) fn beside(
    trials: Vec<[Result<Measured, String>; 2]>,
    limit: &str,
) -> Result<(Measured, Comparison), String> {
    let mut all = Vec::new();
    for [measured, bound] in trials {
        let (measured, value) = (measured?, bound?.rate);
        let (limit, ratio) = (limit.to_owned(), measured.rate / value);
        all.push((measured, Comparison { limit, value, unit: "", ratio }));
    }
    all.sort_by(|(_, one), (_, other)| one.ratio.total_cmp(&other.ratio));
    Ok(median(&all))
}

/// The quartiles of some ratios.
pub(crate) fn quartiles(mut ratios: Vec<f64>) -> [f64; 3] {
    ratios.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| {
        let place = (ratios.len() - 1) * quarter;
        let (below, above) = (ratios[place / 4], ratios[place.div_ceil(4)]);
        below + (above - below) * (place % 4) as f64 / 4.0
    })
}

/// The one in the middle of what is sorted.
pub(crate) fn median<T: Clone>(sorted: &[T]) -> T {
    sorted[sorted.len() / 2].clone()
}

impl Row {
    fn name(&self) -> String {
        match self.connections {
            Some(connections) => format!("{} × {connections}", self.operation),
            None => self.operation.clone(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let none = || "–".to_owned();
        let (measured, compared) = self.outcome.as_ref().ok().map(|(one, two)| (one, two)).unzip();
        let cell = |read: fn(&Measured) -> f64| {
            measured.map(read).filter(|value| value.is_finite()).map_or_else(none, figure)
        };
        vec![
            self.operation.clone(),
            self.connections.map_or_else(none, |connections| connections.to_string()),
            cell(|measured| measured.rate),
            cell(|measured| measured.p50),
            cell(|measured| measured.p99),
            cell(|measured| measured.cpu),
            cell(|measured| measured.own_cpu),
            cell(|measured| measured.rss),
            compared.map_or_else(none, |compared| compared.limit.clone()),
            compared.map_or_else(none, |with| format!("{}{}", figure(with.value), with.unit)),
            compared.map_or_else(none, |compared| figure(compared.ratio)),
            self.by_disk.map_or_else(none, figure),
            self.target.map_or_else(none, |target| match target {
                Target::AtLeast(bound) => format!("≥ {bound:.2}"),
                Target::AtMost(bound) => format!("≤ {bound:.2}"),
            }),
            self.verdict().to_owned(),
        ]
    }

    fn verdict(&self) -> &'static str {
        let Ok((_, compared)) = &self.outcome else { return "VOID" };
        let Some(target) = self.target else { return "–" };
        let reached = match target {
            Target::AtLeast(bound) => compared.ratio >= bound,
            Target::AtMost(bound) => compared.ratio <= bound,
        };
        if reached { "ok" } else { "MISSED" }
    }
}

/// Three digits that say something.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A table that reads well as text and as Markdown.
fn table(columns: &[&str], rows: Vec<Vec<String>>) -> String {
    let titles = columns.iter().map(ToString::to_string).collect();
    let mut lines: Vec<Vec<String>> = [vec![titles], rows].concat();
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    lines.insert(1, widths.iter().map(|&width| "-".repeat(width)).collect());
    let mut text = String::new();
    for line in lines {
        for (cell, &width) in line.iter().zip(&widths) {
            write!(text, "| {cell:<width$} ").unwrap();
        }
        text.push_str("|\n");
    }
    text
}
