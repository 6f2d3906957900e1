//! `mapae export`, `mapae plan` and `mapae apply`: the installation as a file.

use std::collections::HashMap;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::installation::{DatabaseUse, Installation};
use super::output::{note, text_of};
use crate::admin::authority::May;
use crate::admin::declared::{self, Action, Change, Context, MayDeclare, Plan};
use crate::admin::export_people;
use crate::admin::replacing::{Content, Place};
use crate::app;
use crate::app::config::Settings;
use crate::domain::verdict::{OrRejected, Rejected, reject};
use crate::keys::seal::Sealer;
use crate::store::Store;

/// Write what can be declared as one TOML, or people as lines of JSON; secrets are references
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Into this file instead of standard output. An export of the same name is replaced, anything else
    /// is not; a fifo or a device is written into
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// People instead, one JSON object a line, as `import --from mapae` takes them
    #[arg(long)]
    users: bool,
    /// With the hashes of their passwords
    #[arg(long, requires = "users")]
    with_password_hashes: bool,
}

/// Show what `apply` would change. Exit code 0: nothing; 2: something; 1: everything else
#[derive(Debug, Args)]
pub(super) struct Difference {
    /// The file
    file: PathBuf,
    /// What the file does not name is to be deleted
    #[arg(long)]
    prune: bool,
    /// Write the plan into this file, for `apply`. A plan of the same name is replaced, anything else is
    /// not
    #[arg(long, value_name = "PLAN")]
    out: Option<PathBuf>,
}

/// Make clients and providers as a file or a plan says, in one transaction
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The file, or a plan that `plan --out` wrote: it is refused if the database has changed since
    file: PathBuf,
    /// Delete what the file does not name
    #[arg(long)]
    prune: bool,
}

/// What an opened installation gives to the use cases.
struct Opened {
    may: MayDeclare,
    store: std::sync::Arc<Store>,
    sealer: Sealer,
    environment: HashMap<String, String>,
}

impl Opened {
    async fn new(at: &Installation, settings: &Settings, how: DatabaseUse) -> OrRejected<Self> {
        let store = at.store(settings, how).await?;
        let master = match how {
            DatabaseUse::Adds => app::master_key(settings, &store).await?,
            _ => app::existing_master_key(settings, &store).await?,
        };
        let (may, environment) = (MayDeclare::operator(), std::env::vars().collect());
        Ok(Self { may, store, sealer: Sealer::new(&master)?, environment })
    }

    fn context<'a>(&'a self, at: &'a Installation, settings: &'a Settings) -> Context<'a> {
        Context {
            may: &self.may,
            store: &self.store,
            clock: &at.clock,
            issuer: &settings.issuer,
            lifetimes: &settings.lifetimes,
            sealer: &self.sealer,
            of_file: &settings.social,
            allow_private: settings.outbound.allow_private,
            environment: &self.environment,
        }
    }
}

impl Export {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let content = if self.users { Content::People } else { Content::Objects };
        let files = at.files_at_work(&settings)?;
        let to = self.output.as_deref().map(|file| Place::of(file, content, &files));
        let to = to.transpose()?;
        if self.users {
            return self.people(at, &settings, to).await;
        }
        let opened = Opened::new(at, &settings, DatabaseUse::Reads).await?;
        let text = declared::export(&opened.context(at, &settings)).await?;
        let Some(to) = to else {
            at.print(&json!({ "toml": text }), &text);
            return Ok(());
        };
        write(&to, &text)?;
        at.done(&format!("written to {}", to.path().display()));
        Ok(())
    }
}

