//! What the database shows: whether it is current and quick, and what is wrong with its rows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::finding::{Finding, Level};
use crate::admin::installation_checks::{self, Checked};
use crate::app;
use crate::app::config::Settings;
use crate::cli::installation::Installation;
use crate::domain::verdict::{Error, Fault, Rejected};
use crate::keys::seal::{MasterKey, MasterKeySource, Sealer};
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{Store, migration_status};

/// The findings, and which signing keys there are.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    pub(super) kids: Vec<String>,
}

const MIGRATE: &str = "`mapae migrate up`, or start a server: both apply them";
const NEWER: &str = "\"Upgrade\" in docs/runbooks.md says how to go back";
const REACH: &str = "correct database.url, and start the database";
const MASTER: &str = "put the right master key back where keys_dir, master_key_file or master_key says, for its owner alone; make no new one";
const KEYS: &str = "start a server, which makes missing keys; `mapae key list` and `mapae key drop KID` for a key that is wrong";
const EPOCH: &str = "let status_list.epoch_file name a file in a folder where the servers may write, and restart them; until then `mapae token revoke --issued-before` is needed after an older copy of the database was put back without `mapae restore`";
const KEYS_LATER: &str =
    "mend the master key first, and drop no key: all of them open with the right one";
const NAMES: &str = "`mapae user update` gives one of the two accounts another name or address";
const PROVIDERS: &str = "`mapae provider list`, then update or delete the one that is named; `mapae provider check` calls it";

pub(super) async fn look(at: &Installation, settings: &Settings) -> Seen {
    let migrations = migrations(settings).await;
    let is_current = migrations.level == Level::Ok;
    let mut seen = Seen::default();
    seen.findings.push(migrations);
    let store = if is_current { open(settings).await } else { Err(String::new()) };
    let store = match store {
        Ok(store) => store,
        Err(why) => {
            seen.findings.push(Finding::of(MASTER_KEY, readable_master_key(settings), MASTER));
            if is_current {
                seen.findings.push(Finding::error("database", why, REACH));
            }
            let of_file = settings.social.len();
            let left = format!("{of_file} in the settings, those of the database not looked at");
            seen.findings.push(Finding::good("providers", left));
            seen.findings.push(Finding::good("user names", "not looked at before the migrations"));
            return seen;
        }
    };
    let keys = signing_keys::list_all(&*store).await.unwrap_or_default();
    let (finding, sealer) = master_key(settings, &store, &keys).await;
    seen.findings.push(finding);
    seen.kids = keys.into_iter().map(|key| key.kid).collect();
    seen.findings.push(server(&store).await);
    seen.findings.extend(clock(at, &store).await);
    seen.findings.extend(standby(settings).await);
    seen.findings.push(epoch_file(settings, &store).await);
    let (now, lead) = (at.clock.now(), settings.keys.lead);
    seen.findings.push(match &sealer {
        Some(sealer) => {
            let checked = installation_checks::signing_keys(&store, sealer, now, lead).await;
            Finding::of("signing keys", checked, KEYS)
        }
        None => {
            Finding::error("signing keys", "cannot be opened without the master key", KEYS_LATER)
        }
    });
    let of_file = &settings.social;
    let providers = match &sealer {
        Some(sealer) => installation_checks::registered_providers(&store, sealer, of_file).await,
        None => {
            Ok(format!("{} in the settings, those of the database not looked at", of_file.len()))
        }
    };
    seen.findings.push(Finding::of("providers", providers, PROVIDERS));
    seen.findings.push(Finding::of(
        "user names",
        installation_checks::user_names(&store).await,
        NAMES,
    ));
    store.close().await;
    seen
}

async fn migrations(settings: &Settings) -> Finding {
    const CHECK: &str = "migrations";
    match migration_status(&settings.database_url, &settings.database).await {
        Err(Error::Refused(Rejected(why))) => Finding::error(CHECK, why, NEWER),
        Err(Error::Fault(fault)) => Finding::error(CHECK, fault.to_string(), REACH),
        Ok(states) => match states.iter().filter(|one| !one.applied).count() {
            0 => Finding::good(CHECK, "all applied"),
            pending => Finding::error(CHECK, format!("{pending} pending"), MIGRATE),
        },
    }
}

async fn open(settings: &Settings) -> Result<Arc<Store>, String> {
    app::open_existing_store(settings, &settings.database).await.map_err(|error| error.to_string())
}

/// The oldest Postgres that is maintained.
const OLDEST: u32 = 14;
/// A round trip that makes every request slow.
const SLOW: Duration = Duration::from_millis(10);
/// A round trip with which sign-ins and refreshes time out under load.
const TOO_SLOW: Duration = Duration::from_secs(1);

