//! Sends the mails that wait in the outbox.

use chrono::Duration;

use super::mailer::Mailer;
use super::post::Post;
use crate::domain::audit::{Event, EventKind};
use crate::domain::clock::Clock;
use crate::domain::mail::SealedMail;
use crate::domain::message::Queued;
use crate::domain::verdict::{Error, Fault};
use crate::outbox::{Attempt, Delivery};

/// The parts that are used to send mails.
#[derive(Clone, Debug)]
pub struct MailDelivery {
    /// The clock.
    pub clock: Clock,
    /// Opens what was sealed.
    pub mailer: Mailer,
    /// Sends.
    pub post: Post,
}

impl Delivery for MailDelivery {
    type Message = SealedMail;
    type Answer = Attempt;

    /// Together 24 hours.
    const PAUSES: &'static [i64] =
        &[10, 50, 240, 600, 2700, 3600, 7200, 14_400, 14_400, 21_600, 21_600];

    const GIVEN_UP: EventKind = EventKind::MailGivenUp;

    /// Few mail servers like more connections of one client.
    const AT_ONCE: usize = 4;

    /// Longer than an attempt (`mail/smtp.rs`), in which a mail server may take long to
    /// accept a mail.
    const LEASE: Duration = Duration::seconds(60);

    async fn send(&self, queued: &Queued<SealedMail>) -> Result<Attempt, Fault> {
        let SealedMail { content, .. } = &queued.message;
        let Some(mail) = self.mailer.unseal(&queued.message) else {
            tracing::error!(content, "a mail was sealed under another key; it is not sent");
            return Ok(Attempt::Refused("sealed under another key".to_owned()));
        };
        let sent = self.post.send(&queued.id, self.clock.now(), &mail).await;
        let is_sent = if sent.is_ok() { "true" } else { "false" };
        metrics::counter!("mapae_mails_total", "sent" => is_sent).increment(1);
        match sent {
            Ok(_) => Ok(Attempt::Accepted),
            Err(Error::Fault(fault)) => Err(fault),
            Err(Error::Refused(failure)) => {
                let (mail, failed) = (&queued.id, failure.brief());
                tracing::warn!(mail, content, failed, "a mail was not sent");
                Ok(if failure.is_final() { Attempt::Refused(failed) } else { Attempt::Postponed })
            }
        }
    }

    async fn rest(&self) {
        self.post.rest().await;
    }

    fn about(&self, mut event: Event, mail: &SealedMail) -> Event {
        event.user.clone_from(&mail.user);
        event.client.clone_from(&mail.client);
        event.detail(&mail.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::smtp;

    #[test]
    fn a_mail_is_tried_for_a_day() {
        assert_eq!(MailDelivery::PAUSES.iter().sum::<i64>(), 24 * 60 * 60);
    }

    #[test]
    fn an_attempt_ends_before_another_server_takes_the_mail() {
        let longest = i64::try_from(smtp::LONGEST.as_secs()).expect("a number");
        assert!(longest + 5 < MailDelivery::LEASE.num_seconds());
    }
}
