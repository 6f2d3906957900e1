//! Signing keys.

use std::fmt;

use super::visit::Visit;
use crate::admin::authority::{ChangeKeys, May, ReadKeys, Right};
use crate::admin::keys::{self, KeySpan};
use crate::admin::refused::Refused;
use crate::domain::client::TokenAlg;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::verdict::{Error, Fault};
use crate::keys::ring::Phase;
use crate::pages::console::signing_keys::{
    self as pages, FetcherLine, KeyFacts, KeyLine, KeyPhase, NextKeyLine,
};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Keys;

fn line(span: KeySpan) -> KeyLine {
    KeyLine {
        kid: span.key.kid,
        alg: span.key.alg.as_str().to_owned(),
        phase: match span.phase {
            Phase::Pending => KeyPhase::Pending,
            Phase::Signing => KeyPhase::Signing,
            Phase::Retiring => KeyPhase::Retiring,
            Phase::Remembered | Phase::Forgotten => KeyPhase::Remembered,
        },
        created_at: span.key.created_at,
        signs_from: span.key.signs_from,
        signs_until: span.signs_until,
        published_until: span.published_until,
    }
}

fn number(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

impl<R: Right> Visit<R> {
    /// What is known about the keys.
    pub(super) async fn key_facts(&self, may: &May<ReadKeys>) -> Result<KeyFacts, Fault> {
        let (keyring, store) = (&self.shared.keyring, &self.shared.flows.store);
        let fetchers = keys::fetchers(may, store).await?;
        let next = keys::progress(may, keyring, &fetchers)?.into_iter().map(|one| NextKeyLine {
            alg: one.alg.as_str().to_owned(),
            have: number(one.of.saturating_sub(one.missing.len())),
            of: number(one.of),
            missing: one.missing.into_iter().map(|missing| missing.agent).collect(),
        });
        Ok(KeyFacts {
            keys: keys::spans(may, keyring)?.into_iter().map(line).collect(),
            next: next.collect(),
            fetchers: fetchers
                .into_iter()
                .map(|one| FetcherLine { agent: one.agent, last_at: one.last_at })
                .collect(),
            now: self.shared.flows.clock.now(),
        })
    }
}

/// `GET /admin/keys`
pub(super) async fn show(visit: Visit<ReadKeys>) -> Answered {
    let facts = visit.key_facts(&visit.may).await.map_err(|fault| visit.fault(fault))?;
    visit.show(&pages::show(visit.frame(), visit.shell(SECTION), &facts))
}

/// `GET /admin/keys/rotate`
pub(super) async fn ask_rotate(visit: Visit<ChangeKeys>) -> Answered {
    let fetchers = match visit.may_also::<ReadKeys>() {
        Some(may) => keys::fetchers(&may, &visit.shared.flows.store).await,
        None => Ok(Vec::new()),
    };
    let fetchers = number(fetchers.map_err(|fault| visit.fault(fault))?.len());
    let hours = visit.shared.keyring.policy().lead.num_hours().unsigned_abs();
    let algs: Vec<&str> = TokenAlg::ALL.iter().map(|alg| alg.as_str()).collect();
    let shell = visit.shell(SECTION);
    visit.show(&pages::confirm_rotation(visit.frame(), shell, fetchers, hours, &algs))
}

/// `POST /admin/keys/rotate`
pub(super) async fn rotate(visit: Visit<ChangeKeys>) -> Answered {
    let alg = match visit.given("alg").map(str::parse::<TokenAlg>).transpose() {
        Ok(alg) => alg,
        Err(why) => return Err(visit.refused(SECTION, urls::KEYS_ROTATE, Refused::Invalid(why))),
    };
    let at_once = visit.given("at_once").is_some();
    let made = keys::rotate(&visit.may, &visit.shared.keyring, alg, at_once).await;
    made.map_err(|fault| visit.fault(fault))?;
    visit.done(urls::KEYS, ConsoleNotice::KeysRotated)
}

/// `GET /admin/keys/{kid}/drop`
pub(super) async fn ask_drop(visit: Visit<ChangeKeys>) -> Answered {
    let every = match visit.may_also::<ReadKeys>() {
        Some(may) => keys::spans(&may, &visit.shared.keyring),
        None => Ok(Vec::new()),
    };
    let every = every.map_err(|fault| visit.fault(fault))?;
    let Some(span) = every.into_iter().find(|span| span.key.kid == visit.name()) else {
        let why = format!("there is no key {:?}", visit.name());
        return Err(visit.refused(SECTION, urls::KEYS, Refused::NotFound(why)));
    };
    visit.show(&pages::confirm_drop(visit.frame(), visit.shell(SECTION), &line(span)))
}

/// `POST /admin/keys/{kid}/drop`
pub(super) async fn drop(visit: Visit<ChangeKeys>) -> Answered {
    match keys::drop(&visit.may, &visit.shared.keyring, visit.name()).await {
        Ok(()) => visit.done(urls::KEYS, ConsoleNotice::KeyDropped),
        Err(error) => Err(visit.refused(SECTION, urls::KEYS, conflict(error))),
    }
}

/// A refusal that has no kind: what it says does not fit what is there.
pub(super) fn conflict<E: fmt::Display>(error: Error<E>) -> Error<Refused> {
    error.map(|why| Refused::Conflict(why.to_string()))
}
