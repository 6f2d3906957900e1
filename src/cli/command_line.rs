//! The verbs, and how one of them runs. Exit codes: 0 done, 1 failed, 2 usage (of `plan`: 1; there 2
//! says that something differs).

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use super::installation::Installation;
use super::output::{self, Output};
use super::usage::USAGE;
use super::{
    attribute, audit, backup, client, config_verbs, declared, demo, doctor, explain, group, import,
    key, mail, mcp, migrate, provider, resource, restore, role, scim, scope, serve, token, user,
    verify, webhook,
};
use crate::app::telemetry;
use crate::domain::verdict::{OrRejected, Rejected};

/// A self-hosted OAuth 2 / OpenID Connect authorization server.
#[derive(Debug, Parser)]
#[command(name = "mapae", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
struct Global {
    /// The settings file (TOML); `MAPAE_CONFIG` names it too
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON document on standard output, everything else on standard error
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server
    Serve(serve::Serve),
    /// Run a throw-away server with a client, a user and a tour
    Demo(demo::Demo),
    /// Look at or apply migrations
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Export(declared::Export),
    Plan(declared::Difference),
    Apply(declared::Apply),
    /// Signing keys
    #[command(subcommand)]
    Key(key::Key),
    /// Registered clients
    #[command(subcommand)]
    Client(client::Verbs),
    /// People
    #[command(subcommand)]
    User(user::Verbs),
    /// Groups of people
    #[command(subcommand)]
    Group(group::Verbs),
    /// Roles that people have at a client
    #[command(subcommand)]
    Role(role::Verbs),
    /// Attributes of people
    #[command(subcommand)]
    Attribute(attribute::Verbs),
    /// The APIs that access tokens are for
    #[command(subcommand)]
    Resource(resource::Verbs),
    /// Model Context Protocol
    #[command(subcommand)]
    Mcp(mcp::Verbs),
    /// Scopes with words for the consent page
    #[command(subcommand)]
    Scope(scope::Verbs),
    /// Move people in from another program
    Import(import::ImportPeople),
    /// Providers of social login
    #[command(subcommand)]
    Provider(provider::Verbs),
    /// Tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Prove that a resource server refuses bad tokens
    #[command(subcommand)]
    Verify(verify::Verbs),
    /// Mails to people
    #[command(subcommand)]
    Mail(mail::Verbs),
    /// Connectors that provision people and groups
    #[command(subcommand)]
    Scim(scim::Verbs),
    /// Programs that are told of audit events
    #[command(subcommand)]
    Webhook(webhook::Verbs),
    /// What happened: audit events
    #[command(subcommand)]
    Audit(audit::Verbs),
    /// Settings
    #[command(subcommand)]
    Config(config_verbs::Config),
    /// Why a request was refused, and what to do about it
    Explain(explain::Explain),
    /// Find out what is wrong with this installation
    Doctor(doctor::Doctor),
}

/// How long the end of the process waits until the last log lines are written.
const FLUSH: Duration = Duration::from_millis(500);

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let usage_code = usage_code(&arguments);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // If standard output is closed, the message cannot be shown anywhere.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(usage_code) };
        }
    };
    let output = Output { json: cli.global.json };
    let code = match dispatch(cli, output) {
        Ok(code) => code,
        Err(error) => {
            let text = error.to_string();
            let usage = text.strip_prefix(USAGE);
            output::note(usage.unwrap_or(&text));
            ExitCode::from(if usage.is_some() { usage_code } else { 1 })
        }
    };
    telemetry::flush(FLUSH);
    code
}

/// The exit code of wrong use. For `plan`, 2 says that there is a difference.
fn usage_code(arguments: &[OsString]) -> u8 {
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--config" {
            words.next();
        } else if !word.starts_with('-') {
            return if word == "plan" { 1 } else { 2 };
        }
    }
    2
}

fn dispatch(cli: Cli, output: Output) -> OrRejected<ExitCode> {
    let at = Installation::new(cli.global.config, output);
    let serves = matches!(cli.verb, Verb::Serve(_) | Verb::Demo(_));
    let runtime = if serves {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()
    } else {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    };
    let runtime = runtime.map_err(|error| Rejected(format!("cannot start: {error}")))?;
    let code = runtime.block_on(async {
        let code = match cli.verb {
            Verb::Serve(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Demo(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Migrate(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Backup(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Export(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Plan(verb) => Box::pin(verb.run(&at)).await,
            Verb::Apply(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Restore(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Key(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Client(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::User(verb) => Box::pin(verb.run(&at)).await.map(|()| ExitCode::SUCCESS),
            Verb::Group(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Role(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Attribute(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Mcp(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Resource(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Scope(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Import(verb) => Box::pin(verb.run(&at)).await,
            Verb::Provider(verb) => verb.run(&at).await,
            Verb::Token(verb) => Box::pin(verb.run(&at)).await,
            Verb::Verify(verb) => Box::pin(verb.run(&at)).await,
            Verb::Mail(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Scim(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Webhook(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Audit(verb) => verb.run(&at).await.map(|()| ExitCode::SUCCESS),
            Verb::Config(verb) => Box::pin(verb.run(&at)).await,
            Verb::Explain(verb) => verb.run(&at),
            Verb::Doctor(verb) => Box::pin(verb.run(&at)).await,
        };
        at.close().await;
        code
    });
    // A job that waits for its next round must not delay the exit.
    runtime.shutdown_background();
    code
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
