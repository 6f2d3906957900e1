//! The messages of the OpenTelemetry Protocol: our spans and metrics in its words.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::Counter;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as Sent, Status};
use prost::Message;

use super::prometheus_text::{self, Kind, Sample};
use crate::domain::clock::Clock;
use crate::domain::{hex, random};
use crate::runtime::spans::{Span, Value};

/// The kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    pub(super) const ALL: [Self; 2] = [Self::Traces, Self::Metrics];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }

    /// Where the collector takes them, OTLP §"OTLP/HTTP Request".
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// How many messages of this kind the collector took, or did not take.
    pub(super) fn messages(self, taken: bool) -> Counter {
        let taken = if taken { "true" } else { "false" };
        metrics::counter!("mapae_otlp_messages_total", "signal" => self.as_str(), "taken" => taken)
    }
}

/// Where messages come from: this process.
#[derive(Debug)]
pub(super) struct Origin {
    resource: Resource,
    /// When it began to count, in nanoseconds.
    since: u64,
}

impl Origin {
    /// This process, from now on.
    pub(super) fn here() -> Self {
        let instance = hex::lower(&random::bytes::<8>());
        let attributes = vec![
            text("service.name", "mapae"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", &instance),
        ];
        Self { resource: Resource { attributes, ..Resource::default() }, since: now() }
    }
}

fn scope() -> InstrumentationScope {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    InstrumentationScope { name: "mapae".to_owned(), version, ..InstrumentationScope::default() }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
}

fn now() -> u64 {
    u64::try_from(Clock::system().now().timestamp_millis()).unwrap_or_default() * 1_000_000
}

fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The message with these spans.
pub(super) fn traces(from: &Origin, spans: Vec<Span>) -> Vec<u8> {
    let spans = spans.into_iter().map(sent).collect();
    let scope_spans = ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() };
    let resource_spans = ResourceSpans {
        resource: Some(from.resource.clone()),
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
}

fn sent(span: Span) -> Sent {
    let value = |value| match value {
        Value::Number(number) => Any::IntValue(number),
        Value::Text(text) => Any::StringValue(text.into_owned()),
    };
    let attributes = span.attributes.into_iter();
    let kind = if span.is_request { SpanKind::Server } else { SpanKind::Internal };
    let failed = Status { code: StatusCode::Error.into(), ..Status::default() };
    Sent {
        trace_id: span.place.trace.to_vec(),
        span_id: span.place.span.to_vec(),
        parent_span_id: span.parent.map(Vec::from).unwrap_or_default(),
        name: span.name.into_owned(),
        kind: kind.into(),
        start_time_unix_nano: nanos(span.began),
        end_time_unix_nano: nanos(span.began + span.took),
        attributes: attributes.map(|(key, it)| attribute(key, value(it))).collect(),
        status: span.has_failed.then_some(failed),
        ..Sent::default()
    }
}

/// The message with these metrics, from the text that Prometheus reads.
pub(super) fn metrics(from: &Origin, prometheus: &str) -> Vec<u8> {
    let time = (from.since, now());
    let metrics = prometheus_text::read(prometheus);
    let metrics = metrics.into_iter().map(|metric| measured(&metric, time)).collect();
    let scope_metrics = ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() };
    let resource_metrics = ResourceMetrics {
        resource: Some(from.resource.clone()),
        scope_metrics: vec![scope_metrics],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }.encode_to_vec()
}

fn measured(metric: &prometheus_text::Metric<'_>, time: (u64, u64)) -> Metric {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let numbers = || metric.samples.iter().map(|sample| number(sample, time)).collect();
    let data = match metric.kind {
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers() }),
        Kind::Counter => {
            Data::Sum(Sum { data_points: numbers(), aggregation_temporality, is_monotonic: true })
        }
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: histograms(&metric.samples, time),
            aggregation_temporality,
        }),
    };
    Metric {
        name: metric.name.to_owned(),
        description: metric.help.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn attributes(sample: &Sample<'_>) -> Vec<KeyValue> {
    let of_point = sample.labels.iter().filter(|(name, _)| *name != "le");
    of_point.map(|(name, value)| text(name, value)).collect()
}

fn number(sample: &Sample<'_>, (since, now): (u64, u64)) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(sample),
        start_time_unix_nano: since,
        time_unix_nano: now,
        value: Some(Number::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    }
}

/// One point for each set of labels. Prometheus counts what is in a bucket or below it, OTLP what
/// is in it alone.
fn histograms(samples: &[Sample<'_>], (since, now): (u64, u64)) -> Vec<HistogramDataPoint> {
    let mut points: Vec<HistogramDataPoint> = Vec::new();
    for sample in samples {
        let attributes = attributes(sample);
        let at = points.iter().position(|point| point.attributes == attributes);
        let at = at.unwrap_or_else(|| {
            let times = HistogramDataPoint {
                start_time_unix_nano: since,
                time_unix_nano: now,
                ..HistogramDataPoint::default()
            };
            points.push(HistogramDataPoint { attributes, ..times });
            points.len() - 1
        });
        let Some(point) = points.get_mut(at) else { continue };
        let bound = sample.labels.iter().find(|(name, _)| *name == "le");
        match bound.map(|(_, bound)| bound.parse::<f64>()) {
            Some(Ok(bound)) => {
                let below: u64 = point.bucket_counts.iter().sum();
                point.bucket_counts.push(sample.count().saturating_sub(below));
                if bound.is_finite() {
                    point.explicit_bounds.push(bound);
                }
            }
            _ if sample.name.ends_with("_sum") => point.sum = Some(sample.value),
            _ => point.count = sample.count(),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_each_bucket_alone_and_keeps_sets_of_labels_apart() {
        let text = "# TYPE t histogram\nt_bucket{a=\"x\",le=\"1\"} 2\nt_bucket{a=\"x\",le=\"5\"} 3\n\
            t_bucket{a=\"x\",le=\"+Inf\"} 7\nt_sum{a=\"x\"} 40.5\nt_count{a=\"x\"} 7\n\
            t_bucket{a=\"y\",le=\"1\"} 0\nt_bucket{a=\"y\",le=\"5\"} 0\nt_bucket{a=\"y\",le=\"+Inf\"} 0\n\
            t_sum{a=\"y\"} 0\nt_count{a=\"y\"} 0\n";
        let message = metrics(&Origin::here(), text);
        let read = ExportMetricsServiceRequest::decode(&*message).unwrap();
        let metric = &read.resource_metrics[0].scope_metrics[0].metrics[0];
        let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
        let [x, y] = &histogram.data_points[..] else { panic!("{histogram:?}") };
        assert_eq!((x.count, x.sum, &x.bucket_counts[..]), (7, Some(40.5), &[2, 1, 4][..]));
        assert_eq!(x.explicit_bounds, [1.0, 5.0]);
        assert_eq!((y.count, &y.bucket_counts[..]), (0, &[0, 0, 0][..]));
        assert_eq!(x.attributes.len(), 1);
    }
}
