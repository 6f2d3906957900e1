//! `mapae explain`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::installation::Installation;
use crate::domain::error_code::ErrorCode;
use crate::domain::error_reference;
use crate::domain::nearest::nearest;
use crate::domain::reason::Reason;
use crate::domain::verdict::{OrRejected, reject};
use crate::oauth::openapi;

/// Which refusal to explain.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The `reason` of a line `refused a request` in the log, or of `token explain`; without one, the reference of all of them
    /// in Markdown
    reason: Option<String>,
    /// Prints the protocol endpoints as an `OpenAPI` document instead
    #[arg(long, hide = true)]
    openapi: bool,
}

impl Explain {
    pub(super) fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        if self.openapi {
            let document = openapi::document();
            at.print(&document, &format!("{document:#}"));
            return Ok(ExitCode::SUCCESS);
        }
        let Some(name) = self.reason else {
            let every: Vec<_> = Reason::ALL.iter().copied().map(explained).collect();
            at.print(&json!({ "reasons": every }), error_reference::markdown().trim_end());
            return Ok(ExitCode::SUCCESS);
        };
        let Some(reason) = Reason::ALL.iter().copied().find(|one| one.as_str() == name) else {
            let meant = nearest(&name, Reason::ALL.iter().map(|reason| reason.as_str()));
            let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            return reject(format!(
                "there is no reason `{name}`: `mapae explain` lists them, and the log has that of each refusal{meant}"
            ));
        };
        let error = reason.code().map_or("none", ErrorCode::as_str);
        let status =
            reason.status().map_or("in a redirect".to_owned(), |status| status.to_string());
        let (sentence, advice) = (reason.sentence(), reason.plain_advice());
        let words = format!(
            "reason      {reason}\nstatus      {status}\nerror       {error}\nin words    {sentence}\nwhat to do  {advice}"
        );
        at.print(&explained(reason), &words);
        Ok(ExitCode::SUCCESS)
    }
}

fn explained(reason: Reason) -> Value {
    json!({
        "reason": reason.as_str(),
        "status": reason.status(),
        "error": reason.code().map(ErrorCode::as_str),
        "description": reason.sentence(),
        "advice": reason.advice(),
    })
}
