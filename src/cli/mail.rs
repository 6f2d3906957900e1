//! `mapae mail`: tries out the mail server.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::installation::Installation;
use crate::app;
use crate::domain::language::Language;
use crate::domain::mail::{Mail, MailContent};
use crate::domain::verdict::{OrRejected, Rejected, reject};

/// Mails to people.
#[derive(Debug, Subcommand)]
pub(super) enum Verbs {
    /// Send a test mail at once, and say what the mail server answered
    Test(Test),
}

/// Where to send the test mail.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The address
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// The language of the mail, like en or ko
    #[arg(long, value_name = "TAG", value_parser = language, default_value = "en")]
    language: Language,
}

fn language(tag: &str) -> Result<Language, String> {
    Language::of_tag(tag).ok_or_else(|| "there are no pages in this language".to_owned())
}

impl Verbs {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let Self::Test(Test { to, language }) = self;
        let settings = at.quiet_settings()?;
        let look = Arc::new(app::look(&settings)?);
        let Some(post) = app::post(&settings, look)? else {
            return reject("nothing is mailed: mail.url says where the mail server is");
        };
        let content = MailContent::Test;
        let mail = Mail { to, language, user: None, client: None, content, expires_at: None };
        let name = Uuid::now_v7().to_string();
        let sent = post.send(&name, at.clock.now(), &mail).await;
        post.rest().await;
        let answer = sent.map_err(|error| error.map(|failure| Rejected(failure.to_string())))?;
        at.print(&json!({ "sent": true, "answer": answer }), &format!("sent: {answer}"));
        Ok(())
    }
}
