//! What an operator decides about mails.

use super::address::Mailbox;
use super::server_url::{self, MailServer};
use crate::settings::value_type::ValueType;
use crate::settings::{Setting, group, settings};

settings! {
    /// What an operator decides about mails.
    #[derive(Clone, Debug)]
    pub struct MailSettings in "Mail" {
        /// Where mails are handed over. `None`: nothing is mailed.
        pub server: Option<MailServer> = group(server_url::read),
        /// The sender: an address, or a name and an address like `Dalbit <hello@example.com>`. Without a
        /// name, the name of your pages is used.
        pub from: Option<Mailbox> = mailbox("mail.from")
            .default_in_words("`no-reply@` and the host of the issuer"),
        /// The address to which answers go, where it is another one.
        pub reply_to: Option<Mailbox> = mailbox("mail.reply_to"),
    }
}

fn mailbox(path: &'static str) -> Setting<Option<Mailbox>> {
    let parse = |text: &str| Mailbox::parse(text).map(Some);
    let show = |it: &Option<Mailbox>| it.as_ref().map(ToString::to_string).unwrap_or_default();
    Setting::new(path, ValueType::Text("address"), None, parse, show)
}
