//! `/login`: the sign-in page.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode};

use super::Shared;
use super::edge::Context;
use super::guest::Guest;
use super::page::{self, Answered, Ends, Shown};
use super::visit;
use super::ways::{Out, Ways};
use crate::accounts::browsers::Present;
use crate::accounts::sign_in::Refused;
use crate::domain::interaction::Errand;
use crate::domain::provider::Slug;
use crate::domain::urls;
use crate::domain::verdict::Error;
use crate::oauth::interactions::{self, NotSignedIn, Note, Outcome, Subject, Typed, View};
use crate::pages::{SignInPage, SignInProblem, Ticket};

pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut guest = Guest::of_get(&shared, context, request).await?;
    let mut view =
        view(&shared, &mut guest).await.map_err(|error| page::lost(&shared, &guest, error))?;
    // Somebody who is signed in may still want to be another one, or be in the middle of that.
    let now = shared.issuer.clock.now();
    let pending = view.interaction.pending.as_ref().is_some_and(|one| now < one.expires_at);
    let noted = guest.form.get("note").is_some();
    let wants_another = guest.form.get("another").is_some() || pending || noted;
    match view.subject {
        Subject::SignIn(_) => {}
        _ if wants_another => {}
        Subject::Choose | Subject::Consent(..) | Subject::Elsewhere => {
            let id = &view.interaction.id;
            return Ok(page::see_other(&page::address(&shared, urls::AUTHORIZE_CONTINUE, id)));
        }
    }
    let (language, in_app) = (guest.language.as_str(), guest.in_app().is_some());
    match interactions::leave_by_hint(&shared.issuer, &mut view, language, in_app).await {
        Ok(None) => {}
        Ok(Some(url)) => return Ok(page::see_other(&url)),
        Err(error) => return Ok(visit::not_left(&shared, &mut guest, error).await),
    }
    let came_from = guest.form.get("provider").and_then(Slug::parse);
    let note = guest.form.get("note");
    let note = Note::ALL.into_iter().find(|one| note == Some(one.as_str()));
    let word = came_from.zip(note).map(|(slug, note)| Word::Noted(slug, note));
    Ok(show(&shared, &guest, &view, word.as_ref()))
}

/// What a sign-in page says to somebody who comes back to it.
#[derive(Clone, Debug)]
enum Word {
    /// Why they are not signed in.
    Problem(SignInProblem),
    /// What happened at a provider.
    Noted(Slug, Note),
}

/// The interaction of a page, in the language that the person reads.
pub(super) async fn view(shared: &Shared, guest: &mut Guest) -> Outcome<View> {
    let id = guest.interaction();
    let mut view = interactions::view(&shared.issuer, guest.caller(), &id).await?;
    if guest.chose_language {
        view = interactions::speak(&shared.issuer, view, guest.language.as_str()).await?;
    }
    guest.read(view.interaction.errand.ui_locales());
    Ok(view)
}

/// The token of a form of this interaction.
pub(super) fn csrf(shared: &Shared, view: &View) -> String {
    let browser = view.interaction.browser.as_ref();
    let token = |browser| shared.issuer.forms.token(browser, &view.interaction.id.0);
    browser.map(token).unwrap_or_default()
}

/// Where the answer goes in the end.
pub(super) fn ends_at(view: &View) -> Option<&str> {
    match &view.interaction.errand {
        Errand::Authorize(request) => Some(&request.redirect_uri),
        _ => None,
    }
}

/// What a page shows of the app.
pub(super) fn app(shared: &Shared, view: &View) -> Option<Shown> {
    view.client.as_ref().map(|client| Shown::of(shared, client, ends_at(view)))
}

