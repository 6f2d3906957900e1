//! Exchanges a token of this server for one with which another client acts for the person, RFC 8693.
//! The token belongs to a family of its own, which grew out of that of the exchanged token and ends
//! with it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, json};

use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{Client, ClientId};
use crate::domain::dpop::Confirmation;
use crate::domain::family::{Family, FamilyId};
use crate::domain::may_act::MayAct;
use crate::domain::reason::Reason;
use crate::domain::resource::{ResourceMetadata, is_same, registered_as};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::status_list::StatusIndex;
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::oauth::claims::{AccessToken, Act};
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::families;
use crate::oauth::token::grant::Cx;
use crate::oauth::token::mint::{Delegation, Entitlement};
use crate::store::{
    Repeats, Tx, audit_events, clients, families as table, revoked_access_tokens, stopped_actors,
    users,
};

/// How many clients a chain of actors has at most.
const CHAIN: usize = 4;

/// The request of a client that acts, or of the client for whose tokens another one acts.
#[derive(Debug)]
pub struct Exchange {
    /// `subject_token`: the person's access token.
    pub subject: Secret,
    /// `actor_token`: the own access token of the client that acts.
    pub actor: Option<Secret>,
    /// `scope`.
    pub scope: Option<Scope>,
    /// `resource` and `audience`.
    pub targets: Vec<String>,
}

/// Checks the two tokens and the rule, and returns the entitlement.
pub async fn exchange(cx: &Cx<'_>, asked: Exchange) -> Result<Entitlement> {
    let actor = asked.actor.as_ref().ok_or(Reason::ActorTokenMissing)?;
    let tokens = &cx.server.access_tokens;
    let subject = tokens.verify(asked.subject.expose()).await?;
    let subject = subject.ok_or(Reason::SubjectTokenInvalid)?;
    let parent = subject.sid.clone().map(FamilyId::from_stored);
    let parent = parent.ok_or(Reason::SubjectTokenOfNoPerson)?;
    let actor = tokens.verify(actor.expose()).await?.ok_or(Reason::ActorTokenInvalid)?;
    // RFC 8693 §4.1: who acts is a client here, and proves it by a token that it got for itself.
    let acting = ClientId::parse(&actor.client_id).filter(|_| actor.sid.is_none());
    let acting = acting.ok_or(Reason::ActorTokenInvalid)?;
    may_exchange(cx, &subject, &actor)?;
    keeps_its_binding(cx, &subject, &actor)?;
    let chain = Act { sub: acting.as_str().to_owned(), act: subject.act.clone().map(Box::new) };
    if chain.length() > CHAIN {
        return Err(Reason::ActorChainTooLong.into());
    }
    let registered = cx.server.clients.resources().await?;
    let Exchange { scope, targets, .. } = asked;
    let (registered, subject) = (&*registered, &subject);
    let wanted = Wanted { parent, acting, subject, registered, targets, scope };
    let mut repeats = Repeats::default();
    let Grown { family, scope, resources } = loop {
        let tx = cx.server.store.begin(cx.server.clock.now()).await?;
        let grown = grow(&tx, cx, &wanted).await;
        let settled = tx.settle(grown).await;
        if !repeats.wants(&settled) {
            break settled?;
        }
    };
    Ok(Entitlement {
        status: family.status,
        family: Some(Arc::new(family)),
        scope,
        resources,
        // §2.2.1: whoever may act again exchanges again.
        refresh_token: None,
        nonce: None,
        claims: Map::new(),
        issued_token_type: None,
        delegation: Some(Delegation { act: chain, not_after: subject.exp }),
        id_jag: None,
    })
}

/// A client exchanges the tokens that were issued to it, and, when it acts itself, those that were
/// sent to it: whose audience it is.
fn may_exchange(cx: &Cx<'_>, subject: &AccessToken, actor: &AccessToken) -> Result<(), Refusal> {
    let client = cx.client.confidential()?;
    let ours = cx.server.url.as_str();
    let acts_itself = actor.client_id == client.id.as_str();
    if subject.client_id == client.id.as_str() {
        // The token of another client says that this one may act with it only if it was made for this
        // server: whoever was sent any other one, or a bound one, has it for something else.
        let was_given = actor.cnf.is_none() && actor.aud.iter().eq([ours]);
        return if acts_itself || was_given {
            Ok(())
        } else {
            Err(Reason::ActorTokenForAnother.into())
        };
    }
    if !acts_itself {
        return Err(Reason::ActorTokenOfAnother.into());
    }
    let own = std::iter::once(client.id.as_str())
        .chain(client.metadata.resource_servers.iter().map(String::as_str));
    if own.filter(|own| *own != ours).any(|own| subject.aud.contains(own)) {
        return Ok(());
    }
    Err(Reason::SubjectTokenForAnother.into())
}

