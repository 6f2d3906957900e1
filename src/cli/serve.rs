//! `mapae serve`.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Installation, Outcome};
use crate::app::{Server, telemetry};
use crate::domain::verdict::Fault;

/// Run the server.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Listen here instead of where the settings say
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

impl Serve {
    pub(super) async fn run(self, at: &Installation) -> Outcome {
        let flags: Vec<_> = self.listen.map(|listen| ("listen", listen)).into_iter().collect();
        let settings = at.settings(&flags)?;
        telemetry::count();
        let server = Server::start(settings, at.clock.clone()).await?;
        until_stopped(server).await
    }
}

/// Waits for the signal to stop, and stops. A second signal does not wait for anybody.
pub(super) async fn until_stopped(server: Server) -> Outcome {
    let fault = |error| Fault::internal("listening to signals", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tokio::select! {
        () = server.stop() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
