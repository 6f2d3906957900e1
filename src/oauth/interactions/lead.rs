//! The next step of an interaction: [`decide`](crate::oauth::decide::decide) says which, and this
//! takes it.

use super::{Asked, Caller, Errand, Interaction, InteractionId, Led, Lost, Next, Outcome};
use super::{Proof, Said, Subject, View};
use crate::accounts::browsers::{Present, Visitor, greet, touch};
use crate::domain::client::{ClientId, ClientKind};
use crate::domain::person;
use crate::domain::redirect_uri::is_unclaimed;
use crate::domain::session::SessionId;
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::oauth::Issuer;
use crate::oauth::authorize::Untrusted;
use crate::oauth::codes;
use crate::oauth::decide::{Candidate, Facts, Step, decide};
use crate::oauth::error::Refusal;
use crate::oauth::refused;
use crate::oauth::respond::{Answer, ReturnAddress};
use crate::store::consents::{self, Consent};
use crate::store::{Reader, Tx, identities, interactions, users};

/// An interaction on its way.
pub(super) struct Course {
    pub(super) interaction: Interaction,
    pub(super) asked: Option<Asked>,
    /// Whether the database has it. One that needs no page never gets there.
    is_stored: bool,
}

impl Course {
    pub(super) fn new(interaction: Interaction, asked: Option<Asked>) -> Self {
        Self { interaction, asked, is_stored: false }
    }

    pub(super) fn stored(interaction: Interaction, asked: Option<Asked>) -> Self {
        Self { interaction, asked, is_stored: true }
    }
}

/// Takes the next step.
pub(super) async fn on(issuer: &Issuer, caller: Caller<'_>, course: Course) -> Outcome<Led> {
    let consents = allowed(&*issuer.store, caller.visitor, course.asked.as_ref()).await?;
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    let led = step(&tx, issuer, caller.visitor, &consents, course, false).await;
    let led = tx.settle(led).await?;
    for present in &caller.visitor.people {
        touch(&issuer.store, &present.session, issuer.clock.now()).await?;
    }
    Ok(led)
}

/// Takes the next step within a transaction: what led to it and its answer stand or fall together.
pub(super) async fn step(
    tx: &Tx,
    issuer: &Issuer,
    visitor: &Visitor,
    consents: &[Option<Consent>],
    mut course: Course,
    allowed_now: bool,
) -> Outcome<Led> {
    let Some(asked) = course.asked.take() else {
        return match course.interaction.errand {
            Errand::Confirm { .. } => to_confirmed(tx, visitor, course).await,
            _ => to_account(tx, visitor, course).await,
        };
    };
    let facts = facts(issuer, visitor, &asked, consents, &course.interaction, allowed_now);
    match decide(&asked.request, &facts) {
        Step::Issue(session) => {
            let address = address(issuer, &asked)?;
            let Some(present) = visitor.present(session) else {
                return Err(Lost::WrongBrowser.into());
            };
            let code = codes::issue(tx, &asked.request, &present.session).await?;
            course.interaction.session = Some(session.clone());
            end(tx, course).await?;
            Ok(Led { next: Next::Answer(address.code(&code)), cookie: None })
        }
        Step::Refuse(refusal) => {
            refused::log(&refusal, Some(&asked.client.client.id));
            let answer = address(issuer, &asked)?.error(&refusal);
            end(tx, course).await?;
            Ok(Led { next: Next::Answer(answer), cookie: None })
        }
        step => {
            let next = page(&step, &course.interaction.id).ok_or(Lost::Unknown)?;
            wait(tx, course, next).await
        }
    }
}

/// The page that an interaction waits at.
fn page(step: &Step<'_>, id: &InteractionId) -> Option<Next> {
    match step {
        Step::SignIn(_) => Some(Next::SignIn(id.clone())),
        Step::Choose => Some(Next::Choose(id.clone())),
        Step::Consent(_) => Some(Next::Consent(id.clone())),
        Step::Refuse(_) | Step::Issue(_) => None,
    }
}

