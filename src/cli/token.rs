//! `mapae token`: inspects, explains or revokes a token.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::{secret_from_stdin, words};
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::token_preview::{self, PreviewRequest};
use crate::admin::{token_facts, tokens};
use crate::app;
use crate::app::config::Settings;
use crate::domain::clock::Clock;
use crate::domain::reason::Reason;
use crate::domain::scope::{BadScope, Scope};
use crate::domain::token_explanation::presented::Presented;
use crate::domain::token_explanation::{Explanation, explain};
use crate::domain::verdict::OrRejected;

/// Tokens, read from standard input.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// What a token says and whether it is good
    Inspect,
    /// Why a resource server refuses a token: what a strict verifier says, check by check. It reads a
    /// token, or its claims as JSON. Exit code 0: good; 1: refused
    Explain(Explain),
    /// What the tokens of a person at a client would say, and how large they would be. Nothing is
    /// issued
    Preview(Preview),
    /// End a token, read from standard input: a refresh token ends its family. With --issued-before
    /// end everything that is older, for everybody
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Preview {
    /// The `client_id`
    #[arg(long)]
    client: String,
    /// The user name
    #[arg(long)]
    username: String,
    /// The scope that the app would ask for; without it everything that it is registered for
    #[arg(long, value_parser = scope)]
    scope: Option<Scope>,
    /// The resource that the app would name
    #[arg(long)]
    audience: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The resource server that refuses it: its audience, or the id of its client. Without it the
    /// audience is shown and not judged
    #[arg(long = "as", value_name = "RESOURCE")]
    resource: Option<String>,
    /// At another instant than now: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Ask this issuer for its metadata, its keys and the status list that the token names, without a
    /// database. Whether a token without a status list was revoked is not known then
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// End every session, every family and every token that was issued before this instant: RFC 3339,
    /// or seconds since 1970. Apps with a logout URI, status lists and the feed are told
    #[arg(long, value_name = "TIME")]
    issued_before: Option<String>,
}

impl Token {
    pub(super) async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        if let Self::Explain(verb) = self {
            return Box::pin(verb.run(at)).await;
        }
        if let Self::Preview(verb) = self {
            return Box::pin(verb.run(at)).await;
        }
        if let Self::Revoke(Revoke { issued_before: Some(text) }) = &self {
            return revoke_issued_before(at, instant("--issued-before", text)?).await;
        }
        let settings = at.quiet_settings()?;
        let token = secret_from_stdin()?;
        let database_use =
            if matches!(self, Self::Inspect) { DatabaseUse::Reads } else { DatabaseUse::Changes };
        let services = services(at, &settings, database_use, &at.clock).await?;
        let resources = &services.resources;
        let shown = if matches!(self, Self::Inspect) {
            let inspected = tokens::inspect(&May::operator(), resources, token.expose()).await?;
            json!(inspected)
        } else {
            let ended = tokens::revoke(&May::operator(), resources, token.expose()).await?;
            json!({ "revoked": ended })
        };
        at.print(&shown, &words(&shown));
        Ok(ExitCode::SUCCESS)
    }
}

impl Preview {
    async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        let settings = at.quiet_settings()?;
        let services = services(at, &settings, DatabaseUse::Reads, &at.clock).await?;
        let asked = PreviewRequest {
            client: &self.client,
            username: &self.username,
            scope: self.scope,
            audience: self.audience,
        };
        let (store, token) = (&services.store, &services.token);
        let shown = token_preview::preview(
            (&May::operator(), &May::operator()),
            store,
            &token.mint,
            &token.person_claims,
            asked,
        )
        .await?;
        let text = serde_json::to_string_pretty(&shown).unwrap_or_default();
        at.print(&json!(shown), &text);
        Ok(ExitCode::SUCCESS)
    }
}

fn scope(text: &str) -> Result<Scope, BadScope> {
    Scope::parse(text)
}

async fn revoke_issued_before(at: &Installation, before: DateTime<Utc>) -> OrRejected<ExitCode> {
    let settings = at.quiet_settings()?;
    let store = at.store(&settings, DatabaseUse::Changes).await?;
    let lifetime = settings.lifetimes.access_token;
    let may = May::operator();
    let revoked = tokens::revoke_issued_before(&may, &store, &at.clock, before, lifetime).await?;
    let shown = json!(revoked);
    at.print(&shown, &words(&shown));
    Ok(ExitCode::SUCCESS)
}

async fn services(
    at: &Installation,
    settings: &Settings,
    database_use: DatabaseUse,
    clock: &Clock,
) -> OrRejected<app::Services> {
    let store = at.store(settings, database_use).await?;
    let master = app::existing_master_key(settings, &store).await?;
    app::Services::open(settings, &store, clock, &master, None).await
}

impl Explain {
    async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        let now = match &self.at {
            Some(text) => instant("--at", text)?,
            None => at.clock.now(),
        };
        let settings = at.quiet_settings()?;
        let text = secret_from_stdin()?;
        if text.expose().trim().is_empty() {
            return usage("give the token, or its claims as JSON, on standard input");
        }
        let presented = Presented::read(text.expose());
        let facts = if let Some(issuer) = &self.issuer {
            let outbound = app::outbound(&settings)?;
            token_facts::from_issuer(&outbound, issuer, &presented, self.resource, now).await?
        } else {
            let clock = Clock::fixed(now);
            let services = services(at, &settings, DatabaseUse::Reads, &clock).await?;
            token_facts::from_database(&services.resources, &presented, self.resource).await?
        };
        let explanation = explain(&presented, &facts);
        at.print(&described(&explanation), &in_words(&explanation));
        Ok(if explanation.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn instant(flag: &str, text: &str) -> OrRejected<DateTime<Utc>> {
    let seconds = text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let read = DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc()).ok();
    match seconds.or(read) {
        Some(instant) => Ok(instant),
        None => usage(format_args!(
            "{flag} {text}: write an instant, like 2026-11-21T09:24:00Z, or seconds since 1970"
        )),
    }
}

fn described(explanation: &Explanation) -> Value {
    let steps: Vec<_> = explanation
        .steps
        .iter()
        .map(|step| {
            json!({ "check": step.check.as_str(), "good": step.reason.is_none(), "says": step.says })
        })
        .collect();
    json!({
        "good": explanation.is_good(),
        "reason": explanation.reason().map(Reason::as_str),
        "steps": steps,
        "mend": explanation.mend(),
    })
}

fn in_words(explanation: &Explanation) -> String {
    let line = |mark: &str, name: &str, says: &str| format!("{mark:4}  {name:8}  {says}");
    let mut lines: Vec<_> = explanation
        .steps
        .iter()
        .map(|step| {
            let mark = if step.reason.is_none() { "good" } else { "BAD" };
            line(mark, step.check.as_str(), &step.says)
        })
        .collect();
    lines.push(match explanation.reason() {
        None => "good: a strict verifier takes it".to_owned(),
        Some(reason) => format!("refused: {reason}, {}", reason.sentence()),
    });
    lines.push(format!("to mend it: {}", explanation.mend()));
    lines.join("\n")
}
