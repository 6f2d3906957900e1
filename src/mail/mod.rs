//! Mails to people. A mail is written into the outbox, sealed, in the transaction that causes it
//! ([`Mailer`]); it is put into words and handed to the mail server afterwards ([`MailDelivery`]).
//! So no page waits for the mail server.
//!
//! Without `mail.url` there is no [`Mailer`], and whatever needs mail is neither shown nor offered.

mod address;
mod delivery;
mod failure;
mod folder;
mod mailer;
mod message;
mod post;
mod server_url;
mod settings;
mod smtp;

pub use address::Mailbox;
pub use delivery::MailDelivery;
pub use failure::MailFailure;
pub use mailer::Mailer;
pub use post::Post;
pub use server_url::MailServer;
pub use settings::MailSettings;