/// Somebody came to see their account.
async fn to_account(tx: &Tx, visitor: &Visitor, mut course: Course) -> Outcome<Led> {
    let chosen = course.interaction.session.clone();
    let id = course.interaction.id.clone();
    match (chosen.filter(|session| visitor.present(session).is_some()), visitor.people.as_slice()) {
        (Some(session), _) => {
            course.interaction.session = Some(session.clone());
            end(tx, course).await?;
            Ok(Led { next: Next::Account(session, None), cookie: None })
        }
        (None, []) => wait(tx, course, Next::SignIn(id)).await,
        (None, [only]) => {
            let session = only.session.id.clone();
            end(tx, course).await?;
            Ok(Led { next: Next::Account(session, None), cookie: None })
        }
        (None, _) => wait(tx, course, Next::Choose(id)).await,
    }
}

/// Somebody proves again who they are, for their account page.
async fn to_confirmed(tx: &Tx, visitor: &Visitor, course: Course) -> Outcome<Led> {
    let opened = course.interaction.session.clone();
    let Some(session) = opened.filter(|session| visitor.present(session).is_some()) else {
        let id = course.interaction.id.clone();
        return wait(tx, course, Next::SignIn(id)).await;
    };
    end(tx, course).await?;
    Ok(Led { next: Next::Account(session, Some(Said::Confirmed)), cookie: None })
}

/// Waits at a page for the person.
async fn wait(tx: &Tx, course: Course, next: Next) -> Outcome<Led> {
    let mut interaction = course.interaction;
    if course.is_stored {
        return Ok(Led { next, cookie: None });
    }
    let mut cookie = None;
    if interaction.browser.is_none() {
        let (browser, first) = greet(tx).await?;
        interaction.browser = Some(browser);
        cookie = Some(first);
    }
    interactions::insert(tx, &interaction).await?;
    Ok(Led { next, cookie })
}

async fn end(tx: &Tx, course: Course) -> Result<(), Fault> {
    if !course.is_stored {
        return Ok(());
    }
    let Interaction { id, session, .. } = &course.interaction;
    interactions::end(tx, id, session.as_ref()).await
}

/// Ends an interaction with a refusal to its app.
pub(super) async fn refuse(
    tx: &Tx,
    issuer: &Issuer,
    interaction: Interaction,
    asked: &Asked,
    refusal: &Refusal,
) -> Outcome<Answer> {
    let answer = address(issuer, asked)?.error(refusal);
    end(tx, Course::stored(interaction, None)).await?;
    Ok(answer)
}

fn address(issuer: &Issuer, asked: &Asked) -> Outcome<ReturnAddress> {
    let address = ReturnAddress::of(&issuer.url, &asked.client.client, &asked.request);
    address.ok_or_else(|| Lost::Untrusted(Untrusted::RedirectUri).into())
}

/// What each person in the browser allowed the app before.
pub(super) async fn allowed(
    reader: &impl Reader,
    visitor: &Visitor,
    asked: Option<&Asked>,
) -> Result<Vec<Option<Consent>>, Fault> {
    let mut found = Vec::with_capacity(visitor.people.len());
    let asked = asked.filter(|asked| !asked.client.client.first_party);
    for present in &visitor.people {
        found.push(match asked {
            Some(asked) => {
                consents::find(reader, &present.user.id, &asked.client.client.id).await?
            }
            None => None,
        });
    }
    Ok(found)
}

fn facts<'a>(
    issuer: &Issuer,
    visitor: &'a Visitor,
    asked: &'a Asked,
    consents: &[Option<Consent>],
    interaction: &'a Interaction,
    allowed_now: bool,
) -> Facts<'a> {
    let client = &asked.client.client;
    let hint = asked.request.login_hint.as_deref();
    let candidate = |(present, consent): (&'a Present, &Option<Consent>)| Candidate {
        session: &present.session,
        is_hinted: hint.is_some_and(|hint| names(hint, &present.user)),
        consent: consent.clone(),
    };
    let people = visitor.people.iter().zip(consents);
    let people = people.filter(|(present, _)| may_come(issuer, Some(&client.id), present));
    Facts {
        people: people.map(candidate).collect(),
        chosen: interaction.session.as_ref(),
        received_at: interaction.received_at,
        first_party: client.first_party,
        // RFC 8252 §8.6: such a URI does not tell who the client is.
        asks_always: client.kind == ClientKind::Public && is_unclaimed(&asked.request.redirect_uri),
        allowed_now,
    }
}

