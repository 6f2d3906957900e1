//! Tells the loops of this process that there is something to deliver.

use tokio::sync::watch;

/// Wakes the loops that deliver messages, of every kind.
#[derive(Debug)]
pub struct Wake(watch::Sender<()>);

impl Default for Wake {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Wake {
    /// Wakes the loops: there is something to deliver.
    pub fn nudge(&self) {
        self.0.send_replace(());
    }

    /// Receives every nudge from now on.
    pub(super) fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
