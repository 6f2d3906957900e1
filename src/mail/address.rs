//! Addresses of mails. A domain is written in ASCII, and nothing can begin another header.

use std::fmt;

use lettre::Address;
use lettre::message::Mailbox as Parsed;

/// An address of a mail, perhaps with the name of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox(Parsed);

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Mailbox {
    /// Reads `address` or `Name <address>`. An error continues a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not an address, like hello@example.com or Name <hello@example.com>";
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(rest) => rest.rsplit_once('<').ok_or_else(wrong)?,
            None => ("", text.trim()),
        };
        let name = name.trim().trim_matches('"');
        if name.contains(char::is_control) {
            return Err("must be one line".to_owned());
        }
        let address = address_of(address).ok_or_else(wrong)?;
        let name = Some(name.to_owned()).filter(|name| !name.is_empty());
        written(Parsed::new(name, address)).map(Self).ok_or_else(|| wrong().to_owned())
    }

    /// The address from which mails come if the operator names none.
    #[must_use]
    pub fn no_reply(host: &str) -> Self {
        // The address of a machine is no domain of mails.
        let is_domain = host.parse::<std::net::Ipv4Addr>().is_err();
        let of_host = address_of(&format!("no-reply@{host}")).filter(|_| is_domain);
        let address = of_host.unwrap_or_else(|| Address::new_dangerous("no-reply", "localhost"));
        Self(Parsed::new(None, address))
    }

    /// The same address with this name, if it has none yet.
    pub(super) fn named(&self, name: &str) -> Parsed {
        let name = self.0.name.clone().unwrap_or_else(|| one_line(name));
        written(Parsed::new(Some(name), self.0.email.clone())).unwrap_or_else(|| self.parsed())
    }

    pub(super) fn parsed(&self) -> Parsed {
        self.0.clone()
    }

    /// The domain, for the names of messages.
    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

/// Reads a bare address; `None` for anything else. The domain becomes ASCII (RFC 5890), since few
/// mail servers take it otherwise.
pub(super) fn address_of(text: &str) -> Option<Address> {
    let (user, domain) = text.trim().rsplit_once('@')?;
    if user.contains(char::is_control) {
        return None;
    }
    let domain = idna::domain_to_ascii(domain).ok()?;
    let address = Address::new(user, domain).ok()?;
    written(Parsed::new(None, address)).map(|mailbox| mailbox.email)
}

/// The mailbox, if a header with it can be read again.
fn written(mailbox: Parsed) -> Option<Parsed> {
    let read: Parsed = mailbox.to_string().parse().ok()?;
    (read.email == mailbox.email).then_some(mailbox)
}

/// A text without line breaks and other control characters.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_a_name() {
        for (text, shown) in [
            ("hello@example.com", "hello@example.com"),
            (" Dalbit Books <hello@example.com> ", "\"Dalbit Books\" <hello@example.com>"),
            ("\"Dalbit, Books\" <hello@example.com>", "\"Dalbit, Books\" <hello@example.com>"),
            ("달빛 <hello@bücher.example>", "달빛 <hello@xn--bcher-kva.example>"),
        ] {
            let read = Mailbox::parse(text).expect(text);
            let plain = |text: &str| text.replace('"', "");
            assert_eq!(plain(&read.to_string()), plain(shown), "{text}");
        }
        for bad in [
            "",
            "hello",
            "@example.com",
            "hello@",
            "a b@example.com",
            "hello@example.com, other@example.com",
            "Name <hello@example.com",
            "hello@example.com\r\nBcc: all@example.com",
            "hello\n@example.com",
            "hello@[192.0.2.1]",
            "N\r\nBcc: all@example.com <hello@example.com>",
        ] {
            assert!(Mailbox::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn any_name_of_a_service_leaves_a_sender_that_can_be_read() {
        let sender = Mailbox::parse("hello@example.com").expect("an address");
        for name in ["달빛", "a <b> \"c\" \\", "x\r\ny", "\"", "a@b, c", "<", "", "()"] {
            let read: Parsed = sender.named(name).to_string().parse().expect(name);
            assert_eq!(read.email.to_string(), "hello@example.com", "{name}");
        }
    }

    #[test]
    fn there_is_always_a_sender() {
        for (host, address) in [
            ("id.example.com", "no-reply@id.example.com"),
            ("localhost", "no-reply@localhost"),
            ("127.0.0.1", "no-reply@localhost"),
            ("[::1]", "no-reply@localhost"),
            ("!", "no-reply@localhost"),
        ] {
            assert_eq!(Mailbox::no_reply(host).to_string(), address);
        }
    }
}
