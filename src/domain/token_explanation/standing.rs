//! Whether a token was revoked: by what, and when.

use chrono::{DateTime, Utc};

use super::facts::{
    ClientFact, Facts, FamilyFact, PersonFact, Registered, StatusFact, ToldRevocation,
};
use super::step::Found;
use crate::domain::reason::Reason;
use crate::domain::time_span::{from_now, written};

/// Whether the token was revoked.
pub(super) fn revoked(facts: &Facts) -> Found {
    let listed = listed(facts.now, &facts.status);
    let Some(registered) = &facts.registered else {
        return match listed {
            Some(Ending { reason: Some(reason), says }) => Found::bad(reason, says),
            Some(Ending { reason: None, says }) => Found::good(says),
            None => Found::good(
                "not known: the token names no place in a status list, so only the database of the server, or /introspect, says whether it was revoked",
            ),
        };
    };
    let mut endings = endings(facts.now, registered);
    let in_order = "not revoked: the client, the person and the session are in order";
    let in_order = endings.is_empty().then_some(in_order);
    // What ended the token says more than the list, in which that shows.
    endings.extend(told(facts.now, registered));
    endings.extend(listed);
    let reason = endings.iter().find_map(|ending| ending.reason);
    let every = endings.iter().map(|ending| ending.says.as_str());
    match reason {
        Some(reason) => Found::bad(reason, every.collect::<Vec<_>>().join("; ")),
        None => Found::good(in_order.into_iter().chain(every).collect::<Vec<_>>().join("; ")),
    }
}

/// What the status list says. Strict verifiers that work alone ask nothing else.
fn listed(now: DateTime<Utc>, status: &StatusFact) -> Option<Ending> {
    let shown = |says: String| Some(Ending { reason: None, says });
    match status {
        StatusFact::NotNamed => None,
        StatusFact::NotAsked(why) => {
            shown(format!("its status list was not read, so it is not known here: {why}"))
        }
        StatusFact::Nowhere(says) => {
            Some(Ending { reason: Some(Reason::TokenStatusUnknown), says: says.clone() })
        }
        StatusFact::Listed { list, index, revoked: None, as_of } => shown(format!(
            "not revoked by status: place {index} of {list} is clear at {}",
            written(*as_of)
        )),
        StatusFact::Listed { list, index, revoked: Some(since), as_of } => {
            let place = format!("revoked by status: place {index} of {list} is set");
            let by_status = Some(Reason::TokenRevokedByStatus);
            match since {
                Some(at) if *at > now => {
                    shown(format!("later {place} at {} ({})", written(*at), from_now(now, *at)))
                }
                Some(at) => {
                    let says = format!("{place} since {} ({})", written(*at), from_now(now, *at));
                    Some(Ending { reason: by_status, says })
                }
                // The list of now does not say since when.
                None if now < *as_of => shown(format!(
                    "{place} at {}; whether it was so at {} the list does not say",
                    written(*as_of),
                    written(now)
                )),
                None => {
                    let says = format!("{place} at {}", written(*as_of));
                    Some(Ending { reason: by_status, says })
                }
            }
        }
    }
}

/// What the feed of revocations tells.
fn told(now: DateTime<Utc>, registered: &Registered) -> Vec<Ending> {
    let ending = |told: &ToldRevocation| {
        let ToldRevocation { kind, at } = told;
        let (at, ago) = (written(*at), from_now(now, *at));
        let says = format!("the feed of revocations tells of its {kind} at {at} ({ago})");
        if told.at <= now {
            Ending { reason: Some(Reason::TokenRevoked), says }
        } else {
            Ending { reason: None, says: format!("later {says}") }
        }
    };
    registered.told.iter().map(ending).collect()
}

/// Something that ended a token, or will end it after the instant that is asked about.
struct Ending {
    reason: Option<Reason>,
    says: String,
}

fn endings(now: DateTime<Utc>, registered: &Registered) -> Vec<Ending> {
    let mut found = Vec::new();
    let mut ended =
        |reason: Reason, says: String| found.push(Ending { reason: Some(reason), says });
    let mut later = Vec::new();
    // What happens after the instant that is asked about does not count for it.
    let is_over = |at: DateTime<Utc>| at <= now;
    let mut dated =
        |at: DateTime<Utc>, reason: Reason, says: String, ended: &mut dyn FnMut(Reason, String)| {
            let says = format!("{says} at {} ({})", written(at), from_now(now, at));
            if is_over(at) {
                ended(reason, says);
            } else {
                later.push(Ending { reason: None, says: format!("later {says}") });
            }
        };
    match registered.revoked {
        Some(Some(at)) => {
            dated(at, Reason::TokenRevoked, "the token itself was revoked".to_owned(), &mut ended);
        }
        Some(None) => ended(Reason::TokenRevoked, "the token itself was revoked".to_owned()),
        None => {}
    }
    // A client that is disabled or deleted ends its sessions, so it says more than they do.
    match &registered.client {
        ClientFact::NotNamed => {}
        ClientFact::Unknown { deleted_at: Some(at) } => {
            dated(*at, Reason::TokenClientUnknown, "its client was deleted".to_owned(), &mut ended);
        }
        ClientFact::Unknown { deleted_at: None } => {
            ended(Reason::TokenClientUnknown, "there is no such client".to_owned());
        }
        ClientFact::Known(client) => {
            if let Some(at) = client.disabled_at {
                let says = format!("its client {} was disabled", client.id);
                dated(at, Reason::TokenClientDisabled, says, &mut ended);
            }
        }
    }
    match &registered.family {
        FamilyFact::None | FamilyFact::Known { revoked_at: None, .. } => {}
        FamilyFact::Unknown => ended(
            Reason::TokenSessionUnknown,
            "there is no session with its sid, or it is gone".to_owned(),
        ),
        FamilyFact::Known { revoked_at: Some(at), by } => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let says = format!("its session (sid) was ended{by}");
            dated(*at, Reason::TokenSessionEnded, says, &mut ended);
        }
    }
    match &registered.person {
        PersonFact::Nobody => {}
        PersonFact::Unknown => {
            ended(Reason::TokenPersonUnknown, "the account of its person is gone".to_owned());
        }
        PersonFact::Known { disabled_at, deletion_at } => {
            if let Some(at) = disabled_at {
                let says = "its person was disabled".to_owned();
                dated(*at, Reason::TokenPersonDisabled, says, &mut ended);
            }
            // Until its deletion the account counts as disabled.
            if let Some(at) = deletion_at {
                let says = format!("its person asked to be deleted on {}", written(*at));
                ended(Reason::TokenPersonDisabled, says);
            }
        }
    }
    if !registered.is_admitted {
        ended(
            Reason::TokenSignInRefused,
            "the way in which its person signed in is closed now: the provider was disabled, changed or taken from this client".to_owned(),
        );
    }
    found.extend(later);
    found
}
