//! The message of a mail, RFC 5322: text and HTML as two forms of the same words.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use super::address::one_line;
use crate::domain::mail::RenderedMail;
use crate::domain::verdict::Fault;

/// What the head of a message says beside its subject.
#[derive(Debug)]
pub(super) struct MessageHead {
    /// The name of the message, the same for every attempt.
    pub(super) id: String,
    pub(super) date: DateTime<Utc>,
    pub(super) from: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) to: Address,
}

/// Makes the message.
pub(super) fn message(head: MessageHead, mail: &RenderedMail) -> Result<Message, Fault> {
    let MessageHead { id, date, from, reply_to, to } = head;
    let mut builder = Message::builder()
        .message_id(Some(format!("<{id}>")))
        .date(SystemTime::from(date))
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(one_line(&mail.subject))
        // RFC 3834 §5: nobody answers it automatically.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if let Some(reply_to) = reply_to {
        builder = builder.reply_to(reply_to);
    }
    let (text, html) = (mail.text.expose().clone(), mail.html.expose().clone());
    builder
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|error| Fault::internal("making a message", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;
    use crate::domain::secret::Secret;
    use crate::mail::address::{Mailbox as OurMailbox, address_of};

    fn made(subject: &str, service: &str) -> String {
        let head = MessageHead {
            id: "id@example.com".to_owned(),
            date: from_millis(1_795_253_040_000),
            from: OurMailbox::parse("hello@example.com").expect("an address").named(service),
            reply_to: None,
            to: address_of("hana@bücher.example").expect("an address"),
        };
        let mail = RenderedMail {
            subject: subject.to_owned(),
            text: Secret::text("Hello\n"),
            html: Secret::text("<p>Hello</p>"),
            service: service.to_owned(),
        };
        String::from_utf8(message(head, &mail).expect("a message").formatted()).expect("ASCII")
    }

    /// The names of the headers, in order.
    fn headers(message: &str) -> Vec<&str> {
        let (head, _) = message.split_once("\r\n\r\n").expect("a head");
        let lines = head.lines().filter(|line| !line.starts_with([' ', '\t']));
        lines.map(|line| line.split_once(':').expect("a header").0).collect()
    }

    #[test]
    fn a_message_has_its_name_date_and_says_that_a_machine_wrote_it() {
        let message = made("Test", "Dalbit");
        for line in [
            "Message-ID: <id@example.com>",
            "Date: Sat, 21 Nov 2026 09:24:00 +0000",
            "To: hana@xn--bcher-kva.example",
            "Subject: Test",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(message.lines().any(|found| found == line), "{line} in {message}");
        }
        let from = message.lines().find(|line| line.starts_with("From: ")).expect("a sender");
        assert!(from.contains("Dalbit") && from.contains("<hello@example.com>"), "{from}");
    }

    #[test]
    fn nothing_begins_a_header_of_its_own() {
        let plain = headers(&made("Test", "Dalbit")).join(" ");
        for hostile in ["x\r\nBcc: all@example.com", "x\nBcc: all@example.com\n\nbody", "x\r\n\r\n"]
        {
            for message in [made(hostile, "Dalbit"), made("Test", hostile)] {
                assert_eq!(headers(&message).join(" "), plain, "{message}");
            }
        }
    }
}
