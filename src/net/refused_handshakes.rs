//! Says in the log which handshakes ended because of the certificate that a client showed. No request
//! was there that could be refused, so nothing else says it. Whoever can connect can make such lines:
//! there is one a minute for each reason.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustls::{CertificateError, Error};
use tokio::time::Instant;

const PAUSE: Duration = Duration::from_mins(1);

/// When each reason was last said.
#[derive(Debug, Default)]
pub(crate) struct RefusedHandshakes(Mutex<BTreeMap<&'static str, Instant>>);

impl RefusedHandshakes {
    /// Says why the handshake ended, if it was for the certificate of the client.
    pub(crate) fn tell(&self, peer: SocketAddr, error: &io::Error) {
        let Some(reason) = reason(error) else { return };
        if self.is_due(reason, Instant::now()) {
            tracing::info!(address = %peer.ip(), reason, "a client certificate ended a handshake");
        }
    }

    fn is_due(&self, reason: &'static str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = said.get(reason).is_none_or(|last| now.duration_since(*last) >= PAUSE);
        if is_due {
            said.insert(reason, now);
        }
        is_due
    }
}

fn reason(error: &io::Error) -> Option<&'static str> {
    let Error::InvalidCertificate(problem) = error.get_ref()?.downcast_ref::<Error>()? else {
        return None;
    };
    Some(match problem {
        CertificateError::ApplicationVerificationFailure => "it or its chain is too long",
        CertificateError::BadSignature => "its key was not proven",
        CertificateError::BadEncoding => "it cannot be read",
        // The library has no variant for it.
        CertificateError::Other(other) if format!("{other:?}").contains("CertVersion") => {
            "it is not of X.509 version 3"
        }
        _ => "it cannot be used: the log at debug says why",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_said_once_a_minute() {
        let (refused, now) = (RefusedHandshakes::default(), Instant::now());
        for (reason, seconds, is_due) in
            [("one", 0, true), ("one", 59, false), ("two", 59, true), ("one", 60, true)]
        {
            let then = now + Duration::from_secs(seconds);
            assert_eq!(refused.is_due(reason, then), is_due, "{reason} {seconds}");
        }
    }

    #[test]
    fn what_ends_for_another_reason_is_not_said() {
        let wrapped = |error: Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let unproven = wrapped(CertificateError::BadSignature.into());
        assert_eq!(reason(&unproven), Some("its key was not proven"));
        assert_eq!(reason(&wrapped(Error::DecryptError)), None);
        assert_eq!(reason(&io::Error::from(io::ErrorKind::UnexpectedEof)), None);
    }
}
