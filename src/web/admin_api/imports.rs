//! `/users/import`: people who move in from another program.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::creation::{Made, once_with};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{self, Parameters};
use crate::admin::authority::{ChangePeople, May};
use crate::admin::import::{
    self, Import, ImportFormat, ImportSource, ImportSummary, Importing, ROWS, Skipped,
};
use crate::domain::reason::Reason;
use crate::domain::verdict::Error;
use crate::web::body;
use crate::web::shared::Shared;

/// The largest body, in bytes.
const LARGEST: usize = 1024 * 1024;

/// How people are imported.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Write nothing, and report what would be taken.
    dry_run: bool,
}

/// A row that was not taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SkippedRow {
    /// The line in which it begins.
    line: u64,
    /// The user name; `null` in an answer that is repeated.
    username: Option<String>,
    /// Why it was not taken.
    reason: String,
}

impl From<Skipped> for SkippedRow {
    fn from(row: Skipped) -> Self {
        Self { line: row.line, username: row.username, reason: row.reason }
    }
}

/// What an import did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ImportReport {
    /// How many rows were taken, or would be taken.
    taken: u64,
    /// Those that were not, in the order of their lines.
    skipped: Vec<SkippedRow>,
    /// What of the rows that were taken was left out, and how often.
    #[schema(value_type = Object)]
    left_out: BTreeMap<&'static str, u64>,
    /// Weak password hashes that were put into a hash of our own, or would be.
    wrapped: u64,
    /// For a dry run: about how many seconds the import will spend on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapping_seconds: Option<u64>,
    /// Whether nothing was written.
    dry_run: bool,
}

impl ImportReport {
    fn new(summary: ImportSummary, mut skipped: Vec<SkippedRow>) -> Self {
        skipped.sort_by_key(|row| row.line);
        // `skipped` counts what the report lists.
        let ImportSummary { taken, skipped: _, left_out, wrapped, wrapping_seconds, dry_run } =
            summary;
        Self { taken, skipped, left_out, wrapped, wrapping_seconds, dry_run }
    }

    /// The same without what stood in the rows: it is kept for a day.
    fn without_names(&self) -> Self {
        let nameless = |row: &SkippedRow| SkippedRow {
            line: row.line,
            username: None,
            reason: "the first answer says why".to_owned(),
        };
        Self { skipped: self.skipped.iter().map(nameless).collect(), ..self.clone() }
    }
}

/// The form of the rows, by the media type.
fn format(parts: &Parts) -> ApiResult<ImportFormat> {
    match received::media_type(parts).to_ascii_lowercase().as_str() {
        "application/jsonl" | "application/x-ndjson" => Ok(ImportFormat::Jsonl),
        "text/csv" => Ok(ImportFormat::Csv),
        _ => {
            let why = "send it with Content-Type: application/jsonl, or text/csv";
            Err(Failed::because(Reason::ContentTypeUnsupported, why))
        }
    }
}

/// Move people in: one JSON object a line, or a table with a header, at most 200 rows and 1 MiB
///
/// The rows are those of `mapae import --from jsonl` and `--from csv`. Who is there already is left
/// alone. The rows are written together: an answer 503 says that none was taken.
#[utoipa::path(post, path = "/users/import", tag = "users",
    params(Asked, ("Idempotency-Key" = Option<String>, Header)),
    request_body(content(
        (String = "application/jsonl"), (String = "application/x-ndjson"), (String = "text/csv")
    )),
    responses(
        (status = 200, body = ImportReport), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn import(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Asked>,
    request: Request,
) -> ApiResult<Response<Body>> {
    let (parts, sent) = request.into_parts();
    let format = format(&parts)?;
    let rows = body::bytes_up_to(sent, LARGEST).await.map_err(|bad| match bad.reason {
        Reason::BodyTooLarge => Failed::because(bad.reason, "an import has at most 1 MiB"),
        reason => reason.into(),
    })?;
    once_with(&shared, &may, (&parts, &rows), async || {
        let report = Box::pin(imported(&shared, &may, (format, &rows), asked.dry_run)).await?;
        let again = report.without_names();
        Ok(Made::answered(StatusCode::OK, report).again(&again))
    })
    .await
}

async fn imported(
    shared: &Shared,
    may: &May<ChangePeople>,
    (format, rows): (ImportFormat, &[u8]),
    dry_run: bool,
) -> ApiResult<ImportReport> {
    let flows = &shared.flows;
    let importing = Importing {
        store: &flows.store,
        clock: &flows.clock,
        hasher: &flows.password.hasher,
        threads: 1,
        hashes_at_once: 1,
        factors: Some(&flows.factors.key),
        of_file: &shared.providers_of_file,
    };
    let source = ImportSource::Text(Arc::from(rows));
    let import = Import { format, source, hash_config: None, dry_run, at_most: Some(ROWS) };
    let mut skipped = Vec::new();
    let mut note = |row: Skipped| skipped.push(row.into());
    let done = import::run(may, &importing, &import, &mut note).await;
    match done {
        Ok(summary) => Ok(ImportReport::new(summary, skipped)),
        Err(Error::Refused(why)) => Err(Failed::because(Reason::AdminInvalid, why.to_string())),
        Err(Error::Fault(fault)) => Err(Failed::Fault(fault)),
    }
}
