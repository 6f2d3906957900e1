//! Keys rotate every few seconds, and verifiers that cache the keys for as long as they were told
//! verify everything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::crowd::verify;
use crate::support::{App, Binary, Cli, ClientArguments, decode_header, http};
use crate::{CannotRun, Outcome, own_postgres};

const VERIFIERS: usize = 8;
/// A key is published so long before it signs; verifiers may cache for less.
const LEAD: Duration = Duration::from_secs(4);

pub(crate) async fn under_verifiers(rounds: usize) -> Result<Outcome, CannotRun> {
    let postgres = own_postgres(&[])?;
    let database = postgres.database();
    let first = replica(Cli::new(&database).await).await;
    let second = replica(Cli::replica_of(&first).await).await;
    let arguments = ClientArguments::confidential(&["client_credentials"]).with("--scope", "read");
    let here = first.register("service", &arguments).await;
    let there = here.at(&format!("http://{}", second.cli.get("MAPAE_LISTEN")));
    let (is_over, verified) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (tokens, _) = broadcast::channel::<String>(4096);
    let mut verifiers = Vec::new();
    for number in 0..VERIFIERS {
        let app = if number % 2 == 0 { here.clone() } else { there.clone() };
        let (tokens, verified) = (tokens.subscribe(), Arc::clone(&verified));
        verifiers.push(tokio::spawn(verify_all(app, tokens, verified)));
    }
    let issuing = [here.clone(), there.clone()]
        .map(|app| tokio::spawn(issue(app, tokens.clone(), Arc::clone(&is_over))));
    let mut keys = Vec::new();
    for _ in 0..rounds {
        let made = first.cli(&["key", "rotate", "--alg", "RS256"], None).await;
        keys.push(made);
        // The new key signs before the next one is made.
        sleep(LEAD + Duration::from_secs(2)).await;
    }
    is_over.store(true, Ordering::SeqCst);
    let mut kids = BTreeSet::new();
    for task in issuing {
        kids.extend(task.await.expect("issued"));
    }
    drop(tokens);
    let mut outcome = Outcome { faults: keys.len(), ..Outcome::default() };
    for verifier in verifiers {
        outcome.broken.extend(verifier.await.expect("verified"));
    }
    outcome.operations = verified.load(Ordering::SeqCst);
    outcome.measured.push(format!("{} keys signed, {VERIFIERS} verifiers", kids.len()));
    if kids.len() < rounds {
        outcome.broken.push(format!("{} keys signed in {rounds} rotations", kids.len()));
    }
    Ok(outcome)
}

async fn replica(mut cli: Cli) -> Binary {
    for (name, value) in [
        ("MAPAE_KEYS_PUBLISH_LEAD", format!("{}s", LEAD.as_secs())),
        ("MAPAE_KEYS_JWKS_MAX_AGE", "2s".to_owned()),
        ("MAPAE_KEYS_RELOAD", "1s".to_owned()),
        ("MAPAE_TOKEN_ACCESS_LIFETIME", "10s".to_owned()),
    ] {
        cli.set(name, value);
    }
    cli.serve().await
}

/// Issues tokens; the keys that signed them.
async fn issue(
    app: App,
    tokens: broadcast::Sender<String>,
    is_over: Arc<AtomicBool>,
) -> BTreeSet<String> {
    let mut kids = BTreeSet::new();
    while !is_over.load(Ordering::SeqCst) {
        let token =
            app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token");
        kids.insert(decode_header(&token)["kid"].as_str().expect("a kid").to_owned());
        let _ = tokens.send(token);
    }
    kids
}

/// Verifies every token as soon as it is issued, with keys that are cached for as long as the answer
/// said, and for nothing else asked for.
async fn verify_all(
    app: App,
    mut tokens: broadcast::Receiver<String>,
    verified: Arc<AtomicUsize>,
) -> Vec<String> {
    let (mut keys, mut age) = fetch(&app).await;
    let mut fetched = Instant::now();
    let mut broken = Vec::new();
    loop {
        let token = match tokens.recv().await {
            Ok(token) => token,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return broken,
        };
        if fetched.elapsed() >= age {
            (keys, age) = fetch(&app).await;
            fetched = Instant::now();
        }
        if let Err(error) = verify(&keys, &token) {
            broken.push(error);
        }
        verified.fetch_add(1, Ordering::SeqCst);
    }
}

async fn fetch(app: &App) -> (JwkSet, Duration) {
    let url = format!("{}/.well-known/jwks.json", app.base);
    let answer = http().get(url).send().await.expect("keys");
    let told = answer.headers()["cache-control"].to_str().expect("ASCII").to_owned();
    let age = told.split("max-age=").nth(1).and_then(|rest| rest.split(',').next());
    let age = age.and_then(|age| age.trim().parse().ok()).expect("max-age");
    let keys = serde_json::from_str(&answer.text().await.expect("keys")).expect("a JWK Set");
    (keys, Duration::from_secs(age))
}