/// Whether somebody who is signed in here may go on to this client.
pub(super) fn may_come(issuer: &Issuer, client: Option<&ClientId>, present: &Present) -> bool {
    client.is_none_or(|client| issuer.providers.admit(client, &present.session.amr))
}

/// Who is signed in in this browser and may go on with an interaction: who can be chosen.
#[must_use]
pub fn eligible<'a>(issuer: &Issuer, visitor: &'a Visitor, errand: &Errand) -> Vec<&'a Present> {
    let client = errand.client();
    visitor.people.iter().filter(|present| may_come(issuer, client, present)).collect()
}

fn names(hint: &str, user: &User) -> bool {
    let same = |key: Option<String>, own: Option<String>| key.is_some() && key == own;
    let email = user.email.as_deref().and_then(person::email_key);
    same(person::username_key(hint), person::username_key(&user.username))
        || same(person::email_key(hint), email)
        || hint == user.id.0
}

/// What a page shows of an interaction.
pub async fn view(issuer: &Issuer, caller: Caller<'_>, id: &InteractionId) -> Outcome<View> {
    let interaction = super::open(issuer, caller, id).await?;
    shown(issuer, caller, interaction).await
}

pub(super) async fn shown(
    issuer: &Issuer,
    caller: Caller<'_>,
    interaction: Interaction,
) -> Outcome<View> {
    let visitor = caller.visitor;
    let Some(asked) = super::asked(issuer, &interaction.errand).await? else {
        let subject = match (&interaction.errand, visitor.people.as_slice()) {
            (Errand::Account { .. }, []) => Subject::SignIn(None),
            (Errand::Account { .. }, [_, _, ..]) => Subject::Choose,
            (Errand::Confirm { user, .. }, people) => {
                let same = people.iter().find(|present| present.user.id == *user);
                Subject::SignIn(same.cloned().map(Box::new))
            }
            _ => Subject::Elsewhere,
        };
        let proof = proof(issuer, &interaction).await?;
        return Ok(View { interaction, client: None, subject, proof });
    };
    let consents = allowed(&*issuer.store, visitor, Some(&asked)).await?;
    let facts = facts(issuer, visitor, &asked, &consents, &interaction, false);
    let present = |session: &SessionId| visitor.present(session).cloned();
    let subject = match decide(&asked.request, &facts) {
        Step::SignIn(session) => Subject::SignIn(session.and_then(present).map(Box::new)),
        Step::Choose => Subject::Choose,
        Step::Consent(session) => {
            let before = visitor.people.iter().position(|one| one.session.id == *session);
            let before = before.and_then(|at| consents.get(at).cloned().flatten());
            let present = present(session).ok_or(Lost::WrongBrowser)?;
            Subject::Consent(Box::new(present), before.unwrap_or_default())
        }
        Step::Refuse(_) | Step::Issue(_) => Subject::Elsewhere,
    };
    let proof = proof(issuer, &interaction).await?;
    Ok(View { client: Some(asked.client.clone()), interaction, subject, proof })
}

/// The account that is to be proven, with the ways in that it has.
async fn proof(issuer: &Issuer, interaction: &Interaction) -> Result<Option<Proof>, Fault> {
    let Some(pending) = super::pending(issuer, interaction) else { return Ok(None) };
    let user = users::find(&*issuer.store, &pending.user).await?;
    let linked = identities::of_user(&*issuer.store, &pending.user).await?;
    let others = linked.into_iter().map(|one| one.provider);
    Ok(Some(Proof {
        user: pending.user.clone(),
        provider: pending.provider.clone(),
        email: pending.identity.verified_email().unwrap_or_default().to_owned(),
        has_password: user.is_some_and(|user| user.password_hash.is_some()),
        linked: others.filter(|slug| *slug != pending.provider).collect(),
    }))
}

/// Speaks another language from here on.
pub async fn speak(issuer: &Issuer, mut view: View, language: &str) -> Result<View, Fault> {
    view.interaction.errand.speak(language);
    let tx = issuer.store.begin(issuer.clock.now()).await?;
    interactions::set_errand(&tx, &view.interaction.id, &view.interaction.errand).await?;
    tx.commit().await?;
    Ok(view)
}
