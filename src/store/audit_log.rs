//! Writes the log line of an audit event and counts it in the metrics.

use metrics::Counter;

use crate::domain::actor::{self, Acting};
use crate::domain::audit::{Event, EventKind};
use crate::runtime::handles::Handles;

static EVENTS: Handles<&str, Counter> =
    Handles::new(|event| metrics::counter!("mapae_audit_events_total", "event" => event));

/// Logs and counts an event that is committed, with who caused it in the administration.
pub(super) fn log(event: &Event, acting: Option<&Acting>) {
    EVENTS.of(event.kind.as_str()).increment(1);
    if event.kind == EventKind::RefreshReused {
        metrics::counter!("mapae_refresh_reuse_total").increment(1);
    }
    let origin = actor::origin_of(event, acting);
    tracing::info!(
        target: "mapae::audit",
        event = event.kind.as_str(),
        client_id = event.client.as_ref().map(tracing::field::display),
        user_id = event.user.as_ref().map(|id| tracing::field::display(id.as_str())),
        family_id = event.family.as_ref().map(|id| tracing::field::display(id.as_str())),
        actor = acting.map(|acting| tracing::field::display(acting.actor.to_text())),
        address = origin.address.as_deref(),
        request_id = origin.request_id.as_deref(),
        detail = event.detail.as_deref(),
    );
}