/// RFC 9449 §5, RFC 8705 §3: a token that is bound to a key or to a certificate is not exchanged for
/// one that is bound to none. The client to which it was issued proves the same one; another one, to
/// which it was sent, its own.
fn keeps_its_binding(
    cx: &Cx<'_>,
    subject: &AccessToken,
    actor: &AccessToken,
) -> Result<(), Refusal> {
    let client = cx.client.client().id.as_str();
    let proven = cx.binding();
    for token in [subject, actor] {
        let Some(bound) = &token.cnf else { continue };
        let is_own = token.client_id == client;
        if let Some(key) = &bound.jkt {
            let own = proven.jkt.as_ref().ok_or(Reason::DpopProofMissing)?;
            if is_own && own != key {
                return Err(Reason::ExchangeKeyMismatch.into());
            }
        }
        if let Some(certificate) = &bound.x5t {
            // One that is bound to a certificate may become one that is bound to a key.
            let own = proven.x5t.as_ref();
            if own.is_none() && proven.jkt.is_none() {
                return Err(Reason::CertificateNeeded.into());
            }
            if is_own && own != Some(certificate) {
                return Err(Reason::ExchangeKeyMismatch.into());
            }
        }
    }
    Ok(())
}

/// What is asked for with two tokens that are good.
struct Wanted<'a> {
    /// The family of the exchanged token.
    parent: FamilyId,
    /// The client that acts.
    acting: ClientId,
    /// The exchanged token.
    subject: &'a AccessToken,
    /// The registered resources.
    registered: &'a HashMap<String, ResourceMetadata>,
    /// `resource` and `audience`.
    targets: Vec<String>,
    /// `scope`.
    scope: Option<Scope>,
}

/// The resources and the scope of the new token: what a rule allows, and never more than the exchanged
/// token has.
fn granted(acting: &Client, wanted: &Wanted<'_>) -> Result<(Vec<String>, Scope), Refusal> {
    let Wanted { subject, registered, .. } = *wanted;
    let spelled = |asked: &str| match registered_as(registered, asked) {
        Some((id, _)) => id.clone(),
        None => asked.to_owned(),
    };
    // A rule names the client from which the token comes: whoever acted last with it, if anybody did.
    let last = subject.act.as_ref().map_or(&subject.client_id, |act| &act.sub);
    let rules = acting.metadata.may_act.iter().filter(|rule| rule.for_client == *last);
    let rules: Vec<(String, &MayAct)> = rules.map(|rule| (spelled(&rule.resource), rule)).collect();
    let mut targets: Vec<String> = wanted.targets.iter().map(|one| spelled(one)).collect();
    if let ([], [(only, _)]) = (targets.as_slice(), rules.as_slice()) {
        // A token is for an MCP server only if the request names it.
        let is_mcp = registered.get(only).is_some_and(|resource| resource.mcp);
        targets.extend((!is_mcp).then(|| only.clone()));
    }
    if targets.is_empty() {
        return Err(Reason::ExchangeResourceMissing.into());
    }
    let mut most = Scope::parse(&subject.scope).unwrap_or_default();
    let mut resources: Vec<String> = Vec::with_capacity(targets.len());
    for target in &targets {
        // A registered resource is itself alone.
        let is_it = |resource: &String| {
            resource == target || !registered.contains_key(target) && is_same(resource, target)
        };
        // RFC 8693 §2.2.2
        let rule = rules.iter().find(|(resource, _)| is_it(resource));
        let (resource, rule) =
            rule.ok_or_else(|| Refusal::new(Reason::MayNotAct).naming(target))?;
        most = most.shared_with(&rule.scope);
        if !resources.contains(resource) {
            resources.push(resource.clone());
        }
    }
    let Some(asked) = &wanted.scope else { return Ok((resources, most)) };
    if let Some(culprit) = asked.beyond(&most).next() {
        return Err(Refusal::new(Reason::ExchangeScopeTooWide).naming(culprit));
    }
    Ok((resources, asked.clone()))
}

/// The family with which a client acts, and what the new token is for.
struct Grown {
    family: Family,
    scope: Scope,
    resources: Vec<String>,
}

