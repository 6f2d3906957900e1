//! Hands mails to a mail server (RFC 5321), over TLS (RFC 3207, RFC 8314).

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use super::failure::{MailFailure, MailStep};
use super::server_url::{Protection, SmtpServer};

/// The longest time until we are signed in.
const CONNECT: Duration = Duration::from_secs(15);
/// The longest time of handing over a mail on an open connection.
const HAND_OVER: Duration = Duration::from_secs(30);
/// The longest time of an attempt.
pub(super) const LONGEST: Duration = Duration::from_secs(50);
/// The longest time of closing a connection.
const QUIT: Duration = Duration::from_secs(2);

/// A mail server, and the connections to it that stay open as long as there are mails to send.
pub(super) struct Smtp {
    server: SmtpServer,
    tls: TlsParameters,
    kept: Mutex<Vec<AsyncSmtpConnection>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Smtp {
    /// A mail server whose certificate comes from an authority of the system or of this file. The
    /// error is for the operator.
    pub(super) fn new(server: SmtpServer, ca_file: Option<&Path>) -> Result<Self, String> {
        let own = ca_file.map(authorities).transpose()?;
        let trusting = |store| {
            let builder = TlsParameters::builder(server.host.clone()).certificate_store(store);
            own.iter().fold(builder, |builder, one| builder.add_root_certificate(one.clone()))
        };
        // A minimal container has no authorities of its own.
        let tls = trusting(CertificateStore::Default).build();
        let tls = tls.or_else(|_| trusting(CertificateStore::None).build());
        let tls = tls.map_err(|error| format!("mail.url: {error}"))?;
        Ok(Self { server, tls, kept: Mutex::default() })
    }

    /// Hands over a mail. The result is the answer of the server.
    pub(super) async fn send(&self, message: &Message) -> Result<String, MailFailure> {
        let late = |_| Err(MailFailure::timed_out(MailStep::Content));
        timeout(LONGEST, self.attempt(message)).await.unwrap_or_else(late)
    }

    async fn attempt(&self, message: &Message) -> Result<String, MailFailure> {
        let kept = self.connections().pop();
        if let Some(mut connection) = kept {
            let ended = hand_over(&mut connection, message).await;
            // The server may have closed a connection that was kept.
            let is_closed = |failure: &MailFailure| {
                failure.step == MailStep::Sender && matches!(failure.code, None | Some(421))
            };
            if !ended.as_ref().is_err_and(is_closed) {
                return self.finish(connection, ended).await;
            }
        }
        let mut connection = self.connect().await?;
        let ended = hand_over(&mut connection, message).await;
        self.finish(connection, ended).await
    }

    /// Keeps a connection after a success, and closes it after a failure.
    async fn finish(
        &self,
        connection: AsyncSmtpConnection,
        ended: Result<String, MailFailure>,
    ) -> Result<String, MailFailure> {
        if ended.is_ok() {
            self.connections().push(connection);
        } else {
            close(connection).await;
        }
        ended
    }

    /// Connects and signs in, and sends nothing. The result says what was found.
    pub(super) async fn check(&self) -> Result<String, MailFailure> {
        let connection = self.connect().await?;
        let way = if connection.is_encrypted() { "over TLS" } else { "without TLS" };
        let signed_in =
            if self.server.credentials.is_some() { ", and takes our password" } else { "" };
        let found = format!("{}:{} answers {way}{signed_in}", self.server.host, self.server.port);
        close(connection).await;
        Ok(found)
    }

    /// Closes the connections that were kept.
    pub(super) async fn rest(&self) {
        let kept = std::mem::take(&mut *self.connections());
        futures_util::future::join_all(kept.into_iter().map(close)).await;
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<AsyncSmtpConnection>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailFailure> {
        let late = |_| Err(MailFailure::timed_out(MailStep::Connect));
        timeout(CONNECT, self.signed_in()).await.unwrap_or_else(late)
    }

    async fn signed_in(&self) -> Result<AsyncSmtpConnection, MailFailure> {
        let SmtpServer { host, port, protection, credentials } = &self.server;
        let hello = ClientId::default();
        let tls = (*protection == Protection::FromTheStart).then(|| self.tls.clone());
        let to = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(to, Some(CONNECT), &hello, tls, None)
                .await
                .map_err(MailFailure::of(MailStep::Connect))?;
        if *protection == Protection::StartTls {
            if !connection.can_starttls() {
                close(connection).await;
                let text = "the server offers no STARTTLS, and tls=none is not set in mail.url";
                return Err(MailFailure::new(MailStep::Protect, text));
            }
            let started = connection.starttls(self.tls.clone(), &hello).await;
            started.map_err(MailFailure::of(MailStep::Protect))?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose().clone());
            let ways = [Mechanism::Plain, Mechanism::Login];
            let answered = connection.auth(&ways, &credentials).await;
            if let Err(failure) = answered.map_err(MailFailure::of(MailStep::SignIn)) {
                close(connection).await;
                return Err(failure);
            }
        }
        Ok(connection)
    }
}

fn authorities(file: &Path) -> Result<Certificate, String> {
    let wrong = |error: String| format!("outbound.ca_file: {}: {error}", file.display());
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))
}

async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<String, MailFailure> {
    let late = |_| Err(MailFailure::timed_out(MailStep::Content));
    timeout(HAND_OVER, transaction(connection, message)).await.unwrap_or_else(late)
}

/// One mail transaction, RFC 5321 §3.3.
async fn transaction(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<String, MailFailure> {
    let envelope = message.envelope();
    let mut parameters = Vec::new();
    // RFC 6531 §3.4
    if !envelope.to().iter().all(|to| to.to_string().is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let text = "the mail server takes no address with letters beyond ASCII";
            return Err(MailFailure::new(MailStep::Address, text));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let from = Mail::new(envelope.from().cloned(), parameters);
    connection.command(from).await.map_err(MailFailure::of(MailStep::Sender))?;
    for to in envelope.to() {
        let to = Rcpt::new(to.clone(), Vec::new());
        connection.command(to).await.map_err(MailFailure::of(MailStep::Recipient))?;
    }
    let of_content = MailFailure::of(MailStep::Content);
    connection.command(Data).await.map_err(&of_content)?;
    let answer = connection.message(&message.formatted()).await.map_err(&of_content)?;
    Ok(words(&answer))
}

fn words(answer: &Response) -> String {
    let text: Vec<&str> = answer.message().collect();
    format!("{} {}", u16::from(answer.code()), text.join(" "))
}

async fn close(mut connection: AsyncSmtpConnection) {
    // When it takes too long, the connection is closed without a word.
    let _ = timeout(QUIT, connection.abort()).await;
}
