//! Exchanges a token of this server for one with which another client acts for the person, RFC 8693.
//! The token belongs to a family of its own, which grew out of that of the exchanged token and ends
//! with it.

use std::sync::Arc;

use serde_json::Map;

use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{Client, ClientId};
use crate::domain::dpop::Confirmation;
use crate::domain::family::{Family, FamilyId};
use crate::domain::may_act::MayAct;
use crate::domain::reason::Reason;
use crate::domain::resource::is_same;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::status_list::StatusIndex;
use crate::domain::verdict::Fault;
use crate::oauth::claims::{AccessToken, Act};
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::families;
use crate::oauth::token::grant::Cx;
use crate::oauth::token::mint::{Delegation, Entitlement};
use crate::store::{Tx, audit_events, families as table, stopped_actors, users};

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
    let id = ClientId::parse(&actor.client_id).filter(|_| actor.sid.is_none());
    let id = id.ok_or(Reason::ActorTokenInvalid)?;
    let acting = cx.server.clients.stored(&id).await?.ok_or(Reason::ActorTokenInvalid)?;
    let acting = &acting.client;
    may_exchange(cx, &subject, acting)?;
    keeps_its_binding(cx, &subject, &actor)?;
    let chain = Act { sub: acting.id.as_str().to_owned(), act: subject.act.clone().map(Box::new) };
    if chain.length() > CHAIN {
        return Err(Reason::ActorChainTooLong.into());
    }
    let (resources, scope) = granted(acting, &subject, asked.targets, asked.scope)?;
    let wants_status = cx.server.families.indices.asked(cx.client.client(), &resources).await?;
    let grown = Grown { parent, acting, scope: &scope, resources: &resources, wants_status };
    let tx = cx.server.store.begin(cx.server.clock.now()).await?;
    let family = grow(&tx, cx, &grown).await;
    let family = tx.settle(family).await?;
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
    })
}

/// A client exchanges the tokens that were issued to it, and, when it acts itself, those that were
/// sent to it: whose audience it is.
fn may_exchange(cx: &Cx<'_>, subject: &AccessToken, acting: &Client) -> Result<(), Refusal> {
    let client = cx.client.confidential()?;
    if subject.client_id == client.id.as_str() {
        return Ok(());
    }
    if acting.id != client.id {
        return Err(Reason::ActorTokenOfAnother.into());
    }
    let ours = cx.server.url.as_str();
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

/// The resources and the scope of the new token: what a rule allows, and never more than the exchanged
/// token has.
fn granted(
    acting: &Client,
    subject: &AccessToken,
    mut targets: Vec<String>,
    asked: Option<Scope>,
) -> Result<(Vec<String>, Scope), Refusal> {
    let rules = acting.metadata.may_act.iter();
    let rules: Vec<&MayAct> = rules.filter(|rule| rule.for_client == subject.client_id).collect();
    if let ([], [only]) = (targets.as_slice(), rules.as_slice()) {
        targets.push(only.resource.clone());
    }
    if targets.is_empty() {
        return Err(Reason::ExchangeResourceMissing.into());
    }
    let had = Scope::parse(&subject.scope).unwrap_or_default();
    let mut most = had.clone();
    for target in &mut targets {
        // RFC 8693 §2.2.2
        let rule = rules.iter().find(|rule| is_same(&rule.resource, target));
        let rule = rule.ok_or_else(|| Refusal::new(Reason::MayNotAct).naming(target))?;
        most = most.shared_with(&rule.scope);
        target.clone_from(&rule.resource);
    }
    let Some(asked) = asked else { return Ok((targets, most)) };
    if let Some(culprit) = asked.beyond(&most).next() {
        return Err(Refusal::new(Reason::ExchangeScopeTooWide).naming(culprit));
    }
    Ok((targets, asked))
}

/// What a family grows by.
struct Grown<'a> {
    parent: FamilyId,
    acting: &'a Client,
    scope: &'a Scope,
    resources: &'a [String],
    wants_status: bool,
}

/// The family with which the client acts: the one that there is, or a new one. There is one for each
/// family and client, however often tokens are exchanged.
async fn grow(tx: &Tx, cx: &Cx<'_>, grown: &Grown<'_>) -> Result<Family> {
    let Grown { acting, scope, resources, wants_status, .. } = *grown;
    // Whoever ends them meanwhile waits, and then finds this family. So does another exchange.
    let invalid = || Reason::SubjectTokenInvalid;
    let owner = table::find(tx, &grown.parent).await?.ok_or_else(invalid)?.user;
    let owner = users::hold(tx, &owner).await?.filter(|user| user.is_enabled());
    let owner = owner.ok_or_else(invalid)?;
    let parent = table::lock(tx, &grown.parent).await?.filter(|family| family.is_live(tx.now()));
    let parent = parent.ok_or_else(invalid)?;
    if stopped_actors::has(tx, &owner.id, &acting.id).await? {
        return Err(Reason::ActorStopped.into());
    }
    let there = table::find_grown(tx, &parent.id, &acting.id).await?;
    let mut family = if let Some(there) = there {
        widened(tx, there, scope, resources).await?
    } else {
        begun(tx, cx, &parent, grown).await?
    };
    if wants_status {
        family.status = place(tx, cx, &family).await?;
    }
    Ok(family)
}

/// A new family that grows out of this one.
async fn begun(tx: &Tx, cx: &Cx<'_>, parent: &Family, grown: &Grown<'_>) -> Result<Family, Fault> {
    let family = Family {
        id: families::new_id(),
        client: grown.acting.id.clone(),
        scope: grown.scope.clone(),
        resources: grown.resources.to_vec(),
        claims: Vec::new(),
        status: None,
        binding: Confirmation::default(),
        parent: Some(parent.id.clone()),
        ..parent.clone()
    };
    table::insert(tx, &family, None).await?;
    let event = Event::new(EventKind::DelegationStarted).user(&family.user);
    let event = event.client(&family.client).family(&family.id).from(cx.origin);
    let event = event.detail(format!("with the tokens of {}", parent.client));
    audit_events::insert(tx, &[event]).await?;
    Ok(family)
}

async fn widened(
    tx: &Tx,
    mut family: Family,
    scope: &Scope,
    resources: &[String],
) -> Result<Family, Fault> {
    let new: Vec<String> =
        resources.iter().filter(|one| !family.resources.contains(one)).cloned().collect();
    if !new.is_empty() || !scope.is_within(&family.scope) {
        family.scope = family.scope.joined_with(scope);
        family.resources.extend(new);
        table::widen(tx, &family.id, &family.scope, &family.resources).await?;
    }
    Ok(family)
}

async fn place(tx: &Tx, cx: &Cx<'_>, family: &Family) -> Result<Option<StatusIndex>, Fault> {
    let indices = &cx.server.families.indices;
    if !indices.is_needed(family.status) {
        return Ok(family.status);
    }
    let fresh = indices.take_in(tx).await?;
    table::take_status(tx, &family.id, family.status, fresh).await
}
