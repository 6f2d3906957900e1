//! `mapae serve`.

use std::time::{Duration, Instant};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::installation::Installation;
use crate::app::{Server, telemetry};
use crate::domain::verdict::{Fault, OrRejected};

/// Run the server.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Listen here instead of where the settings say
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

impl Serve {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let flags: Vec<_> = self.listen.map(|listen| ("listen", listen)).into_iter().collect();
        let settings = at.settings(&flags)?;
        telemetry::count();
        let mut signals = Signals::listen()?;
        let server = tokio::select! {
            server = Server::start(settings, at.clock.clone()) => server?,
            () = signals.heard() => return Ok(()),
        };
        signals.heard().await;
        let longest = server.longest_stop();
        end_by(longest + SLACK)?;
        signals.stop_now(server).await;
        Ok(())
    }
}

/// The time for the last steps of a stop, after its deadline.
const SLACK: Duration = Duration::from_secs(1);

/// Ends the process after this time, whatever it is doing. It uses a thread of its own, since
/// something that hangs may block every other thread.
fn end_by(longest: Duration) -> OrRejected {
    let ended = std::thread::Builder::new().name("mapae-stop".to_owned()).spawn(move || {
        let until = Instant::now() + longest;
        // The thread may wake up early.
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        std::process::exit(1);
    });
    ended.map(drop).map_err(|error| Fault::internal("watching the end", error).into())
}

/// The signals to stop.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Starts to listen for the signals. This comes before the server reports ready, since it can
    /// be told to stop from then on.
    pub(super) fn listen() -> OrRejected<Self> {
        let fault = |error| Fault::internal("listening to signals", error);
        let terminate = signal(SignalKind::terminate()).map_err(fault)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
        Ok(Self { terminate, interrupt })
    }

    pub(super) async fn heard(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for a signal and stops the server. A second signal ends the stop at once.
    pub(super) async fn stop(mut self, server: Server) {
        self.heard().await;
        self.stop_now(server).await;
    }

    async fn stop_now(mut self, server: Server) {
        tokio::select! {
            () = server.stop() => {}
            () = self.heard() => {}
        }
    }
}
