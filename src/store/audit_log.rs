//! Writes the log line of an audit event and counts it in the metrics.

use metrics::Counter;

use crate::domain::audit::{Event, EventKind};
use crate::runtime::handles::Handles;

static EVENTS: Handles<&str, Counter> =
    Handles::new(|event| metrics::counter!("mapae_audit_events_total", "event" => event));

/// Logs and counts an event that is committed.
pub(super) fn log(event: &Event) {
    EVENTS.of(event.kind.as_str()).increment(1);
    if event.kind == EventKind::RefreshReused {
        metrics::counter!("mapae_refresh_reuse_total").increment(1);
    }
    tracing::info!(
        target: "mapae::audit",
        event = event.kind.as_str(),
        client_id = event.client.as_ref().map(tracing::field::display),
        user_id = event.user.as_ref().map(|id| tracing::field::display(id.as_str())),
        family_id = event.family.as_ref().map(|id| tracing::field::display(id.as_str())),
        address = event.origin.address.as_deref(),
        request_id = event.origin.request_id.as_deref(),
        detail = event.detail.as_deref(),
    );
}
