//! A folder into which a server writes its mails, and the mails in it.

use std::path::{Path, PathBuf};

use mail_parser::MessageParser;
use tempfile::TempDir;

use super::eventually;

/// A mail as its reader sees it.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// The message as it was sent.
    pub(crate) raw: String,
}

impl Letter {
    /// Reads a message.
    pub(crate) fn read(raw: &str) -> Self {
        let message = MessageParser::default().parse(raw).expect("a message");
        let address = |of: Option<&mail_parser::Address<'_>>| {
            let first = of.and_then(mail_parser::Address::first);
            first.and_then(mail_parser::Addr::address).unwrap_or_default().to_owned()
        };
        Self {
            to: address(message.to()),
            from: address(message.from()),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).expect("a text").replace("\r\n", "\n"),
            html: message.body_html(0).expect("HTML").into_owned(),
            raw: raw.to_owned(),
        }
    }

    /// The link, which is the only URL in the text.
    #[track_caller]
    pub(crate) fn link(&self) -> String {
        let links: Vec<&str> = self.text.lines().filter(|line| line.starts_with("http")).collect();
        let [link] = links[..] else { panic!("one link: {}", self.text) };
        assert!(self.html.contains(&format!("href=\"{link}\"")), "{}", self.html);
        link.to_owned()
    }

    /// The code, which stands alone on its line in the text.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let is_code = |line: &&str| {
            let groups: Vec<&str> = line.split('-').collect();
            let is_sign = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            groups.len() == 2 && groups.iter().all(|it| it.len() == 4 && it.chars().all(is_sign))
        };
        let codes: Vec<&str> = self.text.lines().filter(is_code).collect();
        let [code] = codes[..] else { panic!("one code: {}", self.text) };
        code.to_owned()
    }
}

/// A folder into which a server writes its mails.
#[derive(Debug)]
pub(crate) struct Mailbox {
    folder: TempDir,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// The folder. It is made by the first mail.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mails")
    }

    /// The setting `mail.url`.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Every mail so far, in the order in which they were written into the outbox.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        letters(&self.path())
    }

    /// Waits for a number of mails to this address, and returns them.
    pub(crate) async fn to(&self, address: &str, count: usize) -> Vec<Letter> {
        let found = || -> Vec<Letter> {
            self.letters().into_iter().filter(|letter| letter.to == address).collect()
        };
        eventually("the mails arrive", async || found().len() >= count).await;
        found()
    }

    /// Waits for the first mail to this address.
    pub(crate) async fn first_to(&self, address: &str) -> Letter {
        self.to(address, 1).await.remove(0)
    }
}

/// Every mail in a folder, in the order in which they were written into the outbox.
fn letters(folder: &Path) -> Vec<Letter> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "eml"));
    files.sort_unstable();
    let read = |file: &PathBuf| Letter::read(&std::fs::read_to_string(file).expect("a mail"));
    files.iter().map(read).collect()
}