impl Export {
    async fn people(
        &self,
        at: &Installation,
        settings: &Settings,
        to: Option<Place>,
    ) -> OrRejected {
        let store = at.store(settings, DatabaseUse::Reads).await?;
        let Some(place) = to else {
            return match self.write_people(&store, &mut std::io::stdout().lock()).await? {
                // If the reader has closed the pipe, it does not want the rest.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    reject(format!("standard output: {error}"))
                }
                Ok(_) | Err(_) => Ok(()),
            };
        };
        let file = place.path();
        let named = |error: std::io::Error| Rejected(format!("{}: {error}", file.display()));
        let (draft, to) = place.begin().map_err(named)?;
        let mut to = BufWriter::new(to);
        let people = self.write_people(&store, &mut to).await?.map_err(named)?;
        let to = to.into_inner().map_err(|error| named(error.into_error()))?;
        if let Some(draft) = draft {
            to.sync_all().map_err(named)?;
            draft.keep().map_err(named)?;
        }
        let shown = json!({ "file": file, "people": people });
        at.print(&shown, &format!("{people} people in {}", file.display()));
        Ok(())
    }

    /// Writes people a page at a time, so that the memory does not depend on their number.
    async fn write_people(
        &self,
        store: &Store,
        to: &mut impl Write,
    ) -> OrRejected<std::io::Result<u64>> {
        let (may, mut after, mut people) = (May::operator(), None, 0);
        loop {
            let some =
                export_people::some(&may, store, after.as_deref(), self.with_password_hashes);
            let some = some.await?;
            for row in some.rows {
                if let Err(error) = writeln!(to, "{row}") {
                    return Ok(Err(error));
                }
                people += 1;
            }
            after = some.next;
            if after.is_none() {
                return Ok(to.flush().map(|()| people));
            }
        }
    }
}

impl Difference {
    pub(super) async fn run(self, at: &Installation) -> OrRejected<ExitCode> {
        let settings = at.quiet_settings()?;
        let source = text_of(&self.file)?;
        let files = at.files_at_work(&settings)?;
        let out = self.out.as_deref().map(|file| Place::of(file, Content::Plan, &files));
        let out = out.transpose()?;
        let opened = Opened::new(at, &settings, DatabaseUse::Reads).await?;
        let cx = opened.context(at, &settings);
        let checked = declared::check_sectors(&cx, &source, || app::outbound(&settings)).await;
        named(&self.file, checked)?;
        let plan = declared::plan(&cx, &source, self.prune).await;
        let plan = named(&self.file, plan)?;
        show(at, &plan);
        if let Some(out) = &out {
            write(out, &plan.written()?)?;
        }
        Ok(if plan.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }
}

impl Apply {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let source = text_of(&self.file)?;
        let opened = Opened::new(at, &settings, DatabaseUse::Adds).await?;
        let cx = opened.context(at, &settings);
        let plan = Plan::read(&source);
        if plan.is_some() && self.prune {
            return reject("a plan says itself whether it prunes");
        }
        // Between a plan and its application a document may have changed.
        let text = plan.as_ref().map_or(source.as_str(), Plan::source);
        let checked = declared::check_sectors(&cx, text, || app::outbound(&settings)).await;
        named(&self.file, checked)?;
        let applied = match &plan {
            Some(plan) => declared::apply_plan(&cx, plan).await,
            None => declared::apply(&cx, &source, self.prune).await,
        };
        show(at, &named(&self.file, applied)?);
        Ok(())
    }
}

fn write(to: &Place, text: &str) -> OrRejected {
    let path = to.path();
    std::fs::write(path, text).or_else(|error| reject(format!("{}: {error}", path.display())))
}

/// Names the file in which a mistake is.
fn named<T>(file: &Path, result: OrRejected<T>) -> OrRejected<T> {
    let named = |Rejected(why)| Rejected(format!("{}: {why}", file.display()));
    result.map_err(|error| error.map(named))
}

fn show(at: &Installation, plan: &Plan) {
    for one in &plan.notes {
        note(one);
    }
    let coloured = std::io::stdout().is_terminal();
    let words: Vec<_> = plan.changes.iter().map(|change| in_words(change, coloured)).collect();
    let words = if words.is_empty() { "no difference".to_owned() } else { words.join("\n") };
    at.print(&json!({ "changes": plan.changes, "notes": plan.notes }), &words);
}

fn in_words(change: &Change, coloured: bool) -> String {
    let (sign, colour) = match change.action {
        Action::Create => ("+", "32"),
        Action::Update => ("~", "33"),
        Action::Delete => ("-", "31"),
    };
    let mut lines = vec![format!("{sign} {} {}", change.kind, change.name)];
    if change.action != Action::Delete {
        for (key, (before, after)) in &change.members {
            lines.push(match change.action {
                Action::Create if after == "" => continue,
                Action::Create => format!("    {key} = {after}"),
                _ => format!("    {key}: {before} -> {after}"),
            });
        }
        if change.secret {
            lines.push("    its secret changes".to_owned());
        }
    }
    let text = lines.join("\n");
    if coloured { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text }
}
