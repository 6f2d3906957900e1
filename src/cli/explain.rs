//! `mapae explain`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use super::installation::Installation;
use super::output::table;
use crate::domain::error_code::ErrorCode;
use crate::domain::error_reference;
use crate::domain::nearest::nearest;
use crate::domain::reason::Reason;
use crate::domain::verdict::{OrRejected, reject};
use crate::oauth::openapi;

/// Which refusal to explain.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The `reason` of a line `refused a request` in the log, or of `token explain`; an `error` like
    /// `invalid_grant`; or that line or the answer as a whole. Without one, the reference of all
    /// reasons in Markdown
    #[arg(value_name = "REASON|ERROR|LINE")]
    text: Vec<String>,
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
        if self.text.is_empty() {
            let every: Vec<_> = Reason::ALL.iter().copied().map(explained).collect();
            at.print(&json!({ "reasons": every }), error_reference::markdown().trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        // A line that was pasted without quotes is many arguments.
        let text = self.text.join(" ");
        match asked(&text) {
            Some(Asked::Reason(reason)) => at.print(&explained(reason), &in_words(reason)),
            Some(Asked::Error(error)) => print_error(at, error),
            None => return reject(unknown(&text)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What a text asks about that somebody typed, or copied from the log or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reason(Reason),
    /// The value of `error`.
    Error(&'static str),
}

fn asked(text: &str) -> Option<Asked> {
    let text = text.trim();
    let by_members = || match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) => by_members(&members),
        _ => None,
    };
    by_name(text).or_else(by_members).or_else(|| by_words(text))
}

fn by_name(name: &str) -> Option<Asked> {
    reason_named(name).map(Asked::Reason).or_else(|| error_named(name).map(Asked::Error))
}

fn reason_named(name: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.as_str() == name)
}

fn error_named(name: &str) -> Option<&'static str> {
    ErrorCode::ALL.iter().map(|code| code.as_str()).find(|code| *code == name)
}

/// The members of an answer, or of a line of the log.
fn by_members(members: &Map<String, Value>) -> Option<Asked> {
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    let error = text("error");
    reason_named(text("reason"))
        .or_else(|| reason_told(error, text("error_description")))
        .map(Asked::Reason)
        .or_else(|| error_named(error).map(Asked::Error))
}

/// The one reason whose sentence is the `error_description`. Some answers name the culprit behind a
/// colon. A client that fails to authenticate is told no reason.
fn reason_told(error: &str, description: &str) -> Option<Reason> {
    let is_told = |reason: &Reason| {
        let rest = description.strip_prefix(reason.sentence());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": ")) && has(*reason, error)
    };
    let mut told = Reason::ALL.iter().copied().filter(is_told);
    let reason = told.next().filter(|one| *one != Reason::ClientAuthenticationFailed)?;
    told.next().is_none().then_some(reason)
}

/// A text that is no JSON (any more): `reason` or `error` and the word behind it, else a word that is
/// a name and nothing else.
fn by_words(text: &str) -> Option<Asked> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words: Vec<&str> = text.split(|letter| !is_letter(letter)).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let behind = |name: &str| {
        words.windows(2).find_map(|pair| match pair {
            [before, word] if *before == name => by_name(word),
            _ => None,
        })
    };
    let any = || words.iter().filter(|word| word.contains('_')).find_map(|word| by_name(word));
    behind("reason").or_else(|| behind("error")).or_else(any)
}

fn unknown(text: &str) -> String {
    if text.contains("server_error") {
        return "`server_error` has no reason: the failure is the server's, and its log has the cause"
            .to_owned();
    }
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    let names = reasons.chain(ErrorCode::ALL.iter().map(|code| code.as_str()));
    let meant = nearest(text, names);
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    format!(
        "there is no reason `{text}`: `mapae explain` lists them, and the log has that of each refusal{meant}"
    )
}

fn has(reason: Reason, error: &str) -> bool {
    reason.code().is_some_and(|code| code.as_str() == error)
}

fn status(reason: Reason) -> String {
    reason.status().map_or("in a redirect".to_owned(), |status| status.to_string())
}

fn in_words(reason: Reason) -> String {
    let error = reason.code().map_or("none", ErrorCode::as_str);
    let (status, sentence, advice) = (status(reason), reason.sentence(), reason.plain_advice());
    format!(
        "reason      {reason}\nstatus      {status}\nerror       {error}\nin words    {sentence}\nwhat to do  {advice}"
    )
}

/// Prints every reason for which an answer has this `error`.
fn print_error(at: &Installation, error: &str) {
    let reasons = || Reason::ALL.iter().copied().filter(|reason| has(*reason, error));
    let every: Vec<_> = reasons().map(explained).collect();
    let rows: Vec<_> = reasons()
        .map(|reason| vec![reason.to_string(), status(reason), reason.sentence().to_owned()])
        .collect();
    let words = format!(
        "The error {error} has {} reasons. The line `refused a request` of the log says which one it was (`reason`), and `mapae explain REASON` what to do about it.\n\n{}",
        rows.len(),
        table(&["REASON", "STATUS", "IN WORDS"], &rows),
    );
    at.print(&json!({ "error": error, "reasons": every }), &words);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_at_hand_is_found() {
        let wrong_secret = Some(Asked::Reason(Reason::ClientSecretWrong));
        let invalid_client = Some(Asked::Error("invalid_client"));
        let unregistered = Some(Asked::Reason(Reason::ResourceUnregistered));
        for (text, expected) in [
            ("client_secret_wrong", wrong_secret),
            (" invalid_client\n", invalid_client),
            (
                r#"{"level":"INFO","error":"invalid_client","reason":"client_secret_wrong"}"#,
                wrong_secret,
            ),
            (
                r#"mapae-1 | {"error":"invalid_client","reason":"client_secret_wrong"}"#,
                wrong_secret,
            ),
            ("{error:invalid_client,reason:client_secret_wrong}", wrong_secret),
            (
                r#"{"error":"invalid_client","error_description":"client authentication failed"}"#,
                invalid_client,
            ),
            (
                r#"{"error":"invalid_target","error_description":"a resource is not registered for this client: https://a"}"#,
                unregistered,
            ),
            (
                r#"{"error":"invalid_grant","error_description":"a resource is not registered for this client"}"#,
                Some(Asked::Error("invalid_grant")),
            ),
            (r#"Bearer error="invalid_token""#, Some(Asked::Error("invalid_token"))),
            (
                "https://app.example/cb?error=access_denied&state=x",
                Some(Asked::Error("access_denied")),
            ),
            ("OAuthError: invalid_grant", Some(Asked::Error("invalid_grant"))),
            ("the link expired", None),
            ("nonsense", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(asked(text), expected, "{text}");
        }
    }

    #[test]
    fn every_error_has_a_reason() {
        for code in ErrorCode::ALL {
            assert!(Reason::ALL.iter().any(|reason| has(*reason, code.as_str())), "{code:?}");
        }
    }
}
