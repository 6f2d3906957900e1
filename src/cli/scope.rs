//! `mapae scope`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::table;
use super::paged::Paged;
use crate::admin::authority::May;
use crate::admin::scopes;
use crate::domain::scope_words::ScopeWords;
use crate::domain::verdict::OrRejected;

/// Scopes with words: the consent page says these, and not the name of the scope.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Give a scope words
    Create(Create),
    /// Replace the words of a scope
    Update(Update),
    /// The scopes with words, a page at a time
    List(Paged),
    /// Take the words of a scope away; the scope itself goes on counting
    Delete(One),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The scope, like `orders:read`
    #[arg(long)]
    name: String,
    /// What the app may do then, in English: "See your orders"
    #[arg(long, value_name = "TEXT")]
    text_en: String,
    /// The same in Korean
    #[arg(long, value_name = "TEXT")]
    text_ko: String,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The scope
    #[arg(long)]
    name: String,
    #[command(flatten)]
    texts: Texts,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Texts {
    /// What the app may do then, in English; without it this stays
    #[arg(long, value_name = "TEXT")]
    text_en: Option<String>,
    /// The same in Korean
    #[arg(long, value_name = "TEXT")]
    text_ko: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The scope
    #[arg(long)]
    name: String,
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let database_use = match &self {
            Self::Create(_) => DatabaseUse::Adds,
            Self::List(_) => DatabaseUse::Reads,
            Self::Update(_) | Self::Delete(_) => DatabaseUse::Changes,
        };
        let opened = at.store(&settings, database_use).await?;
        let (store, clock) = (&*opened, &at.clock);
        match self {
            Self::Create(Create { name, text_en, text_ko }) => {
                let texts = [("en", text_en), ("ko", text_ko)];
                let texts = texts.map(|(tag, text)| (tag.to_owned(), text)).into();
                let words = scopes::create(&May::operator(), store, clock, &name, texts).await?;
                at.print(&described(&words), &format!("the scope {name} has words"));
            }
            Self::Update(Update { name, texts: Texts { text_en, text_ko } }) => {
                let given = [("en", text_en), ("ko", text_ko)].into_iter();
                let texts = given.filter_map(|(tag, text)| Some((tag.to_owned(), text?)));
                let (may, target) = (May::operator(), name.as_str().into());
                let words = scopes::update(&may, store, clock, target, texts.collect()).await?;
                at.print(&described(&words), &format!("the scope {name} has other words"));
            }
            Self::List(list) => {
                let page = scopes::list(&May::operator(), store, list.after.as_deref(), list.limit)
                    .await?;
                let every: Vec<Value> = page.scopes.iter().map(described).collect();
                let row = |words: &ScopeWords| {
                    let text = |tag| words.texts.get(tag).cloned().unwrap_or_default();
                    vec![words.name.clone(), text("en"), text("ko")]
                };
                let rows: Vec<_> = page.scopes.iter().map(row).collect();
                let shown = json!({ "scopes": every, "next": page.next });
                at.print(&shown, &table(&["SCOPE", "EN", "KO"], &rows));
                at.more(page.next);
            }
            Self::Delete(one) => {
                scopes::delete(&May::operator(), store, clock, &one.name).await?;
                at.done(&format!("the scope {} has no words any more", one.name));
            }
        }
        Ok(())
    }
}

fn described(words: &ScopeWords) -> Value {
    json!({ "name": words.name, "texts": words.texts, "created_at": words.created_at })
}