/// The version of the database, and how long it takes to answer.
async fn server(store: &Store) -> Finding {
    const CHECK: &str = "database";
    let mut version = store.version().await;
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        version = store.version().await;
        quickest = quickest.min(began.elapsed());
    }
    let version = match version {
        Ok(version) => version,
        Err(fault) => {
            return Finding::error(CHECK, fault.to_string(), "look at the log of the database");
        }
    };
    let detail = format!("{version}, answers in {:.1} ms", quickest.as_secs_f64() * 1000.0);
    let major = version.strip_prefix("Postgres ").and_then(|it| it.split('.').next()?.parse().ok());
    let near = "put the database near: the same zone, no slow proxy or overloaded machine between";
    if quickest > TOO_SLOW {
        Finding::error(CHECK, detail, near)
    } else if quickest > SLOW {
        Finding::warning(CHECK, detail, near)
    } else if major.is_some_and(|major: u32| major < OLDEST) {
        let mend =
            format!("update to Postgres {OLDEST} or later: this one gets no repairs any more");
        Finding::warning(CHECK, detail, mend)
    } else {
        Finding::good(CHECK, detail)
    }
}

/// Whether the standby answers, if there is one. Without it lists are read from the primary.
async fn standby(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "standby";
    let url = settings.database_read_url.as_deref()?;
    let answered = match Store::open(url, &settings.database).await {
        Ok(store) => {
            let version = store.version().await;
            store.close().await;
            version
        }
        Err(fault) => Err(fault),
    };
    Some(match answered {
        Ok(version) => Finding::good(CHECK, format!("{version} answers")),
        Err(fault) => Finding::warning(
            CHECK,
            fault.to_string(),
            "correct database.read_url, or start the standby; until then lists are read from the primary",
        ),
    })
}

/// Whether a start notices that the database is an older copy. Without that it works all the same.
async fn epoch_file(settings: &Settings, store: &Store) -> Finding {
    const CHECK: &str = "epoch file";
    match app::look_at_epoch_file(settings, store).await {
        Ok(detail) => Finding::good(CHECK, detail),
        Err(why) => {
            let detail = format!("{why}: a start does not notice an older copy of the database");
            Finding::warning(CHECK, detail, EPOCH)
        }
    }
}

/// Compares the clock of this machine with that of the database, if the database has its own.
async fn clock(at: &Installation, store: &Store) -> Option<Finding> {
    const CHECK: &str = "clock";
    let mend = "synchronise both clocks (chrony, systemd-timesyncd)";
    let skew = match app::clock_skew(store, &at.clock).await {
        Ok(skew) => skew?,
        Err(fault) => return Some(Finding::error(CHECK, Fault::to_string(&fault), mend)),
    };
    let seconds = skew.as_seconds_f64();
    let way = if seconds < 0.0 { "behind" } else { "ahead of" };
    let told = format!("{:.1} s {way} the clock of the database", seconds.abs());
    Some(if skew.abs() > chrono::Duration::seconds(30) {
        Finding::error(CHECK, told, mend)
    } else if skew.abs() > chrono::Duration::seconds(2) {
        Finding::warning(CHECK, told, mend)
    } else {
        Finding::good(CHECK, told)
    })
}

const MASTER_KEY: &str = "master key";

/// Whether the master key is the one of this database, and what opens with it.
async fn master_key(
    settings: &Settings,
    store: &Store,
    keys: &[StoredKey],
) -> (Finding, Option<Sealer>) {
    if is_missing(settings) && app::is_sealed(store).await.is_ok_and(|sealed| !sealed) {
        let detail = "there is none yet: the first start makes it";
        return (Finding::error(MASTER_KEY, detail, "start a server"), None);
    }
    let (master, is_next) = match app::find_master_key(settings, store).await {
        Ok(found) => found,
        Err(error) => return (Finding::error(MASTER_KEY, error.to_string(), MASTER), None),
    };
    let sealer = match Sealer::new(&master) {
        Ok(sealer) => sealer,
        Err(fault) => return (Finding::error(MASTER_KEY, fault.to_string(), MASTER), None),
    };
    let opens = |key: &&StoredKey| sealer.open(&key.kid, &key.sealed_private).is_some();
    let opened = keys.iter().filter(opens).count();
    let detail = match keys.len() {
        0 => "it is there, and kept from others; this database has no signing keys yet".to_owned(),
        all => format!("it opens {opened} of {all} signing keys, and is kept from others"),
    };
    let finding = if is_next {
        let mend = "start a server, which puts the files in order";
        let detail = format!("a change of it was interrupted: {detail}");
        Finding::warning(MASTER_KEY, detail, mend)
    } else {
        Finding::good(MASTER_KEY, detail)
    };
    (finding, Some(sealer))
}

/// Whether the master key can be read, where there is no database that it could open.
fn readable_master_key(settings: &Settings) -> Checked {
    if is_missing(settings) {
        return Err("there is none: the first start makes one for a new database alone".to_owned());
    }
    MasterKey::load(&settings.master_key)
        .map(|_| "it can be read; whether it is that of the database is not known".to_owned())
        .map_err(|error| error.to_string())
}

fn is_missing(settings: &Settings) -> bool {
    matches!(&settings.master_key, MasterKeySource::Folder(folder) if !MasterKey::is_in(folder))
}
