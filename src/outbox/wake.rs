//! Tells the loops of this process that there is something to deliver.

use tokio::sync::watch;

/// Wakes whoever delivers, whatever the kind.
#[derive(Debug)]
pub struct Wake(watch::Sender<()>);

impl Default for Wake {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Wake {
    /// There is something to deliver.
    pub fn nudge(&self) {
        self.0.send_replace(());
    }

    /// Hears of every nudge from now on.
    pub(super) fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
