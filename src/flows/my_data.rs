//! My account: everything that is stored about a person, as one JSON document. It is written piece
//! by piece, so a person with a million audit events needs no more memory than one with ten.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::accounts::browsers::SignedInUser;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::ClientId;
use crate::domain::passkey::Passkey;
use crate::domain::session::{Session, SessionId};
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::flows::connected_providers::{LinkedIdentity, linked};
use crate::flows::context::Flows;
use crate::flows::interaction::Caller;
use crate::flows::my_account::{self, Access};
use crate::flows::submitted::AccountForm;
use crate::store::audit_events::{EventPlace, EventSearch, RecordedEvent};
use crate::store::client_role_holders::HeldRole;
use crate::store::terms_acceptances::RecordedAnswer;
use crate::store::{
    attribute_values, audit_events, client_role_holders, group_members, passkeys, recovery_codes,
    terms_acceptances,
};

/// Everything that is stored about a person. [`MyData::next`] returns one piece after the other.
#[derive(Debug)]
pub struct MyData {
    flows: Flows,
    person: SignedInUser,
    part: Part,
    /// Whether the list that is being written has no item yet.
    is_first: bool,
}

/// The part of the document that is written next.
#[derive(Debug)]
enum Part {
    Account,
    Devices(Option<(DateTime<Utc>, SessionId)>),
    Apps(Option<ClientId>),
    Activity(Option<EventPlace>),
    Nothing,
}

/// How many audit events are read at once.
const EVENTS: u64 = 500;

/// Begins the document for the person who sent this form. That somebody took the data along is an
/// audit event.
pub async fn export(
    flows: &Flows,
    caller: Caller<'_>,
    form: &AccountForm,
) -> Result<MyData, Fault> {
    let person = form.person().clone();
    let tx = flows.store.begin(flows.clock.now()).await?;
    let event = Event::new(EventKind::UserDataExported).user(&person.user.id);
    audit_events::insert(&tx, &[event.from(caller.origin)]).await?;
    tx.commit().await?;
    Ok(MyData { flows: flows.clone(), person, part: Part::Account, is_first: true })
}

