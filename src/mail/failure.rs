//! Why a mail was not handed over, and whether another attempt may help.

use std::fmt;

use lettre::transport::smtp::Error as SmtpError;

/// The step of handing over a mail that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailStep {
    /// The mail cannot be written to this address.
    Address,
    /// The file was not written.
    Folder,
    /// The connection, up to the greeting of the server.
    Connect,
    /// TLS.
    Protect,
    /// Signing in.
    SignIn,
    /// The server was told the sender.
    Sender,
    /// The server was told the recipient.
    Recipient,
    /// The server was told what the mail says.
    Content,
}

/// Why a mail was not handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFailure {
    /// The step that failed.
    pub step: MailStep,
    /// The reply code of the server, if it answered (RFC 5321 §4.2).
    pub code: Option<u16>,
    /// What the server answered, or what went wrong. It may repeat a part of the mail.
    pub text: String,
}

impl fmt::Display for MailFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, code, text } = self;
        let to = match step {
            MailStep::Address | MailStep::Folder => return f.write_str(text),
            MailStep::Connect => "the connection",
            MailStep::Protect => "the start of TLS",
            MailStep::SignIn => "our name and password",
            MailStep::Sender => "the sender",
            MailStep::Recipient => "the recipient",
            MailStep::Content => "the mail",
        };
        match code {
            Some(code) => write!(f, "the mail server answered {to} with {code} {text}"),
            None => write!(f, "{to} failed: {text}"),
        }
    }
}

impl MailFailure {
    pub(super) fn new(step: MailStep, text: impl Into<String>) -> Self {
        Self { step, code: None, text: text.into() }
    }

    pub(super) fn timed_out(step: MailStep) -> Self {
        Self::new(step, "it took too long")
    }

    pub(super) fn of(step: MailStep) -> impl Fn(SmtpError) -> Self {
        move |error| {
            let code = error.status().map(u16::from);
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Self { step, code, text: cause.unwrap_or_else(|| error.to_string()) }
        }
    }

    /// Whether no other attempt will help: the server refused the recipient for good (RFC 5321
    /// §4.2.1), or nothing can be sent to the address.
    pub(super) fn is_final(&self) -> bool {
        // RFC 4954 §6: 530 asks for a sign-in. This is about us, and the operator can mend it.
        let is_refused = self.code.is_some_and(|code| (500..600).contains(&code) && code != 530);
        self.step == MailStep::Address || self.step == MailStep::Recipient && is_refused
    }

    /// What may stand in the log: codes, and texts that cannot repeat what the mail says.
    pub(super) fn brief(&self) -> String {
        let is_before = [MailStep::Address, MailStep::Folder, MailStep::Connect, MailStep::Protect];
        if is_before.contains(&self.step) {
            return self.to_string();
        }
        let first = self.text.split_ascii_whitespace().next().unwrap_or_default();
        // RFC 3463 §2: class, subject and detail of what went wrong.
        let is_status =
            first.contains('.') && first.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let text = match self.code {
            Some(_) if is_status => first,
            Some(_) => "",
            None => "no answer",
        };
        Self { text: text.to_owned(), ..self.clone() }.to_string().trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(step: MailStep, code: Option<u16>) -> MailFailure {
        MailFailure { step, code, text: "5.1.1 no such user: hush".to_owned() }
    }

    #[test]
    fn only_a_recipient_is_refused_for_good() {
        for (step, code, is_final) in [
            (MailStep::Recipient, Some(550), true),
            (MailStep::Recipient, Some(553), true),
            (MailStep::Recipient, Some(530), false),
            (MailStep::Recipient, Some(450), false),
            (MailStep::Recipient, None, false),
            (MailStep::Sender, Some(550), false),
            (MailStep::SignIn, Some(535), false),
            (MailStep::Content, Some(554), false),
            (MailStep::Connect, None, false),
            (MailStep::Address, None, true),
        ] {
            assert_eq!(failure(step, code).is_final(), is_final, "{step:?} {code:?}");
        }
    }

    #[test]
    fn the_log_gets_codes_and_nothing_that_a_server_repeats() {
        let brief = failure(MailStep::Content, Some(554)).brief();
        assert_eq!(brief, "the mail server answered the mail with 554 5.1.1");
        let plain = MailFailure { text: "hush".to_owned(), ..failure(MailStep::Sender, Some(451)) };
        assert_eq!(plain.brief(), "the mail server answered the sender with 451");
        let broken = MailFailure { text: "hush".to_owned(), ..failure(MailStep::Content, None) };
        assert_eq!(broken.brief(), "the mail failed: no answer");
        assert!(plain.to_string().contains("hush"));
    }
}
