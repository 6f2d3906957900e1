//! Reads the text of our own `/metrics`, so that a collector is told the same as Prometheus. It
//! reads what the exporter writes and no more of the format than that.

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One line with a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'t> {
    /// The name, which in a histogram is longer than that of the metric.
    pub(super) name: &'t str,
    pub(super) labels: Vec<(&'t str, String)>,
    pub(super) value: f64,
}

impl Sample<'_> {
    /// The value as a count.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count is whole and not negative; `as` keeps the nearest one of any other number"
    )]
    pub(super) fn count(&self) -> u64 {
        self.value as u64
    }
}

/// A metric with its samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric<'t> {
    pub(super) name: &'t str,
    pub(super) help: &'t str,
    pub(super) kind: Kind,
    pub(super) samples: Vec<Sample<'t>>,
}

/// Reads all metrics.
pub(super) fn read(text: &str) -> Vec<Metric<'_>> {
    let mut metrics: Vec<Metric<'_>> = Vec::new();
    let mut help = ("", "");
    for line in text.lines() {
        if let Some((name, words)) = line.strip_prefix("# HELP ").and_then(|it| it.split_once(' '))
        {
            help = (name, words);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' '))
        {
            let kind = match kind {
                "counter" => Kind::Counter,
                "histogram" => Kind::Histogram,
                _ => Kind::Gauge,
            };
            let help = if help.0 == name { help.1 } else { "" };
            metrics.push(Metric { name, help, kind, samples: Vec::new() });
        } else if let (Some(sample), Some(metric)) = (sample(line), metrics.last_mut()) {
            metric.samples.push(sample);
        }
    }
    metrics
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (front, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let (name, labels) = match front.split_once('{') {
        Some((name, rest)) => (name, labels(rest.strip_suffix('}')?)?),
        None => (front, Vec::new()),
    };
    Some(Sample { name, labels, value })
}

/// Reads `a="b",c="d"`.
fn labels(mut rest: &str) -> Option<Vec<(&str, String)>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = behind.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        found.push((name, value));
        let behind = behind.get(end + 1..)?;
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_with_help_labels_and_escapes() {
        let text = "# HELP a_total Counts, of a.\n# TYPE a_total counter\n\
            a_total{x=\"1\",y=\"say \\\"no\\\" {now} \\\\ \\n\"} 3\na_total 0\n\n\
            # TYPE b gauge\nb -1.5\n\
            # HELP c Times.\n# TYPE c histogram\nc_bucket{le=\"+Inf\"} 2\nc_sum 0.25\nc_count 2\n";
        let metrics = read(text);
        let shown: Vec<_> = metrics.iter().map(|it| (it.name, it.help, it.kind)).collect();
        assert_eq!(
            shown,
            [
                ("a_total", "Counts, of a.", Kind::Counter),
                ("b", "", Kind::Gauge),
                ("c", "Times.", Kind::Histogram)
            ]
        );
        let labels = vec![("x", "1".to_owned()), ("y", "say \"no\" {now} \\ \n".to_owned())];
        assert_eq!(metrics[0].samples[0], Sample { name: "a_total", labels, value: 3.0 });
        assert_eq!(metrics[0].samples[0].count(), 3);
        assert_eq!(metrics[1].samples[0].value.to_string(), "-1.5");
        let names: Vec<_> = metrics[2].samples.iter().map(|sample| sample.name).collect();
        assert_eq!(names, ["c_bucket", "c_sum", "c_count"]);
    }
}