impl MyData {
    /// The next piece of the document; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<String>, Fault> {
        match std::mem::replace(&mut self.part, Part::Nothing) {
            Part::Account => self.account().await.map(Some),
            Part::Devices(behind) => self.devices(behind).await.map(Some),
            Part::Apps(behind) => self.apps(behind).await.map(Some),
            Part::Activity(behind) => self.activity(behind).await.map(Some),
            Part::Nothing => Ok(None),
        }
    }

    async fn account(&mut self) -> Result<String, Fault> {
        let user = &self.person.user;
        let linked = linked(&self.flows, &self.person).await?;
        let linked: Vec<_> = linked.iter().map(identity).collect();
        let exported_at = text(self.flows.clock.now());
        let store = &*self.flows.store;
        let passkeys = passkeys::of_user(store, &user.id).await?;
        let passkeys: Vec<_> = passkeys.iter().map(passkey).collect();
        let methods = json!({
            "password": user.password_hash.is_some(),
            "providers": linked,
            "passkeys": passkeys,
            "one_time_codes_since": user.totp_since.map(text),
            "recovery_codes_left": recovery_codes::left(store, &user.id).await?,
        });
        let values = attribute_values::of_each(store, &[&user.id]).await?;
        let values = values.into_iter().map(|(_, name, value)| (name, value));
        let values = Value::Object(values.collect());
        let groups = group_members::of_each(store, &[&user.id]).await?;
        let groups: Vec<_> = groups.into_iter().map(|(_, name)| name).collect();
        let roles = client_role_holders::of_each(store, &[&user.id]).await?;
        let role = |held: &HeldRole| json!({ "client_id": held.client, "role": held.name });
        let roles: Value = roles.iter().map(role).collect();
        let groups = json!(groups);
        let terms = terms_acceptances::of_user(store, &user.id).await?;
        let terms: Value = terms.iter().map(answer).collect();
        let head = format!(
            "{{\"issuer\":{},\n\"exported_at\":{},\n\"account\":{},\n\"sign_in_methods\":{methods},\n\"attributes\":{values},\n\"groups\":{groups},\n\"roles\":{roles},\n\"terms\":{terms},\n",
            json!(self.flows.url.as_str()),
            json!(exported_at),
            account(user),
        );
        self.part = Part::Devices(None);
        Ok(head + self.opened("devices").as_str())
    }

    async fn devices(
        &mut self,
        behind: Option<(DateTime<Utc>, SessionId)>,
    ) -> Result<String, Fault> {
        let some = my_account::devices(&self.flows, &self.person, behind.as_ref()).await?;
        let written = self.items(some.devices.iter().map(device));
        let last = some.devices.last().filter(|_| some.is_more);
        if let Some(last) = last {
            self.part = Part::Devices(Some((last.authentication.signed_in_at(), last.id.clone())));
            return Ok(written);
        }
        self.part = Part::Apps(None);
        Ok(written + "],\n" + self.opened("apps").as_str())
    }

    async fn apps(&mut self, behind: Option<ClientId>) -> Result<String, Fault> {
        let some = my_account::apps(&self.flows, &self.person, behind.as_ref(), true).await?;
        let written = self.items(some.apps.iter().map(app));
        if some.more.is_some() {
            self.part = Part::Apps(some.more);
            return Ok(written);
        }
        self.part = Part::Activity(None);
        Ok(written + "],\n" + self.opened("activity").as_str())
    }

    async fn activity(&mut self, behind: Option<EventPlace>) -> Result<String, Fault> {
        let user = Some(self.person.user.id.as_str().to_owned());
        let search = EventSearch { user, ..EventSearch::default() };
        let store = &*self.flows.store;
        let events = audit_events::list(store, &search, behind.as_ref(), EVENTS).await?;
        let written = self.items(events.iter().map(event));
        let last = events.last().filter(|_| events.len() as u64 == EVENTS);
        if let Some(last) = last {
            self.part = Part::Activity(Some(last.place()));
            return Ok(written);
        }
        Ok(written + "]}\n")
    }

    /// The begin of a list.
    fn opened(&mut self, name: &str) -> String {
        self.is_first = true;
        format!("\"{name}\":[")
    }

    /// Some items of the list that was opened last.
    fn items(&mut self, items: impl Iterator<Item = Value>) -> String {
        let mut written = String::new();
        for item in items {
            written.push_str(if self.is_first { "\n" } else { ",\n" });
            written.push_str(&item.to_string());
            self.is_first = false;
        }
        written
    }
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn account(user: &User) -> Value {
    json!({
        "sub": user.id,
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "claims": user.profile,
        "created_at": text(user.created_at),
        "updated_at": text(user.updated_at),
    })
}

fn identity(linked: &LinkedIdentity) -> Value {
    json!({
        "provider": linked.provider.as_str(),
        "issuer": linked.issuer,
        "subject": linked.subject,
        "email": linked.email,
        "connected_at": text(linked.linked_at),
        "used_at": text(linked.used_at),
    })
}

fn passkey(passkey: &Passkey) -> Value {
    json!({
        "name": passkey.name,
        "model": passkey.aaguid,
        "is_backed_up": passkey.backed_up,
        "added_at": text(passkey.created_at),
        "used_at": passkey.used_at.map(text),
    })
}

fn answer(recorded: &RecordedAnswer) -> Value {
    json!({
        "document": recorded.answer.asked.document,
        "version": recorded.answer.asked.version,
        "accepted": recorded.answer.is_accepted,
        "answered_at": text(recorded.answered_at),
        "address": recorded.address,
    })
}

fn device(session: &Session) -> Value {
    json!({
        "user_agent": session.user_agent,
        "address": session.address,
        "signed_in_at": text(session.authentication.signed_in_at()),
        "last_active_at": text(session.seen_at()),
        "amr": session.authentication.amr(),
    })
}

fn app(access: &Access) -> Value {
    let client = &access.client.client;
    json!({
        "client_id": client.id.as_str(),
        "name": client.metadata.client_name,
        "scope": access.scope.to_string(),
        "claims": access.claims,
        "resources": access.resources,
        "since": text(access.since),
    })
}

fn event(event: &RecordedEvent) -> Value {
    json!({
        "at": text(event.at),
        "event": event.event,
        "client_id": event.client_id,
        "address": event.address,
        "detail": event.detail,
        "times": event.times,
    })
}
