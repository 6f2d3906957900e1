//! The one place that adds the request to log lines.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::domain::{hex, request};

/// Formats JSON lines, with the id, method and route of the request.
#[derive(Debug)]
pub(super) struct Json<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for Json<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(request) = request::current() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::with_capacity(512);
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(line.trim_end().strip_suffix('}').unwrap_or(&line))?;
        // An audit event already has the id of its request, which may be an earlier one.
        if event.metadata().fields().field("request_id").is_none() {
            write!(writer, ",\"request_id\":\"{}\"", request.id)?;
        }
        write!(writer, ",\"method\":\"{}\"", request.method)?;
        if let Some(route) = request.route {
            write!(writer, ",\"route\":\"{route}\"")?;
        }
        if let Some(place) = request.trace {
            write!(writer, ",\"trace_id\":\"{}\"", hex::lower(&place.trace))?;
        }
        writer.write_str("}\n")
    }
}

/// Formats text for a terminal, with the id, method and route of the request.
#[derive(Debug)]
pub(super) struct Text<F>(pub(super) F);

impl<'w, F: for<'a> FormatFields<'a>> FormatFields<'w> for Text<F> {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        self.0.format_fields(writer.by_ref(), fields)?;
        let Some(request) = request::current() else { return Ok(()) };
        let route = request.route.unwrap_or("none");
        write!(writer, " request_id={} method={} route={route}", request.id, request.method)
    }
}
