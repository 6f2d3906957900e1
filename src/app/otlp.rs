//! The setting that names a collector of traces and metrics (OpenTelemetry Protocol).

use url::Url;

use crate::settings::value_type::ValueType;
use crate::settings::{Setting, settings};

settings! {
    /// Where traces and metrics are sent.
    #[derive(Clone, Debug)]
    pub struct Otlp in "Telemetry" {
        /// The collector that takes traces and metrics by OTLP over HTTP (`http/protobuf`), like
        /// `http://localhost:4318`: traces go to `/v1/traces` below it, metrics to `/v1/metrics`. It may
        /// be at any address, and `outbound.proxy` is not used. Without it nothing is traced. A request
        /// is traced unless a trusted proxy sends a `traceparent` that says no. What the collector does
        /// not take is dropped and counted (`mapae_spans_lost_total`).
        pub endpoint: Option<String> = endpoint(),
    }
}

fn endpoint() -> Setting<Option<String>> {
    let parse = |text: &str| {
        let url = Url::parse(text).ok().filter(Url::has_host);
        let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = url.ok_or("is not the URL of a collector, like http://localhost:4318")?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err("must have no name, no password and no query".to_owned());
        }
        Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
    };
    let show = |it: &Option<String>| it.clone().unwrap_or_default();
    Setting::new("telemetry.otlp_endpoint", ValueType::Text("URL"), None, parse, show)
        .or_from_env(&["OTEL_EXPORTER_OTLP_ENDPOINT"])
}