fn show(shared: &Shared, guest: &Guest, view: &View, word: Option<&Word>) -> Response<Body> {
    let again = match &view.subject {
        Subject::SignIn(again) => again.as_deref(),
        _ => None,
    };
    let hint = match &view.interaction.errand {
        Errand::Authorize(request) => request.login_hint.as_deref(),
        _ => None,
    };
    let wants_another = guest.form.get("another").is_some();
    // Whoever proves an account that a provider's person may have proves that one.
    let pending = view.interaction.pending.as_ref();
    let is_theirs = |present: &&Present| pending.is_none_or(|one| one.user == present.user.id);
    let again = again.filter(|_| !wants_another).filter(is_theirs);
    let language = guest.language.as_str();
    let ways = Ways::of(shared, guest, view, again);
    let known = again.map(|present| present.user.username.as_str());
    let known = ways.proving().or(known).or(hint);
    let (app, csrf) = (app(shared, view), csrf(shared, view));
    let problem = match word {
        Some(Word::Problem(problem)) => Some(*problem),
        _ => None,
    };
    let noted = match word {
        Some(Word::Noted(slug, note)) => {
            let known = ways.every.iter().find(|known| known.registration.slug == *slug);
            known.map(|known| visit::note(known, *note, language))
        }
        _ => None,
    };
    let sign_in = SignInPage {
        frame: guest.frame(shared),
        app: app.as_ref().map(Shown::app),
        ticket: Ticket { interaction: &view.interaction.id.0, csrf: &csrf },
        username: guest.form.get("username").or(known).unwrap_or_default(),
        fixed: again.is_some(),
        keep: guest.form.get("keep").is_some(),
        problem,
        others: !guest.visitor.people.is_empty(),
        first: ways.first(language),
        providers: ways.others(language),
        password: ways.password,
        social: noted.or_else(|| ways.prove(language)),
        way_out: ways.out.as_ref().map(Out::shown),
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(SignInProblem::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(SignInProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    let ends = Ends::at(ends_at(view)).through(&ways.offered);
    page::show(status, &sign_in, &ends, guest)
}

/// The sign-in page with what happened at a provider.
pub(super) async fn noted(
    shared: &Shared,
    guest: &mut Guest,
    slug: &Slug,
    note: Note,
) -> Response<Body> {
    say(shared, guest, Word::Noted(slug.clone(), note)).await
}

/// The same page with what is wrong; what was typed stays, but for the password.
async fn again(shared: &Shared, guest: &mut Guest, problem: SignInProblem) -> Response<Body> {
    say(shared, guest, Word::Problem(problem)).await
}

async fn say(shared: &Shared, guest: &mut Guest, word: Word) -> Response<Body> {
    guest.at(shared, urls::LOGIN);
    match view(shared, guest).await {
        Ok(view) => show(shared, guest, &view, Some(&word)),
        Err(error) => page::lost(shared, guest, error),
    }
}

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let mut guest = Guest::of_post(&shared, context, request).await?;
    let typed = match (guest.form.get("username"), guest.form.get("password")) {
        (Some(username), Some(password)) => {
            Typed { username, password, keep: guest.form.get("keep").is_some() }
        }
        (None, _) => return Ok(again(&shared, &mut guest, SignInProblem::MissingUsername).await),
        (_, None) => return Ok(again(&shared, &mut guest, SignInProblem::MissingPassword).await),
    };
    let (id, csrf) = (guest.interaction(), guest.csrf());
    Ok(match interactions::sign_in(&shared.issuer, guest.caller(), &id, csrf, typed).await {
        Ok(led) => page::lead(&shared, &guest, led),
        Err(Error::Fault(fault)) => page::fault(&shared, &guest, &fault),
        Err(Error::Refused(NotSignedIn::Lost(lost))) => {
            page::lost(&shared, &guest, Error::Refused(lost))
        }
        // The page was shown when there was another way: now it shows those that are.
        Err(Error::Refused(NotSignedIn::ByProviderOnly)) => {
            page::see_other(&page::address(&shared, urls::LOGIN, &id))
        }
        Err(Error::Refused(NotSignedIn::Refused(refused))) => {
            let mut response = again(&shared, &mut guest, problem(refused)).await;
            if let Some(seconds) = retry_after(refused) {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    })
}

fn problem(refused: Refused) -> SignInProblem {
    match refused {
        Refused::Wrong => SignInProblem::Wrong,
        Refused::Throttled(seconds) => SignInProblem::Throttled { minutes: seconds.div_ceil(60) },
        Refused::Busy => SignInProblem::Busy,
    }
}

pub(super) fn retry_after(refused: Refused) -> Option<u64> {
    match refused {
        Refused::Wrong => None,
        Refused::Throttled(seconds) => Some(seconds),
        Refused::Busy => Some(2),
    }
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let guest = Guest::of_post(&shared, context, request).await?;
    let (id, csrf) = (guest.interaction(), guest.csrf());
    // Whoever turns back may say why: the app hears no more than that.
    let why = guest.form.get("why") == Some(Note::Unavailable.as_str());
    Ok(match interactions::turn_back(&shared.issuer, guest.caller(), &id, csrf, why).await {
        Ok(led) => page::lead(&shared, &guest, led),
        Err(error) => page::lost(&shared, &guest, error),
    })
}