/// The family with which the client acts: the one that there is, or a new one. There is one for each
/// family and client, however often tokens are exchanged.
async fn grow(tx: &Tx, cx: &Cx<'_>, wanted: &Wanted<'_>) -> Result<Grown> {
    // Whoever ends them meanwhile waits, and then finds this family. So does another exchange.
    let invalid = || Reason::SubjectTokenInvalid;
    let owner = table::find(tx, &wanted.parent).await?.ok_or_else(invalid)?.user;
    let owner = users::hold(tx, &owner).await?.filter(User::is_enabled);
    let owner = owner.ok_or_else(invalid)?;
    let parent = table::lock(tx, &wanted.parent).await?;
    let parent = parent.filter(|family| family.is_live(tx.now())).ok_or_else(invalid)?;
    // The token alone may have been revoked since it was verified.
    if revoked_access_tokens::has(tx, &wanted.subject.jti).await? {
        return Err(invalid().into());
    }
    // The clients as they are now: one may have been disabled, and a rule may have been taken away.
    let acting = clients::hold(tx, &wanted.acting).await?.filter(Client::is_enabled);
    let acting = acting.ok_or(Reason::ActorTokenInvalid)?;
    let asking = cx.client.client();
    if asking.id == acting.id && acting.metadata.outdates(&asking.metadata) {
        return Err(families::changing().into());
    }
    if asking.id != acting.id {
        let asking = clients::hold(tx, &asking.id).await?.filter(Client::is_enabled);
        asking.ok_or(Reason::ClientDisabled)?;
    }
    if stopped_actors::has(tx, &owner.id, &acting.id).await? {
        return Err(Reason::ActorStopped.into());
    }
    let (resources, scope) = granted(&acting, wanted)?;
    let there = table::find_grown(tx, &parent.id, &acting.id).await?;
    let mut family = if let Some(there) = there {
        widened(tx, cx, there, &scope, &resources).await?
    } else {
        begun(tx, cx, &parent, &acting, (&scope, resources.as_slice())).await?
    };
    if cx.server.families.indices.asked(Some(tx), asking, &resources).await? {
        family.status = place(tx, cx, &family).await?;
    }
    Ok(Grown { family, scope, resources })
}

/// A new family that grows out of this one.
async fn begun(
    tx: &Tx,
    cx: &Cx<'_>,
    parent: &Family,
    acting: &Client,
    (scope, resources): (&Scope, &[String]),
) -> Result<Family, Fault> {
    let family = Family {
        id: families::new_id(),
        client: acting.id.clone(),
        scope: scope.clone(),
        resources: resources.to_vec(),
        claims: Vec::new(),
        status: None,
        binding: Confirmation::default(),
        parent: Some(parent.id.clone()),
        by_id_jag: false,
        ..parent.clone()
    };
    table::insert(tx, &family, None).await?;
    let event = about(EventKind::DelegationStarted, cx, &family);
    let event = event.detail(format!("with the tokens of {}", parent.client));
    audit_events::insert(tx, &[event]).await?;
    Ok(family)
}

async fn widened(
    tx: &Tx,
    cx: &Cx<'_>,
    mut family: Family,
    scope: &Scope,
    resources: &[String],
) -> Result<Family, Fault> {
    let new: Vec<String> =
        resources.iter().filter(|one| !family.resources.contains(one)).cloned().collect();
    if !new.is_empty() || !scope.is_within(&family.scope) {
        let shown = |family: &Family| {
            let scope = family.scope.to_string();
            json!({ "scope": scope, "resources": family.resources })
        };
        let before = shown(&family);
        family.scope = family.scope.joined_with(scope);
        family.resources.extend(new);
        table::widen(tx, &family.id, &family.scope, &family.resources).await?;
        let event = about(EventKind::DelegationWidened, cx, &family);
        audit_events::insert(tx, &[event.changing(&before, &shown(&family))]).await?;
    }
    Ok(family)
}

/// An event about a family with which a client acts.
fn about(kind: EventKind, cx: &Cx<'_>, family: &Family) -> Event {
    Event::new(kind).user(&family.user).client(&family.client).family(&family.id).from(cx.origin)
}

async fn place(tx: &Tx, cx: &Cx<'_>, family: &Family) -> Result<Option<StatusIndex>, Fault> {
    let indices = &cx.server.families.indices;
    if !indices.is_needed(family.status) {
        return Ok(family.status);
    }
    let fresh = indices.take_in(tx).await?;
    table::take_status(tx, &family.id, family.status, fresh).await
}
